/**
 * Thresholds in k6's expression syntax, `[aggregate] operator value`: `p(99)<250ms`, `avg<1s`, `rate>=99%`, `==0`.
 * Other than in k6, times need their unit: 250 could be milliseconds or microseconds.
 */
import {assert} from '../base/assert.js'
import {UsageError} from '../base/errors.js'
import {type MetricInfo, type MetricUnit, metricInfo} from './catalogue.js'
import type {LatencyHistogram, MetricSet, MetricValue, ThresholdOutcome} from './metrics.js'

export type Aggregate =
  | {readonly kind: 'percentile'; readonly percentile: number}
  | {readonly kind: 'avg' | 'min' | 'max' | 'count' | 'value'}

export type Operator = '<' | '<=' | '>' | '>=' | '==' | '!='

export interface Threshold {
  readonly metric: string
  readonly expression: string
  readonly aggregate: Aggregate
  readonly operator: Operator
  /** In `unit`. */
  readonly limit: number
  readonly unit: MetricUnit
}

const EXPRESSION = /^\s*([a-z]+(?:\(\s*[^)]*\))?)?\s*(<=|>=|===|==|!=|<|>)\s*(.*?)\s*$/
const UNIT_US: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
}
const AGGREGATES: Readonly<Record<MetricValue['kind'], readonly string[]>> = {
  trend: ['p(N)', 'avg', 'min', 'med', 'max', 'count'],
  rate: ['rate'],
  counter: ['count'],
  gauge: ['value'],
}

/**
 * @param metric a name of the catalogue
 * @throws UsageError for an unknown metric (naming the nearest), or an expression that does not fit it
 */
export function parseThreshold(metric: string, expression: string): Threshold {
  const info = metricInfo(metric)
  const match = EXPRESSION.exec(expression)
  if (match === null) throw refusal(metric, expression, 'expected an operator: <, <=, >, >=, == or !=', info)
  const [, aggregateText, operatorText = '', limitText = ''] = match
  const aggregate = parseAggregate(aggregateText?.replaceAll(/\s/g, ''), info)
  if (typeof aggregate === 'string') throw refusal(metric, expression, aggregate, info)
  const unit = aggregate.kind === 'count' ? 'payments' : info.unit
  const limit = parseLimit(limitText, unit)
  if (typeof limit === 'string') throw refusal(metric, expression, limit, info)
  const operator = operatorText === '===' ? '==' : operatorText
  assert(isOperator(operator), `the grammar let "${operator}" through`)
  return {metric, expression, aggregate, operator, limit, unit}
}

/**
 * Judges each threshold. One on a metric without samples fails, and says so.
 *
 * @param thresholds as planned; expressions were validated with the scenario
 */
export function judge(
  thresholds: readonly Pick<ThresholdOutcome, 'metric' | 'expression' | 'severity'>[],
  metrics: MetricSet,
): ThresholdOutcome[] {
  return thresholds.map(({metric, expression, severity}) => {
    const {aggregate, operator, limit} = parseThreshold(metric, expression)
    const sample = metrics.get(metric)
    const actual = sample === undefined ? null : aggregated(sample, aggregate)
    const passed = actual !== null && compare(actual, operator, limit)
    return {metric, expression, severity, actual, passed, reason: actual === null ? absenceOf(sample) : null}
  })
}

/** Whether the outcomes let a run pass: warnings never fail it. */
export function allPassed(outcomes: readonly ThresholdOutcome[]): boolean {
  return outcomes.every(outcome => outcome.passed || outcome.severity === 'warn')
}

function parseAggregate(text: string | undefined, info: MetricInfo): Aggregate | string {
  const allowed = AGGREGATES[info.kind]
  const expected = `expected ${allowed.join(', ')}`
  if (text === undefined) return info.kind === 'trend' ? `a time needs an aggregate: ${expected}` : {kind: 'value'}
  if (text.startsWith('p(')) {
    if (info.kind !== 'trend') return `a ${info.kind} has no percentiles: ${expected}`
    const percentile = /^p\(\d+(\.\d+)?\)$/.test(text) ? Number(text.slice(2, -1)) : Number.NaN
    return percentile >= 0 && percentile <= 100
      ? {kind: 'percentile', percentile}
      : `${text} is not a percentile: write p(N) with N in [0, 100]`
  }
  if (!allowed.includes(text)) return `unknown aggregate "${text}": ${expected}`
  if (info.kind !== 'trend') return {kind: 'value'}
  switch (text) {
    case 'med':
      return {kind: 'percentile', percentile: 50}
    case 'avg':
    case 'min':
    case 'max':
    case 'count':
      return {kind: text}
    default:
      return `unknown aggregate "${text}": ${expected}`
  }
}

function parseLimit(text: string, unit: MetricUnit): number | string {
  const match = /^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-zµ]+|%)?$/i.exec(text)
  if (match === null) return text === '' ? 'the value is missing' : `"${text}" is not a number`
  const value = Number(match[1])
  const suffix = match[2]
  switch (unit) {
    case 'us': {
      if (suffix === undefined) return `${text} has no unit: write us, ms, s or m, such as ${text}ms`
      const factor = UNIT_US[suffix]
      return factor === undefined ? `"${suffix}" is no unit of time: write us, ms, s or m` : value * factor
    }
    case 'share':
      if (suffix === undefined) return value
      return suffix === '%' ? value / 100 : `"${suffix}" is no unit of a share: write 0.99 or 99%`
    default:
      return suffix === undefined ? value : `a count has no unit, but "${suffix}" follows`
  }
}

function aggregated(sample: MetricValue, aggregate: Aggregate): number | null {
  if (sample.kind !== 'trend') return sample.value
  const {histogram} = sample
  // Also for `count`: nothing measured is no proof of anything.
  return histogram.count === 0 ? null : ofHistogram(histogram, aggregate)
}

function ofHistogram(histogram: LatencyHistogram, aggregate: Aggregate): number | null {
  switch (aggregate.kind) {
    case 'percentile':
      return histogram.percentileUs(aggregate.percentile)
    case 'avg':
      return histogram.meanUs
    case 'min':
      return histogram.minUs
    case 'max':
      return histogram.maxUs
    case 'count':
      return histogram.count
    case 'value':
      return null
  }
}

function compare(actual: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case '<':
      return actual < limit
    case '<=':
      return actual <= limit
    case '>':
      return actual > limit
    case '>=':
      return actual >= limit
    case '==':
      return actual === limit
    case '!=':
      return actual !== limit
  }
}

function absenceOf(sample: MetricValue | undefined): string {
  return sample !== undefined && sample.kind !== 'trend' && sample.reason !== undefined ? sample.reason : 'no samples'
}

function isOperator(text: string): text is Operator {
  return ['<', '<=', '>', '>=', '==', '!='].includes(text)
}

const EXAMPLES: Readonly<Record<MetricUnit, string>> = {
  us: "'p(99)<250ms', 'avg<=1s', 'max<5s'",
  share: "'>=0.99', 'rate<0.1%'",
  tps: "'>=495'",
  payments: "'==0', 'count<10'",
}

function refusal(metric: string, expression: string, why: string, info: MetricInfo): UsageError {
  return new UsageError(`"${expression}" is not a threshold of ${metric}: ${why}`, {
    code: 'P2PAY_THRESHOLD',
    suggestions: [`such as ${EXAMPLES[info.unit]}`],
  })
}
