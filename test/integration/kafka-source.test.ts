/** The Kafka source, admin side and first connection when things go wrong on the way. */
import {createServer} from 'node:net'
import {describe, expect, it, onTestFinished} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import {openKafkaSource} from '../../src/lib/source/kafka-source.js'
import {BreakableBroker, sharedBroker} from '../support/embedded-kafka.js'
import {freshName, freshTopic, numbers, openWatchedSink, startWatchedSource} from '../support/kafka-contract.js'

const UNKNOWN_MEMBER_ID = 25
const ILLEGAL_GENERATION = 22
const REBALANCE_IN_PROGRESS = 27
const GROUP_AUTHORIZATION_FAILED = 30
const COORDINATOR_NOT_AVAILABLE = 15
const GROUP_LOAD_IN_PROGRESS = 14
const POLICY_VIOLATION = 44
const UNKNOWN_TOPIC_OR_PARTITION = 3
const shared = sharedBroker()

async function world(count: number, {partitions = 1, isOwn = false} = {}) {
  const broker = isOwn ? await BreakableBroker.forThisTest() : shared()
  const group = freshName('group')
  const connection = await broker.connect()
  const topic = await freshTopic(connection, 'source', partitions)
  const {send, sink} = await openWatchedSink(connection, {topic})
  await send(0, count)
  await sink.flush()
  return {broker, connection, topic, group, send, sink}
}

describe('a source whose broker dies', () => {
  it('says so, joins again when it is back, and goes on behind what it committed', async () => {
    const {broker, connection, topic, group, send, sink} = await world(50, {isOwn: true})
    const {records, until, troubles, assignments} = await startWatchedSource(connection, {
      topic,
      group,
      sessionTimeoutMs: 1000,
    })
    await until(() => records.length === 50)
    await broker.stop()
    await until(() => troubles.length > 0)
    await broker.startAgain()
    await send(50, 50)
    await sink.flush()
    await until(() => records.length >= 100)
    expect(records.map(record => record.offset)).toEqual(numbers(0, 100))
    expect(assignments).toEqual([[0], [0]])
    expect(troubles[0]).toContain('joining again')
  })

  it('tells whoever commits meanwhile', async () => {
    const {broker, connection, topic, group} = await world(5, {isOwn: true})
    const {records, until, source} = await startWatchedSource(connection, {topic, group, isCommitting: false})
    await until(() => records.length === 5)
    await broker.stop()
    await expect(source.commit(new Map([[0, 5]]))).rejects.toMatchObject({code: 'P2PAY_BROKER_UNREACHABLE'})
  })
})

describe('a lost membership', () => {
  it.each([
    ['an unknown member', UNKNOWN_MEMBER_ID],
    ['an older generation', ILLEGAL_GENERATION],
    ['a rebalance', REBALANCE_IN_PROGRESS],
  ])('lets no commit of %s pass for one', async (_name, errorCode) => {
    const {broker, connection, topic, group} = await world(5)
    const {records, until, source} = await startWatchedSource(connection, {topic, group, isCommitting: false})
    await until(() => records.length === 5)
    await broker.injectFaults([{api: 'OffsetCommit', action: {kind: 'error', errorCode}}])
    await expect(source.commit(new Map([[0, 5]]))).rejects.toMatchObject({code: 'P2PAY_BROKER_UNREACHABLE'})
    expect(await source.committed([0])).toEqual(new Map())
    await source.commit(new Map([[0, 5]]))
    expect(await source.committed([0])).toEqual(new Map([[0, 5]]))
  })

  it('in the middle of a handler brings a new assignment only when the handler is done, and the records again', async () => {
    const {broker, connection, topic, group} = await world(5)
    const events: string[] = []
    let release = (): void => {}
    let calls = 0
    const {records, until} = await startWatchedSource(connection, {
      topic,
      group,
      sessionTimeoutMs: 1000,
      onAssigned: () => events.push('assigned'),
      onRecords: async () => {
        const call = ++calls
        events.push(`begin ${call}`)
        if (call === 1) {
          await broker.injectFaults([{api: 'Heartbeat', action: {kind: 'error', errorCode: UNKNOWN_MEMBER_ID}}])
          await new Promise<void>(resolve => {
            release = resolve
          })
        }
        events.push(`end ${call}`)
      },
    })
    const admin = connection.newClient().admin()
    await admin.connect()
    const memberId = async (): Promise<string | undefined> => {
      const {groups} = await admin.describeGroups([group])
      return groups[0]?.state === 'Stable' ? groups[0].members[0]?.memberId : undefined
    }
    const first = await memberId()
    for (let now = first; now === first || now === undefined; now = await memberId()) await connection.clock.sleep(20)
    await admin.disconnect()
    expect(events).toEqual(['assigned', 'begin 1'])
    release()
    await until(() => calls === 2)
    await until(() => records.length === 10)
    expect(events).toEqual(['assigned', 'begin 1', 'end 1', 'assigned', 'begin 2', 'end 2'])
  })
})

describe('members of one group with different topics', () => {
  it('read their own topic completely', async () => {
    const {connection, topic, group} = await world(0, {partitions: 4})
    const other = await freshTopic(connection, 'other', 3)
    const one = await startWatchedSource(connection, {topic, group})
    const two = await startWatchedSource(connection, {topic: other, group})
    await one.until(() => one.assignments.length >= 2)
    await two.until(() => two.assignments.length >= 1)
    expect(one.assignments.at(-1)).toEqual([0, 1, 2, 3])
    expect(two.assignments.at(-1)).toEqual([0, 1, 2])
    for (const [name, {records, until}] of [
      [topic, one],
      [other, two],
    ] as const) {
      const {send, sink} = await openWatchedSink(connection, {topic: name})
      await send(0, 200)
      await sink.flush()
      await until(() => records.length === 200)
    }
  })

  it('notice new partitions of a topic that only the follower reads', async () => {
    const {broker, connection, topic, group} = await world(0)
    const other = await freshTopic(connection, 'other', 2)
    const quick = await broker.connect({'metadata.max.age.ms': '200'})
    const leader = await startWatchedSource(quick, {topic, group})
    const follower = await startWatchedSource(quick, {topic: other, group})
    await leader.until(() => leader.assignments.length >= 2)
    const admin = connection.newClient().admin()
    await admin.connect()
    await admin.createPartitions({topicPartitions: [{topic: other, count: 5}]})
    await admin.disconnect()
    await follower.until(() => follower.assignments.at(-1)?.length === 5)
    expect(leader.assignments.at(-1)).toEqual([0])
  })
})

describe('starting a source', () => {
  it('survives a coordinator that is not there yet', async () => {
    const {broker, connection, topic, group} = await world(5)
    await broker.injectFaults([
      {api: 'FindCoordinator', action: {kind: 'error', errorCode: COORDINATOR_NOT_AVAILABLE}, times: 2},
      {api: 'JoinGroup', action: {kind: 'close'}},
    ])
    const {records, until} = await startWatchedSource(connection, {topic, group})
    await until(() => records.length === 5)
  })

  it('gives up where access is refused', async () => {
    const {broker, connection, topic, group} = await world(5)
    await broker.injectFaults([
      {
        api: 'JoinGroup',
        action: {kind: 'error', errorCode: GROUP_AUTHORIZATION_FAILED},
        times: Number.POSITIVE_INFINITY,
      },
    ])
    await expect(startWatchedSource(connection, {topic, group})).rejects.toMatchObject({code: 'P2PAY_BROKER_FORBIDDEN'})
  })

  it('is bounded in time', async () => {
    const {broker, connection, topic, group} = await world(5, {isOwn: true})
    const source = await openKafkaSource(connection, {topic, group, startTimeoutMs: 500})
    await broker.stop()
    await expect(source.start({onAssigned: () => {}, onRecords: async () => {}})).rejects.toMatchObject({
      message: expect.stringContaining('within 0.5 s'),
    })
  })

  it('names a topic that does not exist', async () => {
    const {connection, group} = await world(1)
    await expect(openKafkaSource(connection, {topic: 'absent', group})).rejects.toMatchObject({
      code: 'P2PAY_TOPIC_MISSING',
    })
  })
})

describe('stopping a source', () => {
  it('lets the handler finish and commit, and delivers nothing more', async () => {
    const {connection, topic, group} = await world(50)
    let isStopping: Promise<void> | undefined
    const {records, source, until} = await startWatchedSource(connection, {
      topic,
      group,
      onRecords: async () => {
        isStopping ??= source.stop()
      },
    })
    await until(() => records.length > 0)
    await isStopping
    const count = records.length
    expect(await source.committed([0])).toEqual(new Map([[0, count]]))
  })

  it('does not wait for ever for a handler that hangs', async () => {
    const {connection, topic, group} = await world(5)
    let begin = (): void => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const {source} = await startWatchedSource(connection, {
      topic,
      group,
      stopTimeoutMs: 100,
      onRecords: () => {
        begin()
        return new Promise(() => {})
      },
    })
    await begun
    await source.stop()
    expect(await connection.admin.describeGroups([group])).toMatchObject([{memberCount: 0}])
  })
})

describe('new partitions of a topic', () => {
  it('are picked up without a restart', async () => {
    const connection = await shared().connect({'metadata.max.age.ms': '200'})
    const topic = await freshTopic(connection, 'grow', 1)
    const group = freshName('group')
    const {assignments, until} = await startWatchedSource(connection, {topic, group})
    const admin = connection.newClient().admin()
    await admin.connect()
    await admin.createPartitions({topicPartitions: [{topic, count: 3}]})
    await admin.disconnect()
    await until(() => assignments.at(-1)?.length === 3)
    expect(assignments).toEqual([[0], [0, 1, 2]])
  })
})

describe('reading a range', () => {
  it('survives a lost answer and a lost connection', async () => {
    const {broker, connection, topic} = await world(200, {partitions: 3})
    await broker.injectFaults([
      {api: 'Fetch', topic, action: {kind: 'drop-response'}},
      {api: 'Fetch', topic, action: {kind: 'close'}, times: 2},
    ])
    const reading = readRange(connection, topic, new Map(), await connection.admin.endOffsets(topic))
    let count = 0
    for await (const batch of reading) count += batch.length
    expect([count, reading.incomplete.size]).toEqual([200, 0])
  })

  it('ends when it is told to', async () => {
    const {connection, topic} = await world(5)
    const stop = new AbortController()
    const reading = readRange(connection, topic, new Map(), new Map([[0, 1000]]), stop.signal)
    let count = 0
    for await (const batch of reading) {
      count += batch.length
      stop.abort()
    }
    expect([count, [...reading.incomplete]]).toEqual([5, [[0, 5]]])
  })
})

describe('asking for a lag', () => {
  it('waits for a coordinator that is still loading', async () => {
    const {broker, connection, topic, group} = await world(5)
    await broker.injectFaults([
      {api: 'OffsetFetch', action: {kind: 'error', errorCode: GROUP_LOAD_IN_PROGRESS}, times: 2},
    ])
    expect(await connection.admin.lagOf(group, topic)).toMatchObject([{committed: null, lag: 5}])
  })
})

describe('creating topics', () => {
  it('waits until the broker has heard of them', async () => {
    const broker = shared()
    const connection = await broker.connect()
    const names = ['slow.one', 'slow.two']
    await broker.injectFaults([
      {api: 'Metadata', topic: 'slow.two', action: {kind: 'error', errorCode: UNKNOWN_TOPIC_OR_PARTITION}, times: 3},
    ])
    expect(await connection.admin.ensureTopics(names, 2)).toMatchObject({
      created: names,
      partitionCounts: new Map([
        ['slow.one', 2],
        ['slow.two', 2],
      ]),
    })
  })

  it('tells why the broker refuses', async () => {
    const broker = shared()
    const connection = await broker.connect()
    await broker.injectFaults([{api: 'CreateTopics', action: {kind: 'error', errorCode: POLICY_VIOLATION}}])
    await expect(connection.admin.ensureTopics(['forbidden'], 1)).rejects.toMatchObject({
      code: 'P2PAY_BROKER_ERROR',
      message: expect.stringMatching(/could not create topics forbidden: forbidden: .*polic/i),
    })
  })
})

describe('the first connection', () => {
  it('to a port where nobody listens says so', async () => {
    const broker = await BreakableBroker.forThisTest()
    const {address} = broker
    await broker.stop()
    await expect(connectKafka({brokers: address})).rejects.toMatchObject({
      code: 'P2PAY_BROKER_UNREACHABLE',
      message: expect.stringContaining(address),
    })
  })

  it.each([
    ['says nothing', () => {}, 'P2PAY_BROKER_UNREACHABLE'],
    ['hangs up', (end: () => void) => end(), 'P2PAY_BROKER_UNREACHABLE'],
  ])('to a server that %s says so within its time', async (_name, answer, code) => {
    const server = createServer(socket => answer(() => socket.end()))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    await expect(connectKafka({brokers: `127.0.0.1:${port}`, timeoutMs: 700})).rejects.toMatchObject({code})
  })

  it('with TLS to a port without it names TLS or the connection', async () => {
    const broker = shared()
    const properties = ['security.protocol=ssl']
    await expect(connectKafka({brokers: broker.address, properties, timeoutMs: 3000})).rejects.toMatchObject({
      code: expect.stringMatching(/P2PAY_BROKER_(TLS|UNREACHABLE)/),
    })
  })
})
