/** The truth, row by row, for `--truth FILE` and the audit. It never travels with the payments. */
import {type Label, TYPOLOGIES} from '../payment/label.js'
import {paymentIdOf, type RunTag} from '../payment/payment-id.js'
import type {GeneratedBlock} from './stream.js'

export function* labelsOf(block: GeneratedBlock, runTag: RunTag): Generator<Label> {
  const {payments, labels} = block
  for (let row = 0; row < payments.count; row++) {
    const sequence = payments.sequences[row]
    const fraud = labels.fraudTypology[row]
    const lookAlike = labels.lookAlikeTypology[row]
    const campaign = labels.campaign[row]
    yield {
      paymentId: paymentIdOf(runTag, sequence),
      sequence,
      isFraud: fraud > 0,
      ...(fraud > 0 && {typology: TYPOLOGIES[fraud - 1]}),
      ...(lookAlike > 0 && {lookAlikeOf: TYPOLOGIES[lookAlike - 1]}),
      ...(campaign > 0 && {campaignId: `cmp_${runTag}_${campaign}`, step: labels.step[row]}),
      ...(labels.confirmedAtMs[row] > 0 && {confirmedAtMs: labels.confirmedAtMs[row]}),
    }
  }
}

/** One line of NDJSON without its newline; names as on the wire, absent values left out. */
export function encodeLabel(label: Label): string {
  return JSON.stringify({
    payment_id: label.paymentId,
    sequence: label.sequence,
    is_fraud: label.isFraud,
    typology: label.typology,
    look_alike_of: label.lookAlikeOf,
    campaign_id: label.campaignId,
    step: label.step,
    confirmed_at: label.confirmedAtMs === undefined ? undefined : new Date(label.confirmedAtMs).toISOString(),
  })
}
