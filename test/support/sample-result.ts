/** Fixed results for reports: of a run with something of everything, of load tests, and of nothing. */
import {summarizeDetection} from '../../src/lib/audit/detection.js'
import type {Ladder} from '../../src/lib/audit/ladder.js'
import {Random} from '../../src/lib/base/random.js'
import {createHistogram} from '../../src/lib/metrics/histogram.js'
import type {LatencyHistogram} from '../../src/lib/metrics/metrics.js'
import {judge} from '../../src/lib/metrics/threshold.js'
import {type LatencyHistograms, metricSetOf, summarizeLatencies, verdictOf} from '../../src/lib/report/assemble.js'
import type {RunResult} from '../../src/lib/report/result.js'
import {type Model, playLoad} from './sample-load.js'

const COUNT = 10_000
const WARMUP = 2000

/** A smooth body and a tail, in µs. */
function latencies(seed: number, medianUs: number, tailUs: number): LatencyHistogram {
  const random = new Random(seed)
  const histogram = createHistogram()
  for (let sample = 0; sample < COUNT - WARMUP; sample++) {
    const unit = random.unit()
    histogram.recordUs(medianUs * (0.6 + 0.8 * unit) + (unit > 0.96 ? tailUs * ((unit - 0.96) / 0.04) ** 3 : 0))
  }
  return histogram
}

const HISTOGRAMS: LatencyHistograms = {
  'produce.lateness': latencies(1, 420, 3000),
  'produce.ack_time': latencies(2, 3200, 40_000),
  'detect.decision_time': latencies(3, 14_500, 220_000),
  'persist.row_time': latencies(4, 21_000, 280_000),
}

const LADDER: Ladder = {
  ...{planned: COUNT, sent: COUNT, acked: COUNT - 2, failed: 0, unknown: 2},
  ...{onRaw: COUNT - 1, legit: 9720, fraud: 277, dlq: 2, rows: 9996, alerts: 277},
  foreign: {raw: 120},
  anomalies: [
    {
      kind: 'lost',
      stage: 'rows',
      count: 1,
      examples: ['01234567-89ab-8000-8000-0000000004d2'],
      fatal: true,
    },
    {kind: 'duplicate', stage: 'raw', count: 3, examples: ['01234567-89ab-8000-8000-000000000003'], fatal: false},
    {kind: 'arrived-unknown', stage: 'raw', count: 1, examples: ['01234567-89ab-8000-8000-000000000007'], fatal: false},
  ],
  balanced: false,
}

function codes(codeOf: (sequence: number) => number): {get(sequence: number): number} {
  return {get: codeOf}
}

const fraudOf = (sequence: number): number => (sequence % 50 === 0 ? 1 + ((sequence / 50) % 5) : 0)
const lookAlikeOf = (sequence: number): number => (sequence % 20 === 1 ? 1 + (((sequence - 1) / 20) % 5) : 0)
const DETECTION = summarizeDetection(
  {
    fraudTypology: codes(fraudOf),
    lookAlikeTypology: codes(lookAlikeOf),
    decision: codes(sequence => {
      if (fraudOf(sequence) > 0) return sequence % 700 === 0 ? 1 : sequence % 100 === 0 ? 3 : 2
      if (lookAlikeOf(sequence) > 0) return sequence % 140 === 1 ? 2 : 1
      return sequence % 250 === 3 ? 2 : 1
    }),
  },
  {from: WARMUP, to: COUNT},
)

const LOAD: RunResult['load'] = {
  description: '500 payments/s for 20 s (constant arrival rate)',
  requested_tps: 500,
  achieved_tps: 499.87,
  achieved_ratio: 0.99974,
  shortfall: 0,
  planned: COUNT,
  sent: COUNT,
  acked: COUNT - 2,
  failed: 0,
  unknown: 2,
  wall_s: 20.004,
  simulated_s: 11_523,
  speed_up: 576.03,
  warmup_count: WARMUP,
  per_second: [500, 500, 499, 501, 500, 500, 462, 538, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 498],
  errors: [
    {code: 'REQUEST_TIMED_OUT', count: 2, example: 'no answer from 127.0.0.1:9092 within 30 s & <retries> used up'},
  ],
}

const THRESHOLDS = [
  {metric: 'rate.achieved_ratio', expression: '>=0.99', severity: 'fail'},
  {metric: 'produce.error_rate', expression: '<0.1%', severity: 'fail'},
  {metric: 'audit.lost', expression: '==0', severity: 'fail'},
  {metric: 'audit.duplicate_rows', expression: '==0', severity: 'fail'},
  {metric: 'detect.decision_time', expression: 'p(50)<=25ms', severity: 'warn'},
  {metric: 'detect.decision_time', expression: 'p(99)<=95ms', severity: 'warn'},
  {metric: 'detect.recall', expression: '>=0.9', severity: 'fail'},
] as const

/** A failed run: one row lost, one target missed. */
export function sampleResult(): RunResult {
  const thresholds = judge(
    THRESHOLDS,
    metricSetOf({load: LOAD, histograms: HISTOGRAMS, ladder: LADDER, detection: DETECTION}),
  )
  return {
    schema_version: 1,
    run: {
      tag: '0123456789ab',
      scenario: 'smoke',
      scenario_sha256: 'e055f7c4a0c5844832c2129b75fdf581ec83657ac0e85f4412ff0f16335b8ecb',
      seed: 42,
      started_at: '2026-01-05T09:00:00.000Z',
      finished_at: '2026-01-05T09:00:22.410Z',
      command: 'p2pay run scenarios/smoke.yaml --seed 42 --run-tag 0123456789ab',
      versions: {p2pay: '0.1.0', node: '20.20.2'},
      machine: {cpus: 2, platform: 'linux x64'},
      broker: 'embedded broker 127.0.0.1:9092',
      cluster: 'p2pay-embedded',
      database: 'embedded PostgreSQL 17',
      interrupted: false,
    },
    load: LOAD,
    latencies: summarizeLatencies(HISTOGRAMS),
    http: null,
    ladder: LADDER,
    detection: DETECTION,
    thresholds,
    notes: [
      'All on one machine of 2 cores: generator, broker, detector and database share them, and latencies show it.',
    ],
    verdict: verdictOf({load: LOAD, thresholds, ladder: LADDER}),
  }
}

/** Nothing but a start: what a run reports that was interrupted before it sent anything. */
export function emptyResult(): RunResult {
  const {run, load} = sampleResult()
  return {
    schema_version: 1,
    run: {...run, cluster: null, database: null, interrupted: true},
    load: {
      ...load,
      ...{requested_tps: null, achieved_tps: null, achieved_ratio: null, speed_up: null},
      ...{
        planned: 0,
        sent: 0,
        acked: 0,
        failed: 0,
        unknown: 0,
        shortfall: 0,
        wall_s: 0,
        simulated_s: 0,
        warmup_count: 0,
      },
      per_second: [],
      errors: [],
    },
    latencies: [],
    http: null,
    ladder: null,
    detection: null,
    thresholds: [
      {metric: 'audit.lost', expression: '==0', severity: 'warn', actual: null, passed: false, reason: 'no samples'},
    ],
    notes: [],
    verdict: 'inconclusive',
  }
}

/** A load test: the closed model on a service of its own with its books, or the open one on somebody else's. */
export function loadtestResult(model: Model): RunResult {
  const isOwn = model === 'closed'
  const {http, histograms: ofHttp, perSecond, wallUs} = playLoad(model)
  const {run} = sampleResult()
  const acked = http.succeeded
  const unknown = http.sent - acked
  const wallS = wallUs / 1e6
  const requestedTps = isOwn ? null : 500
  const achievedTps = acked / wallS
  const load: RunResult['load'] = {
    description: isOwn
      ? '10,000 requests, 20 at once (closed model)'
      : '500 requests/s for 20 s, at most 50 at once (open model)',
    requested_tps: requestedTps,
    achieved_tps: achievedTps,
    achieved_ratio: requestedTps === null ? null : achievedTps / requestedTps,
    shortfall: http.due - http.sent,
    ...{planned: http.due, sent: http.sent, acked, failed: 0, unknown},
    ...{wall_s: wallS, simulated_s: 11_523, speed_up: 11_523 / wallS, warmup_count: 0},
    per_second: perSecond,
    errors: isOwn
      ? [{code: 'UND_ERR_SOCKET', count: http.errors, example: 'other side closed'}]
      : [{code: 'ECONNREFUSED', count: http.errors, example: 'connect ECONNREFUSED 127.0.0.1:8000'}],
  }
  const ladder: Ladder | null = isOwn
    ? {
        ...{planned: COUNT, sent: COUNT, acked, failed: 0, unknown},
        ...{onRaw: acked + 2, legit: acked - 230, fraud: 232, dlq: 0, rows: acked + 2, alerts: 232},
        foreign: {},
        anomalies: [{kind: 'arrived-unknown', stage: 'raw', count: 2, examples: [], fatal: false}],
        balanced: true,
      }
    : null
  const histograms: LatencyHistograms = isOwn
    ? {
        ...ofHttp,
        'detect.decision_time': latencies(5, 9_500, 90_000),
        'persist.row_time': latencies(6, 14_000, 120_000),
      }
    : ofHttp
  const detection = isOwn ? DETECTION : null
  const asked = [
    {metric: 'http.response_time', expression: 'p(99)<250ms', severity: 'fail'},
    {metric: 'http.error_rate', expression: '<0.1%', severity: isOwn ? 'warn' : 'fail'},
    ...(isOwn ? [] : [{metric: 'http.planned_time', expression: 'p(99)<250ms', severity: 'fail'} as const]),
  ] as const
  const thresholds = judge(asked, metricSetOf({load, histograms, ladder, detection, http}))
  return {
    schema_version: 1,
    run: {
      ...run,
      scenario: 'loadtest',
      finished_at: new Date(Date.parse(run.started_at) + Math.round(wallUs / 1000) + 600).toISOString(),
      command: isOwn
        ? 'p2pay loadtest --requests 10000 --concurrency 20 --seed 42 --run-tag 0123456789ab'
        : 'p2pay loadtest http://127.0.0.1:8000/api/v1/payments --rate 500 --duration 20s --run-tag 0123456789ab',
      broker: isOwn ? run.broker : 'http://127.0.0.1:8000/api/v1/payments',
      cluster: isOwn ? run.cluster : null,
      database: isOwn ? run.database : null,
    },
    load,
    latencies: summarizeLatencies(histograms),
    http,
    ladder,
    detection,
    thresholds,
    notes: [],
    verdict: verdictOf({load, thresholds, ladder}),
  }
}
