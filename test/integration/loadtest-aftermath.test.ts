/** The books after a load, taken from journal and topics as a load test leaves them, with a real broker. */
import {describe, expect, it} from 'vitest'
import {systemClock} from '../../src/lib/base/clock.js'
import {createDetector} from '../../src/lib/detect/create.js'
import {TOPICS} from '../../src/lib/payment/topics.js'
import {detect} from '../../src/lib/run/detect.js'
import {RunFacts} from '../../src/lib/run/facts.js'
import {type AftermathOptions, beforeLoad, takeAftermath} from '../../src/lib/run/loadtest/aftermath.js'
import {produce} from '../../src/lib/run/produce.js'
import {planFromFlags} from '../../src/lib/scenario/load.js'
import {openKafkaPublisher} from '../../src/lib/sink/kafka-publisher.js'
import {openKafkaSource} from '../../src/lib/source/kafka-source.js'
import {sharedBroker} from '../support/embedded-kafka.js'
import {freshName} from '../support/kafka-contract.js'
import {temporaryDirectory} from '../support/temp.js'

const shared = sharedBroker()
const COUNT = 300

async function given(group: string) {
  const broker = shared()
  const kafka = await broker.connect()
  const own = (name: string): string => `${name}.${group}`
  const topics = {
    raw: own(TOPICS.raw),
    legit: own(TOPICS.legit),
    fraud: own(TOPICS.fraud),
    alerts: own(TOPICS.alerts),
    dlq: own(TOPICS.dlq),
  }
  await kafka.admin.ensureTopics(Object.values(topics), 2)
  return {kafka, topics, group, store: null, clock: systemClock, directory: await temporaryDirectory()}
}

type Pipeline = Awaited<ReturnType<typeof given>>

/** Sends payments as a load test would, and says where the journal is. */
async function load(pipeline: Pipeline, tag: string, facts: RunFacts): Promise<string> {
  const {plan} = planFromFlags({rateTps: 1000, maxCount: COUNT, accountCount: 50, fraudRate: 0.2})
  const {paths, summary} = await produce({
    ...pipeline,
    plan,
    tag,
    startMs: 1_780_000_000_000,
    key: 'debtor_id',
    brokers: shared().address,
    command: 'p2pay loadtest',
    version: '0.0.0',
    nodeVersion: process.version,
    signal: new AbortController().signal,
    onReleased: (block, from, to) => facts.generated(block, from, to),
  })
  expect(summary.acked).toBe(COUNT)
  return paths.journal
}

async function detecting(pipeline: Pipeline): Promise<{stop(): Promise<void>}> {
  const {kafka, topics, group, clock} = pipeline
  const stopping = new AbortController()
  const publisher = await openKafkaPublisher(kafka)
  const running = detect({
    source: await openKafkaSource(kafka, {topic: topics.raw, group}),
    publisher,
    store: null,
    snapshots: null,
    detector: createDetector(planFromFlags({}).plan.detector),
    topics,
    group,
    clock,
    signal: stopping.signal,
  })
  return {
    stop: async () => {
      stopping.abort()
      await running
      await publisher.close()
    },
  }
}

const signal = new AbortController().signal

function optionsFor(pipeline: Pipeline, changes: Pick<AftermathOptions, 'before' | 'tag' | 'journalPath' | 'facts'>) {
  return {...pipeline, plannedCount: COUNT, warmupCount: 100, ...changes}
}

describe('the aftermath of a load', () => {
  it('waits for the detector, balances the books, grades it, and measures due → decided past the warm-up', async () => {
    const pipeline = await given(freshName('aftermath'))
    const detector = await detecting(pipeline)
    // Somebody else's, worked off before and counted nowhere.
    await load(pipeline, 'ba9876543210', new RunFacts())
    const before = await beforeLoad(pipeline, {signal})
    expect(before.notes).toEqual([])
    expect(before.manifestTopics['raw']).toMatchObject({name: pipeline.topics.raw})
    const sumOf = (offsets: readonly number[] = []): number => offsets.reduce((sum, offset) => sum + offset, 0)
    expect(sumOf(before.manifestTopics['raw']?.start_offsets)).toBe(COUNT)
    const facts = new RunFacts()
    const tag = '0123456789ab'
    const journalPath = await load(pipeline, tag, facts)
    const aftermath = await takeAftermath(optionsFor(pipeline, {before, tag, journalPath, facts}))
    await detector.stop()
    expect(aftermath).toMatchObject({drained: true, decidedCount: COUNT})
    expect(aftermath.ladder).toMatchObject({planned: COUNT, acked: COUNT, onRaw: COUNT, dlq: 0, rows: null})
    expect(aftermath.ladder).toMatchObject({balanced: true, anomalies: [], foreign: {}})
    expect(aftermath.detection).toMatchObject({graded: COUNT - 100, enough_frauds: false})
    expect(aftermath.decisionTime?.count).toBe(COUNT - 100)
    expect(aftermath.notes).toEqual([expect.stringMatching(/graded frauds?: detection figures need 100/)])
  })

  it('says that nobody has decided when the detector is gone, and calls what is missing lost', async () => {
    const pipeline = await given(freshName('undecided'))
    const before = await beforeLoad(pipeline, {signal})
    const tag = '0123456789ab'
    const journalPath = await load(pipeline, tag, new RunFacts())
    const options = optionsFor(pipeline, {before, tag, journalPath, facts: null})
    const aftermath = await takeAftermath({...options, isOver: () => true, isOneClock: false})
    expect(aftermath).toMatchObject({drained: false, decidedCount: 0, detection: null, decisionTime: null})
    expect(aftermath.ladder).toMatchObject({acked: COUNT, onRaw: COUNT, legit: 0, balanced: false})
    expect(aftermath.notes).toEqual([
      'the detector had not decided on every accepted payment at the drain deadline',
      expect.stringMatching(
        /^due → decided is n\/a: the broker is at 127\.0\.0\.1:\d+, and the clocks of two machines/,
      ),
    ])
  })

  it('says that the books could not be balanced when there is no journal', async () => {
    const pipeline = await given(freshName('unjournalled'))
    const before = await beforeLoad(pipeline, {signal})
    const journalPath = `${pipeline.directory}/none.bin`
    const aftermath = await takeAftermath(optionsFor(pipeline, {before, tag: '0123456789ab', journalPath, facts: null}))
    expect(aftermath).toMatchObject({drained: true, ladder: null})
    expect(aftermath.notes).toContainEqual(
      expect.stringMatching(/^the books could not be balanced: There is no journal/),
    )
  })
})
