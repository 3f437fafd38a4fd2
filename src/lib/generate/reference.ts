/** The readable path: a draft as a Payment object. The byte writer must agree with `encodePayment` of this (tested). */
import {present} from '../base/assert.js'
import {CHANNELS, PAYMENT_METHODS, PAYMENT_SCHEMA_VERSION, PAYMENT_TYPES, type Payment} from '../payment/payment.js'
import {paymentIdOf} from '../payment/payment-id.js'
import {buildPopulation, type Population} from '../population/population.js'
import {
  hasCard,
  hasMerchantCreditor,
  hasOriginalPayment,
  hasReference,
  hasSimChange,
  hasStatus,
  type PaymentDraft,
} from './draft.js'
import {cardPrefix, codeText, devicePrefix, ipText, lastFourOf} from './identity.js'
import type {StreamInputs} from './stream.js'
import {Walk, WalkedPayment} from './walk.js'

/** The payments of a stream as objects, from the first on, without end; about three times slower than the bytes. */
export function* referencePayments(inputs: StreamInputs): Generator<Payment> {
  const population = buildPopulation(inputs)
  const walk = new Walk(inputs, population)
  const walked = new WalkedPayment()
  while (walk.advance(walked, Number.POSITIVE_INFINITY)) {
    const {draft, sequence, timeMs} = walked
    yield paymentOf(draft, {population, sequence, createdAtMs: inputs.eventTimeMs?.(sequence) ?? timeMs})
  }
}

export function paymentOf(
  draft: PaymentDraft,
  at: {readonly population: Population; readonly sequence: number; readonly createdAtMs: number},
): Payment {
  const {population} = at
  const {runTag, ids, markets} = population
  const merchant = hasMerchantCreditor(draft.type)
  return {
    schemaVersion: PAYMENT_SCHEMA_VERSION,
    paymentId: paymentIdOf(runTag, at.sequence),
    createdAtMs: at.createdAtMs,
    paymentType: present(PAYMENT_TYPES[draft.type], 'payment type'),
    debtorId: ids.text(draft.debtor),
    creditorId: ids.text(draft.creditor),
    creditorType: merchant ? 'merchant' : 'person',
    amountMinor: draft.amountMinor,
    currency: markets[draft.currencyMarket].currency,
    method: present(PAYMENT_METHODS[draft.method], 'method'),
    ...(hasCard(draft.method) && {
      cardToken: cardPrefix(runTag) + codeText(draft.card),
      cardLastFour: String(lastFourOf(draft.card)).padStart(4, '0'),
    }),
    channel: present(CHANNELS[draft.channel], 'channel'),
    country: markets[draft.market].code,
    creditorCountry: markets[population.market[draft.creditor]].code,
    ipAddress: ipText(draft.ip),
    deviceId: devicePrefix(runTag) + codeText(draft.device),
    latitude: draft.latitudeE5 / 100_000,
    longitude: draft.longitudeE5 / 100_000,
    ...(merchant && {merchantCategory: population.categories[population.category[draft.creditor]].code}),
    ...(hasReference(draft.type) && {reference: population.vocabulary.texts[draft.reference]}),
    ...(hasOriginalPayment(draft.type) && {originalPaymentId: paymentIdOf(runTag, draft.originalSequence)}),
    ...(hasStatus(draft.method) && {status: draft.declined ? ('declined' as const) : ('accepted' as const)}),
    ...(hasSimChange(draft.method) && {simChangedAtMs: draft.simChangedAtMs}),
  }
}
