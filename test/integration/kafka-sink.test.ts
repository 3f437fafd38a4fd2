/** The Kafka sink when things go wrong on the way: what it says became of a payment is what became of it. */
import {describe, expect, it} from 'vitest'
import type {Fault} from '../../src/lib/broker/fault.js'
import type {KafkaConnection} from '../../src/lib/kafka/connection.js'
import {IdempotentProducer, type ProduceRecord} from '../../src/lib/kafka/idempotent-producer.js'
import {openKafkaPublisher} from '../../src/lib/sink/kafka-publisher.js'
import type {KafkaSinkOptions} from '../../src/lib/sink/kafka-sink.js'
import {BreakableBroker, sharedBroker} from '../support/embedded-kafka.js'
import {freshTopic, numbers, openWatchedSink, sequencesOn, type WatchedSink} from '../support/kafka-contract.js'

const TOPIC_AUTHORIZATION_FAILED = 29
const NOT_ENOUGH_REPLICAS = 19
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const DUPLICATE_SEQUENCE_NUMBER = 46

const shared = sharedBroker()

interface World extends WatchedSink {
  readonly broker: BreakableBroker
  readonly connection: KafkaConnection
  readonly topic: string
  break(fault: Omit<Fault, 'api' | 'topic'>): Promise<void>
  heal(): Promise<void>
  onTopic(): Promise<number[]>
}

interface Given extends Partial<KafkaSinkOptions> {
  readonly partitions?: number
  /** A broker of the test's own, to be stopped. */
  readonly isOwn?: boolean
}

async function world({partitions = 3, isOwn = false, ...options}: Given = {}): Promise<World> {
  const broker = isOwn ? await BreakableBroker.forThisTest() : shared()
  const connection = await broker.connect()
  const topic = await freshTopic(connection, 'sink', partitions)
  const watched = await openWatchedSink(connection, {topic, ...options})
  return {
    ...watched,
    broker,
    connection,
    topic,
    break: fault => broker.injectFaults([{api: 'Produce', topic, ...fault}]),
    heal: () => broker.injectFaults([]),
    onTopic: () => sequencesOn(connection, topic),
  }
}

describe('an answer that is lost', () => {
  it('after the append neither loses nor doubles', async () => {
    const {send, sink, states, onTopic, ...the} = await world()
    await send(0, 100)
    await sink.flush()
    await the.break({action: {kind: 'drop-response'}, times: 2})
    await send(100, 100)
    await send(200, 100)
    await sink.flush()
    await send(300, 100)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 400)})
    expect(await onTopic()).toEqual(numbers(0, 400))
  })

  it('for good is unknown, and the next batch is not taken for its repetition', async () => {
    const {send, sink, states, onTopic, outcomes, ...the} = await world({partitions: 1, deliveryTimeoutMs: 700})
    await the.break({action: {kind: 'drop-response'}, times: Number.POSITIVE_INFINITY})
    await send(0, 10)
    await sink.flush()
    expect(states()).toEqual({unknown: numbers(0, 10)})
    expect(outcomes[0]).toMatchObject({errorCode: 'REQUEST_TIMEOUT', partition: -1, baseOffset: -1})
    await the.heal()
    // As many payments as before: with the old producer id they would have the old sequence numbers.
    await send(10, 10)
    await sink.flush()
    expect(states()).toEqual({unknown: numbers(0, 10), acked: numbers(10, 10)})
    expect(await onTopic()).toEqual(numbers(0, 20))
  })

  it('with the connection, before the append, is sent again', async () => {
    const {send, sink, states, onTopic, ...the} = await world()
    await the.break({action: {kind: 'close'}, times: 3})
    await send(0, 100)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 100)})
    expect(await onTopic()).toEqual(numbers(0, 100))
  })
})

describe('a broker that refuses', () => {
  it('for good fails the payments, and they are not there', async () => {
    const {send, sink, states, onTopic, outcomes, ...the} = await world()
    await the.break({action: {kind: 'error', errorCode: TOPIC_AUTHORIZATION_FAILED}})
    await send(0, 10)
    await sink.flush()
    await send(10, 10)
    await sink.flush()
    expect(states()).toEqual({failed: numbers(0, 10), acked: numbers(10, 10)})
    expect(outcomes.find(outcome => outcome.state === 'failed')?.errorCode).toBe('TOPIC_AUTHORIZATION_FAILED')
    expect(await onTopic()).toEqual(numbers(10, 10))
  })

  it('for good after an answer was lost leaves it open', async () => {
    const {send, sink, states, onTopic, ...the} = await world({partitions: 1})
    await the.broker.injectFaults([
      {api: 'Produce', topic: the.topic, action: {kind: 'drop-response'}},
      {api: 'Produce', topic: the.topic, action: {kind: 'error', errorCode: TOPIC_AUTHORIZATION_FAILED}},
    ])
    await send(0, 10)
    await sink.flush()
    expect(states()).toEqual({unknown: numbers(0, 10)})
    expect(await onTopic()).toEqual(numbers(0, 10))
  })

  it('for a while is asked again', async () => {
    const {send, sink, states, onTopic, ...the} = await world()
    await the.break({action: {kind: 'error', errorCode: NOT_ENOUGH_REPLICAS}, times: 3})
    await send(0, 100)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 100)})
    expect(await onTopic()).toEqual(numbers(0, 100))
  })

  it('a single partition for longer than the delivery time-out fails it: nothing was appended', async () => {
    const {send, sink, states, onTopic, ...the} = await world({partitions: 1, deliveryTimeoutMs: 300})
    await the.break({action: {kind: 'error', errorCode: NOT_ENOUGH_REPLICAS}, times: Number.POSITIVE_INFINITY})
    await send(0, 10)
    await sink.flush()
    expect(states()).toEqual({failed: numbers(0, 10)})
    await the.heal()
    await send(10, 10)
    await sink.flush()
    expect(await onTopic()).toEqual(numbers(10, 10))
  })

  it('a sequence number gets a fresh producer', async () => {
    const {send, sink, states, onTopic, ...the} = await world({partitions: 1})
    await send(0, 10)
    await sink.flush()
    await the.break({action: {kind: 'error', errorCode: OUT_OF_ORDER_SEQUENCE_NUMBER}})
    await send(10, 10)
    await sink.flush()
    await send(20, 10)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 30)})
    expect(await onTopic()).toEqual(numbers(0, 30))
  })

  it('as a duplicate what was never sent before is not believed', async () => {
    const {send, sink, states, ...the} = await world({partitions: 1})
    await the.break({action: {kind: 'error', errorCode: DUPLICATE_SEQUENCE_NUMBER}})
    await send(0, 10)
    await sink.flush()
    expect(states()).toEqual({unknown: numbers(0, 10)})
  })
})

describe('a broker that dies', () => {
  it('and comes back within the delivery time-out loses nothing and doubles nothing', async () => {
    const {send, sink, states, onTopic, broker} = await world({isOwn: true, deliveryTimeoutMs: 20_000})
    await send(0, 100)
    await sink.flush()
    await send(100, 100)
    await broker.stop()
    await send(200, 100)
    const flushed = sink.flush()
    await broker.startAgain()
    await flushed
    await send(300, 100)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 400)})
    expect(await onTopic()).toEqual(numbers(0, 400))
  })

  it('and stays away fails what never left', async () => {
    const {send, sink, states, broker, outcomes} = await world({isOwn: true, deliveryTimeoutMs: 300})
    await send(0, 10)
    await sink.flush()
    await broker.stop()
    await send(10, 10)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 10), failed: numbers(10, 10)})
    // What never left has no time of leaving.
    for (const {state, sentUs} of outcomes) expect(sentUs > 0).toBe(state === 'acked')
  })
})

describe('a slow broker', () => {
  it('makes the sender wait, and nothing else', async () => {
    const {sink, states, send, onTopic, ...the} = await world({maxInFlightCount: 50})
    await the.break({action: {kind: 'delay', delayMs: 100}, times: 2})
    let isWaiting = true
    const waiting = send(0, 60).then(() => {
      isWaiting = false
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(isWaiting).toBe(true)
    await waiting
    expect(sink.flush()).toBeInstanceOf(Promise)
    await sink.flush()
    expect(states()).toEqual({acked: numbers(0, 60)})
    expect(await onTopic()).toEqual(numbers(0, 60))
  })
})

describe('what waits in the queue while the broker stalls', () => {
  it('is sent when it leaves, not when it was handed over', async () => {
    const {sink, send, outcomes, ...the} = await world({partitions: 1, lingerMs: 0})
    await the.break({action: {kind: 'delay', delayMs: 300}, times: 1})
    await send(0, 10)
    await send(10, 10)
    await sink.flush()
    const [first, second] = outcomes
    expect(second?.sequences).toEqual(Float64Array.from(numbers(10, 10)))
    expect(second?.sentUs).toBeGreaterThanOrEqual(first?.settledUs ?? Number.POSITIVE_INFINITY)
  })
})

describe('an attempt', () => {
  const record: ProduceRecord = {
    key: null,
    value: Buffer.from('{"sequence":0}'),
    headers: {},
    timestamp: '1',
    partition: 0,
  }

  it('is one request, never repeated by kafkajs, and the same one again is recognised', async () => {
    const {broker, connection, topic, onTopic} = await world()
    const producer = await IdempotentProducer.open(connection, topic)
    await broker.injectFaults([
      {api: 'Produce', topic, action: {kind: 'error', errorCode: NOT_ENOUGH_REPLICAS}},
      {api: 'Produce', topic, action: {kind: 'drop-response'}},
    ])
    const batches = [{partition: 0, records: [record]}]
    expect(await producer.attempt(batches)).toMatchObject({kind: 'error', refusal: 'later', written: true})
    expect(await producer.attempt(batches)).toMatchObject({kind: 'error', refusal: 'none', written: true})
    expect(await producer.attempt(batches)).toEqual({kind: 'acked', baseOffsets: new Map([[0, 0]])})
    await producer.close()
    expect(await onTopic()).toEqual([0])
  })

  it('to a partition that is not there writes nothing', async () => {
    const {connection, topic} = await world()
    const producer = await IdempotentProducer.open(connection, topic)
    expect(await producer.attempt([{partition: 9, records: [{...record, partition: 9}]}])).toMatchObject({
      kind: 'error',
      written: false,
    })
    await producer.close()
  })

  it('with a broker that has gone writes nothing', async () => {
    const {broker, connection, topic} = await world({isOwn: true})
    const producer = await IdempotentProducer.open(connection, topic)
    await broker.stop()
    await expect(producer.attempt([{partition: 0, records: [record]}])).resolves.toMatchObject({written: false})
    await producer.close()
  })
})

describe('the publisher', () => {
  it('rejects when nothing is acknowledged, and works again afterwards', async () => {
    const {broker, connection, topic, ...the} = await world({isOwn: true})
    const publisher = await openKafkaPublisher(connection)
    const publish = (): Promise<void> => publisher.publish([{topic, key: null, value: Buffer.from('x'), headers: {}}])
    await the.break({action: {kind: 'error', errorCode: TOPIC_AUTHORIZATION_FAILED}})
    await expect(publish()).rejects.toMatchObject({code: 'P2PAY_BROKER_FORBIDDEN'})
    await publish()
    await broker.stop()
    await expect(publish()).rejects.toMatchObject({code: 'P2PAY_BROKER_UNREACHABLE'})
    await broker.startAgain()
    await publish()
    await publisher.close()
    const ends = [...(await connection.admin.endOffsets(topic)).values()]
    expect(ends.reduce((sum, end) => sum + end, 0)).toBe(2)
  })
})
