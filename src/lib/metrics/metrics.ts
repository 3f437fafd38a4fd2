/** Metric kinds and the samples that thresholds are judged on. */

/**
 * `trend`: a histogram in µs. `rate`: a share, 1 = all. `counter`/`gauge`: one number.
 * null = no samples, or too few to judge on; `reason` may say why.
 */
export type MetricValue =
  | {readonly kind: 'trend'; readonly histogram: LatencyHistogram}
  | {readonly kind: 'rate' | 'counter' | 'gauge'; readonly value: number | null; readonly reason?: string}

export type MetricSet = ReadonlyMap<string, MetricValue>

/** An HDR histogram of latencies in µs (1 µs … 1 h, 3 significant digits); the one door to hdr-histogram-js. */
export interface LatencyHistogram {
  /** Values below 0 count as 0, above the range as its end. */
  recordUs(valueUs: number): void
  /** Takes another histogram's samples over: of workers, or of decoded results. */
  add(other: LatencyHistogram): void
  readonly count: number
  /** null when empty. @param percentile in [0, 100] */
  percentileUs(percentile: number): number | null
  readonly minUs: number | null
  readonly maxUs: number | null
  readonly meanUs: number | null
  /** Compressed V2 encoding, base64; null when empty. */
  encode(): string | null
}

/** What became of one threshold. */
export interface ThresholdOutcome {
  readonly metric: string
  readonly expression: string
  readonly severity: 'fail' | 'warn'
  /** In the metric's own unit: µs for times, a share for ratios, a count otherwise; null = no samples. */
  readonly actual: number | null
  readonly passed: boolean
  /** Why it did not pass, when the figure alone does not say. */
  readonly reason: string | null
}
