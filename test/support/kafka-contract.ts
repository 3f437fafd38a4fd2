/**
 * What p2pay's Kafka clients promise on any broker, as tests: run against the embedded broker in the ordinary suite
 * and against Apache Kafka in the service suite.
 */
import {randomBytes} from 'node:crypto'
import {afterAll, beforeAll, describe, expect, it, onTestFinished} from 'vitest'
import {connectKafka, type KafkaConnection} from '../../src/lib/kafka/connection.js'
import {partitionOfKey} from '../../src/lib/kafka/partition-of.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import type {OutputRecord, PartitionOffsets, SourceRecord} from '../../src/lib/payment/record.js'
import {HEADERS} from '../../src/lib/payment/topics.js'
import {openKafkaPublisher} from '../../src/lib/sink/kafka-publisher.js'
import {type KafkaSinkOptions, openKafkaSink} from '../../src/lib/sink/kafka-sink.js'
import type {PaymentSink, SendOutcome} from '../../src/lib/sink/sink.js'
import {type KafkaSourceOptions, openKafkaSource} from '../../src/lib/source/kafka-source.js'
import type {RecordSource} from '../../src/lib/source/source.js'
import {type PlainStreamOptions, plainBlock, plainSequenceOf} from './plain-stream.js'

export const PARTITIONS = 3

export interface TestCluster {
  readonly brokers: string
  /** Waits that suit it: joining a group takes Apache Kafka seconds, and sessions have a minimum. */
  readonly sessionTimeoutMs: number
  close(): Promise<void>
}

/** A name that no other test has. */
export function freshName(what: string): string {
  return `${what}-${randomBytes(5).toString('hex')}`
}

export async function freshTopic(connection: KafkaConnection, what: string, partitions = PARTITIONS): Promise<string> {
  const topic = freshName(what)
  await connection.admin.ensureTopics([topic], partitions)
  return topic
}

/** A sink with everything that became of its payments. */
export interface WatchedSink {
  readonly sink: PaymentSink
  readonly outcomes: SendOutcome[]
  /** Hands over payments [first, first + count). */
  send(first: number, count: number, options?: PlainStreamOptions): Promise<void>
  /** Sequences by state, ascending. */
  states(): Partial<Record<SendOutcome['state'], number[]>>
}

export async function openWatchedSink(connection: KafkaConnection, options: KafkaSinkOptions): Promise<WatchedSink> {
  const outcomes: SendOutcome[] = []
  const sink = await openKafkaSink(connection, options, outcome => outcomes.push(outcome))
  onTestFinished(() => sink.close())
  return {
    sink,
    outcomes,
    async send(first, count, stream) {
      const block = plainBlock(first, count, stream).payments
      const dueUs = Float64Array.from({length: count}, (_, row) => dueOf(first + row))
      await sink.send({block, from: 0, to: count, dueUs})
    },
    states() {
      const states: Partial<Record<SendOutcome['state'], number[]>> = {}
      for (const {state, sequences} of outcomes) states[state] = [...(states[state] ?? []), ...sequences]
      for (const sequences of Object.values(states)) sequences.sort((a, b) => a - b)
      return states
    },
  }
}

/** Wall clock µs; with a part below the millisecond, which only the header can carry. */
export function dueOf(sequence: number): number {
  return 1_760_000_000_000_123 + sequence * 1000
}

export function numbers(first: number, count: number): number[] {
  return Array.from({length: count}, (_, index) => first + index)
}

/** Everything on the topic now. */
export async function allRecords(connection: KafkaConnection, topic: string): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  const end = await connection.admin.endOffsets(topic)
  for await (const batch of readRange(connection, topic, new Map(), end)) records.push(...batch)
  return records
}

export async function sequencesOn(connection: KafkaConnection, topic: string): Promise<number[]> {
  return (await allRecords(connection, topic)).map(record => plainSequenceOf(record.value)).toSorted((a, b) => a - b)
}

/** A source that remembers what it was given. */
export interface WatchedSource {
  readonly source: RecordSource
  readonly assignments: number[][]
  readonly records: SourceRecord[]
  readonly troubles: string[]
  /** Resolves as soon as the condition holds; looked at after each event of the source. */
  until(isMet: () => boolean): Promise<void>
}

export interface WatchOptions extends KafkaSourceOptions {
  /** Commits each batch behind it; default true. */
  readonly isCommitting?: boolean
  readonly onRecords?: (partition: number, records: readonly SourceRecord[]) => Promise<void>
  readonly onAssigned?: (source: RecordSource, partitions: readonly number[]) => void
}

export async function startWatchedSource(connection: KafkaConnection, options: WatchOptions): Promise<WatchedSource> {
  const source = await openKafkaSource(connection, options)
  const watched = {assignments: [] as number[][], records: [] as SourceRecord[], troubles: [] as string[]}
  let wake = (): void => {}
  onTestFinished(() => source.stop())
  const started = source.start({
    onAssigned: partitions => {
      watched.assignments.push([...partitions].toSorted((a, b) => a - b))
      options.onAssigned?.(source, partitions)
      wake()
    },
    onRecords: async (partition, records) => {
      await options.onRecords?.(partition, records)
      watched.records.push(...records)
      const last = records.at(-1)
      if (last !== undefined && options.isCommitting !== false) {
        await source.commit(new Map([[partition, last.offset + 1]]))
      }
      wake()
    },
    onTrouble: message => {
      watched.troubles.push(message)
      wake()
    },
  })
  await started
  return {
    ...watched,
    source,
    async until(isMet) {
      while (!isMet()) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
  }
}

export function describeKafkaClients(name: string, open: () => Promise<TestCluster>): void {
  describe(`Kafka clients on ${name}`, () => {
    let cluster: TestCluster
    let connection: KafkaConnection
    beforeAll(async () => {
      cluster = await open()
      connection = await connectKafka({brokers: cluster.brokers})
    })
    afterAll(async () => {
      await connection?.close()
      await cluster?.close()
    })
    const topicOf = (what: string, partitions?: number): Promise<string> => freshTopic(connection, what, partitions)
    const watch = (options: WatchOptions): Promise<WatchedSource> =>
      startWatchedSource(connection, {sessionTimeoutMs: cluster.sessionTimeoutMs, ...options})

    describe('the administrative side', () => {
      it('tells cluster, brokers and topics', async () => {
        const topic = await topicOf('admin')
        const info = await connection.admin.clusterInfo()
        expect(info.clusterId).toBe(connection.clusterId)
        expect(info.brokers.length).toBeGreaterThan(0)
        expect(connection.description).toContain(cluster.brokers)
        expect(await connection.admin.listTopics()).toContain(topic)
        const [described] = await connection.admin.describeTopics([topic, freshName('absent')])
        expect(described?.partitions.map(partition => partition.partition)).toEqual([0, 1, 2])
      })

      it('describes topics in the order asked', async () => {
        const names = [await topicOf('order-c'), await topicOf('order-a'), await topicOf('order-b')]
        for (const asked of [names, names.toReversed(), names.toSorted()]) {
          expect((await connection.admin.describeTopics(asked)).map(({name}) => name)).toEqual(asked)
        }
      })

      it('takes no name that cannot be one, and creates nothing then', async () => {
        const {admin} = connection
        const good = freshName('good')
        await expect(admin.ensureTopics([good, 'bad name!', '.'], 1)).rejects.toMatchObject({
          code: 'P2PAY_TOPIC_NAME',
          message: 'Not a topic name: "bad name!" contains " ", "!"; "." is reserved',
          oclif: {exit: 2},
        })
        await expect(admin.describeTopics([''])).rejects.toMatchObject({code: 'P2PAY_TOPIC_NAME'})
        expect(await admin.listTopics()).not.toContain(good)
      })

      it('creates what is missing, takes more partitions, refuses fewer, changes nothing', async () => {
        const topic = freshName('ensure')
        expect((await connection.admin.ensureTopics([topic, topic], 3)).created).toEqual([topic])
        expect(await connection.admin.ensureTopics([topic], 3)).toMatchObject({created: [], notes: []})
        expect((await connection.admin.ensureTopics([topic], 2)).notes).toEqual([
          `topic ${topic} has 3 partitions, more than the 2 asked for`,
        ])
        await expect(connection.admin.ensureTopics([topic], 4)).rejects.toMatchObject({
          code: 'P2PAY_TOPIC_PARTITIONS',
          message: `4 partitions are asked for, but ${topic} has 3`,
        })
        expect(await connection.admin.ensureTopics([topic], 4, 'default')).toMatchObject({created: [], notes: []})
        expect((await connection.admin.describeTopics([topic]))[0]?.partitions).toHaveLength(3)
      })

      it('deletes topics, and does not mind those that are not there', async () => {
        const topic = await topicOf('delete')
        await connection.admin.deleteTopics([topic, freshName('absent')])
        expect(await connection.admin.listTopics()).not.toContain(topic)
        await expect(connection.admin.endOffsets(topic)).rejects.toMatchObject({code: 'P2PAY_TOPIC_MISSING'})
      })

      it('tells the lag of a group, and of one that does not exist yet', async () => {
        const topic = await topicOf('lag', 1)
        const group = freshName('group')
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 10)
        await sink.flush()
        expect(await connection.admin.lagOf(group, topic)).toEqual([
          {partition: 0, committed: null, earliest: 0, end: 10, lag: 10},
        ])
        const {source, until, records} = await watch({topic, group, isCommitting: false})
        await until(() => records.length === 10)
        await source.commit(new Map([[0, 4]]))
        expect(await connection.admin.lagOf(group, topic)).toMatchObject([{committed: 4, lag: 6}])
        await source.stop()
        await connection.admin.deleteGroups([group, freshName('absent')])
        expect(await connection.admin.listGroups()).not.toContain(group)
      })
    })

    describe('the sink', () => {
      it('acknowledges each payment once, at the partition of its key, with its due time', async () => {
        const topic = await topicOf('sink')
        const {send, sink, outcomes, states} = await openWatchedSink(connection, {topic})
        await send(0, 500)
        await send(500, 500)
        await sink.flush()
        expect(states()).toEqual({acked: numbers(0, 1000)})
        const records = await allRecords(connection, topic)
        expect(records).toHaveLength(1000)
        for (const {partition, baseOffset, sequences} of outcomes) {
          for (const [index, sequence] of sequences.entries()) {
            const record = records.find(one => one.partition === partition && one.offset === baseOffset + index)
            expect(plainSequenceOf(record?.value ?? null)).toBe(sequence)
          }
        }
        for (const {partition, key, value, headers, timestampMs} of records.slice(0, 50)) {
          const sequence = plainSequenceOf(value)
          expect(key?.toString()).toBe(`debtor-${sequence % 20}`)
          expect(partition).toBe(partitionOfKey(Buffer.from(`debtor-${sequence % 20}`), PARTITIONS))
          expect(headers[HEADERS.dueUs]?.toString()).toBe(String(dueOf(sequence)))
          expect(timestampMs).toBe(Math.floor(dueOf(sequence) / 1000))
        }
      })

      it('keeps the order of a key over many requests', async () => {
        const topic = await topicOf('order')
        const {send, sink} = await openWatchedSink(connection, {topic, batchCount: 7, lingerMs: 0})
        for (let first = 0; first < 600; first += 20) await send(first, 20)
        await sink.flush()
        const last = new Map<string, number>()
        for (const {key, value} of await allRecords(connection, topic)) {
          const sequence = plainSequenceOf(value)
          expect(sequence).toBeGreaterThan(last.get(String(key)) ?? -1)
          last.set(String(key), sequence)
        }
      })

      it('lets payments without a key take turns', async () => {
        const topic = await topicOf('keyless')
        const {send, sink} = await openWatchedSink(connection, {topic})
        for (let first = 0; first < 30; first++) await send(first, 1, {keyOf: () => null})
        await sink.flush()
        const records = await allRecords(connection, topic)
        expect(records.every(record => record.key === null)).toBe(true)
        expect(numbers(0, PARTITIONS).map(one => records.filter(record => record.partition === one).length)).toEqual([
          10, 10, 10,
        ])
      })

      it('fails one payment that is too large and no neighbour', async () => {
        const topic = await topicOf('too-large')
        const {send, sink, states, outcomes} = await openWatchedSink(connection, {topic, batchBytes: 8_000_000})
        await send(0, 200, {bytesOf: sequence => (sequence === 77 ? 1_200_000 : 0)})
        await sink.flush()
        expect(states()).toEqual({acked: numbers(0, 200).filter(sequence => sequence !== 77), failed: [77]})
        expect(outcomes.find(outcome => outcome.state === 'failed')?.errorCode).toBe('MESSAGE_TOO_LARGE')
        await send(200, 50)
        await sink.flush()
        expect(await sequencesOn(connection, topic)).toEqual(numbers(0, 250).filter(sequence => sequence !== 77))
      })

      it('names a topic that does not exist', async () => {
        await expect(openKafkaSink(connection, {topic: freshName('absent')}, () => {})).rejects.toMatchObject({
          code: 'P2PAY_TOPIC_MISSING',
        })
      })
    })

    describe('the publisher', () => {
      it('writes to several topics at once, keeping keys, bytes and headers', async () => {
        const [one, other] = [await topicOf('legit'), await topicOf('fraud', 1)]
        const publisher = await openKafkaPublisher(connection)
        onTestFinished(() => publisher.close())
        const record = (topic: string, index: number): OutputRecord => ({
          topic,
          key: index % 5 === 0 ? null : Buffer.from(`key-${index % 7}`),
          value: index === 3 ? null : Buffer.from([index, 0, 255]),
          headers: {[HEADERS.decision]: 'block', binary: Buffer.from([index])},
          timestampMs: 1_760_000_000_000 + index,
        })
        const records = numbers(0, 60).map(index => record(index % 2 === 0 ? one : other, index))
        await Promise.all([publisher.publish(records.slice(0, 30)), publisher.publish(records.slice(30))])
        await publisher.publish([])
        for (const topic of [one, other]) {
          const written = await allRecords(connection, topic)
          const expected = records.filter(sent => sent.topic === topic)
          expect(written).toHaveLength(expected.length)
          for (const sent of expected) {
            const found = written.find(got => got.timestampMs === sent.timestampMs)
            expect(found).toMatchObject({key: sent.key, value: sent.value})
            expect(found?.headers[HEADERS.decision]?.toString()).toBe('block')
            expect(found?.headers['binary']).toEqual(sent.headers['binary'])
            if (sent.key !== null)
              expect(found?.partition).toBe(partitionOfKey(sent.key, topic === one ? PARTITIONS : 1))
          }
        }
      })

      it('cuts what is too much for one request', async () => {
        const topic = await topicOf('large', 1)
        const publisher = await openKafkaPublisher(connection)
        onTestFinished(() => publisher.close())
        const value = Buffer.alloc(60_000, 'x')
        await publisher.publish(
          numbers(0, 40).map(index => ({topic, key: Buffer.from(`${index}`), value, headers: {}})),
        )
        expect((await allRecords(connection, topic)).map(record => String(record.key))).toEqual(
          numbers(0, 40).map(String),
        )
      })

      it('says which record is too large, and goes on with the next', async () => {
        const topic = await topicOf('too-large', 1)
        const publisher = await openKafkaPublisher(connection)
        onTestFinished(() => publisher.close())
        const record = (value: Buffer): OutputRecord => ({topic, key: null, value, headers: {}})
        await expect(publisher.publish([record(Buffer.alloc(1_200_000))])).rejects.toMatchObject({
          code: 'P2PAY_RECORD_TOO_LARGE',
        })
        await publisher.publish([record(Buffer.from('small'))])
        expect(await allRecords(connection, topic)).toHaveLength(1)
      })
    })

    describe('reading a range', () => {
      it('reads exactly what is asked, whatever comes behind it', async () => {
        const topic = await topicOf('range', 2)
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 100)
        await sink.flush()
        const end = await connection.admin.endOffsets(topic)
        await send(100, 100)
        await sink.flush()
        const from: PartitionOffsets = new Map([[0, 10]])
        const offsets = new Map<number, number[]>()
        for await (const batch of readRange(connection, topic, from, end)) {
          for (const {partition, offset} of batch) offsets.set(partition, [...(offsets.get(partition) ?? []), offset])
        }
        expect(offsets.get(0)).toEqual(numbers(10, (end.get(0) ?? 0) - 10))
        expect(offsets.get(1)).toEqual(numbers(0, end.get(1) ?? 0))
      })

      it('says what is no longer there', async () => {
        const topic = await topicOf('expired', 1)
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 100)
        await sink.flush()
        await connection.admin.deleteRecords(topic, new Map([[0, 40]]))
        const reading = readRange(connection, topic, new Map(), new Map([[0, 100]]))
        let count = 0
        for await (const batch of reading) count += batch.length
        expect([count, [...reading.expiredCounts], [...reading.incomplete]]).toEqual([60, [[0, 40]], []])
      })

      it('leaves no group behind and reads nothing from an empty range', async () => {
        const topic = await topicOf('empty')
        expect(await allRecords(connection, topic)).toEqual([])
        expect((await connection.admin.listGroups()).filter(group => group.startsWith('p2pay-reader'))).toEqual([])
      })
    })

    describe('the source', () => {
      it('starts a new group at the earliest record, and a restarted one where it had committed', async () => {
        const topic = await topicOf('restart')
        const group = freshName('group')
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 300)
        await sink.flush()
        const first = await watch({topic, group})
        await first.until(() => first.records.length === 300)
        expect(first.assignments).toEqual([[0, 1, 2]])
        await first.source.stop()
        await send(300, 30)
        await sink.flush()
        const second = await watch({topic, group})
        await second.until(() => second.records.length === 30)
        expect(second.records.map(record => plainSequenceOf(record.value)).toSorted((a, b) => a - b)).toEqual(
          numbers(300, 30),
        )
        expect(await second.source.committed([0, 1, 2])).toEqual(
          new Map([...(await connection.admin.endOffsets(topic))].filter(([, end]) => end > 0)),
        )
        const bounds = await second.source.bounds()
        expect([...bounds.values()].reduce((sum, {end}) => sum + end, 0)).toBe(330)
      })

      it('delivers again what was not committed', async () => {
        const topic = await topicOf('uncommitted', 1)
        const group = freshName('group')
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 50)
        await sink.flush()
        const first = await watch({topic, group, isCommitting: false})
        await first.until(() => first.records.length === 50)
        await first.source.commit(new Map([[0, 20]]))
        await first.source.stop()
        const second = await watch({topic, group})
        await second.until(() => second.records.length === 30)
        expect(second.records[0]?.offset).toBe(20)
      })

      it('goes where a seek in the announcement of the assignment sends it', async () => {
        const topic = await topicOf('seek', 1)
        const group = freshName('group')
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 50)
        await sink.flush()
        const {records, until} = await watch({topic, group, onAssigned: source => source.seek(0, 45)})
        await until(() => records.length >= 5)
        expect(records.map(record => record.offset)).toEqual(numbers(45, 5))
      })

      it('begins at the beginning on request, whatever the group has committed', async () => {
        const topic = await topicOf('beginning', 1)
        const group = freshName('group')
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 20)
        await sink.flush()
        const first = await watch({topic, group})
        await first.until(() => first.records.length === 20)
        await first.source.stop()
        const second = await watch({topic, group, fromBeginning: true})
        await second.until(() => second.records.length >= 20)
        expect(second.records.map(record => record.offset)).toEqual(numbers(0, 20))
      })

      it('repeats a batch until its handler has done it', async () => {
        const topic = await topicOf('repeat', 1)
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 5)
        await sink.flush()
        const tried: number[] = []
        const {records, troubles, until} = await watch({
          topic,
          group: freshName('group'),
          onRecords: async (_partition, batch) => {
            tried.push(batch.length)
            if (tried.length < 3) throw new Error('database down')
          },
        })
        await until(() => records.length === 5)
        expect(tried).toEqual([5, 5, 5])
        expect(troubles.every(message => message.includes('database down'))).toBe(true)
      })

      it('shares the partitions with a second member and takes them back when it leaves', async () => {
        const topic = await topicOf('rebalance', 4)
        const group = freshName('group')
        const {send, sink} = await openWatchedSink(connection, {topic})
        const first = await watch({topic, group})
        const second = await watch({topic, group})
        await first.until(() => first.assignments.at(-1)?.length === 2)
        await send(0, 400)
        await sink.flush()
        const seen = (): number[] =>
          [...first.records, ...second.records].map(record => plainSequenceOf(record.value)).toSorted((a, b) => a - b)
        await Promise.race([
          first.until(() => new Set(seen()).size === 400),
          second.until(() => new Set(seen()).size === 400),
        ])
        expect(seen()).toEqual(numbers(0, 400))
        const ours = first.assignments.at(-1)
        expect([...(ours ?? []), ...(second.assignments.at(-1) ?? [])].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
        // A commit for partitions that went to the other is passed over.
        const theirs = second.assignments.at(-1)?.[0] ?? 0
        const before = (await first.source.committed([theirs])).get(theirs)
        await first.source.commit(new Map([[theirs, 0]]))
        expect((await first.source.committed([theirs])).get(theirs)).toBe(before)
        await second.source.stop()
        await first.until(() => first.assignments.at(-1)?.length === 4)
        await send(400, 100)
        await sink.flush()
        await first.until(() => new Set(seen()).size === 500)
        expect(seen()).toEqual(numbers(0, 500))
      })

      it('holds its membership while a handler takes longer than the session', async () => {
        const topic = await topicOf('slow', 1)
        const {send, sink} = await openWatchedSink(connection, {topic})
        await send(0, 5)
        await sink.flush()
        const {records, assignments, until, source} = await watch({
          topic,
          group: freshName('group'),
          onRecords: async () => {
            await connection.clock.sleep(cluster.sessionTimeoutMs * 1.5)
          },
        })
        await until(() => records.length === 5)
        await source.stop()
        expect(records).toHaveLength(5)
        expect(assignments).toHaveLength(1)
      })
    })
  })
}
