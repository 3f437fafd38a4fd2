/** A run that loses its detector, or its user's patience, still ends in a result. */
import {describe, expect, it} from 'vitest'
import {systemClock} from '../../src/lib/base/clock.js'
import {EnvironmentError} from '../../src/lib/base/errors.js'
import {TOPICS, type TopicNames} from '../../src/lib/payment/topics.js'
import {produce} from '../../src/lib/run/produce.js'
import {runScenario, type ScenarioRunOptions} from '../../src/lib/run/scenario-run.js'
import {planFromFlags} from '../../src/lib/scenario/load.js'
import {openKafkaPublisher} from '../../src/lib/sink/kafka-publisher.js'
import {openKafkaSource} from '../../src/lib/source/kafka-source.js'
import type {RecordSource, SourceHandlers} from '../../src/lib/source/source.js'
import {sharedBroker} from '../support/embedded-kafka.js'
import {freshName} from '../support/kafka-contract.js'
import {Life} from '../support/memory-kafka.js'
import {MemoryTables, TestStore} from '../support/memory-store.js'
import {temporaryDirectory} from '../support/temp.js'

const shared = sharedBroker()

async function optionsOf(changes: Partial<ScenarioRunOptions> & {group: string}): Promise<ScenarioRunOptions> {
  const broker = shared()
  const kafka = await broker.connect()
  const own = (name: string): string => `${name}.${changes.group}`
  const topics: TopicNames = {
    raw: own(TOPICS.raw),
    legit: own(TOPICS.legit),
    fraud: own(TOPICS.fraud),
    alerts: own(TOPICS.alerts),
    dlq: own(TOPICS.dlq),
  }
  const plan = {...planFromFlags({rateTps: 500, durationMs: 1000, accountCount: 100}).plan, partitions: 2}
  await kafka.admin.ensureTopics(Object.values(topics), plan.partitions)
  return {
    plan,
    tag: '0123456789ab',
    startMs: 1_780_000_000_000,
    key: 'debtor_id',
    directory: await temporaryDirectory(),
    kafka,
    brokers: broker.address,
    topics,
    source: await openKafkaSource(kafka, {topic: topics.raw, group: changes.group}),
    publisher: await openKafkaPublisher(kafka),
    store: null,
    snapshots: null,
    machine: {cpus: 1, platform: 'test'},
    databaseDescription: null,
    command: 'p2pay run',
    version: '0.0.0',
    nodeVersion: process.version,
    clock: systemClock,
    signal: new AbortController().signal,
    ...changes,
  }
}

/** Payments of somebody else, on the topic before the run begins. */
async function openOtherLoad(options: ScenarioRunOptions): Promise<{readonly acked: number}> {
  const {summary} = await produce({
    ...options,
    tag: 'ba9876543210',
    directory: await temporaryDirectory(),
    onProgress: () => {},
  })
  return summary
}

/** Gives up at the first record, as when access is taken away. */
function givingUp(source: RecordSource): RecordSource {
  const start = (handlers: SourceHandlers): Promise<void> =>
    source.start({
      onAssigned: partitions => handlers.onAssigned(partitions),
      onRecords: async () => handlers.onFailed?.(new EnvironmentError('access was taken away', {code: 'P2PAY_TEST'})),
    })
  return {
    description: source.description,
    start,
    committed: partitions => source.committed(partitions),
    bounds: () => source.bounds(),
    seek: (partition, offset) => source.seek(partition, offset),
    commit: offsets => source.commit(offsets),
    stop: () => source.stop(),
  }
}

describe('a run whose detector gives up', () => {
  it('ends in a result that says so, and calls what was sent undecided', async () => {
    const options = await optionsOf({group: freshName('gives-up')})
    const result = await runScenario({...options, source: givingUp(options.source)})
    expect(result.load).toMatchObject({planned: 500, acked: 500})
    expect(result.notes).toContain('the detector gave up: access was taken away')
    expect(result.ladder).toMatchObject({acked: 500, onRaw: 500, legit: 0, balanced: false})
    expect(result.verdict).toBe('failed')
  })
})

describe('a run whose tag was run before', () => {
  it('measures no latency of decisions that it adopts, fails the thresholds on them, and says why', async () => {
    const store = new TestStore(new MemoryTables(), new Life(systemClock))
    const group = freshName('again')
    const given = await optionsOf({group, store})
    const plan = {
      ...given.plan,
      thresholds: [{metric: 'detect.decision_time', expression: 'p(99)<10s', severity: 'fail'} as const],
    }
    const first = await runScenario({...given, plan})
    expect(first.thresholds).toMatchObject([{passed: true}])
    const decided: number[] = []
    const again = await runScenario({
      ...given,
      plan,
      source: await openKafkaSource(given.kafka, {topic: given.topics.raw, group}),
      publisher: await openKafkaPublisher(given.kafka),
      onProgress: ({phase, decidedCount}) => phase !== 'catching up' && decided.push(decidedCount),
    })
    expect(again.load.acked).toBe(500)
    const measured = Object.fromEntries(again.latencies.map(({metric, count, p99}) => [metric, {count, p99}]))
    expect(measured['detect.decision_time']).toEqual({count: 0, p99: null})
    expect(measured['persist.row_time']).toEqual({count: 0, p99: null})
    expect(again.thresholds).toMatchObject([{actual: null, passed: false}])
    expect(again.verdict).toBe('failed')
    expect(again.notes).toContainEqual(expect.stringMatching(/^500 payments of this tag had been decided before: /))
    expect(Math.max(...decided)).toBeLessThanOrEqual(500)
  })

  it('counts only its own payments as decided, though others share the topic', async () => {
    const given = await optionsOf({group: freshName('shared')})
    const decided: number[] = []
    const other = await openOtherLoad(given)
    await runScenario({
      ...given,
      onProgress: ({phase, decidedCount}) => phase !== 'catching up' && decided.push(decidedCount),
    })
    expect(other.acked).toBe(500)
    expect(Math.max(...decided)).toBeLessThanOrEqual(500)
  })
})

describe('a run that is interrupted', () => {
  it('before its first payment is inconclusive, and no threshold is judged on a figure', async () => {
    const given = await optionsOf({group: freshName('unbegun'), signal: AbortSignal.abort()})
    const thresholds = [{metric: 'rate.achieved_ratio', expression: '>=0.99', severity: 'fail'} as const]
    const result = await runScenario({...given, plan: {...given.plan, thresholds}})
    expect(result.run.interrupted).toBe(true)
    expect(result.load).toMatchObject({acked: 0, achieved_tps: null, achieved_ratio: null})
    expect(result.thresholds).toMatchObject([{actual: null, reason: 'interrupted before any payment was acknowledged'}])
    expect(result.verdict).toBe('inconclusive')
  })

  it('balances what was sent, and calls nothing else unknown', async () => {
    const interruption = new AbortController()
    const options = await optionsOf({group: freshName('interrupted'), signal: interruption.signal})
    const result = await runScenario({
      ...options,
      onProgress: ({load}) => {
        if (load !== undefined && load.acked > 0) interruption.abort()
      },
    })
    const {load, ladder} = result
    expect(result.run.interrupted).toBe(true)
    expect(load.sent).toBeGreaterThan(0)
    expect(load.sent).toBeLessThan(500)
    expect(ladder).toMatchObject({
      planned: load.planned,
      sent: load.sent,
      acked: load.acked,
      unknown: 0,
      balanced: true,
    })
  })
})
