/** When payments are due: a pure function of the plan, never re-based on what happened (wrk2, vegeta). */
export interface Schedule {
  /** Payments in the whole schedule; Infinity when it runs until stopped. */
  readonly totalCount: number
  /** Length of the whole schedule in µs; Infinity when it runs until stopped. */
  readonly durationUs: number
  /**
   * Due time of payment `index`, µs since the start of the schedule; ascending.
   * @param index 0 ≤ index < totalCount
   */
  dueUs(index: number): number
  /** How many payments are due at `elapsedUs` (inclusive); monotonic. */
  countDue(elapsedUs: number): number
  /** One line for humans: `500 payments/s for 20 s (constant arrival rate)`. */
  readonly description: string
  /** The mean asked rate over the bounded schedule, payments/s; Infinity for an unpaced one. */
  readonly meanRateTps: number
  /** The mean asked rate of its first µs, payments/s: what was drawn (Poisson) or due at the very start does not sway it. */
  meanRateUntilTps(elapsedUs: number): number
}
