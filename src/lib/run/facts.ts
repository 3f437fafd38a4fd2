/**
 * What a run knows of each of its payments, by sequence number: the truth from the generator beside what the detector
 * said and when. Only the judge's side reads it; 24 bytes a payment.
 */
import {Float64Column, Uint8Column} from '../base/column.js'
import type {GeneratedBlock} from '../generate/stream.js'
import {DECISIONS, type DecisionKind} from '../payment/decision.js'
import {type RunTag, sequenceOf} from '../payment/payment-id.js'

export class RunFacts {
  readonly #tag: RunTag
  /** 0 = legitimate, else 1 + index in TYPOLOGIES. */
  readonly fraudTypology = new Uint8Column()
  readonly lookAlikeTypology = new Uint8Column()
  /** 0 = none yet, else 1 + index in DECISIONS. */
  readonly decision = new Uint8Column()
  /** Wall clock µs of the first decision. */
  readonly decidedUs = new Float64Column()
  #decidedCount = 0
  #firstCreatedAtMs: number | undefined
  #lastCreatedAtMs: number | undefined

  constructor(tag: RunTag) {
    this.#tag = tag
  }

  /** Distinct payments of this run with a decision or in the DLQ. */
  get settledCount(): number {
    return this.#decidedCount
  }

  /** Event time between the first and the last generated payment, ms. */
  get simulatedMs(): number {
    return this.#firstCreatedAtMs === undefined || this.#lastCreatedAtMs === undefined
      ? 0
      : this.#lastCreatedAtMs - this.#firstCreatedAtMs
  }

  /** Remembers the truth of rows [from, to) of a block. */
  generated({payments, labels}: GeneratedBlock, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const sequence = payments.sequences[row]
      this.fraudTypology.set(sequence, labels.fraudTypology[row])
      this.lookAlikeTypology.set(sequence, labels.lookAlikeTypology[row])
    }
    if (to <= from) return
    this.#firstCreatedAtMs ??= payments.createdAtMs[from]
    this.#lastCreatedAtMs = payments.createdAtMs[to - 1]
  }

  /**
   * Remembers a decision; the first one counts.
   * @returns the sequence number when the payment is this run's and was not decided before
   */
  decided(paymentId: string, kind: DecisionKind, decidedUs: number): number | undefined {
    const sequence = sequenceOf(this.#tag, paymentId)
    if (sequence === undefined || this.decision.get(sequence) !== 0) return undefined
    this.decision.set(sequence, 1 + DECISIONS.indexOf(kind))
    this.decidedUs.set(sequence, decidedUs)
    this.#decidedCount += 1
    return sequence
  }

  kindOf(sequence: number): DecisionKind | undefined {
    const code = this.decision.get(sequence)
    return code === 0 ? undefined : DECISIONS[code - 1]
  }
}
