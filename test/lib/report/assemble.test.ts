import {describe, expect, it} from 'vitest'
import {summarizeDetection} from '../../../src/lib/audit/detection.js'
import type {Ladder, LadderAnomaly} from '../../../src/lib/audit/ladder.js'
import {METRICS, type MetricName} from '../../../src/lib/metrics/catalogue.js'
import {createHistogram} from '../../../src/lib/metrics/histogram.js'
import type {MetricValue} from '../../../src/lib/metrics/metrics.js'
import {type LatencyHistograms, metricSetOf, summarizeLatencies, verdictOf} from '../../../src/lib/report/assemble.js'
import type {HttpSection, RunResult} from '../../../src/lib/report/result.js'
import {loadtestResult, sampleResult} from '../../support/sample-result.js'

const {load} = sampleResult()

const BALANCED: Ladder = {
  ...{planned: 10, sent: 10, acked: 10, failed: 0, unknown: 0},
  ...{onRaw: 10, legit: 8, fraud: 1, dlq: 1, rows: 9, alerts: 1},
  foreign: {},
  anomalies: [],
  balanced: true,
}

function anomaly(
  kind: LadderAnomaly['kind'],
  stage: LadderAnomaly['stage'],
  count: number,
  fatal: boolean,
): LadderAnomaly {
  return {kind, stage, count, fatal, examples: []}
}

/** Grades of `frauds` frauds, three in four flagged, among 1,000 payments. */
function grade(frauds: number): ReturnType<typeof summarizeDetection> {
  return summarizeDetection(
    {
      fraudTypology: {get: sequence => (sequence < frauds ? 1 : 0)},
      lookAlikeTypology: {get: () => 0},
      decision: {get: sequence => (sequence < frauds && sequence % 4 !== 0 ? 3 : 1)},
    },
    {from: 0, to: 1000},
  )
}

function measured(
  metric: MetricName,
  change: {
    load?: Partial<RunResult['load']>
    ladder?: Ladder | null
    frauds?: number
    histograms?: LatencyHistograms
  } = {},
): MetricValue | undefined {
  return metricSetOf({
    load: {...load, ...change.load},
    histograms: change.histograms ?? {},
    ladder: change.ladder === undefined ? BALANCED : change.ladder,
    detection: change.frauds === undefined ? null : grade(change.frauds),
  }).get(metric)
}

describe('the metrics of a run', () => {
  it('are those of the catalogue, each of its kind', () => {
    const histogram = createHistogram()
    const set = metricSetOf({
      load,
      histograms: {
        'produce.lateness': histogram,
        'http.first_byte_time': histogram,
        'http.response_time': histogram,
        'http.planned_time': histogram,
        'produce.ack_time': histogram,
        'detect.decision_time': histogram,
        'persist.row_time': histogram,
      },
      ladder: BALANCED,
      detection: grade(100),
      http: loadtestResult('open').http,
    })
    expect([...set.keys()].sort()).toEqual(Object.keys(METRICS).sort())
    for (const [name, {kind}] of Object.entries(METRICS)) expect(set.get(name)?.kind).toBe(kind)
  })

  it.each<[MetricName, number | null]>([
    ['rate.achieved_ratio', 0.99974],
    ['rate.achieved_tps', 499.87],
    ['rate.shortfall', 0],
    ['produce.error_rate', 0.0002],
  ])('of the load: %s is %d', (metric, value) => {
    expect(measured(metric)).toMatchObject({value})
  })

  it('have no error rate when nothing was sent, and no ratio when no rate was asked', () => {
    expect(measured('produce.error_rate', {load: {sent: 0, failed: 0, unknown: 0}})).toMatchObject({value: null})
    expect(measured('rate.achieved_ratio', {load: {requested_tps: null, achieved_ratio: null}})).toEqual({
      kind: 'rate',
      value: null,
      reason: 'no rate was asked',
    })
  })

  it.each<[MetricName, number]>([
    ['audit.lost', 1 + 2 + 3 + 4],
    ['audit.duplicates', 5 + 6],
    ['audit.duplicate_rows', 7],
    ['audit.phantom', 8],
    ['audit.unexplained', 9],
    ['audit.misrouted', 10 + 11],
    ['audit.contradicted', 12],
    ['audit.arrived_unknown', 13],
    ['audit.dead_lettered', 1],
    ['audit.unbalanced', 1 + 2 + 3 + 4 + 7 + 8 + 9 + 10 + 11 + 12],
  ])('of the books: %s is %i', (metric, value) => {
    const anomalies = [
      ...(['raw', 'decided', 'rows', 'alerts'] as const).map((stage, at) => anomaly('lost', stage, at + 1, true)),
      anomaly('duplicate', 'raw', 5, false),
      anomaly('duplicate', 'fraud', 6, false),
      anomaly('duplicate', 'rows', 7, true),
      anomaly('phantom', 'raw', 8, true),
      anomaly('unexplained', 'rows', 9, true),
      anomaly('misrouted', 'legit', 10, true),
      anomaly('misrouted', 'rows', 11, true),
      anomaly('contradicted', 'decided', 12, true),
      anomaly('arrived-unknown', 'raw', 13, false),
    ]
    expect(measured(metric, {ladder: {...BALANCED, anomalies, balanced: false}})).toEqual({kind: 'counter', value})
  })

  it.each<[string, Partial<Ladder>, MetricName]>([
    ['no database', {rows: null}, 'audit.duplicate_rows'],
    ['no detector', {legit: null, fraud: null, dlq: null}, 'audit.misrouted'],
    ['no detector', {legit: null, fraud: null, dlq: null}, 'audit.dead_lettered'],
    ['no raw topic', {onRaw: null}, 'audit.lost'],
  ])('are null where nobody looked: %s', (_, change, metric) => {
    expect(measured(metric, {ladder: {...BALANCED, ...change}})).toEqual({kind: 'counter', value: null})
  })

  it('are absent without books or grades', () => {
    expect(measured('audit.lost', {ladder: null})).toBeUndefined()
    expect(measured('detect.recall')).toBeUndefined()
  })

  it.each<[MetricName, number]>([
    ['detect.recall', 0.75],
    ['detect.precision', 1],
    ['detect.fpr', 0],
  ])('of the detector: %s is %d', (metric, value) => {
    expect(measured(metric, {frauds: 100})).toMatchObject({value})
  })

  it('rest on a hundred frauds, and false alarms on a hundred legitimate payments', () => {
    const reason = '99 frauds graded, a verdict needs 100'
    expect(measured('detect.recall', {frauds: 99})).toEqual({kind: 'rate', value: null, reason})
    expect(measured('detect.precision', {frauds: 99})).toEqual({kind: 'rate', value: null, reason})
    expect(measured('detect.fpr', {frauds: 99})).toEqual({kind: 'rate', value: 0})
    expect(measured('detect.fpr', {frauds: 950})).toMatchObject({
      value: null,
      reason: '50 legitimate payments graded, a verdict needs 100',
    })
  })
})

describe('the metrics of a load test', () => {
  const of = (change: Partial<HttpSection>): ReturnType<typeof metricSetOf> => {
    const {http} = loadtestResult('open')
    if (http === null) throw new Error('the sample is of a load test')
    return metricSetOf({load, histograms: {}, ladder: null, detection: null, http: {...http, ...change}})
  }

  it.each<[MetricName, Partial<HttpSection>, number]>([
    ['http.error_rate', {error_rate: 0.25}, 0.25],
    ['http.requests_per_s', {requests_per_s: 498.5}, 498.5],
    ['http.failed', {failed: 3}, 3],
    ['http.timeouts', {timeouts: 2}, 2],
    ['http.errors', {errors: 1}, 1],
    ['http.dropped', {dropped: 0}, 0],
  ])('%s is what was counted', (metric, change, value) => {
    expect(of(change).get(metric)).toMatchObject({value})
  })

  it('have no dropped requests in the closed model, and nothing at all before the first one is due', () => {
    expect(of({dropped: null}).get('http.dropped')).toEqual({
      kind: 'counter',
      value: null,
      reason: 'only the open model drops requests',
    })
    const unbegun = of({due: 0, error_rate: null, requests_per_s: 0, failed: 0, timeouts: 0, errors: 0, dropped: 0})
    const names = Object.keys(METRICS).filter(name => name.startsWith('http.') && !name.endsWith('_time'))
    expect(names.map(name => unbegun.get(name))).toEqual(names.map(() => expect.objectContaining({value: null})))
  })
})

describe('a run that was interrupted before anything was acknowledged', () => {
  it.each(['rate.achieved_ratio', 'rate.achieved_tps', 'rate.shortfall', 'produce.error_rate'] as const)(
    'has no %s',
    name => {
      const load = {...sampleResult().load, acked: 0, achieved_ratio: 0, achieved_tps: 0}
      const metrics = metricSetOf({load, interrupted: true, histograms: {}, ladder: null, detection: null})
      expect(metrics.get(name)).toMatchObject({
        value: null,
        reason: 'interrupted before any payment was acknowledged',
      })
    },
  )
})

describe('the summary of latencies', () => {
  it('has those that were measured, in the order in which a payment meets them', () => {
    const histogram = createHistogram()
    histogram.recordUs(5)
    const [lateness, decided] = summarizeLatencies({
      'detect.decision_time': createHistogram(),
      'produce.lateness': histogram,
    })
    expect(lateness).toMatchObject({metric: 'produce.lateness', basis: 'due → sent', count: 1, p50: 5, p999: 5, max: 5})
    expect(decided).toMatchObject({
      metric: 'detect.decision_time',
      count: 0,
      min: null,
      p99: null,
      max: null,
      hdr: null,
    })
  })
})

describe('the verdict', () => {
  const outcome = (passed: boolean, severity: 'fail' | 'warn') => ({
    ...{metric: 'audit.lost', expression: '==0', actual: 0, reason: null},
    ...{passed, severity},
  })

  it.each<[string, Parameters<typeof verdictOf>[0], RunResult['verdict']]>([
    ['all held', {load: {acked: 1}, thresholds: [outcome(true, 'fail')], ladder: BALANCED}, 'passed'],
    ['only a warning', {load: {acked: 1}, thresholds: [outcome(false, 'warn')], ladder: BALANCED}, 'passed'],
    ['a failed threshold', {load: {acked: 1}, thresholds: [outcome(false, 'fail')], ladder: BALANCED}, 'failed'],
    ['unbalanced books', {load: {acked: 1}, thresholds: [], ladder: {...BALANCED, balanced: false}}, 'failed'],
    ['no books and nothing asked', {load: {acked: 1}, thresholds: [], ladder: null}, 'passed'],
    ['nothing acknowledged', {load: {acked: 0}, thresholds: [], ladder: BALANCED}, 'inconclusive'],
    ['a drain deadline', {load: {acked: 1}, thresholds: [], ladder: BALANCED, inconclusive: true}, 'inconclusive'],
    [
      'a drain deadline and a failed threshold',
      {load: {acked: 1}, thresholds: [outcome(false, 'fail')], ladder: BALANCED, inconclusive: true},
      'failed',
    ],
    [
      'an interruption before anything was acknowledged, whatever thresholds say',
      {load: {acked: 0}, thresholds: [outcome(false, 'fail')], ladder: BALANCED, interrupted: true},
      'inconclusive',
    ],
    [
      'an interruption of a run that held so far',
      {load: {acked: 1}, thresholds: [outcome(true, 'fail')], ladder: BALANCED, interrupted: true},
      'inconclusive',
    ],
    [
      'an interruption after a threshold failed',
      {load: {acked: 1}, thresholds: [outcome(false, 'fail')], ladder: BALANCED, interrupted: true},
      'failed',
    ],
  ])('on %s', (_, measured, verdict) => {
    expect(verdictOf(measured)).toBe(verdict)
  })
})
