/**
 * The bounded queue between intake and writer: records that were taken over and decided, in the order of decision.
 * Its bound, by count and bytes, is what holds the source back when the database or the broker is slow.
 */
import type {Decision} from '../../payment/decision.js'
import type {Payment} from '../../payment/payment.js'
import type {SourceRecord} from '../../payment/record.js'
import type {Partition} from './partition.js'
import type {Refusal} from './refusal.js'
import {Wake} from './wake.js'

/** A record on its way from decision to commit. */
export interface Taken {
  readonly partition: Partition
  /** The partition's when it was taken. */
  readonly incarnation: number
  readonly record: SourceRecord
  /** With `payment`; the stored one replaces it when another came first. */
  decision: Decision | undefined
  readonly payment: Payment | undefined
  /** Set for what goes to the dead-letter topic. */
  refusal: Refusal | undefined
  /** Wall clock µs; NaN when unknown or not yet. */
  readonly dueUs: number
  readonly ownDecidedUs: number
  decidedUs: number
  persistedUs: number
  publishedUs: number
  adopted: boolean
  /** The row is in the table (or there is no table). */
  persisted: boolean
  /** Size of its outputs, roughly. */
  readonly bytes: number
}

export interface OutboxLimits {
  readonly maxCount: number
  readonly maxBytes: number
}

export class Outbox {
  readonly #limits: OutboxLimits
  readonly #wake = new Wake()
  #entries: Taken[] = []
  #head = 0
  #bytes = 0

  constructor(limits: OutboxLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#entries.length - this.#head
  }

  get hasRoom(): boolean {
    return this.count < this.#limits.maxCount && this.#bytes < this.#limits.maxBytes
  }

  /** The caller waits for room first; a chunk may overshoot the bound by its own length. */
  append(entry: Taken): void {
    this.#entries.push(entry)
    this.#bytes += entry.bytes
  }

  /** The oldest entries, at least one if there is any. */
  take(maxCount: number, maxBytes: number): Taken[] {
    const batch: Taken[] = []
    let bytes = 0
    while (this.#head < this.#entries.length && batch.length < maxCount) {
      const entry = this.#entries[this.#head]
      if (entry === undefined || (batch.length > 0 && bytes + entry.bytes > maxBytes)) break
      batch.push(entry)
      bytes += entry.bytes
      this.#head += 1
    }
    this.#bytes -= bytes
    if (this.#head === this.#entries.length || this.#head >= this.#limits.maxCount) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    if (batch.length > 0) this.#wake.notify()
    return batch
  }

  /** Drops what belongs to lost partitions: nobody has seen it, and its next owner starts at the committed offset. */
  dropLost(): number {
    const before = this.count
    this.#entries = this.#entries.slice(this.#head).filter(entry => !entry.partition.lost)
    this.#head = 0
    this.#bytes = this.#entries.reduce((sum, entry) => sum + entry.bytes, 0)
    this.#wake.notify()
    return before - this.count
  }

  /** Resolves at the next change: entries came, room was made, or somebody called `notify`. */
  changed(): Promise<void> {
    return this.#wake.wait()
  }

  notify(): void {
    this.#wake.notify()
  }
}
