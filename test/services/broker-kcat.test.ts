/** The embedded broker with kcat (librdkafka), a client that nobody here wrote. kcat comes from PATH. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {EmbeddedBroker} from '../../src/lib/broker/broker.js'
import {startEmbeddedBroker} from '../../src/lib/broker/start.js'
import {makeTemporaryDirectory, removeDirectory} from '../support/temp.js'
import {runCommand} from './process.js'

const TOPIC = 'payments.raw'

let directory: string
let broker: EmbeddedBroker

beforeAll(async () => {
  directory = await makeTemporaryDirectory()
  broker = await startEmbeddedBroker({directory})
})

afterAll(async () => {
  await broker?.stop()
  await removeDirectory(directory)
})

async function kcat(args: readonly string[], input = ''): Promise<string[]> {
  const {stdout} = await runCommand('kcat', ['-b', broker.address, '-q', ...args], {input, timeoutMs: 60_000})
  return stdout.split('\n').filter(line => line !== '')
}

const lines = (from: number, to: number): string[] =>
  Array.from({length: to - from}, (_, index) => `account-${(from + index) % 7}:payment ${from + index}`)

const produce = (topic: string, sent: readonly string[], args: readonly string[] = []): Promise<string[]> =>
  kcat(['-P', '-t', topic, '-K', ':', ...args], `${sent.join('\n')}\n`)

/** Everything on a topic as `key:value`, sorted, checksums verified. */
async function consume(topic: string): Promise<string[]> {
  const read = await kcat(['-C', '-t', topic, '-o', 'beginning', '-e', '-K', ':', '-X', 'check.crcs=true'])
  return read.toSorted()
}

describe('kcat', () => {
  it('lists the broker and, once it produced, the topic', async () => {
    await produce('listed', ['a:b'])
    const listed = (await kcat(['-L'])).join('\n')
    expect(listed).toContain(`broker 1 at ${broker.address}`)
    expect(listed).toContain('topic "listed" with 6 partitions')
    expect(listed).toContain('partition 0, leader 1, replicas: 1, isrs: 1')
  })

  it.each([
    {name: 'plain', args: []},
    {name: 'gzip', args: ['-z', 'gzip']},
    {name: 'snappy', args: ['-z', 'snappy']},
    {name: 'lz4', args: ['-z', 'lz4']},
    {name: 'zstd', args: ['-z', 'zstd']},
    {name: 'idempotent', args: ['-X', 'enable.idempotence=true']},
    {name: 'acks 1', args: ['-X', 'acks=1']},
    {name: 'acks 0', args: ['-X', 'acks=0']},
  ])('gets back, with right checksums, what it produced ($name)', async ({name, args}) => {
    const topic = `carried.${name.replace(' ', '-')}`
    const sent = lines(0, 1000)
    await produce(topic, sent, args)
    expect(await consume(topic)).toEqual(sent.toSorted())
  })

  it('keeps keys together and headers as they are', async () => {
    await produce('headers', lines(0, 70), ['-H', 'p2pay-due-us=123'])
    const read = await kcat(['-C', '-t', 'headers', '-e', '-o', 'beginning', '-f', '%k %p %h\\n'])
    expect(new Set(read).size).toBe(7)
    expect(read.every(line => line.endsWith('p2pay-due-us=123'))).toBe(true)
  })

  it('asks for offsets by position and by time', async () => {
    await produce('asked', ['k:v', 'k:w'], ['-p', '3'])
    const query = (time: string): Promise<string[]> => kcat(['-Q', '-t', `asked:3:${time}`])
    expect(await query('-1')).toEqual(['asked [3] offset 2'])
    expect(await query('-2')).toEqual(['asked [3] offset 0'])
    expect(await query('1000')).toEqual(['asked [3] offset 0'])
    expect(await query('99999999999999')).toEqual([expect.stringMatching(/offset (-1|2)$/)])
  })

  it('reads as a group, each record once over its lives', async () => {
    const group = ['-G', 'readers', '-X', 'auto.offset.reset=earliest', '-e', '-K', ':', 'grouped']
    await produce('grouped', lines(0, 100))
    expect((await kcat(group)).toSorted()).toEqual(lines(0, 100).toSorted())
    await produce('grouped', lines(100, 150))
    expect((await kcat(group)).toSorted()).toEqual(lines(100, 150).toSorted())
  })

  it('is refused a topic name that cannot be, and more than a message may have', async () => {
    await expect(produce('no/topic', ['a:b'])).rejects.toThrow()
    await expect(
      produce('large', [`k:${'x'.repeat(1_500_000)}`], ['-X', 'message.max.bytes=3000000']),
    ).rejects.toThrow()
    expect(await consume('large')).toEqual([])
  })

  it('finds its data and its group’s place after a restart of the broker', async () => {
    const group = ['-G', 'restarted', '-X', 'auto.offset.reset=earliest', '-e', '-K', ':', TOPIC]
    await produce(TOPIC, lines(0, 300))
    await kcat(group)
    const {address, clusterId} = broker
    await broker.stop()
    broker = await startEmbeddedBroker({directory, port: Number(address.split(':')[1])})
    expect(broker.clusterId).toBe(clusterId)
    expect(await consume(TOPIC)).toEqual(lines(0, 300).toSorted())
    await produce(TOPIC, lines(300, 310))
    expect((await kcat(group)).toSorted()).toEqual(lines(300, 310).toSorted())
  })
})
