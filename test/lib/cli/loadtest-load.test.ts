/** What flags and scenarios make of a load: the model, its bounds, and the names of its phases. */
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import type {LoadtestFlags} from '../../../src/lib/cli/loadtest-flags.js'
import {type LoadSettings, loadSettings} from '../../../src/lib/cli/loadtest-load.js'
import {temporaryDirectory} from '../../support/temp.js'

const NONE: LoadtestFlags = {
  ...{dir: '.p2pay', requests: undefined, concurrency: undefined, duration: undefined, rate: undefined},
  ...{stages: undefined, arrivals: undefined, queue: undefined, warmup: undefined, threshold: undefined},
  ...{scenario: undefined, seed: undefined, 'fraud-rate': undefined, accounts: undefined, 'run-tag': undefined},
  ...{start: undefined, method: undefined, header: undefined, body: undefined, 'content-type': undefined},
  ...{targets: undefined, pipeline: undefined, 'api-key-env': undefined, timeout: '10s', 'no-keep-alive': false},
  ...{success: undefined, 'success-body': undefined, 'response-id': undefined, insecure: false, cacert: undefined},
  ...{cert: undefined, key: undefined, follow: false, brokers: undefined, property: undefined},
  ...{topic: 'payments.raw', group: 'p2pay-detector', 'legit-topic': 'l', 'fraud-topic': 'f', 'alerts-topic': 'a'},
  ...{'dlq-topic': 'd', 'database-url': undefined, 'no-database': false},
}

const settings = (flags: Partial<LoadtestFlags>): Promise<LoadSettings> => loadSettings({...NONE, ...flags}, [])

async function ofScenario(text: string, flags: Partial<LoadtestFlags> = {}): Promise<LoadSettings> {
  const scenario = join(await temporaryDirectory(), 'steps.yaml')
  await writeFile(scenario, `version: 1\n${text}`)
  return settings({...flags, scenario})
}

const FOREVER = Number.POSITIVE_INFINITY

describe('without a rate the model is closed', () => {
  it.each([
    ['nothing said', {}, {concurrency: 50, requestCount: 200, durationMs: FOREVER}],
    ['a number', {requests: 10_000, concurrency: 200}, {concurrency: 200, requestCount: 10_000, durationMs: FOREVER}],
    ['fewer than the usual concurrency', {requests: 5}, {concurrency: 5, requestCount: 5, durationMs: FOREVER}],
    ['a time', {duration: '30s'}, {concurrency: 50, requestCount: FOREVER, durationMs: 30_000}],
    ['a number and a time', {requests: 9, duration: '1s'}, {concurrency: 9, requestCount: 9, durationMs: 1000}],
    ['no end', {duration: 'forever'}, {concurrency: 50, requestCount: FOREVER, durationMs: FOREVER}],
  ])('%s', async (_, flags, expected) => {
    const {model, plannedCount} = await settings(flags)
    expect(model).toEqual({kind: 'closed', ...expected})
    expect(plannedCount).toBe(expected.requestCount)
  })
})

describe('with a rate it is open', () => {
  it.each([
    ['a rate alone lasts 30 s', {rate: '100'}, 3000, 100, 1000],
    ['a number ends it', {rate: '100', requests: 7}, 7, 100, 1000],
    ['a time ends it', {rate: '100', duration: '2s'}, 200, 100, 1000],
    ['the first of both ends it', {rate: '100', duration: '2s', requests: 150}, 150, 100, 1000],
    ['stages begin at 0', {stages: '10s:100,10s:100'}, 1500, 100, 1000],
    ['stages begin at the rate', {rate: '100', stages: '10s:100'}, 1000, 100, 1000],
    ['a slow rate has 50 connections', {rate: '2'}, 60, 50, 20],
    ['a fast one 1,000', {rate: '5000', duration: '1s'}, 5000, 1000, 50_000],
    ['the queue in requests', {rate: '100', queue: '5'}, 3000, 100, 5],
    ['the queue in time', {rate: '100', queue: '500ms'}, 3000, 100, 50],
    ['the queue of a ramp, by its highest rate', {stages: '1s:10,1s:400', queue: '1s'}, 210, 400, 400],
  ])('%s', async (_, flags, plannedCount, concurrency, queueCount) => {
    const {model, ...rest} = await settings(flags)
    expect(rest.plannedCount).toBe(plannedCount)
    expect(model).toMatchObject({kind: 'open', concurrency, queueCount})
  })
})

describe('a scenario', () => {
  it('with rates is open; its phases are kept apart by name, or by place', async () => {
    const {model, scenarios, planned} = await ofScenario(`load:
  - {name: calm, executor: constant-arrival-rate, rate: 10, duration: 1s}
  - {executor: ramping-arrival-rate, startRate: 10, stages: [{target: 30, duration: 1s}]}
  - {name: rush, executor: constant-arrival-rate, rate: 30, duration: 1s}
`)
    expect(model.kind).toBe('open')
    expect(scenarios).toEqual([
      {name: 'calm', fromSequence: 0},
      {name: 'phase 2', fromSequence: 10},
      {name: 'rush', fromSequence: 30},
    ])
    // A tenth of what is planned, as for every scenario that does not say otherwise.
    expect(planned.plan.warmupCount).toBe(6)
  })

  it('of shared iterations is closed, with its concurrency', async () => {
    const load = 'load: {executor: shared-iterations, iterations: 100, concurrency: 7}\n'
    expect((await ofScenario(load)).model).toMatchObject({kind: 'closed', concurrency: 7, requestCount: 100})
    expect((await ofScenario(load, {concurrency: 3, requests: 40, duration: '5s'})).model).toEqual({
      kind: 'closed',
      concurrency: 3,
      requestCount: 40,
      durationMs: 5000,
    })
    expect((await ofScenario(load, {rate: '10', duration: '2s'})).model).toMatchObject({kind: 'open'})
  })

  it('is overridden by flags, and thresholds of both count', async () => {
    const text = `load: {executor: constant-arrival-rate, rate: 10, duration: 1s}
thresholds: {http.failed: ==0}
`
    const {planned, plannedCount} = await ofScenario(text, {
      rate: '20',
      threshold: ['http.response_time: p(99)<1s'],
      warmup: 3,
    })
    expect(plannedCount).toBe(20)
    expect(planned.plan).toMatchObject({name: 'steps', warmupCount: 3})
    expect(planned.plan.thresholds.map(({metric, expression}) => `${metric} ${expression}`)).toEqual([
      'http.failed ==0',
      'http.response_time p(99)<1s',
    ])
    expect((await ofScenario(text, {stages: '1s:40'})).plannedCount).toBe(20)
    expect((await ofScenario(text, {duration: '3s'})).plannedCount).toBe(30)
  })
})
