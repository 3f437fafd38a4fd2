/**
 * Payments to a Kafka topic: acks from all in-sync replicas, partition by murmur2 of the key (Java's own), a header
 * with the due time in µs and the due time as record timestamp. kafka-batcher.ts brings them together to requests.
 * What is queued and under way is bounded: above it `send` makes the caller wait.
 */
import {assert} from '../base/assert.js'
import type {Clock} from '../base/clock.js'
import {EnvironmentError} from '../base/errors.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {partitionOf} from '../kafka/partition-of.js'
import {HEADERS} from '../payment/topics.js'
import {KafkaBatcher} from './kafka-batcher.js'
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

/**
 * @throws EnvironmentError P2PAY_TOPIC_MISSING, or when no producer could be opened
 */
export async function openKafkaSink(
  connection: KafkaConnection,
  options: KafkaSinkOptions,
  onOutcome: OutcomeListener,
): Promise<PaymentSink> {
  const batcher = await openBatcher(connection, options, onOutcome)
  return new KafkaSink(connection, options.topic, batcher)
}

/** @throws EnvironmentError P2PAY_TOPIC_MISSING, or when no producer could be opened */
export async function openBatcher(
  connection: KafkaConnection,
  options: KafkaSinkOptions,
  onOutcome: OutcomeListener,
): Promise<KafkaBatcher> {
  const {topic} = options
  const {settings} = connection
  const [info] = await connection.admin.describeTopics([topic])
  if (info === undefined) {
    throw new EnvironmentError(`Topic ${topic} does not exist`, {
      code: 'P2PAY_TOPIC_MISSING',
      suggestions: [`create it: p2pay topics create ${topic}`],
    })
  }
  const batcher = new KafkaBatcher(connection, {
    topic,
    partitionCount: info.partitions.length,
    leaders: leadersOf(info.partitions),
    lingerMs: options.lingerMs ?? settings.lingerMs,
    batchBytes: options.batchBytes ?? BATCH_BYTES,
    batchCount: options.batchCount ?? BATCH_COUNT,
    maxInFlightCount: options.maxInFlightCount ?? MAX_IN_FLIGHT_COUNT,
    maxInFlightBytes: options.maxInFlightBytes ?? MAX_IN_FLIGHT_BYTES,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? settings.deliveryTimeoutMs,
    onOutcome,
  })
  await batcher.open()
  return batcher
}

function leadersOf(
  partitions: readonly {readonly partition: number; readonly leader: number}[],
): ReadonlyMap<number, number> {
  return new Map(partitions.map(({partition, leader}) => [partition, leader]))
}

class KafkaSink implements PaymentSink {
  readonly description: string
  readonly #clock: Clock
  readonly #batcher: KafkaBatcher
  #turn = 0
  #isClosed = false

  constructor(connection: KafkaConnection, topic: string, batcher: KafkaBatcher) {
    this.description = `Kafka topic ${topic} at ${connection.brokers.join(',')}`
    this.#clock = connection.clock
    this.#batcher = batcher
  }

  send(payments: OutgoingPayments): Promise<void> | undefined {
    assert(!this.#isClosed, 'nothing is sent to a closed sink')
    const {block, from, to, dueUs} = payments
    const {partitionCount} = this.#batcher
    const enqueuedUs = this.#clock.nowUs()
    // Payments without a key take turns by hand-over, so that a request does not fan out to every partition.
    this.#turn = (this.#turn + 1) % partitionCount
    for (let row = from; row < to; row++) {
      const keyStart = block.keyStarts[row] ?? 0
      const keyLength = block.keyLengths[row] ?? 0
      const start = block.offsets[row] ?? 0
      const due = Math.round(dueUs[row - from] ?? enqueuedUs)
      const record = {
        key: keyLength === 0 ? null : block.bytes.subarray(keyStart, keyStart + keyLength),
        value: block.bytes.subarray(start, block.offsets[row + 1] ?? start),
        headers: {[HEADERS.dueUs]: String(due)},
        timestamp: String(Math.floor(due / 1000)),
        partition: keyLength === 0 ? this.#turn : partitionOf(block.bytes, keyStart, keyLength, partitionCount),
      }
      this.#batcher.add(block.sequences[row] ?? 0, record, enqueuedUs)
    }
    this.#batcher.pump()
    return this.#batcher.hasRoom ? undefined : this.#batcher.untilRoom()
  }

  flush(): Promise<void> {
    return this.#batcher.flush()
  }

  async close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
    await this.#batcher.close()
  }
}
