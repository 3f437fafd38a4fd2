/**
 * Topics and group offsets in memory: what memory sinks, publishers and sources share, so that the whole pipeline
 * runs in one process without a broker. For simulation tests and dry runs; nothing is persisted and nothing expires
 * unless `truncate` says so.
 */
import {assert} from '../base/assert.js'
import type {Headers, PartitionOffsets, SourceRecord} from '../payment/record.js'
import {partitionOfKey} from './partition-of.js'

export interface MemoryRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Headers
  readonly timestampMs?: number
}

interface PartitionLog {
  readonly records: SourceRecord[]
  earliest: number
}

export class MemoryCluster {
  readonly partitionCount: number
  readonly #topics = new Map<string, PartitionLog[]>()
  readonly #committed = new Map<string, Map<number, number>>()
  readonly #watchers = new Set<() => void>()
  #roundRobin = 0

  /** @param partitionCount of every topic; a topic exists from its first use */
  constructor(partitionCount = 6) {
    assert(Number.isInteger(partitionCount) && partitionCount > 0, 'partitionCount is a positive integer')
    this.partitionCount = partitionCount
  }

  /** Appends to the partition of the key (null keys take turns). */
  append(topic: string, record: MemoryRecord): {readonly partition: number; readonly offset: number} {
    const partition =
      record.key === null ? this.#roundRobin++ % this.partitionCount : partitionOfKey(record.key, this.partitionCount)
    return {partition, offset: this.appendTo(topic, partition, record)}
  }

  /** Appends to a given partition. @returns the record's offset */
  appendTo(topic: string, partition: number, record: MemoryRecord): number {
    const log = this.#log(topic, partition)
    const offset = log.records.length
    log.records.push({
      partition,
      offset,
      timestampMs: record.timestampMs ?? 0,
      key: record.key,
      value: record.value,
      headers: record.headers ?? {},
    })
    for (const notify of [...this.#watchers]) notify()
    return offset
  }

  /** At most `maxCount` records of a partition from `offset` (or the earliest one still there). */
  read(topic: string, partition: number, offset: number, maxCount: number): readonly SourceRecord[] {
    const log = this.#log(topic, partition)
    const from = Math.max(offset, log.earliest)
    return log.records.slice(from, from + maxCount)
  }

  /** All records of a topic, partition after partition. */
  records(topic: string): readonly SourceRecord[] {
    return this.#logs(topic).flatMap(log => log.records.slice(log.earliest))
  }

  earliestOffset(topic: string, partition: number): number {
    return this.#log(topic, partition).earliest
  }

  endOffset(topic: string, partition: number): number {
    return this.#log(topic, partition).records.length
  }

  /** Forgets the records below `earliest`, as retention does. */
  truncate(topic: string, partition: number, earliest: number): void {
    const log = this.#log(topic, partition)
    assert(earliest <= log.records.length, 'nothing above the end can be truncated')
    log.earliest = Math.max(log.earliest, earliest)
  }

  committed(group: string, topic: string): PartitionOffsets {
    return this.#offsets(group, topic)
  }

  commit(group: string, topic: string, offsets: PartitionOffsets): void {
    const committed = this.#offsets(group, topic)
    for (const [partition, offset] of offsets) committed.set(partition, offset)
  }

  /** Resolves at the next append anywhere, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted) return resolve()
      const done = (): void => {
        this.#watchers.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#watchers.add(done)
      signal.addEventListener('abort', done, {once: true})
    })
  }

  #offsets(group: string, topic: string): Map<number, number> {
    const id = JSON.stringify([group, topic])
    const known = this.#committed.get(id)
    if (known !== undefined) return known
    const fresh = new Map<number, number>()
    this.#committed.set(id, fresh)
    return fresh
  }

  #logs(topic: string): PartitionLog[] {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    const fresh = Array.from({length: this.partitionCount}, () => ({records: [], earliest: 0}))
    this.#topics.set(topic, fresh)
    return fresh
  }

  #log(topic: string, partition: number): PartitionLog {
    const log = this.#logs(topic)[partition]
    assert(log !== undefined, `partition ${partition} of ${topic} exists`)
    return log
  }
}
