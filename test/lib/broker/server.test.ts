import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it, onTestFinished} from 'vitest'
import {type Clock, systemClock} from '../../../src/lib/base/clock.js'
import type {Writer} from '../../../src/lib/broker/codec.js'
import {writeAt} from '../../../src/lib/broker/files.js'
import {BrokerServer, type BrokerServerOptions} from '../../../src/lib/broker/server.js'
import {batchesIn, batchOf, commitOffset as commit, requestFrame, WireClient} from '../../support/kafka-wire.js'
import {temporaryDirectory} from '../../support/temp.js'
import {settle, VirtualClock} from '../../support/virtual-clock.js'

const PRODUCE = 0
const FETCH = 1
const LIST_OFFSETS = 2
const METADATA = 3
const CREATE_TOPICS = 19
const DELETE_TOPICS = 20

interface Stage {
  readonly directory: string
  readonly server: BrokerServer
  readonly client: WireClient
  readonly lines: string[]
}

async function start(options: Partial<BrokerServerOptions> = {}): Promise<Stage> {
  const directory = options.directory ?? (await temporaryDirectory())
  const lines: string[] = []
  const server = await BrokerServer.start({partitions: 2, ...options, directory, log: line => lines.push(line)})
  const client = await WireClient.connect(server.address)
  onTestFinished(() => server.stop())
  onTestFinished(() => client.close())
  return {directory, server, client, lines}
}

const createTopic = (client: WireClient, name: string, partitions = 1): Promise<unknown> =>
  client.call(CREATE_TOPICS, 2, writer =>
    writer
      .array([name], topic => {
        writer.string(topic).int32(partitions).int16(1)
        writer.array([], () => {}).array([], () => {})
      })
      .int32(1000)
      .bool(false),
  )

const produceBody =
  (topic: string, batch: Buffer, acks = -1, partition = 0) =>
  (writer: Writer): void => {
    writer.string(null).int16(acks).int32(1000)
    writer.array([topic], name => writer.string(name).array([partition], index => writer.int32(index).bytes(batch)))
  }

/** Produce version 7 of one batch to partition 0: error code and base offset. */
async function produce(client: WireClient, topic: string, batch: Buffer): Promise<{errorCode: number; offset: number}> {
  const reader = await client.call(PRODUCE, 7, produceBody(topic, batch))
  if (reader === undefined) throw new Error('the connection was closed')
  let answer = {errorCode: -1, offset: -1}
  reader.array(() => {
    reader.string()
    reader.array(() => {
      reader.int32()
      answer = {errorCode: reader.int16(), offset: reader.int64()}
      reader.int64()
      reader.int64()
    })
  })
  return answer
}

interface FetchWish {
  readonly topic: string
  readonly offset: number
  readonly partitions?: readonly number[]
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
}

const fetchBody =
  (wish: FetchWish) =>
  (writer: Writer): void => {
    writer
      .int32(-1)
      .int32(wish.maxWaitMs ?? 0)
      .int32(wish.minBytes ?? 1)
      .int32(wish.maxBytes ?? 1e7)
      .int8(0)
    writer.array([wish.topic], topic =>
      writer.string(topic).array(wish.partitions ?? [0], partition =>
        writer
          .int32(partition)
          .int64(wish.offset)
          .int32(wish.partitionMaxBytes ?? 1e6),
      ),
    )
  }

/** Fetch version 4: error code and batches of each partition. */
async function fetch(
  client: WireClient,
  wish: FetchWish,
): Promise<{errorCode: number; batches: ReturnType<typeof batchesIn>}[]> {
  const reader = await client.call(FETCH, 4, fetchBody(wish))
  if (reader === undefined) throw new Error('the connection was closed')
  reader.int32()
  return reader
    .array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        const errorCode = reader.int16()
        reader.int64()
        reader.int64()
        reader.nullableArray(() => reader.int64())
        return {errorCode, batches: batchesIn(reader.bytes())}
      })
    })
    .flat()
}

async function topicNames(client: WireClient): Promise<string[]> {
  const reader = await client.call(METADATA, 1, writer => writer.array(null, () => {}))
  if (reader === undefined) throw new Error('the connection was closed')
  reader.array(() => [reader.int32(), reader.string(), reader.int32(), reader.nullableString()])
  reader.int32()
  return reader.array(() => {
    reader.int16()
    const name = reader.string()
    reader.bool()
    reader.array(() => {
      reader.int16()
      reader.int32()
      reader.int32()
      reader.array(() => reader.int32())
      reader.array(() => reader.int32())
    })
    return name
  })
}

describe('starting', () => {
  it('refuses a port that is taken, naming it', async () => {
    const {server} = await start()
    const port = Number(server.address.split(':')[1])
    await expect(BrokerServer.start({directory: await temporaryDirectory(), port})).rejects.toMatchObject({
      code: 'P2PAY_BROKER_START',
      oclif: {exit: 3},
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
  })

  it('refuses a directory that another broker has open, and leaves it alone', async () => {
    const {directory, client} = await start()
    await expect(BrokerServer.start({directory})).rejects.toMatchObject({
      code: 'P2PAY_BROKER_START',
      message: expect.stringContaining(`process ${process.pid}`),
    })
    await createTopic(client, 'payments.raw')
    expect(await topicNames(client)).toEqual(['payments.raw'])
  })

  it.each([
    {
      name: 'is a file',
      prepare: (path: string) => writeFileSync(path, ''),
      message: 'cannot use',
    },
    {
      name: 'lies under a file',
      prepare: (path: string) => writeFileSync(join(path, '..'), ''),
      at: 'file/broker',
      message: 'cannot use',
    },
    {
      name: 'has a damaged broker.json',
      prepare: (path: string) => {
        mkdirSync(path)
        writeFileSync(join(path, 'broker.json'), '{')
      },
      message: 'cannot use',
    },
    {
      name: 'was written by a later version',
      prepare: (path: string) => {
        mkdirSync(path)
        writeFileSync(join(path, 'broker.json'), '{"version":2}')
      },
      message: 'version 2',
    },
  ])('refuses a directory that $name, and frees port and lock', async ({prepare, at, message}) => {
    const parent = await temporaryDirectory()
    const directory = join(parent, at ?? 'broker')
    prepare(directory)
    await expect(BrokerServer.start({directory})).rejects.toMatchObject({
      code: 'P2PAY_BROKER_START',
      message: expect.stringContaining(message),
      suggestions: [expect.any(String)],
    })
    expect(existsSync(join(directory, 'lock'))).toBe(false)
  })
})

describe('producing and fetching', () => {
  it('stores batches as they came, with their place in the log', async () => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    expect(await produce(client, 'payments.raw', batchOf(['a', 'b']))).toEqual({errorCode: 0, offset: 0})
    expect(await produce(client, 'payments.raw', batchOf(['c'], {compression: 'gzip'}))).toEqual({
      errorCode: 0,
      offset: 2,
    })
    expect(await fetch(client, {topic: 'payments.raw', offset: 0})).toEqual([
      {
        errorCode: 0,
        batches: [
          {baseOffset: 0, recordCount: 2},
          {baseOffset: 2, recordCount: 1},
        ],
      },
    ])
  })

  it.each([
    {name: 'an unknown topic', topic: 'nothing', batch: batchOf(['a']), errorCode: 3},
    {name: 'a broken batch', topic: 'payments.raw', batch: batchOf(['a']).fill(0xff, 62, 64), errorCode: 2},
    {name: 'too large a batch', topic: 'payments.raw', batch: batchOf(['x'.repeat(2_000_000)]), errorCode: 10},
    {
      name: 'a gap in the sequence',
      topic: 'payments.raw',
      batch: batchOf(['a'], {producerId: 1, baseSequence: 5}),
      errorCode: 45,
    },
  ])('refuses $name and stores nothing', async ({topic, batch, errorCode}) => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    expect(await produce(client, topic, batch)).toEqual({errorCode, offset: -1})
    expect(await produce(client, 'payments.raw', batchOf(['a']))).toEqual({errorCode: 0, offset: 0})
  })

  it('answers a repeated batch with its first offset and stores it once', async () => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    const batch = (): Buffer => batchOf(['a', 'b'], {producerId: 1, baseSequence: 0})
    expect(await produce(client, 'payments.raw', batch())).toEqual({errorCode: 0, offset: 0})
    expect(await produce(client, 'payments.raw', batch())).toEqual({errorCode: 0, offset: 0})
    expect((await fetch(client, {topic: 'payments.raw', offset: 0}))[0]?.batches).toHaveLength(1)
  })

  it('does not answer acks 0, but stores it', async () => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    client.send(requestFrame(PRODUCE, 7, {body: produceBody('payments.raw', batchOf(['a']), 0)}))
    expect(await produce(client, 'payments.raw', batchOf(['b']))).toEqual({errorCode: 0, offset: 1})
  })

  it('refuses other acks', async () => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    const reader = await client.call(PRODUCE, 7, produceBody('payments.raw', batchOf(['a']), 2))
    reader?.array(() => {
      reader.string()
      reader.array(() => {
        expect([reader.int32(), reader.int16()]).toEqual([0, 21])
        reader.int64()
        reader.int64()
        reader.int64()
      })
    })
  })

  it('honours a topic’s own limit', async () => {
    const {client} = await start({maxMessageBytes: 100})
    await createTopic(client, 'small')
    expect((await produce(client, 'small', batchOf(['x'.repeat(100)]))).errorCode).toBe(10)
  })

  it.each([
    {name: 'before the start', offset: -1},
    {name: 'beyond the end', offset: 2},
    {name: 'as far as int64 goes', offset: Number.MAX_SAFE_INTEGER},
  ])('says OFFSET_OUT_OF_RANGE for an offset $name', async ({offset}) => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    await produce(client, 'payments.raw', batchOf(['a']))
    expect(await fetch(client, {topic: 'payments.raw', offset})).toEqual([{errorCode: 1, batches: []}])
  })

  it('keeps to the limits of the answer and of each partition, and always gives one batch', async () => {
    const {client} = await start()
    await createTopic(client, 'two', 2)
    const batch = (): Buffer => batchOf(['x'.repeat(1000)])
    const size = batch().length
    for (const partition of [0, 0, 0, 1, 1, 1]) {
      await client.call(PRODUCE, 7, produceBody('two', batch(), -1, partition))
    }
    const counts = async (limits: Partial<FetchWish>): Promise<number[]> =>
      (await fetch(client, {topic: 'two', offset: 0, partitions: [0, 1], ...limits})).map(data => data.batches.length)
    expect(await counts({})).toEqual([3, 3])
    expect(await counts({partitionMaxBytes: 2 * size})).toEqual([2, 2])
    expect(await counts({partitionMaxBytes: 1})).toEqual([1, 1])
    expect(await counts({maxBytes: 4 * size})).toEqual([3, 1])
    expect(await counts({maxBytes: 4 * size - 1})).toEqual([3, 0])
    expect(await counts({maxBytes: 1})).toEqual([1, 0])
  })
})

describe('a fetch at the end of the log', () => {
  it('waits and is woken by the append', async () => {
    const clock = new VirtualClock()
    const {server, client} = await start({clock})
    await createTopic(client, 'payments.raw')
    const waiting = fetch(client, {topic: 'payments.raw', offset: 0, maxWaitMs: 60_000})
    const other = await WireClient.connect(server.address)
    await produce(other, 'payments.raw', batchOf(['a']))
    expect((await waiting)[0]?.batches).toEqual([{baseOffset: 0, recordCount: 1}])
    other.close()
  })

  it('waits until the minimum is there', async () => {
    const clock = new VirtualClock()
    const {server, client} = await start({clock})
    await createTopic(client, 'payments.raw')
    const size = batchOf(['a']).length
    const waiting = fetch(client, {topic: 'payments.raw', offset: 0, maxWaitMs: 60_000, minBytes: 2 * size})
    const other = await WireClient.connect(server.address)
    await produce(other, 'payments.raw', batchOf(['a']))
    await produce(other, 'payments.raw', batchOf(['a']))
    expect((await waiting)[0]?.batches).toHaveLength(2)
    other.close()
  })

  it('comes back empty when its time is over', async () => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    const waiting = fetch(client, {topic: 'payments.raw', offset: 0, maxWaitMs: 5})
    expect(await waiting).toEqual([{errorCode: 0, batches: []}])
  })

  it('hears that its topic was deleted', async () => {
    const clock = new VirtualClock()
    const {server, client} = await start({clock})
    await createTopic(client, 'gone')
    const waiting = fetch(client, {topic: 'gone', offset: 0, maxWaitMs: 60_000})
    const other = await WireClient.connect(server.address)
    await other.call(DELETE_TOPICS, 1, writer => writer.array(['gone'], name => writer.string(name)).int32(1000))
    expect(await waiting).toEqual([{errorCode: 3, batches: []}])
    other.close()
  })
})

describe('one connection', () => {
  it('gets its answers in the order of its requests, also behind a waiting fetch', async () => {
    const {client} = await start()
    await createTopic(client, 'payments.raw')
    client.send(
      requestFrame(FETCH, 4, {
        correlationId: 100,
        body: fetchBody({topic: 'payments.raw', offset: 0, maxWaitMs: 5}),
      }),
    )
    client.send(requestFrame(18, 0, {correlationId: 101}))
    expect((await client.receive())?.int32()).toBe(100)
    expect((await client.receive())?.int32()).toBe(101)
  })

  it('may send its bytes in any pieces', async () => {
    const {client} = await start()
    const frame = requestFrame(18, 0, {correlationId: 5})
    for (const byte of frame) {
      client.send(Buffer.of(byte))
      await settle()
    }
    expect((await client.receive())?.int32()).toBe(5)
  })

  it.each([
    {
      name: 'an API that nobody knows',
      frame: requestFrame(999, 0),
      reason: 'API 999 (unknown) version 0 of client "wire"',
    },
    {name: 'a version to come', frame: requestFrame(FETCH, 99), reason: 'API 1 (Fetch) version 99'},
    {name: 'a version that is gone', frame: requestFrame(FETCH, 0), reason: 'API 1 (Fetch) version 0'},
    {name: 'half a request', frame: requestFrame(METADATA, 1), reason: 'Metadata version 1: 4 bytes wanted'},
    {name: 'HTTP', frame: Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), reason: 'this is not the Kafka protocol'},
  ])('is closed after $name, with the reason in the log, and the broker lives on', async ({frame, reason}) => {
    const {server, client, lines} = await start()
    client.send(frame)
    expect(await client.receive()).toBeUndefined()
    expect(lines).toEqual([expect.stringContaining(reason)])
    const other = await WireClient.connect(server.address)
    expect(await topicNames(other)).toEqual([])
    other.close()
  })
})

describe('metadata', () => {
  it('makes a topic on first use only when the client allows it', async () => {
    const {client} = await start({partitions: 3})
    const ask = async (name: string, mayCreate: boolean): Promise<number | undefined> => {
      const reader = await client.call(METADATA, 4, writer =>
        writer.array([name], n => writer.string(n)).bool(mayCreate),
      )
      reader?.int32()
      reader?.array(() => [reader.int32(), reader.string(), reader.int32(), reader.nullableString()])
      reader?.nullableString()
      reader?.int32()
      reader?.int32()
      return reader?.int16()
    }
    expect(await ask('payments.raw', false)).toBe(3)
    expect(await topicNames(client)).toEqual([])
    expect(await ask('payments.raw', true)).toBe(0)
    expect(await ask('no topic', true)).toBe(17)
    expect(await ask('..', true)).toBe(17)
    expect(await ask('Payments.Raw', true)).toBe(17)
    expect(await topicNames(client)).toEqual(['payments.raw'])
  })
})

describe('a restart', () => {
  it.each(['stop', 'kill'] as const)('after a %s finds topics, records, offsets and cluster id', async end => {
    const {directory, server, client} = await start()
    await createTopic(client, 'payments.raw')
    await createTopic(client, 'gone')
    await produce(client, 'payments.raw', batchOf(['a', 'b']))
    await commit(client, 'g', 'payments.raw', 2)
    await commit(client, 'g', 'gone', 1)
    await client.call(DELETE_TOPICS, 1, writer => writer.array(['gone'], name => writer.string(name)).int32(1000))
    await server[end]()

    const again = await start({directory})
    expect(again.server.clusterId).toBe(server.clusterId)
    expect(await topicNames(again.client)).toEqual(['payments.raw'])
    expect((await fetch(again.client, {topic: 'payments.raw', offset: 0}))[0]?.batches).toEqual([
      {baseOffset: 0, recordCount: 2},
    ])
    expect(await produce(again.client, 'payments.raw', batchOf(['c']))).toEqual({errorCode: 0, offset: 2})
    expect(readFileSync(join(directory, 'offsets.log'), 'utf8')).toBe(
      '{"g":"g","k":"","c":[["payments.raw",0,2,-1,null]]}\n',
    )
  })

  it('frees port and directory when it resolves', async () => {
    const {directory, server} = await start()
    await Promise.all([server.stop(), server.stop()])
    const again = await BrokerServer.start({directory, port: Number(server.address.split(':')[1])})
    await again.stop()
    await expect(again.closed).resolves.toBeUndefined()
  })
})

describe('a full disk', () => {
  it('is KAFKA_STORAGE_ERROR for that produce, and everything goes on when there is room again', async () => {
    let isFull = false
    const {client, lines} = await start({
      write: (...args) => {
        if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), {code: 'ENOSPC'})
        return writeAt(...args)
      },
    })
    await createTopic(client, 'payments.raw')
    await produce(client, 'payments.raw', batchOf(['a']))
    isFull = true
    expect(await produce(client, 'payments.raw', batchOf(['b']))).toEqual({errorCode: 56, offset: -1})
    expect(await commit(client, 'g', 'payments.raw', 1)).toBe(15)
    expect((await fetch(client, {topic: 'payments.raw', offset: 0}))[0]?.batches).toHaveLength(1)
    isFull = false
    expect(await produce(client, 'payments.raw', batchOf(['b']))).toEqual({errorCode: 0, offset: 1})
    expect(await commit(client, 'g', 'payments.raw', 1)).toBe(0)
    expect(lines).toEqual([expect.stringContaining('ENOSPC')])
  })
})

describe('the disk quota', () => {
  const big = (): Buffer => batchOf(Array.from({length: 10}, () => 'x'.repeat(1000)))
  const OPTIONS = {quotaBytes: 50_000, segmentBytes: 20_000}

  async function fill(client: WireClient, topic: string): Promise<number> {
    for (let batches = 0; batches < 20; batches++) {
      const {errorCode} = await produce(client, topic, big())
      if (errorCode !== 0) {
        expect(errorCode).toBe(19)
        return batches
      }
    }
    return 20
  }

  it('refuses input that a group lags on, retriably, until the group has caught up', async () => {
    const {client, lines} = await start(OPTIONS)
    await createTopic(client, 'payments.raw')
    await createTopic(client, 'payments.legit')
    await commit(client, 'p2pay-detector', 'payments.raw', 0)
    expect(await fill(client, 'payments.raw')).toBe(5)
    expect(lines.at(-1)).toContain('group p2pay-detector lags on payments.raw')
    // Its outputs and its offsets are never refused: they are what makes it catch up.
    expect((await produce(client, 'payments.legit', big())).errorCode).toBe(0)
    expect(await commit(client, 'p2pay-detector', 'payments.raw', 50)).toBe(0)
    expect((await produce(client, 'payments.raw', big())).errorCode).toBe(0)
  })

  it('deletes closed segments that all groups have read, and no others', async () => {
    const {client} = await start(OPTIONS)
    await createTopic(client, 'payments.raw')
    await createTopic(client, 'payments.legit')
    for (let batches = 0; batches < 3; batches++) await produce(client, 'payments.legit', big())
    await commit(client, 'fast', 'payments.raw', 0)
    await commit(client, 'slow', 'payments.raw', 0)
    expect(await fill(client, 'payments.raw')).toBe(2)
    await commit(client, 'fast', 'payments.raw', 20)
    await commit(client, 'slow', 'payments.raw', 20)
    expect((await produce(client, 'payments.raw', big())).errorCode).toBe(0)
    await commit(client, 'fast', 'payments.raw', 30)
    await commit(client, 'slow', 'payments.raw', 20)
    expect((await produce(client, 'payments.raw', big())).errorCode).toBe(0)
    const startOffset = async (topic: string): Promise<number | undefined> => {
      const reader = await client.call(LIST_OFFSETS, 1, writer =>
        writer.int32(-1).array([topic], name => writer.string(name).array([0], p => writer.int32(p).int64(-2))),
      )
      reader?.int32()
      reader?.string()
      reader?.int32()
      reader?.int32()
      reader?.int16()
      reader?.int64()
      return reader?.int64()
    }
    expect(await startOffset('payments.raw')).toBeGreaterThan(0)
    expect(await startOffset('payments.raw')).toBeLessThanOrEqual(20)
    expect(await startOffset('payments.legit')).toBe(0)
  })

  it('never refuses topics that no group reads', async () => {
    const {client} = await start(OPTIONS)
    await createTopic(client, 'payments.legit')
    expect(await fill(client, 'payments.legit')).toBe(20)
  })
})

describe('faults', () => {
  const batch = (): Buffer => batchOf(['a', 'bb', 'ccc'])

  it('answer with an error instead of handling, as often as asked', async () => {
    const {server, client} = await start()
    await createTopic(client, 'payments.raw')
    await server.injectFaults([
      {api: 'Produce', topic: 'payments.raw', skip: 1, times: 2, action: {kind: 'error', errorCode: 7}},
      {api: 'Produce', topic: 'another', times: Number.POSITIVE_INFINITY, action: {kind: 'close'}},
    ])
    const codes: number[] = []
    for (let request = 0; request < 4; request++) codes.push((await produce(client, 'payments.raw', batch())).errorCode)
    expect(codes).toEqual([0, 7, 7, 0])
    expect((await fetch(client, {topic: 'payments.raw', offset: 0}))[0]?.batches).toHaveLength(2)
  })

  it('lose a response after the append', async () => {
    const {server, client} = await start()
    await createTopic(client, 'payments.raw')
    await server.injectFaults([{api: 'Produce', action: {kind: 'drop-response'}}])
    client.send(requestFrame(PRODUCE, 7, {correlationId: 50, body: produceBody('payments.raw', batch())}))
    client.send(requestFrame(18, 0, {correlationId: 51}))
    expect((await client.receive())?.int32()).toBe(51)
    expect((await fetch(client, {topic: 'payments.raw', offset: 0}))[0]?.batches).toHaveLength(1)
  })

  it.each([
    {name: 'a batch', compression: undefined},
    {name: 'a compressed batch', compression: 'gzip' as const},
  ])('leave one record of $name out and acknowledge it', async ({compression}) => {
    const {server, client} = await start()
    await createTopic(client, 'payments.raw')
    await server.injectFaults([{api: 'Produce', action: {kind: 'drop-record', index: 1}}])
    const sent = batchOf(['a', 'bb', 'ccc'], {producerId: 1, ...(compression && {compression})})
    expect(await produce(client, 'payments.raw', sent)).toEqual({errorCode: 0, offset: 0})
    const next = batchOf(['d'], {producerId: 1, baseSequence: 3})
    expect(await produce(client, 'payments.raw', next)).toEqual({errorCode: 0, offset: 3})
    expect((await fetch(client, {topic: 'payments.raw', offset: 0}))[0]?.batches).toEqual([
      {baseOffset: 0, recordCount: 2},
      {baseOffset: 3, recordCount: 1},
    ])
  })

  it('leave the only record of a batch out and acknowledge it', async () => {
    const {server, client} = await start()
    await createTopic(client, 'payments.raw')
    await server.injectFaults([{api: 'Produce', action: {kind: 'drop-record', index: 0}}])
    expect(await produce(client, 'payments.raw', batchOf(['a'], {producerId: 1}))).toEqual({errorCode: 0, offset: 0})
    const next = batchOf(['b'], {producerId: 1, baseSequence: 1})
    expect(await produce(client, 'payments.raw', next)).toEqual({errorCode: 0, offset: 0})
  })

  it('answer late, after handling', async () => {
    const endOffsets: (number | undefined)[] = []
    let other: WireClient | undefined
    const clock: Clock = {
      nowUs: systemClock.nowUs,
      sleep: async (ms, signal) => {
        if (ms !== 5000 || other === undefined) return systemClock.sleep(ms, signal)
        endOffsets.push((await fetch(other, {topic: 'payments.raw', offset: 0}))[0]?.batches.length)
      },
    }
    const {server, client} = await start({clock})
    await createTopic(client, 'payments.raw')
    other = await WireClient.connect(server.address)
    await server.injectFaults([{api: 'Produce', action: {kind: 'delay', delayMs: 5000}}])
    expect((await produce(client, 'payments.raw', batch())).errorCode).toBe(0)
    expect(endOffsets).toEqual([1])
    other.close()
  })

  it('close the connection, and an empty plan ends them', async () => {
    const {server, client} = await start()
    await createTopic(client, 'payments.raw')
    await server.injectFaults([{api: 'Metadata', times: Number.POSITIVE_INFINITY, action: {kind: 'close'}}])
    await expect(topicNames(client)).rejects.toThrow('closed')
    await server.injectFaults([])
    const other = await WireClient.connect(server.address)
    expect(await topicNames(other)).toEqual(['payments.raw'])
    other.close()
  })
})
