/**
 * What a run knows of each of its payments, by sequence number: the truth from the generator beside what the detector
 * said. Only the judge's side reads it; three bytes a payment.
 */
import {Uint8Column} from '../base/column.js'
import type {GeneratedBlock} from '../generate/stream.js'
import {DECISIONS, type DecisionKind} from '../payment/decision.js'

export class RunFacts {
  /** 0 = legitimate, else 1 + index in TYPOLOGIES. */
  readonly fraudTypology = new Uint8Column()
  readonly lookAlikeTypology = new Uint8Column()
  /** 0 = none yet, else 1 + index in DECISIONS. */
  readonly decision = new Uint8Column()
  #decidedCount = 0
  #firstCreatedAtMs: number | undefined
  #lastCreatedAtMs: number | undefined

  /** Distinct payments of this run with a decision. */
  get decidedCount(): number {
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

  /** Remembers a decision; the first one counts. @returns whether it was the first */
  decided(sequence: number, kind: DecisionKind): boolean {
    if (this.decision.get(sequence) !== 0) return false
    this.decision.set(sequence, 1 + DECISIONS.indexOf(kind))
    this.#decidedCount += 1
    return true
  }
}
