/**
 * A load test second by second. Everything arrives in the order of time, so one second is open at a time: when the
 * clock has passed it, its percentiles are taken and the histograms start again. A day at most is kept.
 */
import type {Schedule} from '../../pace/schedule.js'
import type {SecondSample} from './options.js'
import {SecondHistogram} from './second-histogram.js'

/** What comes later is counted in the totals alone. */
export const MAX_SECONDS = 86_400
export const SECOND_US = 1_000_000

export type SettledKind = 'succeeded' | 'failed' | 'timeouts' | 'errors'

/** What is under way and waits, sampled at the end of each second. */
export interface Backlog {
  readonly inFlight: number
  readonly queued: number
}

type Counts = {sent: number; dropped: number} & Record<SettledKind, number>

export class SecondSeries {
  readonly #isOpenModel: boolean
  readonly #backlog: Backlog
  readonly #samples: SecondSample[] = []
  readonly #response = new SecondHistogram()
  readonly #planned = new SecondHistogram()
  #counts = noCounts()
  #second = 0
  #startUs = 0
  #last: SecondSample | undefined

  /** @param backlog read when a second ends */
  constructor(isOpenModel: boolean, backlog: Backlog) {
    this.#isOpenModel = isOpenModel
    this.#backlog = backlog
  }

  start(startUs: number): void {
    this.#startUs = startUs
  }

  /** Ends the seconds that have passed; to be called before anything changes. */
  advance(nowUs: number): void {
    const second = Math.floor((nowUs - this.#startUs) / SECOND_US)
    while (this.#second < second) this.#end()
  }

  sent(atUs: number): void {
    this.advance(atUs)
    this.#counts.sent++
  }

  dropped(atUs: number, count: number): void {
    this.advance(atUs)
    this.#counts.dropped += count
  }

  settled(kind: SettledKind, atUs: number): void {
    this.advance(atUs)
    this.#counts[kind]++
  }

  /** Latencies of a success, after `settled`. @param plannedUs ignored in the closed model */
  latency(responseUs: number, plannedUs: number): void {
    this.#response.recordUs(responseUs)
    if (this.#isOpenModel) this.#planned.recordUs(plannedUs)
  }

  /** The second that ended last. */
  get last(): SecondSample | undefined {
    return this.#last
  }

  /**
   * All seconds up to the end of the run, the begun one as well when something happened in it.
   *
   * @param due what came due in the whole run, and by which schedule; null in the closed model
   */
  finish(wallUs: number, due: {readonly count: number; readonly schedule: Schedule} | null): readonly SecondSample[] {
    const seconds = Math.ceil(wallUs / SECOND_US)
    while (this.#second < seconds) this.#end()
    if (Object.values(this.#counts).some(count => count > 0)) this.#end()
    if (due === null) return this.#samples
    let before = 0
    return this.#samples.map(sample => {
      // Due times are whole µs: up to the last one of this second, and no more than the run has seen.
      const upTo = Math.min(due.count, due.schedule.countDue((sample.second + 1) * SECOND_US - 1))
      const inSecond = upTo - before
      before = upTo
      return {...sample, due: inSecond}
    })
  }

  #end(): void {
    const {dropped, ...counts} = this.#counts
    this.#last = {
      second: this.#second,
      due: null,
      ...counts,
      dropped: this.#isOpenModel ? dropped : null,
      inFlight: this.#backlog.inFlight,
      queued: this.#backlog.queued,
      responseP50Us: this.#response.percentileUs(50),
      responseP95Us: this.#response.percentileUs(95),
      responseP99Us: this.#response.percentileUs(99),
      responseMaxUs: this.#response.maxUs,
      plannedP99Us: this.#planned.percentileUs(99),
    }
    if (this.#samples.length < MAX_SECONDS) this.#samples.push(this.#last)
    this.#second++
    this.#counts = noCounts()
    this.#response.reset()
    this.#planned.reset()
  }
}

function noCounts(): Counts {
  return {sent: 0, dropped: 0, succeeded: 0, failed: 0, timeouts: 0, errors: 0}
}
