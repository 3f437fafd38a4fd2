/**
 * Records on their way to one Kafka topic. They wait in a queue per partition; the queues of one leader go out in one
 * request when they are old (linger) or large enough, one request at a time per leader. Bounds are looked at by the
 * caller: `hasRoom`.
 */
import type {KafkaConnection} from '../kafka/connection.js'
import type {ProduceRecord} from '../kafka/idempotent-producer.js'
import {type DeliveryBatch, KafkaDelivery} from './kafka-delivery.js'
import type {OutcomeListener} from './sink.js'

export interface KafkaBatcherOptions {
  readonly topic: string
  readonly partitionCount: number
  /** Node id of each partition's leader. */
  readonly leaders: ReadonlyMap<number, number>
  /** How long a record may wait for company. */
  readonly lingerMs: number
  /** Bytes and records of one partition in one request. */
  readonly batchBytes: number
  readonly batchCount: number
  /** On what is queued and under way. */
  readonly maxInFlightCount: number
  readonly maxInFlightBytes: number
  readonly deliveryTimeoutMs: number
  /** By the sequence numbers given to `add`. */
  readonly onOutcome: OutcomeListener
}

/** What a record costs beside key and value: lengths, timestamp, our header. */
const RECORD_OVERHEAD_BYTES = 48

/** A record that waits. */
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

export class KafkaBatcher {
  readonly #connection: KafkaConnection
  readonly #options: KafkaBatcherOptions
  readonly #delivery: KafkaDelivery
  readonly #queues: readonly PartitionQueue[]
  readonly #busyLeaders = new Set<number>()
  readonly #busyPartitions = new Set<number>()
  readonly #waiting: (() => void)[] = []
  #inFlightCount = 0
  #inFlightBytes = 0
  #isFlushing = false
  #isLingering = false

  constructor(connection: KafkaConnection, options: KafkaBatcherOptions) {
    const {topic, deliveryTimeoutMs, onOutcome} = options
    this.#connection = connection
    this.#options = options
    this.#queues = Array.from({length: options.partitionCount}, () => new PartitionQueue())
    this.#delivery = new KafkaDelivery({connection, topic, deliveryTimeoutMs, onOutcome}, options.leaders)
  }

  get partitionCount(): number {
    return this.#queues.length
  }

  /** What is queued and under way is within the bounds. */
  get hasRoom(): boolean {
    const {maxInFlightCount, maxInFlightBytes} = this.#options
    return this.#inFlightCount < maxInFlightCount && this.#inFlightBytes < maxInFlightBytes
  }

  /** Opens the first producer. @throws EnvironmentError */
  open(): Promise<void> {
    return this.#delivery.open()
  }

  /** Takes a record over, to be sent at one of the next calls of `pump`. @param enqueuedUs now */
  add(sequence: number, record: ProduceRecord, enqueuedUs: number): void {
    const bytes = (record.value?.length ?? 0) + (record.key?.length ?? 0) + RECORD_OVERHEAD_BYTES
    this.#queues[record.partition]?.push({sequence, record, bytes, enqueuedUs})
    this.#inFlightCount++
    this.#inFlightBytes += bytes
  }

  /** Resolves when there is room. */
  untilRoom(): Promise<void> {
    return this.#until(() => this.hasRoom)
  }

  async flush(): Promise<void> {
    this.#isFlushing = true
    this.pump()
    await this.#until(() => this.#inFlightCount === 0)
    this.#isFlushing = false
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#delivery.close()
  }

  /** Starts a delivery for each leader that has none under way and whose records have waited long enough. */
  pump(): void {
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
    const {lingerMs, batchBytes, batchCount} = this.#options
    if (this.#isFlushing || lingerMs <= 0 || queue.count >= batchCount || queue.bytes >= batchBytes) return true
    return this.#connection.clock.nowUs() - queue.oldestUs >= lingerMs * 1000
  }

  async #linger(): Promise<void> {
    if (this.#isLingering) return
    this.#isLingering = true
    await this.#connection.clock.sleep(this.#options.lingerMs)
    this.#isLingering = false
    this.pump()
  }

  async #deliver(leader: number, partitions: readonly number[]): Promise<void> {
    const {batchBytes, batchCount} = this.#options
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
    this.pump()
  }

  /** Looks again after each delivery. */
  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}
