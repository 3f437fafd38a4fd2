/**
 * Waiting for a detector: until its group has committed everything that is on the raw topic now, which it does only
 * after rows and outputs are safe. What others still add does not count: two runs on one topic do not wait for each
 * other.
 */
import {type Clock, nowMs} from '../base/clock.js'
import type {KafkaConnection} from '../kafka/connection.js'

/** The group's lag has not fallen for this long: what is missing will not come soon. */
export const DRAIN_STALL_MS = 30_000
const DRAIN_POLL_MS = 50

export interface CatchUpOptions {
  readonly kafka: {readonly admin: Pick<KafkaConnection['admin'], 'lagOf'>}
  readonly group: string
  /** The raw topic. */
  readonly topic: string
  readonly clock: Clock
  /** Default: `DRAIN_STALL_MS`. */
  readonly stallMs?: number | undefined
  /** True when nobody is left who could catch up. */
  readonly isOver?: (() => boolean) | undefined
  /** Gives the wait up. */
  readonly signal?: AbortSignal | undefined
  /** Records that are left of those waited for; null while nobody can say. */
  readonly onPoll?: ((lag: number | null) => void) | undefined
}

/** @returns false when that did not come about */
export async function caughtUp(options: CatchUpOptions): Promise<boolean> {
  const {kafka, group, topic, clock, stallMs = DRAIN_STALL_MS, signal, isOver, onPoll} = options
  let goals: ReadonlyMap<number, number> | undefined
  let lowestLag = Number.POSITIVE_INFINITY
  let lastChangeMs = nowMs(clock)
  for (;;) {
    const partitions = await kafka.admin.lagOf(group, topic).catch(() => undefined)
    goals ??= partitions && new Map(partitions.map(({partition, end}) => [partition, end]))
    const lag = (partitions ?? []).reduce(
      (sum, {partition, committed, earliest}) => {
        return sum + Math.max(0, (goals?.get(partition) ?? 0) - Math.max(committed ?? earliest, earliest))
      },
      partitions === undefined ? Number.POSITIVE_INFINITY : 0,
    )
    if (lag === 0) return true
    if (isOver?.() === true || signal?.aborted === true) return false
    if (lag < lowestLag) {
      lowestLag = lag
      lastChangeMs = nowMs(clock)
    }
    if (nowMs(clock) - lastChangeMs > stallMs) return false
    onPoll?.(Number.isFinite(lag) ? lag : null)
    await clock.sleep(DRAIN_POLL_MS, signal)
  }
}
