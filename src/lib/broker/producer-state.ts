/**
 * Idempotence of one partition (KIP-98): for each producer the epoch and its last five batches. A batch that is one
 * of them again is a duplicate and gets the offset it had; a gap is refused. Rebuilt from the segments at start.
 */
import {ERROR} from './error-codes.js'
import type {BatchHeader} from './record-batch.js'

/** Kafka's own number: clients keep at most five requests in flight when idempotent. */
export const REMEMBERED_BATCHES = 5
/** The producers remembered per partition; beyond it the one that was silent longest is forgotten. */
export const PRODUCERS_MAX = 10_000
const SEQUENCES = 2 ** 31

interface AppendedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

interface Producer {
  readonly epoch: number
  readonly batches: readonly AppendedBatch[]
}

export type SequenceVerdict =
  | {readonly kind: 'append'}
  | {readonly kind: 'duplicate'; readonly baseOffset: number}
  | {readonly kind: 'refused'; readonly errorCode: number; readonly message: string}

/** Plain form for the segment's companion file. */
export type ProducerSnapshot = readonly (readonly [producerId: number, producer: Producer])[]

export class ProducerStates {
  /** In order of the last append, so that the first key is the one to forget. */
  readonly #producers = new Map<number, Producer>()

  constructor(snapshot: ProducerSnapshot = []) {
    for (const [producerId, producer] of snapshot) this.#producers.set(producerId, producer)
  }

  snapshot(): ProducerSnapshot {
    return [...this.#producers]
  }

  /**
   * Whether the batch may be appended. A producer id that is not known must begin at sequence 0: an earlier batch of
   * it that was refused must not let a later one pass it.
   */
  check(batch: BatchHeader): SequenceVerdict {
    if (batch.producerId < 0) return {kind: 'append'}
    const known = this.#producers.get(batch.producerId)
    if (known !== undefined && batch.producerEpoch < known.epoch) {
      return {
        kind: 'refused',
        errorCode: ERROR.invalidProducerEpoch,
        message: `epoch ${batch.producerEpoch} of producer ${batch.producerId} is older than ${known.epoch}`,
      }
    }
    const current = known?.epoch === batch.producerEpoch ? known : undefined
    const lastSequence = lastSequenceOf(batch)
    const same = current?.batches.find(
      appended => appended.firstSequence === batch.baseSequence && appended.lastSequence === lastSequence,
    )
    if (same !== undefined) return {kind: 'duplicate', baseOffset: same.baseOffset}
    const newest = current?.batches.at(-1)
    const expected = newest === undefined ? 0 : (newest.lastSequence + 1) % SEQUENCES
    if (batch.baseSequence !== expected) {
      return {
        kind: 'refused',
        errorCode: ERROR.outOfOrderSequence,
        message: `producer ${batch.producerId} sent sequence ${batch.baseSequence}, expected ${expected}`,
      }
    }
    return {kind: 'append'}
  }

  /** Remembers a batch that is in the log at `baseOffset`. */
  appended(batch: BatchHeader, baseOffset: number): void {
    if (batch.producerId < 0) return
    const known = this.#producers.get(batch.producerId)
    const earlier = known?.epoch === batch.producerEpoch ? known.batches.slice(-(REMEMBERED_BATCHES - 1)) : []
    const entry = {firstSequence: batch.baseSequence, lastSequence: lastSequenceOf(batch), baseOffset}
    this.#producers.delete(batch.producerId)
    this.#producers.set(batch.producerId, {epoch: batch.producerEpoch, batches: [...earlier, entry]})
    if (this.#producers.size > PRODUCERS_MAX) {
      for (const silent of this.#producers.keys()) {
        this.#producers.delete(silent)
        break
      }
    }
  }
}

function lastSequenceOf(batch: BatchHeader): number {
  return (batch.baseSequence + batch.lastOffsetDelta) % SEQUENCES
}
