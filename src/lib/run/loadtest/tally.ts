/**
 * What a load test counts while it runs, and its summary. Each outcome is recorded once, in the group of its scenario
 * and fate; the histograms of all successes are those of their groups put together at the end. Everything is bounded:
 * groups, a day of seconds, statuses, a few kinds of trouble.
 */

import type {HttpOutcome} from '../../http/http-client.js'
import {createHistogram, mergeHistograms} from '../../metrics/histogram.js'
import type {LatencyHistogram} from '../../metrics/metrics.js'
import {HTTP_OUTCOMES} from '../../report/result.js'
import type {SendState} from '../../sink/sink.js'
import {describeLoad} from './describe.js'
import type {
  LoadModel,
  LoadScenario,
  LoadtestProgress,
  LoadtestSummary,
  OutcomeGroup,
  PreparedRequest,
} from './options.js'
import {classOf, troubleCode, troubleExample} from './outcome.js'
import {type Backlog, SecondSeries, type SettledKind} from './series.js'

/** Of a request under way, for when its outcome comes. Times are wall clock µs. */
export interface Flight {
  readonly sequence: number
  /** The time of hand-over in the closed model. */
  readonly dueUs: number
  /** Handed over to the client. */
  readonly handedUs: number
  /** Index into the scenarios. */
  readonly scenario: number
  readonly bodyBytes: number
}

/** How a release ended. */
export interface LoadtestEnd {
  /** Every request of the plan has left, or was dropped; or the time was up. */
  readonly isWhole: boolean
  readonly due: number
  readonly unsent: number
  readonly longestQueue: number
  readonly stoppedBySignal: boolean
}

export interface TallyOptions {
  readonly model: LoadModel
  readonly scenarios: readonly LoadScenario[]
  readonly warmupCount: number
  readonly backlog: Backlog
  /** What counts as success, in words. */
  readonly success: string
}

interface Group {
  readonly scenario: string
  readonly outcome: OutcomeGroup['outcome']
  readonly success: boolean
  count: number
  readonly response: LatencyHistogram
  readonly firstByte: LatencyHistogram
  readonly planned: LatencyHistogram | null
}

const MAX_TROUBLES = 20
const OTHER_TROUBLES = 'OTHER'
const STATUS_COUNT = 1000

export class LoadtestTally {
  readonly #options: TallyOptions
  readonly #series: SecondSeries
  /** By scenario, class and success; made when first needed. */
  readonly #groups: (Group | undefined)[] = []
  readonly #lateness: LatencyHistogram | null
  readonly #statuses = new Float64Array(STATUS_COUNT)
  readonly #troubles = new Map<string, {count: number; example: string}>()
  readonly #settled: Record<SettledKind, number> = {succeeded: 0, failed: 0, timeouts: 0, errors: 0}
  readonly #journalled: Record<SendState, number> = {acked: 0, failed: 0, unknown: 0}
  #startUs = 0
  #stopUs = 0
  #lastSettledUs = 0
  #sentCount = 0
  #warmupSentCount = 0
  #droppedCount = 0
  #sentBytes = 0
  #receivedBytes = 0
  #simulatedFromMs: number | null = null
  #simulatedToMs: number | null = null

  constructor(options: TallyOptions) {
    this.#options = options
    const isOpen = options.model.kind === 'open'
    this.#series = new SecondSeries(isOpen, options.backlog)
    this.#lateness = isOpen ? createHistogram() : null
  }

  start(startUs: number): void {
    this.#startUs = startUs
    this.#stopUs = startUs
    this.#lastSettledUs = startUs
    this.#series.start(startUs)
  }

  /** The release has ended; outcomes may still come. */
  stop(nowUs: number): void {
    this.#stopUs = Math.max(nowUs, this.#startUs)
  }

  sent({sequence, createdAtMs}: PreparedRequest, handedUs: number): void {
    this.#series.sent(handedUs)
    this.#sentCount++
    if (sequence < this.#options.warmupCount) this.#warmupSentCount++
    if (createdAtMs > 0) {
      this.#simulatedFromMs ??= createdAtMs
      this.#simulatedToMs = createdAtMs
    }
  }

  dropped(count: number, nowUs: number): void {
    this.#series.dropped(nowUs, count)
    this.#droppedCount += count
  }

  settled(flight: Flight, outcome: HttpOutcome, isSuccess: boolean, state: SendState): void {
    const {kind, settledUs, status} = outcome
    const settledAs = isSuccess
      ? 'succeeded'
      : kind === 'response'
        ? 'failed'
        : kind === 'timeout'
          ? 'timeouts'
          : 'errors'
    this.#series.settled(settledAs, settledUs)
    this.#settled[settledAs]++
    this.#journalled[state]++
    // Only what left us: a refused connection carried nothing.
    if (outcome.sentUs > 0) this.#sentBytes += flight.bodyBytes
    this.#receivedBytes += outcome.receivedBytes
    if (settledUs > this.#lastSettledUs) this.#lastSettledUs = settledUs
    if (kind === 'response' && status >= 0 && status < STATUS_COUNT) {
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    }
    if (!isSuccess) this.#countTrouble(outcome)

    // What never reached a connection was in the client's hands since the hand-over.
    const sentUs = outcome.sentUs > 0 ? outcome.sentUs : flight.handedUs
    const responseUs = settledUs - sentUs
    const plannedUs = settledUs - flight.dueUs
    if (isSuccess) this.#series.latency(responseUs, plannedUs)
    const group = this.#groupOf(flight.scenario, classOf(outcome), isSuccess)
    group.count++
    if (flight.sequence < this.#options.warmupCount) return
    group.response.recordUs(responseUs)
    if (outcome.firstByteUs > 0) group.firstByte.recordUs(outcome.firstByteUs - sentUs)
    group.planned?.recordUs(plannedUs)
    this.#lateness?.recordUs(sentUs - flight.dueUs)
  }

  /** Closes the seconds that have passed, also when nothing happens. */
  tick(nowUs: number): void {
    this.#series.advance(nowUs)
  }

  progress(nowUs: number): LoadtestProgress {
    this.#series.advance(nowUs)
    const {model, backlog} = this.#options
    const last = this.#series.last
    return {
      elapsedUs: Math.max(0, nowUs - this.#startUs),
      planned: plannedOf(model),
      sent: this.#sentCount,
      ...this.#settled,
      dropped: model.kind === 'open' ? this.#droppedCount : null,
      inFlight: backlog.inFlight,
      queued: backlog.queued,
      lastSecond: {
        second: last?.second ?? null,
        succeeded: last?.succeeded ?? 0,
        p50Us: last?.responseP50Us ?? null,
        p99Us: last?.responseP99Us ?? null,
      },
    }
  }

  summary(end: LoadtestEnd): LoadtestSummary {
    const {model} = this.#options
    const schedule = model.kind === 'open' ? model.schedule : undefined
    const playedUs = this.#stopUs - this.#startUs
    const scheduledUs =
      schedule === undefined ? 0 : end.isWhole ? schedule.durationUs : Math.min(schedule.durationUs, playedUs)
    const wallUs = Math.max(this.#lastSettledUs - this.#startUs, scheduledUs)
    const isPaced = schedule !== undefined && schedule.meanRateTps !== Number.POSITIVE_INFINITY
    const requestedRps = !isPaced
      ? Number.POSITIVE_INFINITY
      : scheduledUs > 0 && end.due > 0
        ? end.isWhole
          ? (end.due / scheduledUs) * 1e6
          : schedule.meanRateUntilTps(scheduledUs)
        : schedule.meanRateTps
    const achievedRps = wallUs > 0 ? (this.#settled.succeeded / wallUs) * 1e6 : null
    const groups = this.#groups.filter(group => group !== undefined)
    const ofSuccesses = (of: (group: Group) => LatencyHistogram | null): LatencyHistogram =>
      mergeHistograms(groups.flatMap(group => (group.success ? (of(group) ?? []) : [])))
    return {
      model: model.kind,
      description: describeLoad(model),
      startUs: this.#startUs,
      wallUs,
      planned: plannedOf(model),
      due: end.due,
      sent: this.#sentCount,
      dropped: schedule === undefined ? null : this.#droppedCount,
      unsent: end.unsent,
      ...this.#settled,
      journalled: {...this.#journalled},
      requestedRps,
      achievedRps,
      achievedRatio: isPaced && achievedRps !== null && requestedRps > 0 ? achievedRps / requestedRps : null,
      statuses: this.#statusCounts(),
      response: ofSuccesses(group => group.response),
      firstByte: ofSuccesses(group => group.firstByte),
      plannedTime: schedule === undefined ? null : ofSuccesses(group => group.planned),
      lateness: this.#lateness,
      groups,
      perSecond: this.#series.finish(wallUs, schedule === undefined ? null : {count: end.due, schedule}),
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      longestQueue: schedule === undefined ? null : end.longestQueue,
      warmupCount: this.#warmupSentCount,
      simulatedFromMs: this.#simulatedFromMs,
      simulatedToMs: this.#simulatedToMs,
      errorKinds: [...this.#troubles].map(([code, {count, example}]) => ({code, count, example})),
      interrupted: end.stoppedBySignal && !end.isWhole,
    }
  }

  #groupOf(scenario: number, outcomeClass: number, isSuccess: boolean): Group {
    const at = (scenario * HTTP_OUTCOMES.length + outcomeClass) * 2 + (isSuccess ? 0 : 1)
    return (this.#groups[at] ??= {
      scenario: this.#options.scenarios[scenario]?.name ?? '',
      outcome: HTTP_OUTCOMES[outcomeClass] ?? 'error',
      success: isSuccess,
      count: 0,
      response: createHistogram(),
      firstByte: createHistogram(),
      planned: this.#lateness === null ? null : createHistogram(),
    })
  }

  #countTrouble(outcome: HttpOutcome): void {
    const code = troubleCode(outcome)
    const key = this.#troubles.has(code) || this.#troubles.size < MAX_TROUBLES ? code : OTHER_TROUBLES
    const known = this.#troubles.get(key)
    if (known !== undefined) known.count++
    else this.#troubles.set(key, {count: 1, example: troubleExample(outcome, this.#options.success)})
  }

  #statusCounts(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>()
    for (const [status, count] of this.#statuses.entries()) if (count > 0) counts.set(status, count)
    return counts
  }
}

function plannedOf(model: LoadModel): number {
  return model.kind === 'open' ? model.schedule.totalCount : model.requestCount
}
