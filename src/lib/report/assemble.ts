/** From what a run measured to the parts of its result that are computed: latencies, metrics, verdict. */
import type {DetectionSummary} from '../audit/detection.js'
import {ENOUGH_FRAUDS} from '../audit/detection.js'
import type {AnomalyKind, Ladder, Stage} from '../audit/ladder.js'
import type {MetricName} from '../metrics/catalogue.js'
import type {LatencyHistogram, MetricSet, MetricValue, ThresholdOutcome} from '../metrics/metrics.js'
import {allPassed} from '../metrics/threshold.js'
import {type HttpSection, LATENCY_METRICS, type LatencySummary, type RunResult} from './result.js'

export type LatencyMetric = LatencySummary['metric']
export type LatencyHistograms = Readonly<Partial<Record<LatencyMetric, LatencyHistogram>>>

const BASES: Readonly<Record<LatencyMetric, string>> = {
  'produce.lateness': 'due → sent',
  'http.first_byte_time': 'sent → first byte',
  'http.response_time': 'sent → last byte',
  'http.planned_time': 'due → last byte',
  'produce.ack_time': 'due → acked',
  'detect.decision_time': 'due → decided',
  'persist.row_time': 'due → persisted',
}

/** The measured ones, in the order in which a payment meets them. */
export function summarizeLatencies(histograms: LatencyHistograms): LatencySummary[] {
  return LATENCY_METRICS.flatMap(metric => {
    const histogram = histograms[metric]
    return histogram === undefined ? [] : [summarizeLatency(metric, histogram)]
  })
}

export function summarizeLatency(metric: LatencyMetric, histogram: LatencyHistogram): LatencySummary {
  return {
    metric,
    basis: BASES[metric],
    unit: 'us',
    count: histogram.count,
    min: histogram.minUs,
    mean: histogram.meanUs,
    p50: histogram.percentileUs(50),
    p90: histogram.percentileUs(90),
    p95: histogram.percentileUs(95),
    p99: histogram.percentileUs(99),
    p999: histogram.percentileUs(99.9),
    p9999: histogram.percentileUs(99.99),
    max: histogram.maxUs,
    hdr: histogram.encode(),
  }
}

/**
 * All that thresholds may speak of; what was not measured is absent or null. Of a run that was interrupted before
 * anything was acknowledged no figure of the load is one.
 */
export function metricSetOf(measured: {
  readonly load: RunResult['load']
  readonly interrupted?: boolean
  readonly histograms: LatencyHistograms
  readonly ladder: Ladder | null
  readonly detection: DetectionSummary | null
  readonly http?: RunResult['http']
}): MetricSet {
  const {load, histograms, ladder, detection, http} = measured
  const isCutShort = measured.interrupted === true && load.acked === 0
  const ofLoad = (value: number | null): {value: number | null; reason?: string} =>
    isCutShort ? {value: null, reason: 'interrupted before any payment was acknowledged'} : {value}
  const metrics = new Map<MetricName, MetricValue>([
    [
      'rate.achieved_ratio',
      load.requested_tps === null
        ? {kind: 'rate', value: load.achieved_ratio, reason: 'no rate was asked'}
        : {kind: 'rate', ...ofLoad(load.achieved_ratio)},
    ],
    ['rate.achieved_tps', {kind: 'gauge', ...ofLoad(load.achieved_tps)}],
    ['rate.shortfall', {kind: 'counter', ...ofLoad(load.shortfall)}],
    ['produce.error_rate', {kind: 'rate', ...ofLoad(share(load.failed + load.unknown, load.sent))}],
  ])
  for (const metric of LATENCY_METRICS) {
    const histogram = histograms[metric]
    if (histogram !== undefined) metrics.set(metric, {kind: 'trend', histogram})
  }
  if (http != null) for (const [name, value] of httpMetrics(http)) metrics.set(name, value)
  if (ladder !== null) for (const [name, value] of auditMetrics(ladder)) metrics.set(name, value)
  if (detection !== null) for (const [name, value] of detectionMetrics(detection)) metrics.set(name, value)
  return metrics
}

/**
 * Failed when a hard threshold failed or the books do not balance; inconclusive when nothing was acknowledged, or the
 * caller says so (a drain deadline was hit, data had expired). An interrupted run never passes, and what it could not
 * begin to measure does not fail it.
 */
export function verdictOf(measured: {
  readonly load: Pick<RunResult['load'], 'acked'>
  readonly thresholds: readonly ThresholdOutcome[]
  readonly ladder: Ladder | null
  readonly inconclusive?: boolean
  readonly interrupted?: boolean
}): RunResult['verdict'] {
  const {load, thresholds, ladder, inconclusive = false, interrupted = false} = measured
  if (ladder?.balanced === false) return 'failed'
  const isUnbegun = interrupted && load.acked === 0
  if (!isUnbegun && !allPassed(thresholds)) return 'failed'
  return load.acked === 0 || inconclusive || interrupted ? 'inconclusive' : 'passed'
}

function httpMetrics(http: HttpSection): [MetricName, MetricValue][] {
  // Before the first request nothing of it was measured.
  const ofRun = (value: number | null): number | null => (http.due === 0 ? null : value)
  return [
    ['http.error_rate', {kind: 'rate', value: http.error_rate}],
    ['http.requests_per_s', {kind: 'gauge', value: ofRun(http.requests_per_s)}],
    ['http.failed', {kind: 'counter', value: ofRun(http.failed)}],
    ['http.timeouts', {kind: 'counter', value: ofRun(http.timeouts)}],
    ['http.errors', {kind: 'counter', value: ofRun(http.errors)}],
    ['http.dropped', {kind: 'counter', value: ofRun(http.dropped), reason: 'only the open model drops requests'}],
  ]
}

function auditMetrics(ladder: Ladder): [MetricName, MetricValue][] {
  const looked = (stage: Stage): boolean => (stage === 'raw' ? ladder.onRaw : ladder[stage]) !== null
  const total = (kind: AnomalyKind, stages?: readonly string[]): number =>
    ladder.anomalies
      .filter(anomaly => anomaly.kind === kind && (stages?.includes(anomaly.stage) ?? true))
      .reduce((sum, {count}) => sum + count, 0)
  const counter = (value: number | null): MetricValue => ({kind: 'counter', value})
  // Where nothing was looked at, nothing found proves nothing.
  const onTopics = looked('raw')
  const onRows = looked('rows')
  const onDecisions = looked('legit') && looked('fraud')
  return [
    ['audit.lost', counter(onTopics ? total('lost') : null)],
    ['audit.duplicates', counter(onTopics ? total('duplicate', ['raw', 'legit', 'fraud', 'dlq', 'alerts']) : null)],
    ['audit.duplicate_rows', counter(onRows ? total('duplicate', ['rows']) : null)],
    ['audit.phantom', counter(onTopics ? total('phantom') : null)],
    ['audit.unexplained', counter(onDecisions ? total('unexplained') : null)],
    ['audit.misrouted', counter(onDecisions ? total('misrouted') : null)],
    ['audit.contradicted', counter(onDecisions ? total('contradicted') : null)],
    ['audit.arrived_unknown', counter(onTopics ? total('arrived-unknown') : null)],
    ['audit.dead_lettered', counter(ladder.dlq)],
    [
      'audit.unbalanced',
      counter(onTopics ? ladder.anomalies.filter(({fatal}) => fatal).reduce((sum, {count}) => sum + count, 0) : null),
    ],
  ]
}

function detectionMetrics(detection: DetectionSummary): [MetricName, MetricValue][] {
  const {recall, precision, false_positive_rate: fpr, frauds, graded, enough_frauds: isEnough} = detection
  const onFrauds = (value: number | null): MetricValue =>
    isEnough
      ? {kind: 'rate', value}
      : {kind: 'rate', value: null, reason: `${frauds} frauds graded, a verdict needs ${ENOUGH_FRAUDS}`}
  const legitimate = graded - frauds
  return [
    ['detect.recall', onFrauds(recall.share)],
    ['detect.precision', onFrauds(precision.share)],
    // False alarms are counted on legitimate payments; they need their own hundred, not the frauds'.
    [
      'detect.fpr',
      legitimate >= ENOUGH_FRAUDS
        ? {kind: 'rate', value: fpr.share}
        : {
            kind: 'rate',
            value: null,
            reason: `${legitimate} legitimate payments graded, a verdict needs ${ENOUGH_FRAUDS}`,
          },
    ],
  ]
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}
