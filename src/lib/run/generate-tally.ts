/**
 * What a generation counts while it runs, and its summary. Everything is bounded: histograms, one number a second
 * (a day at most), due times of what is in flight, and a few kinds of error.
 */
import type {GeneratedBlock} from '../generate/stream.js'
import {createHistogram} from '../metrics/histogram.js'
import type {LatencyHistogram} from '../metrics/metrics.js'
import type {Schedule} from '../pace/schedule.js'
import type {SendOutcome, SendState} from '../sink/sink.js'

export interface GenerateSummary {
  readonly description: string
  /** Wall clock µs of the schedule's beginning. */
  readonly startUs: number
  /** In the whole schedule; Infinity when it runs until stopped, or when a shard was stopped before its end. */
  readonly planned: number
  /** Of those, due before the release ended. */
  readonly due: number
  /** Handed to the sink: what it gave up without ever having a connection is among them, and in `failed`. */
  readonly sent: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  /** Due and not acked. */
  readonly shortfall: number
  /** Payments/s; Infinity when unpaced. */
  readonly requestedTps: number
  /** acked ÷ wall; null when no time passed. */
  readonly achievedTps: number | null
  /** achieved ÷ requested; null when unpaced. */
  readonly achievedRatio: number | null
  /** From the start to the last outcome, and not less than the schedule as far as it was played. */
  readonly wallUs: number
  /** Event time of the first and the last payment sent, ms since the epoch; null when none was. */
  readonly simulatedFromMs: number | null
  readonly simulatedToMs: number | null
  readonly warmupCount: number
  /**
   * Payments sent and acknowledged in each second since the start: every second that the schedule was played, be it 0,
   * and those after it in which something still came.
   */
  readonly sentPerSecond: readonly number[]
  readonly ackedPerSecond: readonly number[]
  /**
   * Due → really sent by the sink, so that waiting in its queue counts. What was never sent counts with the time at
   * which it was given up: its lateness was at least that, and leaving it out would flatter a dead broker.
   */
  readonly lateness: LatencyHistogram
  /** Due → acknowledged. */
  readonly ackTime: LatencyHistogram
  readonly errors: readonly {readonly code: string; readonly count: number; readonly example: string}[]
  /** Stopped by the signal before the schedule ended. */
  readonly interrupted: boolean
  /** Stopped because the reader of the output has gone. */
  readonly readerGone: boolean
}

export interface GenerateProgress {
  readonly elapsedUs: number
  readonly planned: number
  readonly sent: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  /** Handed over and without an outcome. */
  readonly inFlight: number
  /** Acknowledged in the last full second. */
  readonly ackedLastSecond: number
  /** How late the last payments were handed over; the age of the oldest one without an outcome when that is more. */
  readonly latenessUs: number
}

/** How a release ended. */
export interface GenerateEnd {
  /** Every payment of the schedule was released. */
  readonly isWhole: boolean
  /** Due when it was stopped, and not released. */
  readonly overdueCount: number
  readonly isShard: boolean
  readonly stoppedBySignal: boolean
  readonly readerGone: boolean
}

/** A day; what comes later is counted in the totals alone. */
const MAX_SECONDS = 86_400
const MAX_ERROR_CODES = 20
const OTHER_ERRORS = 'OTHER'

export class GenerateTally {
  readonly #schedule: Schedule
  readonly #warmupCount: number
  readonly #lateness = createHistogram()
  readonly #ackTime = createHistogram()
  /** Due time by sequence, of what is in flight: bounded by the sink. */
  readonly #dueUs = new Map<number, number>()
  readonly #counts: Record<SendState, number> = {acked: 0, failed: 0, unknown: 0}
  readonly #errors = new Map<string, {count: number; example: string}>()
  readonly #sentPerSecond: number[] = []
  readonly #ackedPerSecond: number[] = []
  #startUs = 0
  #stopUs = 0
  #lastSettledUs = 0
  #sentCount = 0
  #warmupSentCount = 0
  #latenessUs = 0
  #simulatedFromMs: number | null = null
  #simulatedToMs: number | null = null

  constructor(schedule: Schedule, warmupCount: number) {
    this.#schedule = schedule
    this.#warmupCount = warmupCount
  }

  start(startUs: number): void {
    this.#startUs = startUs
    this.#stopUs = startUs
    this.#lastSettledUs = startUs
  }

  /** The release has ended; outcomes may still come. */
  stop(nowUs: number): void {
    this.#stopUs = nowUs
  }

  released({payments}: GeneratedBlock, from: number, to: number, dueUs: Float64Array, handedOverUs: number): void {
    for (let row = from; row < to; row++) {
      const sequence = payments.sequences[row] ?? 0
      const due = dueUs[row - from] ?? handedOverUs
      this.#dueUs.set(sequence, due)
      if (sequence < this.#warmupCount) this.#warmupSentCount++
    }
    this.#latenessUs = Math.max(0, handedOverUs - (dueUs[0] ?? handedOverUs))
    this.#sentCount += to - from
    this.#simulatedFromMs ??= payments.createdAtMs[from] ?? null
    this.#simulatedToMs = payments.createdAtMs[to - 1] ?? null
  }

  settled({state, sequences, sentUs, settledUs, errorCode, errorMessage}: SendOutcome): void {
    this.#counts[state] += sequences.length
    this.#lastSettledUs = Math.max(this.#lastSettledUs, settledUs)
    const wasSent = sentUs > 0
    if (wasSent) this.#count(this.#sentPerSecond, sentUs, sequences.length)
    if (state === 'acked') this.#count(this.#ackedPerSecond, settledUs, sequences.length)
    else this.#countError(errorCode ?? 'UNKNOWN', errorMessage ?? '', sequences.length)
    for (const sequence of sequences) {
      const dueUs = this.#dueUs.get(sequence)
      this.#dueUs.delete(sequence)
      if (dueUs === undefined || sequence < this.#warmupCount) continue
      this.#lateness.recordUs(Math.max(0, (wasSent ? sentUs : settledUs) - dueUs))
      if (state === 'acked') this.#ackTime.recordUs(settledUs - dueUs)
    }
  }

  progress(nowUs: number): GenerateProgress {
    const second = Math.floor((nowUs - this.#startUs) / 1e6)
    // Handed over in the order of their due times: the first one left is the oldest.
    const oldestDueUs = this.#dueUs.values().next().value ?? nowUs
    return {
      elapsedUs: nowUs - this.#startUs,
      planned: this.#schedule.totalCount,
      sent: this.#sentCount,
      ...this.#counts,
      inFlight: this.#dueUs.size,
      ackedLastSecond: this.#ackedPerSecond[second - 1] ?? 0,
      latenessUs: Math.max(this.#latenessUs, nowUs - oldestDueUs),
    }
  }

  summary(end: GenerateEnd): GenerateSummary {
    const {totalCount, durationUs, meanRateTps, description} = this.#schedule
    const due = this.#sentCount + end.overdueCount
    const playedUs = Math.min(durationUs, this.#stopUs - this.#startUs)
    const scheduledUs = end.isWhole ? durationUs : playedUs
    const wallUs = Math.max(this.#lastSettledUs - this.#startUs, scheduledUs)
    const paced = meanRateTps !== Number.POSITIVE_INFINITY
    const secondCount = Math.min(MAX_SECONDS, Math.ceil((paced ? scheduledUs : wallUs) / 1e6))
    const isPlayed = paced && scheduledUs > 0 && due > 0
    // Of a shard nothing but its own count says what was asked of it.
    const isCounted = end.isWhole || end.isShard
    const requestedTps = !isPlayed
      ? meanRateTps
      : isCounted
        ? (due / scheduledUs) * 1e6
        : this.#schedule.meanRateUntilTps(scheduledUs)
    const achievedTps = wallUs > 0 ? (this.#counts.acked / wallUs) * 1e6 : null
    return {
      description,
      startUs: this.#startUs,
      planned: !end.isShard ? totalCount : end.isWhole ? due : Number.POSITIVE_INFINITY,
      due,
      sent: this.#sentCount,
      ...this.#counts,
      shortfall: Math.max(0, due - this.#counts.acked),
      requestedTps,
      achievedTps,
      achievedRatio: paced && achievedTps !== null && requestedTps > 0 ? achievedTps / requestedTps : null,
      wallUs,
      simulatedFromMs: this.#simulatedFromMs,
      simulatedToMs: this.#simulatedToMs,
      warmupCount: this.#warmupSentCount,
      sentPerSecond: padded(this.#sentPerSecond, secondCount),
      ackedPerSecond: padded(this.#ackedPerSecond, secondCount),
      lateness: this.#lateness,
      ackTime: this.#ackTime,
      errors: [...this.#errors].map(([code, {count, example}]) => ({code, count, example})),
      interrupted: end.stoppedBySignal && !end.isWhole,
      readerGone: end.readerGone,
    }
  }

  #count(seconds: number[], atUs: number, count: number): void {
    const second = Math.floor((atUs - this.#startUs) / 1e6)
    if (second < 0 || second >= MAX_SECONDS) return
    while (seconds.length <= second) seconds.push(0)
    seconds[second] = (seconds[second] ?? 0) + count
  }

  #countError(code: string, example: string, count: number): void {
    const key = this.#errors.has(code) || this.#errors.size < MAX_ERROR_CODES ? code : OTHER_ERRORS
    const known = this.#errors.get(key)
    if (known === undefined) this.#errors.set(key, {count, example})
    else known.count += count
  }
}

/** With a 0 for each second in which nothing came. */
function padded(seconds: readonly number[], count: number): number[] {
  return Array.from({length: Math.max(seconds.length, count)}, (_, second) => seconds[second] ?? 0)
}
