/**
 * The payment: one instruction to move money, wire format v1 (docs/payment-v1.schema.json).
 * Field order below is the order on the wire. In memory names are camelCase, on the wire snake_case.
 */

export const PAYMENT_SCHEMA_VERSION = 1

export const PAYMENT_TYPES = ['transfer', 'purchase', 'cash_out', 'bill', 'refund'] as const
export type PaymentType = (typeof PAYMENT_TYPES)[number]
export const CREDITOR_TYPES = ['person', 'merchant'] as const
export type CreditorType = (typeof CREDITOR_TYPES)[number]
export const PAYMENT_METHODS = ['card', 'bank_transfer', 'wallet'] as const
export type PaymentMethod = (typeof PAYMENT_METHODS)[number]
export const CHANNELS = ['app', 'web', 'pos', 'atm', 'api'] as const
export type Channel = (typeof CHANNELS)[number]
export const PAYMENT_STATUSES = ['accepted', 'declined'] as const
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number]

export interface Payment {
  readonly schemaVersion: typeof PAYMENT_SCHEMA_VERSION
  /** UUID; ours are version 8 (payment-id.ts). The idempotency key everywhere; never changed. */
  readonly paymentId: string
  /** Event time, ms since the epoch; on the wire `created_at`, ISO 8601 UTC with ms. */
  readonly createdAtMs: number
  readonly paymentType: PaymentType
  readonly debtorId: string
  readonly creditorId: string
  readonly creditorType: CreditorType
  /** Safe integer > 0, in the minor unit of the currency. */
  readonly amountMinor: number
  /** ISO 4217. */
  readonly currency: string
  readonly method: PaymentMethod
  readonly cardToken?: string
  readonly cardLastFour?: string
  readonly channel: Channel
  /** ISO 3166-1 alpha-2, where the payment was made. */
  readonly country: string
  readonly creditorCountry: string
  readonly ipAddress: string
  readonly deviceId: string
  /** Degrees, WGS 84. */
  readonly latitude: number
  readonly longitude: number
  /** ISO 18245, four digits. */
  readonly merchantCategory?: string
  readonly reference?: string
  /** Refunds: the payment that is given back. */
  readonly originalPaymentId?: string
  readonly status?: PaymentStatus
  /** On the wire `sim_changed_at`, ISO 8601 UTC with ms. */
  readonly simChangedAtMs?: number
}
