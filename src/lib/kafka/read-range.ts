/**
 * Reads every record of a topic between two offsets per partition once, outside of any consumer group: nothing is
 * joined, nothing committed, nothing left behind, and it ends exactly at the end offsets. Records of aborted
 * transactions and control records are left out, as a consumer with read_committed would.
 *
 * The way to kafkajs's fetch without a group is the cluster that it hands to partition assigners, part of its types.
 */

import type {Broker, Cluster, IHeaders} from 'kafkajs'
import kafkajs from 'kafkajs'
import {assert} from '../base/assert.js'
import type {PartitionOffsets, SourceRecord} from '../payment/record.js'
import type {KafkaConnection} from './connection.js'
import {failureOf, isHopeless, toEnvironmentError} from './errors.js'
import {toHeaders} from './headers.js'

export interface RangeReading extends AsyncIterable<readonly SourceRecord[]> {
  /** How many offsets of the range were no longer there (retention, deleted records), by partition. */
  readonly expiredCounts: ReadonlyMap<number, number>
  /** Partitions that could not be read to their end within the time limit, with the offset reached. */
  readonly incomplete: PartitionOffsets
}

/** Without any progress for so long, what is left is given up and told in `incomplete`. */
const IDLE_LIMIT_MS = 15_000
const FETCH_WAIT_MS = 250
const FETCH_BYTES = 16_777_216
const PARTITION_BYTES = 2_097_152
const PAUSE_MS = 200
const READ_COMMITTED = 1

/** What kafkajs decodes of a Fetch answer; it types it as any. */
interface FetchAnswer {
  readonly responses: readonly {readonly topicName: string; readonly partitions: readonly FetchedPartition[]}[]
}

interface FetchedPartition {
  readonly partition: number
  readonly highWatermark: string
  readonly abortedTransactions?: readonly {readonly producerId: string; readonly firstOffset: string}[]
  readonly messages: readonly FetchedMessage[]
}

interface FetchedMessage {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: IHeaders
  readonly isControlRecord?: boolean
  readonly batchContext?: {
    readonly firstOffset: string
    readonly lastOffsetDelta: number
    readonly producerId: string
    readonly inTransaction: boolean
  }
}

/**
 * @param fromOffsets first offset by partition; partitions that it leaves out begin at 0
 * @param toOffsets the offset after the last one, by partition: exactly these partitions are read
 * @param signal ends the reading early, without an error
 * @throws EnvironmentError while iterating, when the broker cannot be reached or refuses
 */
export function readRange(
  connection: KafkaConnection,
  topic: string,
  fromOffsets: PartitionOffsets,
  toOffsets: PartitionOffsets,
  signal?: AbortSignal,
): RangeReading {
  return new Reading(connection, topic, {fromOffsets, toOffsets, signal})
}

interface Range {
  readonly fromOffsets: PartitionOffsets
  readonly toOffsets: PartitionOffsets
  readonly signal: AbortSignal | undefined
}

class Reading implements RangeReading {
  readonly expiredCounts = new Map<number, number>()
  readonly incomplete = new Map<number, number>()
  readonly #connection: KafkaConnection
  readonly #topic: string
  readonly #range: Range
  /** Next offset of the partitions that are not at their end. */
  readonly #positions = new Map<number, number>()

  constructor(connection: KafkaConnection, topic: string, range: Range) {
    this.#connection = connection
    this.#topic = topic
    this.#range = range
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly SourceRecord[]> {
    const {toOffsets, fromOffsets, signal} = this.#range
    for (const [partition, end] of toOffsets) {
      const from = fromOffsets.get(partition) ?? 0
      if (from < end) this.#positions.set(partition, from)
    }
    if (this.#positions.size === 0) return
    await this.#skipExpired()
    const cluster = clusterOf(this.#connection)
    try {
      const {clock} = this.#connection
      let progressUs = clock.nowUs()
      while (this.#positions.size > 0 && signal?.aborted !== true) {
        const {records, moved} = await this.#fetch(cluster)
        for (const batch of records) yield batch
        if (moved) progressUs = clock.nowUs()
        else if (clock.nowUs() - progressUs > IDLE_LIMIT_MS * 1000) break
      }
      for (const [partition, position] of this.#positions) this.incomplete.set(partition, position)
    } finally {
      await cluster.disconnect().catch(() => {})
    }
  }

  /** Moves positions behind what is no longer there. */
  async #skipExpired(): Promise<void> {
    const starts = await this.#connection.admin.startOffsets(this.#topic)
    for (const [partition, position] of this.#positions) {
      const end = this.#range.toOffsets.get(partition) ?? 0
      const start = Math.min(end, starts.get(partition) ?? end)
      if (start <= position) continue
      this.expiredCounts.set(partition, (this.expiredCounts.get(partition) ?? 0) + start - position)
      this.#moveTo(partition, start)
    }
  }

  async #fetch(cluster: Cluster): Promise<{readonly records: readonly SourceRecord[][]; readonly moved: boolean}> {
    const {clock, settings, brokers} = this.#connection
    const before = new Map(this.#positions)
    const records: SourceRecord[][] = []
    try {
      if (!cluster.isConnected()) await cluster.connect()
      await cluster.addTargetTopic(this.#topic)
      await cluster.refreshMetadataIfNecessary()
      const leaders = cluster.findLeaderForPartitions(this.#topic, [...this.#positions.keys()])
      for (const [nodeId, partitions] of Object.entries(leaders)) {
        const broker = await cluster.findBroker({nodeId})
        const answer = await this.#ask(broker, partitions)
        for (const {partitions: fetched} of answer.responses) {
          for (const one of fetched) {
            const taken = this.#take(one)
            if (taken.length > 0) records.push(taken)
          }
        }
      }
    } catch (error) {
      if (isHopeless(error)) throw toEnvironmentError(error, {doing: `read ${this.#topic}`, brokers})
      if (failureOf(error).type === 'OFFSET_OUT_OF_RANGE') await this.#skipExpired()
      else await this.#recover(cluster, error)
      await clock.sleep(Math.min(PAUSE_MS, settings.requestTimeoutMs), this.#range.signal)
    }
    const moved = [...before].some(([partition, position]) => this.#positions.get(partition) !== position)
    return {records, moved}
  }

  #ask(broker: Broker, partitions: readonly number[]): Promise<FetchAnswer> {
    return broker.fetch({
      isolationLevel: READ_COMMITTED,
      maxWaitTime: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      topics: [
        {
          topic: this.#topic,
          partitions: partitions.map(partition => ({
            partition,
            fetchOffset: String(this.#positions.get(partition) ?? 0),
            maxBytes: PARTITION_BYTES,
          })),
        },
      ],
    })
  }

  /** The records of the range in what was fetched; moves the position behind them, over compacted gaps too. */
  #take(fetched: FetchedPartition): SourceRecord[] {
    const {partition, messages} = fetched
    const position = this.#positions.get(partition)
    const end = this.#range.toOffsets.get(partition)
    if (position === undefined || end === undefined || messages.length === 0) return []
    const aborted = new AbortedTransactions(fetched.abortedTransactions ?? [])
    const records: SourceRecord[] = []
    let next = position
    for (const message of messages) {
      const offset = Number(message.offset)
      const context = message.batchContext
      // A batch is decoded whole: behind its last record there may be offsets that compaction has emptied.
      const batchEnd = context === undefined ? offset + 1 : Number(context.firstOffset) + context.lastOffsetDelta + 1
      next = Math.max(next, offset + 1, batchEnd)
      if (aborted.covers(message) || message.isControlRecord === true || offset < position || offset >= end) continue
      records.push({
        partition,
        offset,
        timestampMs: Number(message.timestamp),
        key: message.key,
        value: message.value,
        headers: toHeaders(message.headers),
      })
    }
    this.#moveTo(partition, next)
    return records
  }

  #moveTo(partition: number, position: number): void {
    if (position >= (this.#range.toOffsets.get(partition) ?? 0)) this.#positions.delete(partition)
    else this.#positions.set(partition, position)
  }

  async #recover(cluster: Cluster, error: unknown): Promise<void> {
    const {host, port} = addressOf(error)
    if (host !== undefined && port !== undefined) cluster.removeBroker({host, port})
    await cluster.connect().catch(() => {})
    await cluster.refreshMetadata().catch(() => {})
  }
}

function addressOf(error: unknown): {readonly host?: string; readonly port?: number} {
  if (typeof error !== 'object' || error === null) return {}
  const {host, port}: {host?: unknown; port?: unknown} = error
  return typeof host === 'string' && typeof port === 'number' ? {host, port} : {}
}

/** Which records belong to aborted transactions: from the first offset of one to its abort marker. */
class AbortedTransactions {
  readonly #coming: {readonly producerId: string; readonly firstOffset: number}[]
  readonly #open = new Set<string>()

  constructor(transactions: readonly {readonly producerId: string; readonly firstOffset: string}[]) {
    this.#coming = transactions
      .map(({producerId, firstOffset}) => ({producerId, firstOffset: Number(firstOffset)}))
      .toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** To be asked of every message in offset order. */
  covers({offset, key, isControlRecord, batchContext}: FetchedMessage): boolean {
    for (let next = this.#coming[0]; next !== undefined && next.firstOffset <= Number(offset); next = this.#coming[0]) {
      this.#open.add(next.producerId)
      this.#coming.shift()
    }
    if (batchContext === undefined || !batchContext.inTransaction) return false
    // Control records have a key of version (int16) and type (int16); type 0 is abort.
    if (isControlRecord === true && key?.readInt16BE(2) === 0) this.#open.delete(batchContext.producerId)
    return this.#open.has(batchContext.producerId)
  }
}

function clusterOf(connection: KafkaConnection): Cluster {
  let cluster: Cluster | undefined
  connection.newClient().consumer({
    groupId: 'p2pay-reader',
    allowAutoTopicCreation: false,
    metadataMaxAge: connection.settings.metadataMaxAgeMs,
    partitionAssigners: [
      config => {
        cluster = config.cluster
        return kafkajs.PartitionAssigners.roundRobin(config)
      },
    ],
  })
  assert(cluster !== undefined, 'kafkajs makes the assigners with the consumer')
  return cluster
}
