/** Rows of the table of payments, read back whole. */
import {assert, present} from '../base/assert.js'
import {
  CHANNELS,
  CREDITOR_TYPES,
  PAYMENT_METHODS,
  PAYMENT_SCHEMA_VERSION,
  PAYMENT_STATUSES,
  PAYMENT_TYPES,
  type Payment,
} from '../payment/payment.js'
import {safeNumber, toDecision} from './answer-values.js'
import type {DecidedPaymentRow} from './payment-queries.js'

const US_PER_MS = 1000n

/** µs since the epoch as text: numeric in the server, so exact for any time. */
function usOf(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000000)::bigint::text`
}

/** What `toDecidedPayment` reads, in its order. */
export const DECIDED_COLUMNS = `schema_version, payment_id::text, ${usOf('created_at')}, payment_type, debtor_id, creditor_id,
  creditor_type, amount_minor::text, currency, method, channel, country, creditor_country, ip_address, device_id,
  latitude, longitude, card_token, card_last_four, merchant_category, reference, original_payment_id, status,
  ${usOf('sim_changed_at')}, decision, score, reasons, ${usOf('decided_at')}, ${usOf('persisted_at')},
  source_partition, source_offset::text`

export function toDecidedPayment(row: readonly unknown[]): DecidedPaymentRow {
  const [version, paymentId, createdUs, paymentType, debtorId, creditorId, creditorType, amountMinor, currency] = row
  const [method, channel, country, creditorCountry, ipAddress, deviceId, latitude, longitude] = row.slice(9)
  const [cardToken, cardLastFour, merchantCategory, reference, originalPaymentId, status, changedUs] = row.slice(17)
  const [kind, score, reasons, decidedUs, persistedUs, partition, offset] = row.slice(24)
  assert(Number(version) === PAYMENT_SCHEMA_VERSION, `a stored payment has schema version ${String(version)}`)
  const payment: Payment = {
    schemaVersion: PAYMENT_SCHEMA_VERSION,
    paymentId: String(paymentId),
    createdAtMs: msOf(createdUs, 'created_at'),
    paymentType: oneOf(PAYMENT_TYPES, paymentType),
    debtorId: String(debtorId),
    creditorId: String(creditorId),
    creditorType: oneOf(CREDITOR_TYPES, creditorType),
    amountMinor: safeNumber(amountMinor, 'amount_minor'),
    currency: String(currency),
    method: oneOf(PAYMENT_METHODS, method),
    channel: oneOf(CHANNELS, channel),
    country: String(country),
    creditorCountry: String(creditorCountry),
    ipAddress: String(ipAddress),
    deviceId: String(deviceId),
    latitude: Number(latitude),
    longitude: Number(longitude),
    ...(cardToken === null ? {} : {cardToken: String(cardToken)}),
    ...(cardLastFour === null ? {} : {cardLastFour: String(cardLastFour)}),
    ...(merchantCategory === null ? {} : {merchantCategory: String(merchantCategory)}),
    ...(reference === null ? {} : {reference: String(reference)}),
    ...(originalPaymentId === null ? {} : {originalPaymentId: String(originalPaymentId)}),
    ...(status === null ? {} : {status: oneOf(PAYMENT_STATUSES, status)}),
    ...(changedUs === null ? {} : {simChangedAtMs: msOf(changedUs, 'sim_changed_at')}),
  }
  return {
    payment,
    decision: toDecision(kind, score, reasons),
    decidedUs: safeNumber(decidedUs, 'decided_at'),
    persistedUs: safeNumber(persistedUs, 'persisted_at'),
    partition: safeNumber(partition, 'source_partition'),
    offset: safeNumber(offset, 'source_offset'),
  }
}

/** Event times are stored to the millisecond, and reach beyond what µs in a number could say. */
function msOf(us: unknown, what: string): number {
  return safeNumber(BigInt(String(us)) / US_PER_MS, what)
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T {
  return present(
    values.find(one => one === value),
    `a value such as ${String(value)}`,
  )
}
