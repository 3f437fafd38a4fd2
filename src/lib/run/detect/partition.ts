/**
 * What the detector knows of one assigned partition: how far it was taken over, what is committed, and the decisions
 * of records that may come again. One object lives from assignment to loss.
 */
import type {Decision} from '../../payment/decision.js'

/** What this process made of a record, for when it is delivered again. */
export interface Remembered {
  /** Undefined for what is no payment. */
  readonly paymentId: string | undefined
  readonly decision: Decision | undefined
  readonly decidedUs: number
}

/**
 * Committed decisions kept beyond the uncommitted ones: a commit may be acknowledged to a member that was thrown out
 * of the group a moment before, and its records then come again.
 */
const REMEMBERED_COMMITTED_MAX = 10_000

export class Partition {
  readonly id: number
  /** Another member has it now; its entries are dropped, its commits are not ours to make. */
  lost = false
  /** Grows when the topic turns out to be made anew: offsets taken before mean nothing now. */
  incarnation = 0
  /** The topic is no longer the one that was read, until `startAnew`: nothing more of it is committed. */
  isRemade = false
  /** Records below only move state, or were taken over already; the others are decided with output. */
  liveFrom = 0
  /** The offset that the next delivery should begin with; undefined until it is prepared. */
  expected: number | undefined
  /** Everything below is stored and published. */
  written = 0
  /** Everything below is committed, as far as we know. */
  committed = 0
  /** End offset at the latest delivery. */
  highWatermark = 0
  /** State is rebuilt below this offset. */
  replayUntil = 0
  /** Grows with each seek: what was fetched before one is stale. */
  seeks = 0
  /** Where a delivery began that left a gap, once the source was asked for the gap. */
  confirmedGapAt = -1
  /** Resolves when state and offsets fit together; replaced at each assignment. */
  prepared: Promise<void> = Promise.resolve()
  readonly remembered: Map<number, Remembered>

  constructor(id: number, remembered: Map<number, Remembered> = new Map()) {
    this.id = id
    this.remembered = remembered
  }

  get isReplaying(): boolean {
    return this.expected !== undefined && this.expected < this.replayUntil
  }

  /** Forgets decisions that are committed, save for the latest ones. */
  forgetCommitted(): void {
    let excess = this.remembered.size - REMEMBERED_COMMITTED_MAX
    if (excess <= 0) return
    // Insertion order is offset order, but for redelivered records, which are not inserted again.
    for (const offset of this.remembered.keys()) {
      if (excess-- <= 0 || offset >= this.committed) return
      this.remembered.delete(offset)
    }
  }

  /** The topic was made anew: its offsets mean other records. */
  startAnew(): void {
    this.remembered.clear()
    this.incarnation += 1
    this.isRemade = false
    this.liveFrom = 0
    this.written = 0
    this.committed = 0
    this.highWatermark = 0
    this.replayUntil = 0
    this.expected = undefined
  }
}
