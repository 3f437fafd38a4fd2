/**
 * The embedded broker with Apache Kafka 4's own Java clients and command-line tools. They speak the newest versions
 * that the broker has, and have dropped the oldest ones (KIP-896).
 */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {EmbeddedBroker} from '../../src/lib/broker/broker.js'
import {startEmbeddedBroker} from '../../src/lib/broker/start.js'
import {makeTemporaryDirectory, removeDirectory} from '../support/temp.js'
import {consoleConsume, countRecords, type KafkaTool, type KafkaToolOptions, kafkaTool} from './kafka/tools.js'

let directory: string
let broker: EmbeddedBroker
const refusals: string[] = []

beforeAll(async () => {
  directory = await makeTemporaryDirectory()
  broker = await startEmbeddedBroker({directory, log: line => refusals.push(line)})
})

afterAll(async () => {
  await broker?.stop()
  await removeDirectory(directory)
})

function classpath(): string {
  const path = process.env['P2PAY_KAFKA_CLASSPATH']
  if (!path) throw new Error("P2PAY_KAFKA_CLASSPATH is not set: the service suite's setup sets it")
  return path
}

async function tool(name: KafkaTool, args: readonly string[], options: KafkaToolOptions = {}): Promise<string> {
  const {stdout} = await kafkaTool(classpath(), name, ['--bootstrap-server', broker.address, ...args], options)
  return stdout
}

const createTopic = (topic: string, partitions = 3): Promise<string> =>
  tool('topics', ['--create', '--topic', topic, '--partitions', String(partitions)])

const values = (from: number, to: number): string[] =>
  Array.from({length: to - from}, (_, index) => `payment ${from + index}`)

const produce = (topic: string, sent: readonly string[], args: readonly string[] = []): Promise<string> =>
  tool('consoleProducer', ['--topic', topic, ...args], {input: `${sent.join('\n')}\n`})

describe("Kafka's own tools", () => {
  it('find every API that they need in a version that they know', async () => {
    const listed = await tool('brokerApiVersions', [])
    expect(listed).toContain('Produce(0): 0 to 11')
    expect(listed).toContain('FindCoordinator(10): 0 to 4')
  })

  it('create, list, describe, grow and delete topics', async () => {
    await createTopic('made')
    await expect(createTopic('made')).rejects.toThrow('already exists')
    expect((await tool('topics', ['--list'])).split('\n')).toContain('made')
    expect(await tool('topics', ['--describe', '--topic', 'made'])).toMatch(
      /Topic: made\s+TopicId: \S{22}\s+PartitionCount: 3\s+ReplicationFactor: 1/,
    )
    await tool('topics', ['--alter', '--topic', 'made', '--partitions', '5'])
    expect(await tool('topics', ['--describe', '--topic', 'made'])).toContain('PartitionCount: 5')
    await tool('topics', ['--delete', '--topic', 'made'])
    expect((await tool('topics', ['--list'])).split('\n')).not.toContain('made')
    await expect(tool('topics', ['--create', '--topic', 'three', '--replication-factor', '3'])).rejects.toThrow(
      'there is one broker',
    )
  })

  it('produce idempotently (their default) and consume everything', async () => {
    await createTopic('carried')
    await produce('carried', values(0, 500))
    const read = await consoleConsume(classpath(), broker.address, {topic: 'carried', count: 500})
    expect(read.toSorted()).toEqual(values(0, 500).toSorted())
    expect(await countRecords(classpath(), broker.address, 'carried')).toBe(500)
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('carry batches compressed with %s', async codec => {
    const topic = `compressed.${codec}`
    await createTopic(topic, 1)
    await produce(topic, values(0, 200), ['--compression-codec', codec])
    expect(await consoleConsume(classpath(), broker.address, {topic, count: 200})).toEqual(values(0, 200))
  })

  it('consume as a group, which describes itself and begins where it had ended', async () => {
    const consume = (count: number): Promise<string> =>
      tool('consoleConsumer', [
        ...['--topic', 'grouped', '--group', 'readers', '--from-beginning'],
        ...['--max-messages', String(count), '--timeout-ms', '30000'],
      ])
    await createTopic('grouped', 2)
    await produce('grouped', values(0, 50))
    await consume(50)
    await produce('grouped', values(50, 60))
    const before = await tool('consumerGroups', ['--describe', '--group', 'readers'])
    const lag = before.split('\n').reduce((sum, line) => {
      const columns = line.trim().split(/\s+/)
      return columns[0] === 'readers' ? sum + Number(columns[5]) : sum
    }, 0)
    expect(lag).toBe(10)
    expect((await consume(10)).split('\n').filter(Boolean).toSorted()).toEqual(values(50, 60).toSorted())
    expect(await tool('consumerGroups', ['--list', '--state'])).toMatch(/readers\s+Empty/)
    await tool('consumerGroups', [
      '--reset-offsets',
      '--to-earliest',
      '--group',
      'readers',
      '--topic',
      'grouped',
      '--execute',
    ])
    expect((await consume(60)).split('\n').filter(Boolean)).toHaveLength(60)
    await tool('consumerGroups', ['--delete', '--group', 'readers'])
    expect(await tool('consumerGroups', ['--list'])).not.toContain('readers')
  })

  it('produce hundreds of thousands of records, five requests in flight, none of them lost or doubled', async () => {
    await createTopic('volume', 4)
    const report = await kafkaTool(classpath(), 'producerPerformance', [
      ...['--topic', 'volume', '--num-records', '300000', '--record-size', '400', '--throughput', '-1'],
      ...['--producer-props', `bootstrap.servers=${broker.address}`, 'batch.size=65536', 'linger.ms=5'],
    ])
    expect(report.stdout).toContain('300000 records sent')
    expect(await countRecords(classpath(), broker.address, 'volume')).toBe(300_000)
  })

  it('retry over lost answers and refusals without losing or doubling a record', async () => {
    await createTopic('troubled', 2)
    const always = {times: Number.POSITIVE_INFINITY}
    await broker.injectFaults([
      {api: 'Produce', skip: 3, times: 2, action: {kind: 'close'}},
      {api: 'Produce', skip: 8, times: 2, action: {kind: 'error', errorCode: 19}},
      {api: 'Metadata', topic: 'nothing', ...always, action: {kind: 'close'}},
    ])
    await kafkaTool(classpath(), 'producerPerformance', [
      ...['--topic', 'troubled', '--num-records', '20000', '--record-size', '400', '--throughput', '-1'],
      ...['--producer-props', `bootstrap.servers=${broker.address}`],
    ])
    await broker.injectFaults([])
    expect(await countRecords(classpath(), broker.address, 'troubled')).toBe(20_000)
  })

  it('find everything after a restart of the broker', async () => {
    await createTopic('kept', 1)
    await produce('kept', values(0, 100))
    const {address} = broker
    await broker.stop()
    broker = await startEmbeddedBroker({
      directory,
      port: Number(address.split(':')[1]),
      log: line => refusals.push(line),
    })
    expect(await consoleConsume(classpath(), broker.address, {topic: 'kept', count: 100})).toEqual(values(0, 100))
    await produce('kept', values(100, 110))
    expect(await countRecords(classpath(), broker.address, 'kept')).toBe(110)
  })

  it('were never turned away for a version', () => {
    expect(refusals.filter(line => line.includes('not supported'))).toEqual([])
  })
})
