/**
 * The detector's outputs to their topics: acks from all in-sync replicas, several topics in one request, partition by
 * murmur2 of the key. One call at a time. After an error the producer is thrown away: whatever is left of the failed
 * request must not mix with the caller's retry. Records may be doubled by a retry, never missing after success.
 */
import {EnvironmentError} from '../base/errors.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {failureOf, toEnvironmentError} from '../kafka/errors.js'
import {partitionOfKey} from '../kafka/partition-of.js'
import type {OutputRecord} from '../payment/record.js'
import type {RecordPublisher} from './publisher.js'

/** Records of one request; kafkajs's grouping is quadratic per partition. */
const REQUEST_COUNT = 1000
/** Bytes of one request: even if all of it goes to one partition, a broker takes it by default. */
const REQUEST_BYTES = 786_432
const RECORD_OVERHEAD_BYTES = 256

/** @throws EnvironmentError when no producer could be opened */
export async function openKafkaPublisher(connection: KafkaConnection): Promise<RecordPublisher> {
  const publisher = new KafkaPublisher(connection)
  await publisher.open()
  return publisher
}

class KafkaPublisher implements RecordPublisher {
  readonly #connection: KafkaConnection
  #producer: AckingProducer | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(connection: KafkaConnection) {
    this.#connection = connection
  }

  async open(): Promise<void> {
    this.#producer ??= await AckingProducer.open(this.#connection)
  }

  publish(records: readonly OutputRecord[]): Promise<void> {
    const result = this.#last.then(() => this.#publish(records))
    this.#last = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    await this.#last
    await this.#producer?.close()
    this.#producer = undefined
  }

  async #publish(records: readonly OutputRecord[]): Promise<void> {
    for (const request of requestsOf(records)) {
      try {
        await this.open()
        await this.#producer?.send(request)
      } catch (error) {
        const broken = this.#producer
        this.#producer = undefined
        void broken?.close()
        throw publishError(error, this.#connection.brokers)
      }
    }
  }
}

function publishError(error: unknown, brokers: readonly string[]): EnvironmentError {
  const {type, message} = failureOf(error)
  if (type !== 'MESSAGE_TOO_LARGE' && type !== 'RECORD_LIST_TOO_LARGE') {
    return toEnvironmentError(error, {doing: 'publish', brokers})
  }
  // Worth bisecting, not worth waiting for.
  return new EnvironmentError(`Kafka refused a record: ${message}`, {
    code: 'P2PAY_RECORD_TOO_LARGE',
    suggestions: ['raise max.message.bytes of the output topics to that of the input topic plus 1 KiB for headers'],
    cause: error,
  })
}

/** Cuts into requests, in order. */
function* requestsOf(records: readonly OutputRecord[]): Generator<readonly OutputRecord[]> {
  let from = 0
  let bytes = 0
  for (let index = 0; index < records.length; index++) {
    const record = records[index]
    const next = (record?.value?.length ?? 0) + (record?.key?.length ?? 0) + RECORD_OVERHEAD_BYTES
    if (index > from && (bytes + next > REQUEST_BYTES || index - from >= REQUEST_COUNT)) {
      yield records.slice(from, index)
      from = index
      bytes = 0
    }
    bytes += next
  }
  if (from < records.length) yield records.slice(from)
}

/** A kafkajs producer that is not believed when it passes over a partition. */
class AckingProducer {
  readonly #producer: ReturnType<ReturnType<KafkaConnection['newClient']>['producer']>
  /** `topic/partition` of the records of the current request. */
  #expected = new Set<string>()
  #turn = 0

  static async open(connection: KafkaConnection): Promise<AckingProducer> {
    const opened = new AckingProducer(connection)
    try {
      await opened.#producer.connect()
      return opened
    } catch (error) {
      void opened.close()
      throw toEnvironmentError(error, {doing: 'open a producer', brokers: connection.brokers})
    }
  }

  private constructor(connection: KafkaConnection) {
    this.#producer = connection.newClient().producer({
      allowAutoTopicCreation: false,
      metadataMaxAge: connection.settings.metadataMaxAgeMs,
      retry: {retries: 3, initialRetryTime: 100, maxRetryTime: 1000},
      createPartitioner: () => {
        return ({topic, partitionMetadata, message}) => {
          const count = partitionMetadata.length
          const partition = Buffer.isBuffer(message.key) ? partitionOfKey(message.key, count) : this.#turn++ % count
          this.#expected.add(`${topic}/${partition}`)
          return partition
        }
      },
    })
  }

  async send(records: readonly OutputRecord[]): Promise<void> {
    const topics = new Map<string, OutputRecord[]>()
    for (const record of records) {
      const same = topics.get(record.topic)
      if (same === undefined) topics.set(record.topic, [record])
      else same.push(record)
    }
    this.#expected = new Set()
    const answers = await this.#producer.sendBatch({
      acks: -1,
      topicMessages: [...topics].map(([topic, messages]) => ({
        topic,
        messages: messages.map(({key, value, headers, timestampMs}) => ({
          key,
          value,
          headers: {...headers},
          ...(timestampMs === undefined ? {} : {timestamp: String(timestampMs)}),
        })),
      })),
    })
    const answered = new Set(answers.map(({topicName, partition}) => `${topicName}/${partition}`))
    const silent = [...this.#expected].find(one => !answered.has(one))
    if (silent !== undefined) {
      throw new EnvironmentError(`Kafka did not acknowledge what went to ${silent}`, {code: 'P2PAY_BROKER_ERROR'})
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => {})
  }
}
