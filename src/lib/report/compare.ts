/**
 * Two results side by side: rates, errors and latencies of NEW against BASE, each better, the same or worse. Only runs of
 * the same load can be judged (compare-likeness.ts); within the noise nothing has changed, and a figure that rests on a
 * few samples is shown and decides nothing.
 */
import {unlikenesses} from './compare-likeness.js'
import {type Quantity, quantitiesOf} from './compare-quantities.js'
import {
  COMPARISON_SCHEMA_VERSION,
  type ComparedRun,
  type Comparison,
  type ComparisonRow,
  LATENCY_FLOOR_US,
  MIN_SAMPLES_BEYOND,
  type RowVerdict,
  SHARE_FLOOR,
} from './comparison.js'
import type {RunResult} from './result.js'

export interface CompareOptions {
  /** A share, at least 0. */
  readonly noise: number
  /** Names of the two files, for people. */
  readonly files: {readonly base: string; readonly new: string}
}

export function compareResults(base: RunResult, next: RunResult, {noise, files}: CompareOptions): Comparison {
  const unlike = unlikenesses(base, next)
  const isAlike = unlike.length === 0
  const rows = paired(quantitiesOf(base), quantitiesOf(next)).map(pair => rowOf(pair, {noise, isAlike}))
  return {
    schema_version: COMPARISON_SCHEMA_VERSION,
    base: comparedRun(base, files.base),
    new: comparedRun(next, files.new),
    noise,
    floors: {latency_us: LATENCY_FLOOR_US, share: SHARE_FLOOR},
    unlike,
    rows,
    verdict: isAlike ? verdictOf(rows) : 'unlike',
  }
}

/**
 * Better or worse when the larger exceeds the smaller by more than the noise, and by more than the floor: so that
 * swapping the two swaps the verdict.
 */
export function judgeChange({
  base,
  next,
  better,
  noise,
  floor,
}: {
  readonly base: number
  readonly next: number
  readonly better: 'lower' | 'higher'
  readonly noise: number
  readonly floor: number
}): RowVerdict {
  const [low, high] = base < next ? [base, next] : [next, base]
  if (high - low <= floor || high <= low * (1 + noise)) return 'same'
  return next > base === (better === 'higher') ? 'better' : 'worse'
}

interface Pair {
  readonly base: Quantity | undefined
  readonly next: Quantity | undefined
}

/** In the order of BASE, what only NEW has behind it; without what neither has measured. */
function paired(base: readonly Quantity[], next: readonly Quantity[]): Pair[] {
  const keyOf = ({metric, statistic}: Quantity): string => `${metric} ${statistic ?? ''}`
  const of = new Map(next.map(quantity => [keyOf(quantity), quantity]))
  const known = new Set(base.map(keyOf))
  return [
    ...base.map(quantity => ({base: quantity, next: of.get(keyOf(quantity))})),
    ...next.filter(quantity => !known.has(keyOf(quantity))).map(quantity => ({base: undefined, next: quantity})),
  ].filter(pair => (pair.base?.value ?? null) !== null || (pair.next?.value ?? null) !== null)
}

function rowOf(pair: Pair, {noise, isAlike}: {readonly noise: number; readonly isAlike: boolean}): ComparisonRow {
  const {metric, statistic, unit, better} = either(pair)
  const base = pair.base?.value ?? null
  const next = pair.next?.value ?? null
  const isJudged = isAlike && base !== null && next !== null
  const beyond = Math.min(pair.base?.samplesBeyond ?? 0, pair.next?.samplesBeyond ?? 0)
  return {
    metric,
    statistic,
    unit,
    better,
    base,
    new: next,
    ratio: base === null || next === null ? null : base === next ? 1 : base === 0 ? null : next / base,
    verdict: isJudged ? judgeChange({base, next, better, ...toleranceOf(unit, noise)}) : null,
    decides: isJudged && beyond >= MIN_SAMPLES_BEYOND,
  }
}

function either({base, next}: Pair): Quantity {
  const quantity = base ?? next
  if (quantity === undefined) throw new TypeError('a pair has one quantity at least')
  return quantity
}

/** A count of broken books has no noise. */
function toleranceOf(unit: Quantity['unit'], noise: number): {readonly noise: number; readonly floor: number} {
  switch (unit) {
    case 'us':
      return {noise, floor: LATENCY_FLOOR_US}
    case 'share':
      return {noise, floor: SHARE_FLOOR}
    case 'tps':
      return {noise, floor: 0}
    case 'payments':
      return {noise: 0, floor: 0}
  }
}

function verdictOf(rows: readonly ComparisonRow[]): RowVerdict {
  const verdicts = rows.filter(({decides}) => decides).map(({verdict}) => verdict)
  return verdicts.includes('worse') ? 'worse' : verdicts.includes('better') ? 'better' : 'same'
}

function comparedRun({run, load, http, verdict}: RunResult, file: string): ComparedRun {
  return {
    file,
    tag: run.tag,
    scenario: run.scenario,
    started_at: run.started_at,
    p2pay: run.versions.p2pay,
    load: load.description,
    target: http === null ? run.broker : `${http.method} ${http.target}`,
    verdict,
  }
}
