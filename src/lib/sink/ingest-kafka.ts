/**
 * Single payments to the raw topic, each with an outcome of its own: what an API waits for before it answers. Nothing
 * lingers by default: what comes while a request is under way makes the next batch.
 */
import {assert} from '../base/assert.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {partitionOfKey} from '../kafka/partition-of.js'
import {HEADERS} from '../payment/topics.js'
import type {IngestOutcome, IngestRecord, IngestSink} from './ingest-sink.js'
import {type KafkaSinkOptions, openBatcher} from './kafka-sink.js'
import type {SendOutcome} from './sink.js'

/** As those of a Kafka sink, with defaults of its own: 10,000 payments and 32 MiB pending, no linger, 10 s. */
export type IngestKafkaOptions = KafkaSinkOptions

const LINGER_MS = 0
const MAX_IN_FLIGHT_COUNT = 10_000
const MAX_IN_FLIGHT_BYTES = 33_554_432
/** A client waits for the outcome: it is better told soon that nobody knows. */
const DELIVERY_TIMEOUT_MS = 10_000

/** @throws EnvironmentError P2PAY_TOPIC_MISSING, or when no producer could be opened */
export async function openIngestSink(connection: KafkaConnection, options: IngestKafkaOptions): Promise<IngestSink> {
  const maxCount = options.maxInFlightCount ?? MAX_IN_FLIGHT_COUNT
  const maxBytes = options.maxInFlightBytes ?? MAX_IN_FLIGHT_BYTES
  const waiting = new Map<number, {readonly bytes: number; readonly resolve: (outcome: IngestOutcome) => void}>()
  let pendingBytes = 0
  const settle = (outcome: SendOutcome): void => {
    for (const [index, sequence] of outcome.sequences.entries()) {
      const one = waiting.get(sequence)
      if (one === undefined) continue
      waiting.delete(sequence)
      pendingBytes -= one.bytes
      one.resolve(ofOne(outcome, index))
    }
  }
  const defaults = {lingerMs: LINGER_MS, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS}
  const batcher = await openBatcher(connection, {...defaults, ...options}, settle)
  let nextSequence = 0
  let isPumping = false
  let isClosed = false

  // What is offered in one go travels together: the first must not leave before the others are there.
  const pumpSoon = (): void => {
    if (isPumping) return
    isPumping = true
    queueMicrotask(() => {
      isPumping = false
      batcher.pump()
    })
  }

  return {
    description: `Kafka topic ${options.topic} at ${connection.brokers.join(',')}`,
    partitionCount: batcher.partitionCount,
    offer({key, value, dueUs}: IngestRecord) {
      assert(!isClosed, 'nothing is offered to a closed sink')
      if (waiting.size >= maxCount || pendingBytes >= maxBytes) return undefined
      const sequence = nextSequence++
      const record = {
        key,
        value,
        headers: {[HEADERS.dueUs]: String(Math.round(dueUs))},
        timestamp: String(Math.floor(dueUs / 1000)),
        partition: partitionOfKey(key, batcher.partitionCount),
      }
      batcher.add(sequence, record, connection.clock.nowUs())
      pumpSoon()
      const bytes = key.length + value.length
      pendingBytes += bytes
      return new Promise(resolve => waiting.set(sequence, {bytes, resolve}))
    },
    get pendingCount() {
      return waiting.size
    },
    get pendingBytes() {
      return pendingBytes
    },
    flush: () => batcher.flush(),
    async close() {
      isClosed = true
      await batcher.close()
    },
  }
}

/** The payments of an outcome lie one after the other; an offset of −1 is one that the broker did not tell. */
function ofOne(outcome: SendOutcome, index: number): IngestOutcome {
  const {state, partition, baseOffset, settledUs} = outcome
  if (state === 'acked') return {state, partition, offset: baseOffset < 0 ? -1 : baseOffset + index, settledUs}
  return {state, code: outcome.errorCode ?? 'UNKNOWN', message: outcome.errorMessage ?? 'no reason was given'}
}
