/** What holds for attempts to several leaders at once; the rest is proven against a broker (test/integration). */
import type {Kafka, Message, Producer, ProducerConfig, RecordMetadata} from 'kafkajs'
import {describe, expect, it} from 'vitest'
import {systemClock} from '../../../src/lib/base/clock.js'
import type {KafkaClients} from '../../../src/lib/kafka/client.js'
import {IdempotentProducer, type ProduceBatch} from '../../../src/lib/kafka/idempotent-producer.js'
import {parseProperties} from '../../../src/lib/kafka/properties.js'

const TOPIC = 'payments.raw'

/** As kafkajs 2.2 does it: metadata is waited for first, then the partitioner is asked for all records in a row. */
class TwoLeaders {
  readonly #metadata = [0, 1, 2, 3].map(partitionId => ({
    partitionErrorCode: 0,
    partitionId,
    leader: partitionId % 2,
    replicas: [],
    isr: [],
  }))

  producer(config: ProducerConfig = {}): Producer {
    const partitioner = config.createPartitioner?.()
    const send = async ({messages}: {messages: Message[]}): Promise<RecordMetadata[]> => {
      await Promise.resolve()
      const partitions = new Set(
        messages.map(message => partitioner?.({topic: TOPIC, partitionMetadata: this.#metadata, message}) ?? -1),
      )
      await Promise.resolve()
      return [...partitions].map(partition => ({topicName: TOPIC, partition, errorCode: 0, baseOffset: '7'}))
    }
    const producer: Partial<Producer> = {connect: async () => {}, disconnect: async () => {}, send}
    return producer as Producer
  }
}

function clients(): KafkaClients {
  const cluster = new TwoLeaders()
  return {
    brokers: ['a:9092', 'b:9092'],
    settings: parseProperties([]),
    clock: systemClock,
    newClient: () => ({producer: config => cluster.producer(config)}) as Kafka,
  }
}

function batchOf(partition: number): ProduceBatch {
  const record = {key: null, value: Buffer.from('{}'), headers: {}, timestamp: '1', partition}
  return {partition, records: [record, {...record}]}
}

describe('attempts for two leaders at once', () => {
  it('are each one request to one leader', async () => {
    const producer = await IdempotentProducer.open(clients(), TOPIC)
    const results = await Promise.all([
      producer.attempt([batchOf(0), batchOf(2)]),
      producer.attempt([batchOf(1), batchOf(3)]),
    ])
    expect(results).toEqual([
      {
        kind: 'acked',
        baseOffsets: new Map([
          [0, 7],
          [2, 7],
        ]),
      },
      {
        kind: 'acked',
        baseOffsets: new Map([
          [1, 7],
          [3, 7],
        ]),
      },
    ])
  })

  it('are told apart when one of them has records for both', async () => {
    const producer = await IdempotentProducer.open(clients(), TOPIC)
    const results = await Promise.all([
      producer.attempt([batchOf(0), batchOf(1)]),
      producer.attempt([batchOf(3)]),
      producer.attempt([batchOf(2)]),
    ])
    expect(results.map(({kind}) => kind)).toEqual(['spread', 'acked', 'acked'])
  })
})
