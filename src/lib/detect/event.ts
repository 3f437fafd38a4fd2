/**
 * A payment as the windows take it: hashes and numbers. One object serves the stream; `read` fills it.
 */
import type {Payment} from '../payment/payment.js'
import {IdHash} from './id-hash.js'

/** Amounts up to here count as micro: 5.00 EUR, 500 JPY. Fixed, since counts of it are part of the state. */
export const MICRO_AMOUNT_MINOR = 500

const MS_PER_MINUTE = 60_000
/** Minutes are kept in 31 bits: from the year 6053 on, all is one minute. */
const MAX_MINUTE = 0x7ffffff0

export class PaymentEvent {
  readonly payment = new IdHash()
  readonly debtor = new IdHash()
  readonly creditor = new IdHash()
  readonly device = new IdHash()
  readonly ip = new IdHash()
  readonly card = new IdHash()
  hasCard = false
  timeMs = 0
  /** Minutes since the epoch. */
  minute = 0
  amountMinor = 0
  amountLog2 = 0
  isMicro = false
  /** Two letters in 16 bits. */
  country = 0
  creditorCountry = 0
  creditorIsPerson = false
  /** Whether it teaches the debtor's profile: a declined attempt makes neither a device nor a payee known. */
  teaches = true

  read(payment: Payment): void {
    this.payment.of(payment.paymentId)
    this.debtor.of(payment.debtorId)
    this.creditor.of(payment.creditorId)
    this.device.of(payment.deviceId)
    this.ip.of(payment.ipAddress)
    this.hasCard = payment.cardToken !== undefined
    if (payment.cardToken !== undefined) this.card.of(payment.cardToken)
    this.timeMs = payment.createdAtMs
    this.minute = Math.min(Math.floor(payment.createdAtMs / MS_PER_MINUTE), MAX_MINUTE)
    this.amountMinor = payment.amountMinor
    this.amountLog2 = Math.log2(this.amountMinor)
    this.isMicro = this.amountMinor <= MICRO_AMOUNT_MINOR
    this.country = countryCode(payment.country)
    this.creditorCountry = countryCode(payment.creditorCountry)
    this.creditorIsPerson = payment.creditorType === 'person'
    this.teaches = payment.status !== 'declined'
  }
}

/** Two letters in 16 bits, never 0. */
export function countryCode(country: string): number {
  return ((country.charCodeAt(0) & 0xff) << 8) | (country.charCodeAt(1) & 0xff)
}
