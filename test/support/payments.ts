/** Payments for tests: one valid payment with overrides, and arbitrary ones for properties. */
import fc from 'fast-check'
import {
  CHANNELS,
  CREDITOR_TYPES,
  PAYMENT_METHODS,
  PAYMENT_STATUSES,
  PAYMENT_TYPES,
  type Payment,
} from '../../src/lib/payment/payment.js'

/** Monday noon. */
export const NOON_MS = Date.UTC(2026, 0, 5, 12)

/** A transfer of 25.00 EUR between two people in Germany. */
export function paymentWith(overrides: Partial<Payment> = {}): Payment {
  return {
    schemaVersion: 1,
    paymentId: '0123abcd-ef01-8000-8000-000000000001',
    createdAtMs: NOON_MS,
    paymentType: 'transfer',
    debtorId: 'debtor-1',
    creditorId: 'creditor-1',
    creditorType: 'person',
    amountMinor: 2500,
    currency: 'EUR',
    method: 'bank_transfer',
    channel: 'app',
    country: 'DE',
    creditorCountry: 'DE',
    ipAddress: '192.0.2.1',
    deviceId: 'device-1',
    latitude: 52.52,
    longitude: 13.405,
    ...overrides,
  }
}

/** The n-th id of a test; a UUID like any other. */
export function testPaymentId(number: number): string {
  return `0123abcd-ef01-8000-8000-${number.toString(16).padStart(12, '0')}`
}

const id = fc.string({minLength: 1, maxLength: 40, unit: 'binary'}).filter(text => !text.includes('\u0000'))
const country = fc.constantFrom('DE', 'FR', 'NL', 'JP', 'IR')
const uuid = fc.uuid()
/** Years 1970 to 9999. */
const timeMs = fc.integer({min: 0, max: 253_402_300_799_999})
const degrees = (limit: number) => fc.integer({min: -limit * 1e5, max: limit * 1e5}).map(value => value / 1e5 + 0)
const digits4 = fc.integer({min: 0, max: 9999}).map(value => value.toString().padStart(4, '0'))

/** Any valid payment; optional fields present or absent. */
export const anyPayment: fc.Arbitrary<Payment> = fc
  .record(
    {
      schemaVersion: fc.constant(1 as const),
      paymentId: uuid,
      createdAtMs: timeMs,
      paymentType: fc.constantFrom(...PAYMENT_TYPES),
      debtorId: id,
      creditorId: id,
      creditorType: fc.constantFrom(...CREDITOR_TYPES),
      amountMinor: fc.integer({min: 1, max: Number.MAX_SAFE_INTEGER}),
      currency: fc.constantFrom('EUR', 'USD', 'JPY', 'KWD'),
      method: fc.constantFrom(...PAYMENT_METHODS),
      channel: fc.constantFrom(...CHANNELS),
      country,
      creditorCountry: country,
      ipAddress: fc.oneof(fc.ipV4(), fc.ipV6()),
      deviceId: id,
      latitude: degrees(90),
      longitude: degrees(180),
    },
    {},
  )
  .chain(required =>
    fc
      .record(
        {
          cardToken: id,
          cardLastFour: digits4,
          merchantCategory: digits4,
          reference: id,
          originalPaymentId: uuid,
          status: fc.constantFrom(...PAYMENT_STATUSES),
          simChangedAtMs: timeMs,
        },
        {requiredKeys: []},
      )
      .map(optional => ({...required, ...optional})),
  )
