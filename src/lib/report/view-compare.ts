/** What every form of a comparison shows, in the same words. */
import {isMetricName, type MetricUnit} from '../metrics/catalogue.js'
import {type Comparison, type ComparisonRow, MIN_SAMPLES_BEYOND} from './comparison.js'
import {formatCount, formatMs, formatShare, formatTps, NOT_MEASURED, plural} from './format.js'
import {LATENCY_NAMES} from './latency-names.js'
import {LATENCY_METRICS, type LatencySummary} from './result.js'

export type RowMark = 'better' | 'same' | 'worse' | 'none'

export interface CompareRow {
  readonly name: string
  readonly statistic: string
  readonly base: string
  readonly next: string
  readonly ratio: string
  readonly mark: RowMark
  /** `worse`, `worse, does not decide`, `not measured in NEW`, or empty. */
  readonly remark: string
  readonly decides: boolean
}

const NAMES: Readonly<Record<string, string>> = {
  'http.requests_per_s': 'requests/s',
  'rate.achieved_tps': 'payments/s',
  'http.error_rate': 'error rate',
  'produce.error_rate': 'error rate',
  'audit.unbalanced': 'unbalanced',
  'detect.recall': 'recall',
  'detect.precision': 'precision',
  'detect.fpr': 'false alarms',
}

export function compareRows({rows, verdict}: Comparison): CompareRow[] {
  return rows.map(row => ({
    name: nameOf(row),
    statistic: row.statistic ?? '',
    base: formatIn(row.unit, row.base),
    next: formatIn(row.unit, row.new),
    ratio: row.ratio === null ? NOT_MEASURED : `${row.ratio.toFixed(2)}×`,
    mark: row.verdict ?? 'none',
    remark: remarkOf(row, verdict === 'unlike'),
    decides: row.decides,
  }))
}

/** `2 worse, 1 better, 14 the same`, of what decides. */
export function compareReason({rows, verdict, unlike}: Comparison): string {
  if (verdict === 'unlike') return `no verdict: they differ in ${plural(unlike.length, 'respect')}`
  const count = (wanted: string): number => rows.filter(row => row.decides && row.verdict === wanted).length
  const [worse, better] = [count('worse'), count('better')]
  return [
    ...(worse > 0 ? [`${worse} worse`] : []),
    ...(better > 0 ? [`${better} better`] : []),
    `${count('same')} the same`,
  ].join(', ')
}

/** What counts as no change, with the numbers. */
export function toleranceText({noise, floors}: Comparison): string {
  return `the same is within ${formatShare(noise)}, or ${floors.latency_us / 1000} ms of latency, or ${formatShare(floors.share).replace(' %', '')} percentage points of a share`
}

/** Why some rows do not decide; empty when all do. */
export function undecidedText({rows}: Comparison): string {
  const isAny = rows.some(({verdict, decides}) => verdict !== null && !decides)
  return isAny ? `in brackets: fewer than ${MIN_SAMPLES_BEYOND} samples lie beyond it, so it does not decide` : ''
}

function nameOf({metric}: ComparisonRow): string {
  return isLatency(metric) ? `${LATENCY_NAMES[metric]}, ms` : (NAMES[metric] ?? metric)
}

function isLatency(metric: string): metric is LatencySummary['metric'] {
  return isMetricName(metric) && LATENCY_METRICS.some(each => each === metric)
}

function remarkOf({base, new: next, verdict, decides}: ComparisonRow, isUnlike: boolean): string {
  if (base === null) return 'not measured in BASE'
  if (next === null) return 'not measured in NEW'
  if (isUnlike || verdict === null) return ''
  return decides ? verdict : `(${verdict})`
}

/** Times without their unit: the name has it. */
function formatIn(unit: MetricUnit, value: number | null): string {
  switch (unit) {
    case 'us':
      return formatMs(value)
    case 'share':
      return formatShare(value === null ? null : Number(value.toFixed(4)) || value)
    case 'tps':
      return formatTps(value)
    case 'payments':
      return formatCount(value)
  }
}
