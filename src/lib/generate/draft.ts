/**
 * One payment while it is being made: numbers only, one object reused for the whole stream. What follows from other
 * fields (creditor type, merchant category) is not in it, and which optional fields are present follows from type and
 * method alone, so that no campaign can give itself away by the shape of its message.
 */
import type {CHANNELS, PAYMENT_METHODS, PAYMENT_TYPES} from '../payment/payment.js'

export const TYPE = {transfer: 0, purchase: 1, cash_out: 2, bill: 3, refund: 4} as const satisfies Record<
  (typeof PAYMENT_TYPES)[number],
  number
>
export const METHOD = {card: 0, bank_transfer: 1, wallet: 2} as const satisfies Record<
  (typeof PAYMENT_METHODS)[number],
  number
>
export const CHANNEL = {app: 0, web: 1, pos: 2, atm: 3, api: 4} as const satisfies Record<
  (typeof CHANNELS)[number],
  number
>

export class PaymentDraft {
  /** Index in PAYMENT_TYPES. */
  type = 0
  /** Account numbers. */
  debtor = 0
  creditor = 0
  amountMinor = 1
  /** Index of the market whose currency is used. */
  currencyMarket = 0
  /** Index in PAYMENT_METHODS. */
  method = 0
  /** Index in CHANNELS. */
  channel = 0
  /** Index of the market where the payment is made. */
  market = 0
  latitudeE5 = 0
  longitudeE5 = 0
  /** IPv4 address as a number. */
  ip = 0
  /** 32-bit codes; see population/habits.ts. */
  device = 0
  card = 0
  /** Index in the vocabulary's texts. */
  reference = 0
  declined = false
  /** ms since the epoch. */
  simChangedAtMs = 0
  /** Refunds: sequence of the payment given back. */
  originalSequence = 0
}

/** Which optional fields a payment of this type and method has. `creditor_type` follows from the type as well. */
export function hasCard(method: number): boolean {
  return method === METHOD.card
}

export function hasMerchantCreditor(type: number): boolean {
  return type === TYPE.purchase || type === TYPE.bill || type === TYPE.cash_out
}

export function hasReference(type: number): boolean {
  return type === TYPE.transfer || type === TYPE.bill || type === TYPE.refund
}

export function hasOriginalPayment(type: number): boolean {
  return type === TYPE.refund
}

/** Cards are authorised by somebody else, who may decline. */
export function hasStatus(method: number): boolean {
  return method === METHOD.card
}

/** Wallets live on a phone, whose provider knows the SIM. */
export function hasSimChange(method: number): boolean {
  return method === METHOD.wallet
}
