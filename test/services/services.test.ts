/**
 * The services themselves, before anything of p2pay meets them: Kafka's own tools and SQL work against them, and they
 * come back with their data after a stop and after a crash.
 */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {services, uniqueName, withFreshDatabase} from './context.js'
import {KafkaNode} from './kafka/node.js'
import {consoleConsume, countRecords, kafkaTool} from './kafka/tools.js'
import {PostgresServer, withClient} from './postgres.js'

const VALUES = ['one', 'two', 'three']

async function createTopic(brokers: string, topic: string): Promise<void> {
  const args = ['--bootstrap-server', brokers, '--create', '--topic', topic, '--partitions', '3']
  await kafkaTool(services().classpath, 'topics', args)
}

async function produce(brokers: string, topic: string): Promise<void> {
  const args = ['--bootstrap-server', brokers, '--topic', topic]
  await kafkaTool(services().classpath, 'consoleProducer', args, {input: VALUES.map(value => `${value}\n`).join('')})
}

describe('Apache Kafka', () => {
  it('carries records between its own console tools, and counts them', async () => {
    const {brokers, classpath} = services()
    const topic = uniqueName('services')
    await createTopic(brokers, topic)
    await produce(brokers, topic)
    expect(await countRecords(classpath, brokers, topic)).toBe(VALUES.length)
    const read = await consoleConsume(classpath, brokers, {topic, count: VALUES.length})
    expect(read.toSorted()).toEqual(VALUES.toSorted())
  })

  it('does not create a topic that nobody asked for', async () => {
    const {brokers, classpath} = services()
    const {stdout} = await kafkaTool(classpath, 'topics', ['--bootstrap-server', brokers, '--list'])
    expect(stdout.split('\n')).not.toContain('payments.nobody-created-this')
    await expect(countRecords(classpath, brokers, 'payments.nobody-created-this')).rejects.toThrow()
  })
})

describe('a Kafka node of a test’s own', () => {
  let node: KafkaNode
  beforeAll(async () => {
    node = await KafkaNode.create(services().classpath)
  })
  afterAll(() => node.remove())

  it.each(['stop', 'kill'] as const)('keeps address and records over %s and start', async end => {
    const topic = uniqueName(end)
    await createTopic(node.brokers, topic)
    await produce(node.brokers, topic)
    await node[end]()
    await node.start()
    expect(await countRecords(services().classpath, node.brokers, topic)).toBe(VALUES.length)
  })
})

describe('PostgreSQL', () => {
  it('gives each test a database of its own and takes it away again', async () => {
    const name = await withFreshDatabase(async databaseUrl => {
      const {rows} = await withClient(databaseUrl, client => client.query('select current_database() as name'))
      return rows[0].name
    })
    const {databaseUrl} = services()
    const {rowCount} = await withClient(databaseUrl, client =>
      client.query('select 1 from pg_database where datname = $1', [name]),
    )
    expect(rowCount).toBe(0)
  })
})

describe('a PostgreSQL of a test’s own', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.create()
  })
  afterAll(() => server.remove())

  it.each(['stop', 'kill'] as const)('keeps address and committed rows over %s and start', async end => {
    await withClient(server.databaseUrl, client =>
      client.query(`create table after_${end} as select generate_series(1, 3)`),
    )
    await server[end]()
    await expect(withClient(server.databaseUrl, client => client.query('select 1'))).rejects.toThrow()
    await server.start()
    const {rowCount} = await withClient(server.databaseUrl, client => client.query(`select * from after_${end}`))
    expect(rowCount).toBe(3)
  })
})
