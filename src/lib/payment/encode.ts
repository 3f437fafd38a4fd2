import type {Payment} from './payment.js'

/**
 * The readable reference of wire format v1: an object in wire order, then JSON.stringify.
 * The generator's byte path must produce exactly these bytes (tested); coordinates have five decimals at most.
 */
export function encodePayment(payment: Payment): string {
  return JSON.stringify(wireObjectOf(payment))
}

/** The same before it becomes text, for answers that hold a payment; an absent field is undefined. */
export function wireObjectOf(payment: Payment): Readonly<Record<string, string | number | undefined>> {
  return {
    schema_version: payment.schemaVersion,
    payment_id: payment.paymentId,
    created_at: new Date(payment.createdAtMs).toISOString(),
    payment_type: payment.paymentType,
    debtor_id: payment.debtorId,
    creditor_id: payment.creditorId,
    creditor_type: payment.creditorType,
    amount_minor: payment.amountMinor,
    currency: payment.currency,
    method: payment.method,
    card_token: payment.cardToken,
    card_last_four: payment.cardLastFour,
    channel: payment.channel,
    country: payment.country,
    creditor_country: payment.creditorCountry,
    ip_address: payment.ipAddress,
    device_id: payment.deviceId,
    latitude: payment.latitude,
    longitude: payment.longitude,
    merchant_category: payment.merchantCategory,
    reference: payment.reference,
    original_payment_id: payment.originalPaymentId,
    status: payment.status,
    sim_changed_at: payment.simChangedAtMs === undefined ? undefined : new Date(payment.simChangedAtMs).toISOString(),
  }
}
