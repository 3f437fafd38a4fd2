/** A load test on a virtual clock against a fake client, with everything that matters to watch. */
import type {HttpTarget} from '../../src/lib/http/http-client.js'
import {createSchedule} from '../../src/lib/pace/create.js'
import {loadtest} from '../../src/lib/run/loadtest/loadtest.js'
import type {
  LoadModel,
  LoadtestOptions,
  LoadtestProgress,
  LoadtestSummary,
  RequestSource,
  ResponseJudge,
} from '../../src/lib/run/loadtest/options.js'
import type {LoadPhase} from '../../src/lib/scenario/plan.js'
import {type FakeHttpClient, type FakeServer, openFakeClient, steady} from './fake-http-client.js'
import {VirtualClock} from './virtual-clock.js'

export const TARGET: HttpTarget = {method: 'POST', url: new URL('http://127.0.0.1:8000/api/v1/payments'), headers: []}
export const FIRST_CREATED_MS = 1_800_000_000_000

/** Requests whose body is their sequence number; a second of event time apart. */
export function numberedSource(): RequestSource & {readonly made: number[]} {
  const made: number[] = []
  return {
    made,
    at(sequence) {
      made.push(sequence)
      return {
        sequence,
        target: TARGET,
        body: Buffer.from(String(sequence), 'latin1'),
        createdAtMs: FIRST_CREATED_MS + sequence * 1000,
        paymentId: `id-${sequence}`,
      }
    },
  }
}

export const STATUS_2XX: ResponseJudge = {
  needsBody: false,
  isSuccess: ({status}) => status >= 200 && status < 300,
  idOf: () => undefined,
  description: 'status 2xx',
}

export interface OpenLoad {
  readonly rateTps?: number
  readonly durationMs?: number
  readonly phases?: readonly LoadPhase[]
  readonly maxCount?: number
  readonly concurrency?: number
  readonly queueCount?: number
}

export function openModel({
  rateTps = 500,
  durationMs = 2000,
  phases = [{executor: 'constant-arrival-rate', rateTps, durationMs, arrivals: 'uniform'}],
  maxCount = Number.POSITIVE_INFINITY,
  concurrency = 200,
  queueCount = rateTps * 10,
}: OpenLoad = {}): LoadModel & {readonly kind: 'open'} {
  return {kind: 'open', schedule: createSchedule(phases, {seed: 1, maxCount}), concurrency, queueCount}
}

export function closedModel(bounds: Partial<LoadModel & {readonly kind: 'closed'}>): LoadModel {
  return {
    kind: 'closed',
    concurrency: 10,
    requestCount: Number.POSITIVE_INFINITY,
    durationMs: Number.POSITIVE_INFINITY,
    ...bounds,
  }
}

export interface GivenLoad extends Partial<Omit<LoadtestOptions, 'client' | 'clock' | 'signal' | 'source'>> {
  readonly server?: FakeServer
  readonly isSynchronous?: boolean
  readonly clock?: VirtualClock
  readonly source?: RequestSource
}

export interface RunningLoad {
  readonly summary: Promise<LoadtestSummary>
  readonly clock: VirtualClock
  readonly client: FakeHttpClient
  readonly abort: AbortController
  readonly startUs: number
  readonly progress: readonly LoadtestProgress[]
}

/** Time moves by the caller. */
export function loading({
  server = steady(2),
  isSynchronous = false,
  clock = new VirtualClock(),
  source = numberedSource(),
  ...given
}: GivenLoad = {}): RunningLoad {
  const client = openFakeClient(clock, server, {isSynchronous})
  const abort = new AbortController()
  const progress: LoadtestProgress[] = []
  const startUs = clock.nowUs()
  const summary = loadtest({
    model: openModel(),
    judge: STATUS_2XX,
    scenarios: [{name: 'all', fromSequence: 0}],
    warmupCount: 0,
    onProgress: state => progress.push(state),
    ...given,
    source,
    client,
    clock,
    signal: abort.signal,
  })
  return {summary, clock, client, abort, startUs, progress}
}

export async function loaded(given: GivenLoad = {}): Promise<RunningLoad & {readonly result: LoadtestSummary}> {
  const running = loading(given)
  return {...running, result: await running.clock.until(running.summary)}
}
