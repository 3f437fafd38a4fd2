/**
 * The use case behind `loadtest`: requests to an HTTP service, in a closed model (the next one goes when an outcome has
 * come) or an open one (it goes when the schedule says, and waits in a bounded queue while all connections are busy).
 * Latencies count from when a request was sent, and in the open model also from when it was due, so that a service that
 * stalls cannot hide what it delayed. Memory does not grow with the run.
 */
import {BugError} from '../../base/errors.js'
import {Dispatcher} from './dispatcher.js'
import type {LoadtestOptions, LoadtestSummary} from './options.js'
import {createRelease, type Release} from './release.js'
import {LoadtestTally} from './tally.js'

const TICK_MS = 1
/** Longest sleep between two requests, so that progress and stopping stay lively. */
const MAX_SLEEP_MS = 50
const PROGRESS_INTERVAL_US = 500_000
/** The start lies so far ahead of `onStart` that a manifest can be written without delaying the first requests. */
const LEAD_MS = 100
/** What a client may take to give back what was under way when it is closed. */
const CLOSE_MS = 1000

/**
 * @throws EnvironmentError when the journal is beyond recovery, or whatever the source or the judge throws; what is
 *   under way is waited for and journalled as far as possible before
 */
export async function loadtest(options: LoadtestOptions): Promise<LoadtestSummary> {
  const {journal, mintedIds} = options
  const played = await Promise.allSettled([play(options)])
  // All are tried, the first error wins: a full disk must not hide why a run ended.
  const closed = await Promise.allSettled([journal?.close(), mintedIds?.close()])
  for (const result of [...played, ...closed]) if (result.status === 'rejected') throw result.reason
  const [run] = played
  if (run.status === 'rejected') throw run.reason
  return run.value
}

async function play(options: LoadtestOptions): Promise<LoadtestSummary> {
  const {clock, model, signal, judge} = options
  const hasStart = options.onStart !== undefined
  const startUs = clock.nowUs() + (hasStart ? LEAD_MS * 1000 : 0)
  const release: Release = createRelease(model, startUs, (count, nowUs) => tally.dropped(count, nowUs))
  const tally = new LoadtestTally({
    model,
    scenarios: options.scenarios,
    warmupCount: options.warmupCount,
    success: judge.description,
    backlog: {
      get inFlight() {
        return dispatcher.inFlight
      },
      get queued() {
        return release.queued
      },
    },
  })
  const dispatcher = new Dispatcher(options, release, tally)
  const pulse = new Pulse(options, tally)

  tally.start(startUs)
  await options.onStart?.(startUs)
  if (hasStart) await clock.sleep((startUs - clock.nowUs()) / 1000, signal)
  await releaseAll(options, {release, dispatcher, pulse})

  const stopUs = clock.nowUs()
  // What came due since the last tick counts, though it will not go.
  release.admit(stopUs, dispatcher.freeCount)
  tally.stop(stopUs)
  dispatcher.stop()
  await drain(options, {dispatcher, pulse})
  if (dispatcher.failure !== undefined) throw dispatcher.failure.error
  options.onProgress?.(tally.progress(clock.nowUs()))
  return tally.summary({
    isWhole: release.isWhole(stopUs),
    due: release.due,
    unsent: release.queued,
    longestQueue: release.longestQueue,
    stoppedBySignal: signal.aborted,
  })
}

/** Until the plan is played, a signal comes or something fails. */
async function releaseAll(
  {clock, signal}: LoadtestOptions,
  {release, dispatcher, pulse}: {readonly release: Release; readonly dispatcher: Dispatcher; readonly pulse: Pulse},
): Promise<void> {
  const stop = AbortSignal.any([signal, dispatcher.over])
  while (!stop.aborted) {
    const nowUs = clock.nowUs()
    pulse.beat(nowUs)
    release.admit(nowUs, dispatcher.freeCount)
    dispatcher.pump()
    if (stop.aborted) return
    const waitMs = (release.nextUs() - clock.nowUs()) / 1000
    await clock.sleep(Math.max(TICK_MS, Math.min(MAX_SLEEP_MS, Math.floor(waitMs))), stop)
  }
}

/** Until nothing is under way; the client's timeout bounds that, or else `drainMs`. */
async function drain(
  {clock, client, drainMs = Number.POSITIVE_INFINITY}: LoadtestOptions,
  {dispatcher, pulse}: {readonly dispatcher: Dispatcher; readonly pulse: Pulse},
): Promise<void> {
  const endUs = clock.nowUs() + drainMs * 1000
  while (!dispatcher.idle.aborted) {
    const nowUs = clock.nowUs()
    pulse.beat(nowUs)
    if (nowUs >= endUs) break
    await clock.sleep(Math.max(TICK_MS, Math.min(MAX_SLEEP_MS, (endUs - nowUs) / 1000)), dispatcher.idle)
  }
  if (dispatcher.idle.aborted) return
  await client.close()
  await clock.sleep(CLOSE_MS, dispatcher.idle)
  if (dispatcher.inFlight > 0) {
    throw new BugError(`the HTTP client was closed and kept ${dispatcher.inFlight} requests to itself`)
  }
}

/** Seconds end and progress is told also while nothing happens. */
class Pulse {
  readonly #options: LoadtestOptions
  readonly #tally: LoadtestTally
  #nextUs = 0

  constructor(options: LoadtestOptions, tally: LoadtestTally) {
    this.#options = options
    this.#tally = tally
  }

  beat(nowUs: number): void {
    this.#tally.tick(nowUs)
    if (nowUs < this.#nextUs) return
    this.#nextUs = nowUs + PROGRESS_INTERVAL_US
    this.#options.onProgress?.(this.#tally.progress(nowUs))
  }
}
