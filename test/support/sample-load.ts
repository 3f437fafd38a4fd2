/**
 * A load test played on paper, for reports: requests of even arrival (open) or of C clients (closed) before a server that
 * works on a few at once, stands still for a while, and then refuses some. Deterministic, a few milliseconds.
 */
import {Random} from '../../src/lib/base/random.js'
import {createHistogram} from '../../src/lib/metrics/histogram.js'
import type {LatencyHistogram} from '../../src/lib/metrics/metrics.js'
import {type LatencyHistograms, summarizeLatency} from '../../src/lib/report/assemble.js'
import type {HttpGroup, HttpSecond, HttpSection} from '../../src/lib/report/result.js'

export type Model = HttpSection['model']

const COUNT = 10_000
const RATE_RPS = 500
const SECOND_US = 1_000_000
const CONCURRENCY = {closed: 20, open: 50} as const
/** Fewer than the stall piles up. */
const QUEUE = 600
const TIMEOUT_US = 2_000_000
/** The server stands still. */
const STALL = {fromUs: 8_000_000, toUs: 9_400_000} as const
/** Just after it, some are refused with 503. */
const OVERLOAD_TO_US = 9_700_000

interface Request {
  readonly dueUs: number
  readonly sentUs: number
  readonly firstByteUs: number
  readonly endUs: number
  readonly outcome: HttpGroup['outcome']
  readonly status: number
}

export interface PlayedLoad {
  readonly http: HttpSection
  readonly histograms: LatencyHistograms
  readonly perSecond: readonly number[]
  readonly wallUs: number
}

export function playLoad(model: Model): PlayedLoad {
  const {requests, dropped, longest} = play(model)
  const wallUs = Math.max(...requests.map(({endUs}) => endUs))
  const succeeded = requests.filter(({outcome}) => outcome === '2xx')
  const histograms = {
    'http.response_time': histogramOf(succeeded.map(({sentUs, endUs}) => endUs - sentUs)),
    'http.first_byte_time': histogramOf(succeeded.map(({sentUs, firstByteUs}) => firstByteUs - sentUs)),
    ...(model === 'closed'
      ? {}
      : {
          'produce.lateness': histogramOf(requests.map(({dueUs, sentUs}) => sentUs - dueUs)),
          'http.planned_time': histogramOf(succeeded.map(({dueUs, endUs}) => endUs - dueUs)),
        }),
  }
  const countOf = (outcome: HttpGroup['outcome']): number => requests.filter(each => each.outcome === outcome).length
  const [failed, timeouts, errors] = [countOf('5xx'), countOf('timeout'), countOf('error')]
  const due = requests.length + dropped.length
  const perSecond = secondsOf(model, requests, dropped, wallUs)
  return {
    http: {
      target: 'http://127.0.0.1:8000/api/v1/payments',
      method: 'POST',
      model,
      concurrency: CONCURRENCY[model],
      keep_alive: true,
      timeout_ms: TIMEOUT_US / 1000,
      success: 'status 2xx',
      queue: model === 'closed' ? null : {limit: QUEUE, longest},
      planned: COUNT,
      due,
      sent: requests.length,
      dropped: model === 'closed' ? null : dropped.length,
      unsent: 0,
      succeeded: succeeded.length,
      ...{failed, timeouts, errors},
      error_rate: (failed + timeouts + errors + dropped.length) / due,
      requests_per_s: succeeded.length / (wallUs / SECOND_US),
      sent_bytes: requests.length * 412,
      received_bytes: succeeded.length * 96 + failed * 210,
      statuses: {'202': succeeded.length, ...(failed === 0 ? {} : {'503': failed})},
      groups: groupsOf(model, requests),
      per_second: perSecond,
    },
    histograms,
    perSecond: perSecond.map(each => each.succeeded),
    wallUs,
  }
}

/** Requests in the order in which they were due; a free slot takes the one that waits longest. */
function play(model: Model): {requests: Request[]; dropped: number[]; longest: number} {
  const random = new Random(7)
  const freeAt = Array<number>(CONCURRENCY[model]).fill(0)
  const requests: Request[] = []
  const dropped: number[] = []
  let waiting: number[] = []
  let longest = 0
  for (let sequence = 0; sequence < COUNT; sequence++) {
    const slot = freeAt.indexOf(Math.min(...freeAt))
    const free = freeAt[slot] ?? 0
    const dueUs = model === 'open' ? (sequence * SECOND_US) / RATE_RPS : free
    waiting = waiting.filter(until => until > dueUs)
    if (waiting.length >= QUEUE) {
      dropped.push(dueUs)
      continue
    }
    const sentUs = Math.max(dueUs, free) + 40
    if (sentUs > dueUs + 1000) waiting.push(sentUs)
    longest = Math.max(longest, waiting.length)
    const request = served(sequence, dueUs, sentUs, random)
    freeAt[slot] = request.endUs
    requests.push(request)
  }
  return {requests, dropped, longest}
}

function served(sequence: number, dueUs: number, sentUs: number, random: Random): Request {
  const unit = random.unit()
  const workUs = 2000 + 6000 * unit + (unit > 0.97 ? 30_000 * ((unit - 0.97) / 0.03) ** 2 : 0)
  const isHeld = sentUs + workUs > STALL.fromUs && sentUs < STALL.toUs
  const endUs = Math.round(isHeld ? STALL.toUs + workUs : sentUs + workUs)
  const answered = {dueUs, sentUs, firstByteUs: endUs - 180, endUs}
  if (sequence % 3001 === 3000)
    return {...answered, firstByteUs: 0, endUs: sentUs + TIMEOUT_US, outcome: 'timeout', status: 0}
  if (sequence % 4999 === 4998) return {...answered, firstByteUs: 0, endUs: sentUs + 300, outcome: 'error', status: 0}
  const isRefused = sentUs >= STALL.toUs && sentUs < OVERLOAD_TO_US && sequence % 5 === 0
  return isRefused ? {...answered, outcome: '5xx', status: 503} : {...answered, outcome: '2xx', status: 202}
}

function groupsOf(model: Model, requests: readonly Request[]): HttpGroup[] {
  const names = model === 'closed' ? ['load'] : ['warm', 'steady']
  return names.flatMap((scenario, at) => {
    const own = requests.filter(({dueUs}) => names.length === 1 || (dueUs < 5 * SECOND_US ? 0 : 1) === at)
    return (['2xx', '5xx', 'timeout', 'error'] as const).flatMap((outcome): HttpGroup[] => {
      const those = own.filter(each => each.outcome === outcome)
      if (those.length === 0) return []
      const answered = those.filter(({firstByteUs}) => firstByteUs > 0)
      return [
        {
          scenario,
          outcome,
          success: outcome === '2xx',
          count: those.length,
          response: summarizeLatency('http.response_time', histogramOf(those.map(({sentUs, endUs}) => endUs - sentUs))),
          first_byte: summarizeLatency(
            'http.first_byte_time',
            histogramOf(answered.map(({sentUs, firstByteUs}) => firstByteUs - sentUs)),
          ),
          planned:
            model === 'closed'
              ? null
              : summarizeLatency('http.planned_time', histogramOf(those.map(({dueUs, endUs}) => endUs - dueUs))),
        },
      ]
    })
  })
}

function secondsOf(
  model: Model,
  requests: readonly Request[],
  dropped: readonly number[],
  wallUs: number,
): HttpSecond[] {
  const isOpen = model === 'open'
  return Array.from({length: Math.ceil(wallUs / SECOND_US)}, (_, second): HttpSecond => {
    const isIn = (us: number): boolean => Math.floor(us / SECOND_US) === second
    const endUs = (second + 1) * SECOND_US
    const back = requests.filter(each => isIn(each.endUs))
    const good = back.filter(({outcome}) => outcome === '2xx')
    const response = histogramOf(good.map(each => each.endUs - each.sentUs))
    const planned = histogramOf(good.map(each => each.endUs - each.dueUs))
    const droppedNow = dropped.filter(isIn).length
    return {
      second,
      due: isOpen ? requests.filter(({dueUs}) => isIn(dueUs)).length + droppedNow : null,
      sent: requests.filter(({sentUs}) => isIn(sentUs)).length,
      succeeded: good.length,
      failed: back.filter(({outcome}) => outcome === '5xx').length,
      timeouts: back.filter(({outcome}) => outcome === 'timeout').length,
      errors: back.filter(({outcome}) => outcome === 'error').length,
      dropped: isOpen ? droppedNow : null,
      in_flight: requests.filter(each => each.sentUs < endUs && each.endUs >= endUs).length,
      queued: isOpen ? requests.filter(each => each.dueUs < endUs && each.sentUs >= endUs).length : 0,
      response_p50: response.percentileUs(50),
      response_p95: response.percentileUs(95),
      response_p99: response.percentileUs(99),
      response_max: response.maxUs,
      planned_p99: isOpen ? planned.percentileUs(99) : null,
    }
  })
}

function histogramOf(valuesUs: readonly number[]): LatencyHistogram {
  const histogram = createHistogram()
  for (const valueUs of valuesUs) histogram.recordUs(valueUs)
  return histogram
}
