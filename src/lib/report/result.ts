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
  /** Of a load test over HTTP; null for other runs. */
  readonly http: HttpSection | null
  readonly ladder: Ladder | null
  readonly detection: DetectionSummary | null
  readonly thresholds: readonly ThresholdOutcome[]
  readonly notes: readonly string[]
  readonly verdict: 'passed' | 'failed' | 'inconclusive'
}

/**
 * What a load test measured over HTTP. `load` tells the same run in payments: acked = succeeded, failed = definitely
 * refused, unknown = the rest. Latencies of successes are in `latencies` as http.response_time (service),
 * http.first_byte_time and http.planned_time.
 */
export interface HttpSection {
  /** URL without credentials, or `3 targets of targets.json`. */
  readonly target: string
  readonly method: string
  /** Closed: the next request goes when an answer has come. Open: when the schedule says. */
  readonly model: 'closed' | 'open'
  /** Requests under way at once at most. */
  readonly concurrency: number
  readonly keep_alive: boolean
  /** null = none. */
  readonly timeout_ms: number | null
  /** What counts as success: `status 2xx`. */
  readonly success: string
  /** Open model: how many may wait, and how many did at most. */
  readonly queue: {readonly limit: number; readonly longest: number} | null
  /** Null when only time bounds. Open: due = sent + dropped + unsent, and planned = due unless interrupted. */
  readonly planned: number | null
  readonly due: number
  readonly sent: number
  /** Null in the closed model. */
  readonly dropped: number | null
  /** In the queue when the run was interrupted. */
  readonly unsent: number
  readonly succeeded: number
  /** Answers that are no success. */
  readonly failed: number
  readonly timeouts: number
  /** Connections refused or broken. */
  readonly errors: number
  /** (failed + timeouts + errors + dropped) ÷ (sent + dropped); null when nothing was tried. */
  readonly error_rate: number | null
  /** Successes ÷ wall clock. */
  readonly requests_per_s: number | null
  /** Of bodies that left us, without headers. */
  readonly sent_bytes: number
  /** Of bodies, unfinished answers included. */
  readonly received_bytes: number
  /** How often each status came: {"202": 10000}. */
  readonly statuses: Readonly<Record<string, number>>
  readonly groups: readonly HttpGroup[]
  readonly per_second: readonly HttpSecond[]
}

export const HTTP_OUTCOMES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'timeout', 'error'] as const

/** Requests of one scenario that share a fate. */
export interface HttpGroup {
  readonly scenario: string
  readonly outcome: (typeof HTTP_OUTCOMES)[number]
  readonly success: boolean
  readonly count: number
  /** Sent → last byte, or → failure known. */
  readonly response: LatencySummary
  readonly first_byte: LatencySummary
  /** Null in the closed model. */
  readonly planned: LatencySummary | null
}

/** One second since the start. Latencies in µs, of successes that came back in it; null when none did. */
export interface HttpSecond {
  readonly second: number
  readonly due: number | null
  readonly sent: number
  readonly succeeded: number
  readonly failed: number
  readonly timeouts: number
  readonly errors: number
  readonly dropped: number | null
  readonly in_flight: number
  readonly queued: number
  readonly response_p50: number | null
  readonly response_p95: number | null
  readonly response_p99: number | null
  readonly response_max: number | null
  readonly planned_p99: number | null
}

export const LATENCY_METRICS = [
  'produce.lateness',
  'http.first_byte_time',
  'http.response_time',
  'http.planned_time',
  'produce.ack_time',
  'detect.decision_time',
  'persist.row_time',
] as const

/** µs throughout. Basis names from where it was counted. */
export interface LatencySummary {
  readonly metric: (typeof LATENCY_METRICS)[number]
  /** `due → sent`, `sent → last byte`, `due → acked`, `due → decided`, `due → persisted`, … */
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
  readonly p9999: number | null
  readonly max: number | null
  /** HdrHistogram V2, compressed, base64; null when empty. */
  readonly hdr: string | null
}
