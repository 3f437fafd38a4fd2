/**
 * Payments to a Kafka topic: acks from all in-sync replicas, partition by murmur2 of the key (Java's own), a header
 * with the due time in µs and the due time as record timestamp. Payments wait in a queue per partition; the queues of
 * one leader go out in one request when they are old (linger) or large enough, one request at a time per leader. What
 * is queued and under way is bounded: above it `send` makes the caller wait.
 */
import {assert} from '../base/assert.js'
import {EnvironmentError} from '../base/errors.js'
import type {KafkaConnection} from '../kafka/connection.js'
import type {ProduceRecord} from '../kafka/idempotent-producer.js'
import {partitionOf} from '../kafka/partition-of.js'
import {HEADERS} from '../payment/topics.js'
import {type DeliveryBatch, KafkaDelivery} from './kafka-delivery.js'
import type {OutcomeListener, OutgoingPayments, PaymentSink} from './sink.js'

export interface KafkaSinkOptions {
  readonly topic: string
  /** How long a payment may wait for company; default: the connection's (5 ms). */
  readonly lingerMs?: number
  /** Bytes of one partition in one request; a broker takes 1 MB by default. Default 256 KiB. */
  readonly batchBytes?: number
  /** Payments of one partition in one request; kafkajs's grouping is quadratic in it. Default 500. */
  readonly batchCount?: number
  /** Bounds on what is queued and under way; defaults 20,000 payments and 32 MiB. */
  readonly maxInFlightCount?: number
  readonly maxInFlightBytes?: number
  /** From hand-over to outcome, retries included, plus at most one request time-out; default: the connection's (30 s). */
  readonly deliveryTimeoutMs?: number
}

const BATCH_BYTES = 262_144
const BATCH_COUNT = 500
const MAX_IN_FLIGHT_COUNT = 20_000
const MAX_IN_FLIGHT_BYTES = 33_554_432
/** What a record costs beside key and value: lengths, timestamp, our header. */
const RECORD_OVERHEAD_BYTES = 48

/**
 * @throws EnvironmentError P2PAY_TOPIC_MISSING, or when no producer could be opened
 */
export async function openKafkaSink(
  connection: KafkaConnection,
  options: KafkaSinkOptions,
  onOutcome: OutcomeListener,
): Promise<PaymentSink> {
  const {topic} = options
  const [info] = await connection.admin.describeTopics([topic])
  if (info === undefined) {
    throw new EnvironmentError(`Topic ${topic} does not exist`, {
      code: 'P2PAY_TOPIC_MISSING',
      suggestions: [`create it: p2pay topics create ${topic}`],
    })
  }
  const sink = new KafkaSink(connection, options, info.partitions.length, onOutcome, leadersOf(info.partitions))
  await sink.open()
  return sink
}

function leadersOf(
  partitions: readonly {readonly partition: number; readonly leader: number}[],
): ReadonlyMap<number, number> {
  return new Map(partitions.map(({partition, leader}) => [partition, leader]))
}

/** A payment that waits. */
interface Queued {
  readonly sequence: number
  readonly record: ProduceRecord
  readonly bytes: number
  readonly enqueuedUs: number
}

/** First in, first out; taken from the front without moving the rest. */
class PartitionQueue {
  bytes = 0
  #items: Queued[] = []
  #head = 0

  get count(): number {
    return this.#items.length - this.#head
  }

  get oldestUs(): number {
    return this.#items[this.#head]?.enqueuedUs ?? Number.POSITIVE_INFINITY
  }

  push(item: Queued): void {
    this.#items.push(item)
    this.bytes += item.bytes
  }

  /** At least one, unless it is empty. */
  take(maxCount: number, maxBytes: number): readonly Queued[] {
    let end = this.#head
    let bytes = 0
    for (; end < this.#items.length && end - this.#head < maxCount; end++) {
      const next = this.#items[end]?.bytes ?? 0
      if (end > this.#head && bytes + next > maxBytes) break
      bytes += next
    }
    const taken = this.#items.slice(this.#head, end)
    this.bytes -= bytes
    this.#head = end
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 4096) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return taken
  }
}

class KafkaSink implements PaymentSink {
  readonly description: string
  readonly #connection: KafkaConnection
  readonly #limits: Required<Omit<KafkaSinkOptions, 'topic'>>
  readonly #delivery: KafkaDelivery
  readonly #queues: readonly PartitionQueue[]
  readonly #busyLeaders = new Set<number>()
  readonly #busyPartitions = new Set<number>()
  readonly #waiting: (() => void)[] = []
  #inFlightCount = 0
  #inFlightBytes = 0
  #turn = 0
  #isFlushing = false
  #isLingering = false
  #isClosed = false

  constructor(
    connection: KafkaConnection,
    options: KafkaSinkOptions,
    partitionCount: number,
    onOutcome: OutcomeListener,
    leaders: ReadonlyMap<number, number>,
  ) {
    const {settings} = connection
    this.description = `Kafka topic ${options.topic} at ${connection.brokers.join(',')}`
    this.#connection = connection
    this.#limits = {
      lingerMs: options.lingerMs ?? settings.lingerMs,
      batchBytes: options.batchBytes ?? BATCH_BYTES,
      batchCount: options.batchCount ?? BATCH_COUNT,
      maxInFlightCount: options.maxInFlightCount ?? MAX_IN_FLIGHT_COUNT,
      maxInFlightBytes: options.maxInFlightBytes ?? MAX_IN_FLIGHT_BYTES,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? settings.deliveryTimeoutMs,
    }
    this.#queues = Array.from({length: partitionCount}, () => new PartitionQueue())
    this.#delivery = new KafkaDelivery(
      {connection, topic: options.topic, deliveryTimeoutMs: this.#limits.deliveryTimeoutMs, onOutcome},
      leaders,
    )
  }

  open(): Promise<void> {
    return this.#delivery.open()
  }

  send(payments: OutgoingPayments): Promise<void> | undefined {
    assert(!this.#isClosed, 'nothing is sent to a closed sink')
    const {block, from, to, dueUs} = payments
    const enqueuedUs = this.#connection.clock.nowUs()
    // Payments without a key take turns by hand-over, so that a request does not fan out to every partition.
    this.#turn = (this.#turn + 1) % this.#queues.length
    for (let row = from; row < to; row++) {
      const keyStart = block.keyStarts[row] ?? 0
      const keyLength = block.keyLengths[row] ?? 0
      const start = block.offsets[row] ?? 0
      const end = block.offsets[row + 1] ?? start
      const partition =
        keyLength === 0 ? this.#turn : partitionOf(block.bytes, keyStart, keyLength, this.#queues.length)
      const due = Math.round(dueUs[row - from] ?? enqueuedUs)
      const bytes = end - start + keyLength + RECORD_OVERHEAD_BYTES
      this.#queues[partition]?.push({
        sequence: block.sequences[row] ?? 0,
        bytes,
        enqueuedUs,
        record: {
          key: keyLength === 0 ? null : block.bytes.subarray(keyStart, keyStart + keyLength),
          value: block.bytes.subarray(start, end),
          headers: {[HEADERS.dueUs]: String(due)},
          timestamp: String(Math.floor(due / 1000)),
          partition,
        },
      })
      this.#inFlightCount++
      this.#inFlightBytes += bytes
    }
    this.#pump()
    return this.#hasRoom() ? undefined : this.#until(() => this.#hasRoom())
  }

  async flush(): Promise<void> {
    this.#isFlushing = true
    this.#pump()
    await this.#until(() => this.#inFlightCount === 0)
    this.#isFlushing = false
  }

  async close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
    await this.#delivery.close()
  }

  /** Starts a delivery for each leader that has none under way and whose payments have waited long enough. */
  #pump(): void {
    const ready = new Map<number, number[]>()
    let isUnripe = false
    for (const [partition, queue] of this.#queues.entries()) {
      if (queue.count === 0 || this.#busyPartitions.has(partition)) continue
      const leader = this.#delivery.leaderOf(partition)
      if (this.#busyLeaders.has(leader)) continue
      const partitions = ready.get(leader)
      if (partitions === undefined) ready.set(leader, [partition])
      else partitions.push(partition)
    }
    for (const [leader, partitions] of ready) {
      if (partitions.some(partition => this.#isRipe(partition))) void this.#deliver(leader, partitions)
      else isUnripe = true
    }
    if (isUnripe) void this.#linger()
  }

  #isRipe(partition: number): boolean {
    const queue = this.#queues[partition]
    if (queue === undefined) return false
    const {lingerMs, batchBytes, batchCount} = this.#limits
    if (this.#isFlushing || lingerMs <= 0 || queue.count >= batchCount || queue.bytes >= batchBytes) return true
    return this.#connection.clock.nowUs() - queue.oldestUs >= lingerMs * 1000
  }

  async #linger(): Promise<void> {
    if (this.#isLingering) return
    this.#isLingering = true
    await this.#connection.clock.sleep(this.#limits.lingerMs)
    this.#isLingering = false
    this.#pump()
  }

  async #deliver(leader: number, partitions: readonly number[]): Promise<void> {
    const {batchBytes, batchCount} = this.#limits
    const taken = partitions.map(partition => ({
      partition,
      items: this.#queues[partition]?.take(batchCount, batchBytes) ?? [],
    }))
    const batches: DeliveryBatch[] = taken.map(({partition, items}) => ({
      partition,
      sequences: items.map(item => item.sequence),
      records: items.map(item => item.record),
      enqueuedUs: items[0]?.enqueuedUs ?? 0,
    }))
    this.#busyLeaders.add(leader)
    for (const partition of partitions) this.#busyPartitions.add(partition)
    await this.#delivery.deliver(batches)
    this.#busyLeaders.delete(leader)
    for (const partition of partitions) this.#busyPartitions.delete(partition)
    for (const {items} of taken) {
      this.#inFlightCount -= items.length
      for (const item of items) this.#inFlightBytes -= item.bytes
    }
    for (const check of this.#waiting.splice(0)) check()
    this.#pump()
  }

  #hasRoom(): boolean {
    const {maxInFlightCount, maxInFlightBytes} = this.#limits
    return this.#inFlightCount < maxInFlightCount && this.#inFlightBytes < maxInFlightBytes
  }

  /** Looks again after each delivery. */
  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}
