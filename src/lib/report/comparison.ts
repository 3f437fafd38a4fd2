/**
 * Two results side by side: plain data, the only source of its table, markdown and JUnit. Published as
 * docs/compare-v1.schema.json.
 */
import type {Quantity} from './compare-quantities.js'
import type {RunResult} from './result.js'

export const COMPARISON_SCHEMA_VERSION = 1

/** Latencies that differ by less are the same: timers, scheduling and histograms are not finer than that. */
export const LATENCY_FLOOR_US = 100
/** Shares that differ by less are the same: one request in ten thousand. */
export const SHARE_FLOOR = 0.0001
/** A percentile decides when at least so many samples of both runs lie beyond it; a maximum never does. */
export const MIN_SAMPLES_BEYOND = 10

export type RowVerdict = 'better' | 'same' | 'worse'

export interface Comparison {
  readonly schema_version: typeof COMPARISON_SCHEMA_VERSION
  readonly base: ComparedRun
  readonly new: ComparedRun
  /** A share: 0.05 is 5 %. */
  readonly noise: number
  readonly floors: {readonly latency_us: number; readonly share: number}
  /** Why the two cannot be judged; empty when they are alike. */
  readonly unlike: readonly Unlikeness[]
  readonly rows: readonly ComparisonRow[]
  /** `unlike`: shown on request, not judged. */
  readonly verdict: RowVerdict | 'unlike'
}

export interface ComparedRun {
  readonly file: string
  readonly tag: string
  readonly scenario: string
  readonly started_at: string
  readonly p2pay: string
  readonly load: string
  /** Where payments or requests went. */
  readonly target: string
  readonly verdict: RunResult['verdict']
}

export interface Unlikeness {
  readonly what: string
  readonly base: string
  readonly new: string
}

export interface ComparisonRow {
  /** A name of the catalogue, such as `http.response_time`. */
  readonly metric: Quantity['metric']
  /** Of a latency; null where the metric is one figure. */
  readonly statistic: Quantity['statistic']
  readonly unit: Quantity['unit']
  readonly better: 'lower' | 'higher'
  readonly base: number | null
  readonly new: number | null
  /** new ÷ base; null when either was not measured, or base is 0 and new is not. */
  readonly ratio: number | null
  /** Null when either was not measured, or the runs are not alike. */
  readonly verdict: RowVerdict | null
  /** Whether the verdict of the whole rests on it. */
  readonly decides: boolean
}
