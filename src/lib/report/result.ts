/**
 * The result of a run: plain data, the only source of table, HTML, JUnit and markdown.
 * Published as docs/result-v1.schema.json. A value that was not measured is null and prints `n/a`.
 */
import type {DetectionSummary, TypologySummary} from '../audit/detection.js'
import type {Ladder} from '../audit/ladder.js'
import type {Proportion} from '../audit/proportion.js'
import type {ThresholdOutcome} from '../metrics/metrics.js'

export type {DetectionSummary, Proportion, ThresholdOutcome, TypologySummary}

export const RESULT_SCHEMA_VERSION = 1

export interface RunResult {
  readonly schema_version: typeof RESULT_SCHEMA_VERSION
  readonly run: {
    readonly tag: string
    readonly scenario: string
    readonly scenario_sha256: string
    readonly seed: number
    /** ISO 8601. */
    readonly started_at: string
    readonly finished_at: string
    /** The command that repeats it. */
    readonly command: string
    readonly versions: {readonly p2pay: string; readonly node: string}
    readonly machine: {readonly cpus: number; readonly platform: string}
    readonly broker: string
    readonly cluster: string | null
    readonly database: string | null
    readonly interrupted: boolean
  }
  readonly load: {
    readonly description: string
    /** Payments/s; null when unpaced. */
    readonly requested_tps: number | null
    readonly achieved_tps: number | null
    /** achieved ÷ requested. */
    readonly achieved_ratio: number | null
    readonly shortfall: number
    readonly planned: number
    readonly sent: number
    readonly acked: number
    readonly failed: number
    readonly unknown: number
    readonly wall_s: number
    readonly simulated_s: number
    /** simulated ÷ wall. */
    readonly speed_up: number | null
    readonly warmup_count: number
    /** Acked payments in each second of the schedule. */
    readonly per_second: readonly number[]
    readonly errors: readonly {readonly code: string; readonly count: number; readonly example: string}[]
  }
  readonly latencies: readonly LatencySummary[]
  readonly ladder: Ladder | null
  readonly detection: DetectionSummary | null
  readonly thresholds: readonly ThresholdOutcome[]
  readonly notes: readonly string[]
  readonly verdict: 'passed' | 'failed' | 'inconclusive'
}

/** µs throughout. Basis names from where it was counted. */
export interface LatencySummary {
  readonly metric: 'produce.lateness' | 'produce.ack_time' | 'detect.decision_time' | 'persist.row_time'
  /** `due → sent`, `due → acked`, `due → decided`, `due → persisted`. */
  readonly basis: string
  readonly unit: 'us'
  readonly count: number
  readonly min: number | null
  readonly mean: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly p999: number | null
  readonly max: number | null
  /** HdrHistogram V2, compressed, base64; null when empty. */
  readonly hdr: string | null
}
