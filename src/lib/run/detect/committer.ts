/**
 * Commits what is written, for all partitions at once. A commit that fails is tried again with the next batch or after
 * a wait; it does not hold up writing, because a group that rebalances takes no commit until handlers end, and handlers
 * wait for the writer.
 */
import type {Clock} from '../../base/clock.js'
import type {RecordSource} from '../../source/source.js'
import type {DetectCounters} from './counters.js'
import type {Partition} from './partition.js'
import {Abandoned, type DetectTrouble, isTrouble, TroubleLine} from './patience.js'

export interface CommitterOptions {
  readonly source: RecordSource
  readonly clock: Clock
  readonly counters: DetectCounters
  /** The partitions that are ours now. */
  readonly assigned: () => Iterable<Partition>
  /** Nothing else is waiting: a failed commit waits by itself. */
  readonly stopping: AbortSignal
  readonly abandoned: AbortSignal
  readonly onTrouble: (trouble: DetectTrouble) => void
  /** State and offsets may have come together: a moment for a snapshot. */
  readonly onCommitted: () => void
}

export class Committer {
  readonly #options: CommitterOptions
  readonly #trouble: TroubleLine
  /** How long to wait before the next attempt, unless there is something else to do; 0 after success. */
  waitMs = 0

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#trouble = new TroubleLine('committing', options.clock, options.onTrouble)
  }

  get hasWork(): boolean {
    return !this.#uncommitted()[Symbol.iterator]().next().done
  }

  /** One attempt. @throws Abandoned when nobody wants it any more; bugs */
  async commit(): Promise<void> {
    const {source, counters, clock, stopping, abandoned, onCommitted} = this.#options
    if (abandoned.aborted) throw new Abandoned('committing')
    const made = [...this.#uncommitted()].map(partition => ({
      partition,
      offset: partition.written,
      incarnation: partition.incarnation,
    }))
    if (made.length > 0) {
      try {
        await source.commit(new Map(made.map(({partition, offset}) => [partition.id, offset])))
      } catch (error) {
        if (!isTrouble(error)) throw error
        this.waitMs = this.#trouble.failed(error)
        if (stopping.aborted) await clock.sleep(this.waitMs, abandoned)
        return
      }
      this.waitMs = 0
      this.#trouble.succeeded()
      counters.commits += 1
      for (const {partition, offset, incarnation} of made) {
        if (partition.incarnation !== incarnation) continue
        partition.committed = Math.max(partition.committed, offset)
        partition.forgetCommitted()
      }
    }
    onCommitted()
  }

  *#uncommitted(): Iterable<Partition> {
    for (const partition of this.#options.assigned()) {
      // Offsets of a topic that was made anew meanwhile would skip records of the new one.
      if (!partition.lost && !partition.isRemade && partition.written > partition.committed) yield partition
    }
  }
}
