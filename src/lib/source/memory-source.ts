/**
 * A consumer group's member over a MemoryCluster, with the accidents of a real one at hand: lost sessions that deliver
 * again what was not committed, rebalances that take partitions away in the middle of a batch, and kill -9.
 * Delivery keeps the contract of source.ts: one batch of a partition at a time, repeated while its handler rejects.
 */
import type {Clock} from '../base/clock.js'
import type {PartitionOffsets, SourceRecord} from '../payment/record.js'
import type {RecordSource, SourceHandlers} from './source.js'

export interface MemorySourceOptions {
  readonly topic: string
  readonly group: string
  readonly clock: Clock
  /** Which partitions this member has at first; default: all of the topic. */
  readonly partitions?: readonly number[]
  /** Records in one delivery at most; default 100. */
  readonly maxBatchCount?: number
  /** Wait before a rejected batch is delivered again; default 100. */
  readonly retryDelayMs?: number
  /** Runs before each delivery: a place to delay it or to cause an accident exactly there. */
  readonly beforeDelivery?: (partition: number, records: readonly SourceRecord[]) => Promise<void> | void
}

export interface MemorySource extends RecordSource {
  /** A rebalance: from now on exactly these partitions, each from its committed offset. Resolves when it is done. */
  assign(partitions: readonly number[]): Promise<void>
  /** A lost session and a new join with the same partitions: what was not committed comes again. */
  redeliver(): Promise<void>
  /** kill -9: no further delivery, no commit counts, handlers that still run are ignored. */
  crash(): void
  /** Resolves when every record of the assigned partitions was delivered and handled. */
  idle(): Promise<void>
}

/** What is read: a MemoryCluster. */
export interface SourceMemory {
  readonly partitionCount: number
  read(topic: string, partition: number, offset: number, maxCount: number): readonly SourceRecord[]
  earliestOffset(topic: string, partition: number): number
  endOffset(topic: string, partition: number): number
  committed(group: string, topic: string): PartitionOffsets
  commit(group: string, topic: string, offsets: PartitionOffsets): void
  changed(signal: AbortSignal): Promise<void>
}

interface PartitionState {
  position: number
  /** Grows with each seek, so that a batch in flight knows that it is stale. */
  epoch: number
  /** Aborts at the next seek: who waits for new records looks at old ones then. */
  moved: AbortController
}

const MAX_BATCH_COUNT = 100
const RETRY_DELAY_MS = 100

export function openMemorySource(cluster: SourceMemory, options: MemorySourceOptions): MemorySource {
  const {topic, group, clock} = options
  const maxBatchCount = options.maxBatchCount ?? MAX_BATCH_COUNT
  const retryDelayMs = options.retryDelayMs ?? RETRY_DELAY_MS
  const everyPartition = Array.from({length: cluster.partitionCount}, (_, partition) => partition)
  /** Deliveries of a partition that have begun and not ended, also of earlier assignments. */
  const busy = new Map<number, Promise<void>>()
  const watchers = new Set<() => void>()
  let handlers: SourceHandlers | undefined
  let states = new Map<number, PartitionState>()
  let assignment = new AbortController()
  let assigned: readonly number[] = options.partitions ?? everyPartition
  let assigning = false
  let crashed = false

  const becomesIdle = (): boolean =>
    !assigning &&
    busy.size === 0 &&
    [...states].every(([partition, state]) => state.position >= cluster.endOffset(topic, partition))

  const notifyIdle = (): void => {
    if (!becomesIdle()) return
    for (const notify of watchers) notify()
    watchers.clear()
  }

  const take = async (partitions: readonly number[]): Promise<void> => {
    assignment.abort()
    assignment = new AbortController()
    const {signal} = assignment
    assigned = partitions
    assigning = true
    states = new Map()
    await Promise.all(busy.values())
    if (signal.aborted) return
    assigning = false
    const committed = cluster.committed(group, topic)
    states = new Map(
      partitions.map(partition => [
        partition,
        {
          position: committed.get(partition) ?? cluster.earliestOffset(topic, partition),
          epoch: 0,
          moved: new AbortController(),
        },
      ]),
    )
    handlers?.onAssigned([...partitions])
    for (const [partition, state] of states) void drive(partition, state, signal)
  }

  const drive = async (partition: number, state: PartitionState, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await busy.get(partition)
      if (signal.aborted) return
      const records = cluster.read(topic, partition, state.position, maxBatchCount)
      if (records.length === 0) {
        notifyIdle()
        await cluster.changed(AbortSignal.any([signal, state.moved.signal]))
        continue
      }
      const delivery = deliver(partition, state, records, signal)
      busy.set(partition, delivery)
      await delivery
      busy.delete(partition)
      notifyIdle()
    }
  }

  const deliver = async (
    partition: number,
    state: PartitionState,
    records: readonly SourceRecord[],
    signal: AbortSignal,
  ): Promise<void> => {
    const {epoch} = state
    const stale = (): boolean => signal.aborted || state.epoch !== epoch
    await options.beforeDelivery?.(partition, records)
    while (!stale()) {
      try {
        await handlers?.onRecords(partition, records, cluster.endOffset(topic, partition))
        if (!stale()) state.position = (records.at(-1)?.offset ?? state.position - 1) + 1
        return
      } catch {
        await clock.sleep(retryDelayMs, signal)
      }
    }
  }

  return {
    description: `${topic} in memory as ${group}`,
    async start(given) {
      handlers = given
      await take(assigned)
    },
    async committed(partitions) {
      const all = cluster.committed(group, topic)
      return pick(all, partitions)
    },
    async bounds() {
      return new Map(
        everyPartition.map(partition => [
          partition,
          {earliest: cluster.earliestOffset(topic, partition), end: cluster.endOffset(topic, partition)},
        ]),
      )
    },
    seek(partition, offset) {
      const state = states.get(partition)
      if (state === undefined) return
      state.position = offset
      state.epoch++
      state.moved.abort()
      state.moved = new AbortController()
    },
    async commit(offsets) {
      if (!crashed) cluster.commit(group, topic, pick(offsets, [...states.keys()]))
    },
    async stop() {
      assignment.abort()
      await Promise.all(busy.values())
      states = new Map()
    },
    assign: take,
    redeliver: () => take(assigned),
    crash() {
      crashed = true
      assignment.abort()
    },
    idle: () => new Promise(resolve => (becomesIdle() ? resolve() : watchers.add(resolve))),
  }
}

function pick(offsets: PartitionOffsets, partitions: readonly number[]): PartitionOffsets {
  return new Map([...offsets].filter(([partition]) => partitions.includes(partition)))
}
