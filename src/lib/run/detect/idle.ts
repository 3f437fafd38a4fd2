/** Tells when there is nothing left to do: no record for a while, everything written, no lag. */
import type {Clock} from '../../base/clock.js'
import type {RecordSource} from '../../source/source.js'
import {addNote, type StateReport} from './counters.js'
import type {Partition} from './partition.js'
import {type DetectTrouble, isTrouble, TroubleLine} from './patience.js'

const LOOK_AGAIN_MS = 200
/**
 * A partition may end in offsets that are never delivered (markers of transactions). After this many times the idle
 * time with a broker that answers and no record, such a rest is no lag.
 */
const UNDELIVERED_FACTOR = 5

export interface IdleOptions {
  readonly untilIdleMs: number
  readonly source: RecordSource
  readonly clock: Clock
  readonly report: StateReport
  readonly lastDeliveryUs: () => number
  /** Nothing in the outbox, nothing in the writer, nothing uncommitted. */
  readonly isWritten: () => boolean
  readonly assigned: () => Iterable<Partition>
  readonly stopping: AbortSignal
  readonly onTrouble: (trouble: DetectTrouble) => void
}

/** Resolves when idle, or when stopping. */
export async function untilIdle(options: IdleOptions): Promise<void> {
  const {untilIdleMs, source, clock, stopping, report} = options
  const line = new TroubleLine('asking for the lag', clock, options.onTrouble)
  while (!stopping.aborted) {
    const quietMs = (clock.nowUs() - options.lastDeliveryUs()) / 1000
    if (quietMs < untilIdleMs) {
      await clock.sleep(untilIdleMs - quietMs, stopping)
      continue
    }
    if (!options.isWritten()) {
      await clock.sleep(LOOK_AGAIN_MS, stopping)
      continue
    }
    try {
      const bounds = await source.bounds()
      line.succeeded()
      const lag = lagOf(options.assigned(), bounds)
      if (lag === 0) return
      if (lag !== undefined && quietMs >= untilIdleMs * UNDELIVERED_FACTOR) {
        addNote(report, `ended idle with ${lag} offsets that the broker never delivered (markers of transactions?)`)
        return
      }
      await clock.sleep(LOOK_AGAIN_MS, stopping)
    } catch (error) {
      if (!isTrouble(error)) throw error
      await clock.sleep(line.failed(error), stopping)
    }
  }
}

/** Undefined while a partition is not prepared. */
export function lagOf(
  partitions: Iterable<Partition>,
  bounds: ReadonlyMap<number, {readonly end: number}>,
): number | undefined {
  let lag = 0
  for (const partition of partitions) {
    if (partition.expected === undefined) return undefined
    lag += Math.max(0, (bounds.get(partition.id)?.end ?? 0) - partition.expected)
  }
  return lag
}
