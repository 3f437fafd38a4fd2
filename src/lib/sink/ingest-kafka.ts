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
/** A client waits for the outcome: it is better told soon that nobody knows. */
const DELIVERY_TIMEOUT_MS = 10_000

/** @throws EnvironmentError P2PAY_TOPIC_MISSING, or when no producer could be opened */
export async function openIngestSink(connection: KafkaConnection, options: IngestKafkaOptions): Promise<IngestSink> {
  const waiting = new Map<number, (outcome: IngestOutcome) => void>()
  const settle = (outcome: SendOutcome): void => {
    for (const [index, sequence] of outcome.sequences.entries()) {
      waiting.get(sequence)?.(ofOne(outcome, index))
      waiting.delete(sequence)
    }
  }
  const defaults = {lingerMs: LINGER_MS, maxInFlightCount: MAX_IN_FLIGHT_COUNT, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS}
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
      if (!batcher.hasRoom) return undefined
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
      return new Promise(resolve => waiting.set(sequence, resolve))
    },
    get pendingCount() {
      return batcher.inFlightCount
    },
    get pendingBytes() {
      return batcher.inFlightBytes
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
