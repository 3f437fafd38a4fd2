/** The quantities of a result that can be compared, each with the direction in which it is better. */
import {METRICS, type MetricInfo, type MetricName, type MetricUnit} from '../metrics/catalogue.js'
import type {LatencySummary, RunResult} from './result.js'

export const COMPARED_STATISTICS = ['p50', 'p95', 'p99', 'max'] as const

export interface Quantity {
  readonly metric: MetricName
  readonly statistic: (typeof COMPARED_STATISTICS)[number] | null
  readonly unit: MetricUnit
  readonly better: 'lower' | 'higher'
  /** In `unit`; null when it was not measured. */
  readonly value: number | null
  /** How many samples lie beyond it; Infinity of what counts all. */
  readonly samplesBeyond: number
}

/** Share of the samples beyond each statistic. */
const BEYOND = {p50: 0.5, p95: 0.05, p99: 0.01, max: 0} as const

export function quantitiesOf(result: RunResult): Quantity[] {
  const {http, load, ladder, detection} = result
  const of = (metric: MetricName, value: number | null): Quantity => ({
    ...known(metric),
    statistic: null,
    value,
    samplesBeyond: Number.POSITIVE_INFINITY,
  })
  // Too few frauds give no verdict on a run, and so none on two.
  const grade = detection?.enough_frauds === true ? detection : null
  return [
    ...(http === null
      ? [
          of('rate.achieved_tps', load.achieved_tps),
          of('produce.error_rate', load.sent === 0 ? null : (load.failed + load.unknown) / load.sent),
        ]
      : [of('http.requests_per_s', http.requests_per_s), of('http.error_rate', http.error_rate)]),
    ...result.latencies.flatMap(latencyQuantities),
    of(
      'audit.unbalanced',
      ladder === null || ladder.onRaw === null
        ? null
        : ladder.anomalies.filter(({fatal}) => fatal).reduce((sum, {count}) => sum + count, 0),
    ),
    of('detect.recall', grade?.recall.share ?? null),
    of('detect.precision', grade?.precision.share ?? null),
    of('detect.fpr', grade?.false_positive_rate.share ?? null),
  ]
}

function latencyQuantities(latency: LatencySummary): Quantity[] {
  return COMPARED_STATISTICS.map(statistic => ({
    ...known(latency.metric),
    statistic,
    value: latency[statistic],
    samplesBeyond: Math.floor(latency.count * BEYOND[statistic] + 1e-9),
  }))
}

function known(metric: MetricName): Pick<Quantity, 'metric' | 'unit' | 'better'> {
  const {unit, better}: MetricInfo = METRICS[metric]
  return {metric, unit, better: better ?? 'lower'}
}
