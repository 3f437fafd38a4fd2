/** The ingest API on a real broker: what it has answered with 202 is on the topic, whatever happens to the broker. */
import {describe, expect, it, onTestFinished} from 'vitest'
import {MemoryClaims} from '../../src/lib/api/memory-claims.js'
import {API_LIMITS, type ApiLimits} from '../../src/lib/api/ports.js'
import {buildApi} from '../../src/lib/api/server.js'
import type {KafkaConnection} from '../../src/lib/kafka/connection.js'
import {partitionOfKey} from '../../src/lib/kafka/partition-of.js'
import {HEADERS} from '../../src/lib/payment/topics.js'
import {type IngestKafkaOptions, openIngestSink} from '../../src/lib/sink/ingest-kafka.js'
import type {IngestSink} from '../../src/lib/sink/ingest-sink.js'
import {BreakableBroker, sharedBroker} from '../support/embedded-kafka.js'
import {allRecords, freshTopic, PARTITIONS} from '../support/kafka-contract.js'
import {testPaymentId} from '../support/payments.js'
import {LEAST_PAYMENT} from '../support/serving-world.js'

const TOPIC_AUTHORIZATION_FAILED = 29
const shared = sharedBroker()

async function openSink(
  connection: KafkaConnection,
  options: Partial<IngestKafkaOptions> = {},
): Promise<{readonly sink: IngestSink; readonly topic: string}> {
  const topic = await freshTopic(connection, 'ingest')
  const sink = await openIngestSink(connection, {topic, deliveryTimeoutMs: 1500, ...options})
  onTestFinished(() => sink.close())
  return {sink, topic}
}

const record = (number: number, key = `debtor-${number % 20}`) => ({
  key: Buffer.from(key),
  value: Buffer.from(`payment ${number}`),
  dueUs: 1_700_000_000_000_000 + number,
})

describe('the ingest sink', () => {
  it('tells each payment its own place', async () => {
    const connection = await shared().connect()
    const {sink, topic} = await openSink(connection)
    const offers = Array.from({length: 300}, (_, number) => sink.offer(record(number)))
    expect(sink.pendingCount).toBe(300)
    const outcomes = await Promise.all(offers)
    expect(sink.pendingCount).toBe(0)
    expect(sink.pendingBytes).toBe(0)
    const byPlace = new Map((await allRecords(connection, topic)).map(one => [`${one.partition}/${one.offset}`, one]))
    expect(byPlace.size).toBe(300)
    for (const [number, outcome] of outcomes.entries()) {
      if (outcome?.state !== 'acked') throw new Error(JSON.stringify(outcome))
      const {key, dueUs} = record(number)
      expect(outcome.partition).toBe(partitionOfKey(key, PARTITIONS))
      const there = byPlace.get(`${outcome.partition}/${outcome.offset}`)
      expect(there?.value?.toString()).toBe(`payment ${number}`)
      expect(there?.headers[HEADERS.dueUs]?.toString()).toBe(String(dueUs))
      expect(there?.timestampMs).toBe(Math.floor(dueUs / 1000))
    }
  })

  it('is bounded by count and by bytes, and has room again', async () => {
    const connection = await shared().connect()
    const {sink} = await openSink(connection, {maxInFlightCount: 3, maxInFlightBytes: 1000})
    const few = [1, 2, 3].map(number => sink.offer(record(number)))
    expect(sink.offer(record(4))).toBeUndefined()
    await Promise.all(few)
    const large = sink.offer({...record(5), value: Buffer.alloc(2000)})
    expect(sink.offer(record(6))).toBeUndefined()
    expect(await large).toMatchObject({state: 'acked'})
    expect(await sink.offer(record(7))).toMatchObject({state: 'acked'})
  })

  it('tells a refusal from what nobody knows, and goes on', async () => {
    const broker = shared()
    const connection = await broker.connect()
    const {sink, topic} = await openSink(connection)
    const fault = {api: 'Produce', topic} as const
    await broker.injectFaults([{...fault, action: {kind: 'error', errorCode: TOPIC_AUTHORIZATION_FAILED}}])
    expect(await sink.offer(record(1))).toMatchObject({state: 'failed', code: 'TOPIC_AUTHORIZATION_FAILED'})
    await broker.injectFaults([{...fault, action: {kind: 'drop-response'}, times: Number.POSITIVE_INFINITY}])
    expect(await sink.offer(record(2))).toMatchObject({state: 'unknown', code: 'REQUEST_TIMEOUT'})
    await broker.injectFaults([])
    expect(await sink.offer(record(3))).toMatchObject({state: 'acked'})
    expect((await allRecords(connection, topic)).map(({value}) => value?.toString()).toSorted()).toEqual([
      'payment 2',
      'payment 3',
    ])
  })
})

async function openApi(connection: KafkaConnection, limits: Partial<ApiLimits> = {}) {
  const {sink, topic} = await openSink(connection, {deliveryTimeoutMs: 800})
  const {clock} = connection
  const api = await buildApi({
    clock,
    version: 'test',
    ingest: sink,
    claims: new MemoryClaims({clock}),
    queries: null,
    scorer: null,
    detector: null,
    lag: async () => null,
    troubles: async () => [],
    limits: {...API_LIMITS, ...limits},
    apiKey: undefined,
    onNote: note => expect.unreachable(note),
  })
  onTestFinished(() => api.close())
  const send = async (number: number): Promise<number> => {
    const {statusCode, headers} = await api.app.inject({
      method: 'POST',
      url: '/api/v1/payments',
      headers: {'content-type': 'application/json'},
      payload: {...LEAST_PAYMENT, payment_id: testPaymentId(number), debtor_id: `debtor-${number % 20}`},
    })
    if (statusCode === 503) expect(headers['retry-after']).toBe('1')
    return statusCode
  }
  return {api, topic, send}
}

async function idsOn(connection: KafkaConnection, topic: string): Promise<string[]> {
  const records = await allRecords(connection, topic)
  return records.map(({value}) => String(JSON.parse(value?.toString() ?? '').payment_id)).toSorted()
}

describe('the ingest API', () => {
  it('has every 202 on the topic, by id, once', async () => {
    const connection = await shared().connect()
    const {topic, send} = await openApi(connection)
    const numbers = Array.from({length: 500}, (_, number) => number)
    const statuses = await Promise.all([...numbers, ...numbers.slice(0, 100)].map(send))
    expect(new Set(statuses)).toEqual(new Set([202]))
    expect(await idsOn(connection, topic)).toEqual(numbers.map(testPaymentId))
  })

  it('answers 503 while the broker is gone, and loses nothing that it has acknowledged', async () => {
    const broker = await BreakableBroker.forThisTest()
    const connection = await broker.connect()
    const {api, topic, send} = await openApi(connection, {ackTimeoutMs: 3000})
    const accepted = new Set<number>()
    const refused = new Set<number>()
    const sendAll = (from: number, count: number): Promise<unknown> =>
      Promise.all(
        Array.from({length: count}, async (_, index) => {
          const status = await send(from + index)
          if (status === 202) accepted.add(from + index)
          else if (status === 503) refused.add(from + index)
          else expect.unreachable(`a status of ${status}`)
        }),
      )
    await sendAll(0, 100)
    const meanwhile = sendAll(100, 100)
    await broker.stop()
    await Promise.all([meanwhile, sendAll(200, 100)])
    expect(accepted.size).toBeGreaterThanOrEqual(100)
    expect(refused.size).toBeGreaterThan(0)
    await broker.startAgain()
    // Clients do as they are told: send it again, until it is accepted.
    for (let round = 0; refused.size > 0 && round < 50; round++) {
      const again = [...refused]
      refused.clear()
      for (const number of again) await sendAll(number, 1)
    }
    expect([...accepted].toSorted((a, b) => a - b)).toEqual(Array.from({length: 300}, (_, number) => number))
    await api.close()
    const ids = await idsOn(connection, topic)
    expect([...new Set(ids)]).toEqual([...accepted].map(testPaymentId).toSorted())
  })
})
