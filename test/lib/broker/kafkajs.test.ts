/** The embedded broker with a client that nobody here wrote: kafkajs, as producer, consumers and administrator. */
import {type Admin, CompressionTypes, type Consumer, Kafka, logLevel, Partitioners, type Producer} from 'kafkajs'
import {describe, expect, it, onTestFinished} from 'vitest'
import {BrokerServer, type BrokerServerOptions} from '../../../src/lib/broker/server.js'
import {commitOffset, WireClient} from '../../support/kafka-wire.js'
import {temporaryDirectory} from '../../support/temp.js'

const TOPIC = 'payments.raw'
const PARTITIONS = 4

interface Stage {
  readonly server: BrokerServer
  readonly kafka: Kafka
  readonly admin: Admin
  readonly directory: string
  readonly wire: WireClient
}

async function start(options: Partial<BrokerServerOptions> = {}): Promise<Stage> {
  const directory = options.directory ?? (await temporaryDirectory())
  const server = await BrokerServer.start({...options, directory})
  onTestFinished(() => server.stop())
  const kafka = new Kafka({
    brokers: [server.address],
    logLevel: logLevel.NOTHING,
    retry: {initialRetryTime: 20, retries: 5},
  })
  const admin = kafka.admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  const wire = await WireClient.connect(server.address)
  onTestFinished(() => wire.close())
  return {server, kafka, admin, directory, wire}
}

async function startWithTopic(options: Partial<BrokerServerOptions> = {}): Promise<Stage> {
  const stage = await start(options)
  await stage.admin.createTopics({topics: [{topic: TOPIC, numPartitions: PARTITIONS}]})
  return stage
}

async function producerOf(kafka: Kafka, options: {idempotent?: boolean} = {}): Promise<Producer> {
  const producer = kafka.producer({createPartitioner: Partitioners.DefaultPartitioner, ...options})
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

const messages = (from: number, to: number): {key: string; value: string}[] =>
  Array.from({length: to - from}, (_, index) => ({key: `account-${from + index}`, value: String(from + index)}))

interface Reading {
  readonly consumer: Consumer
  readonly seen: Set<string>
  /** Resolves once `count` different values were seen. */
  readonly has: (count: number) => Promise<void>
}

/** A member of group `g`, reading from the beginning. */
async function consume(kafka: Kafka, shared: Set<string> = new Set()): Promise<Reading> {
  const consumer = kafka.consumer({
    groupId: 'g',
    heartbeatInterval: 50,
    sessionTimeout: 6000,
    rebalanceTimeout: 5000,
    maxWaitTimeInMs: 100,
  })
  const waiting: {count: number; resolve: () => void}[] = []
  await consumer.connect()
  onTestFinished(() => consumer.disconnect())
  await consumer.subscribe({topic: TOPIC, fromBeginning: true})
  await consumer.run({
    eachMessage: async ({message}) => {
      shared.add(message.value?.toString() ?? '')
      for (const one of waiting) if (shared.size >= one.count) one.resolve()
    },
  })
  const has = (count: number): Promise<void> =>
    new Promise(resolve => {
      if (shared.size >= count) resolve()
      else waiting.push({count, resolve})
    })
  return {consumer, seen: shared, has}
}

/** How many partitions the member gets in its next generation. */
function nextAssignment(consumer: Consumer): Promise<number> {
  return new Promise(resolve => {
    const remove = consumer.on(consumer.events.GROUP_JOIN, ({payload}) => {
      remove()
      resolve(payload.memberAssignment[TOPIC]?.length ?? 0)
    })
  })
}

describe('kafkajs as administrator', () => {
  it('creates, lists, describes, grows and deletes topics', async () => {
    const {admin} = await start()
    expect(
      await admin.createTopics({topics: [{topic: TOPIC, numPartitions: 2}], validateOnly: true, waitForLeaders: false}),
    ).toBe(true)
    expect(await admin.listTopics()).toEqual([])
    await admin.createTopics({topics: [{topic: TOPIC, numPartitions: 2}, {topic: 'payments.legit'}]})
    expect(await admin.createTopics({topics: [{topic: TOPIC}]})).toBe(false)
    expect((await admin.listTopics()).sort()).toEqual(['payments.legit', TOPIC])
    await admin.createPartitions({topicPartitions: [{topic: TOPIC, count: 5}]})
    const {topics} = await admin.fetchTopicMetadata({topics: [TOPIC]})
    expect(topics[0]?.partitions.map(partition => [partition.partitionId, partition.leader])).toHaveLength(5)
    const {resources} = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{type: 2, name: TOPIC, configNames: ['max.message.bytes']}],
    })
    expect(resources[0]?.configEntries.map(entry => [entry.configName, entry.configValue])).toEqual([
      ['max.message.bytes', '1048588'],
    ])
    await admin.deleteTopics({topics: [TOPIC]})
    expect(await admin.listTopics()).toEqual(['payments.legit'])
    expect(await admin.describeCluster()).toMatchObject({controller: 1, brokers: [{nodeId: 1, host: '127.0.0.1'}]})
  })

  it('sees offsets, also by time, and deletes records', async () => {
    const {kafka, admin} = await start()
    await admin.createTopics({topics: [{topic: TOPIC, numPartitions: 1}]})
    const producer = await producerOf(kafka)
    const timed = [1000, 2000, 3000].map(timestamp => ({value: 'x', timestamp: String(timestamp)}))
    await producer.send({topic: TOPIC, messages: timed})
    expect(await admin.fetchTopicOffsets(TOPIC)).toEqual([{partition: 0, offset: '3', high: '3', low: '0'}])
    expect(await admin.fetchTopicOffsetsByTimestamp(TOPIC, 1500)).toEqual([{partition: 0, offset: '1'}])
    await admin.deleteTopicRecords({topic: TOPIC, partitions: [{partition: 0, offset: '2'}]})
    expect((await admin.fetchTopicOffsets(TOPIC))[0]).toMatchObject({low: '2', high: '3'})
  })

  it('fetches a group’s offsets, lists and deletes it', async () => {
    const {admin, wire} = await startWithTopic()
    await commitOffset(wire, 'g', TOPIC, 7)
    const [fetched] = await admin.fetchOffsets({groupId: 'g', topics: [TOPIC]})
    expect(fetched?.partitions.map(one => one.offset).sort()).toEqual(['-1', '-1', '-1', '7'])
    expect((await admin.listGroups()).groups).toEqual([{groupId: 'g', protocolType: expect.any(String)}])
    await admin.deleteGroups(['g'])
    expect((await admin.listGroups()).groups).toEqual([])
  })
})

describe('kafkajs as producer and consumer', () => {
  it.each([
    {name: 'plain', send: {}, producer: {}},
    {name: 'gzip', send: {compression: CompressionTypes.GZIP}, producer: {}},
    {name: 'idempotent', send: {}, producer: {idempotent: true}},
    {name: 'acks 1', send: {acks: 1}, producer: {}},
    {name: 'acks 0', send: {acks: 0}, producer: {}},
  ])('carries every message from the beginning ($name)', async ({send, producer: options}) => {
    const {kafka} = await startWithTopic()
    const producer = await producerOf(kafka, options)
    await producer.send({topic: TOPIC, messages: messages(0, 50), ...send})
    const {seen, has} = await consume(kafka)
    await producer.send({topic: TOPIC, messages: messages(50, 100), ...send})
    await has(100)
    expect(seen.size).toBe(100)
  })

  it('keeps an idempotent producer’s batch once when the answer is lost', async () => {
    const {server, kafka, admin} = await startWithTopic()
    const quick = new Kafka({
      brokers: [server.address],
      logLevel: logLevel.NOTHING,
      requestTimeout: 200,
      retry: {initialRetryTime: 10, retries: 5},
    })
    const producer = await producerOf(quick, {idempotent: true})
    await producer.send({topic: TOPIC, messages: [{value: 'first', partition: 0}]})
    await server.injectFaults([{api: 'Produce', action: {kind: 'drop-response'}}])
    await producer.send({topic: TOPIC, messages: [{value: 'second', partition: 0}]})
    expect((await admin.fetchTopicOffsets(TOPIC)).find(one => one.partition === 0)?.high).toBe('2')
    const {has} = await consume(kafka)
    await has(2)
  })

  it('is told that a message is too large', async () => {
    const {kafka} = await startWithTopic()
    const producer = await producerOf(kafka)
    await expect(producer.send({topic: TOPIC, messages: [{value: 'x'.repeat(2_000_000)}]})).rejects.toMatchObject({
      type: 'MESSAGE_TOO_LARGE',
    })
  })

  it('retries input over the quota until the group has caught up', async () => {
    const refusals: string[] = []
    let tell: () => void = () => {}
    const refused = new Promise<void>(resolve => {
      tell = resolve
    })
    const log = (line: string): void => {
      refusals.push(line)
      tell()
    }
    const {kafka, wire} = await startWithTopic({quotaBytes: 200_000, log})
    const producer = await producerOf(kafka)
    const big = {partition: 0, value: 'x'.repeat(250_000)}
    await commitOffset(wire, 'g', TOPIC, 0)
    await producer.send({topic: TOPIC, messages: [big]})
    const sending = producer.send({topic: TOPIC, messages: [big]})
    await refused
    await commitOffset(wire, 'g', TOPIC, 1)
    expect(refusals[0]).toContain('group g lags on payments.raw')
    expect(await sending).toMatchObject([{partition: 0, errorCode: 0, baseOffset: '1'}])
  })
})

describe('a kafkajs consumer group', () => {
  it('shares its partitions, and takes them back when a member leaves', async () => {
    const {kafka, admin} = await startWithTopic()
    const producer = await producerOf(kafka)
    const seen = new Set<string>()
    const one = await consume(kafka, seen)
    await producer.send({topic: TOPIC, messages: messages(0, 40)})
    await one.has(40)
    const shared = nextAssignment(one.consumer)
    const two = await consume(kafka, seen)
    expect(await shared).toBe(PARTITIONS / 2)
    const {groups} = await admin.describeGroups(['g'])
    expect(groups[0]).toMatchObject({
      state: expect.stringMatching(/Stable|CompletingRebalance/),
      protocolType: 'consumer',
    })
    expect(groups[0]?.members).toHaveLength(2)
    await producer.send({topic: TOPIC, messages: messages(40, 80)})
    await Promise.race([one.has(80), two.has(80)])
    const whole = nextAssignment(one.consumer)
    await two.consumer.disconnect()
    expect(await whole).toBe(PARTITIONS)
    await producer.send({topic: TOPIC, messages: messages(80, 120)})
    await one.has(120)
    expect(seen.size).toBe(120)
  })

  it('goes on after a restart of the broker where it had committed', async () => {
    const {server, kafka, directory} = await startWithTopic()
    const producer = await producerOf(kafka)
    await producer.send({topic: TOPIC, messages: messages(0, 30)})
    const before = await consume(kafka)
    await before.has(30)
    await before.consumer.disconnect()
    await server.stop()

    const again = await start({directory})
    const next = await producerOf(again.kafka)
    await next.send({topic: TOPIC, messages: messages(30, 60)})
    const after = await consume(again.kafka)
    await after.has(30)
    expect([...after.seen].map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({length: 30}, (_, index) => 30 + index),
    )
  })
})
