/** What every form of a load test's report shows, in the same words: requests, statuses, latencies side by side, groups. */
import {formatBytes, formatCount, formatMs, formatSeconds, formatShare, plainText, plural} from './format.js'
import {LATENCY_NAMES} from './latency-names.js'
import type {HttpGroup, HttpSecond, HttpSection, LatencySummary, RunResult} from './result.js'

/** Under this, planned and service time tell the same story. */
const GAP_FLOOR_US = 1000
const GAP_SHARE = 0.1

type Fact = readonly [name: string, value: string]

/** `POST http://… · success is status 2xx · keep-alive · timeout 2 s`. */
export function targetText({
  method,
  target,
  success,
  keep_alive: keepAlive,
  timeout_ms: timeoutMs,
}: HttpSection): string {
  return [
    `${method} ${target}`,
    `success is ${success}`,
    keepAlive ? 'keep-alive' : 'a connection for each request',
    timeoutMs === null ? 'no timeout' : `timeout ${formatSeconds(timeoutMs / 1000)}`,
  ].join(' · ')
}

/** `10,000 planned = 9,947 sent + 53 dropped`; with what the schedule had come to when it was cut short. */
export function requestsText({model, planned, due, sent, dropped, unsent}: HttpSection): string {
  if (model === 'closed')
    return `${formatCount(sent)} sent${planned === null ? '' : ` of ${formatCount(planned)} planned`}`
  const parts = [`${formatCount(sent)} sent`, `${formatCount(dropped)} dropped`]
  if (unsent > 0) parts.push(`${formatCount(unsent)} still waiting`)
  const isWhole = planned === null || planned === due
  return isWhole
    ? `${formatCount(due)} planned = ${parts.join(' + ')}`
    : `${formatCount(due)} due of ${formatCount(planned)} planned = ${parts.join(' + ')}`
}

/** `at most 600 of 600`; empty in the closed model, which has none. */
export function queueText({queue}: HttpSection): string {
  return queue === null ? '' : `at most ${formatCount(queue.longest)} of ${formatCount(queue.limit)}`
}

export function outcomeFacts(http: HttpSection): Fact[] {
  return [
    ['succeeded', formatCount(http.succeeded)],
    ['failed', formatCount(http.failed)],
    ['timeouts', formatCount(http.timeouts)],
    ['errors', formatCount(http.errors)],
    ['error rate', formatShare(http.error_rate)],
  ]
}

/** The most frequent first. */
export function statusFacts({statuses}: HttpSection): Fact[] {
  return Object.entries(statuses)
    .toSorted(([, a], [, b]) => b - a)
    .map(([status, count]) => [plainText(status), formatCount(count)])
}

export function byteFacts({sent_bytes: sentBytes, received_bytes: receivedBytes}: HttpSection): Fact[] {
  return [
    ['sent', formatBytes(sentBytes)],
    ['received', formatBytes(receivedBytes)],
  ]
}

export interface LatencyRow {
  readonly name: string
  /** From where to where it was counted. */
  readonly basis: string
  /** Null when it was not measured. */
  readonly latency: LatencySummary | null
}

const BASES = [
  ['http.response_time', 'sent → last byte'],
  ['http.first_byte_time', 'sent → first byte'],
  ['http.planned_time', 'due → last byte'],
] as const

/** Service, first byte and planned always, so that the closed model is seen to have no planned time; then the rest. */
export function latencyRows({latencies}: RunResult): LatencyRow[] {
  const always = BASES.map(([metric, basis]): LatencyRow => {
    const latency = latencies.find(each => each.metric === metric) ?? null
    return {name: LATENCY_NAMES[metric], basis: latency?.basis ?? basis, latency}
  })
  const others = latencies.filter(
    each => each.metric !== 'produce.lateness' && BASES.every(([metric]) => metric !== each.metric),
  )
  return [...always, ...others.map(latency => ({name: LATENCY_NAMES[latency.metric], basis: latency.basis, latency}))]
}

const GAP_PERCENTILES = [
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p95', 'p95'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
] as const

/**
 * Whether waiting to be sent made a difference, in a line: at the percentile where planned and service time lie furthest
 * apart, for a long stall moves both of the highest ones.
 */
export function gapText({latencies}: RunResult, {model}: HttpSection): string {
  if (model === 'closed') return 'no planned time in a closed model: requests wait for an answer, not for a schedule'
  const [service, planned] = (['http.response_time', 'http.planned_time'] as const).map(metric =>
    latencies.find(each => each.metric === metric),
  )
  const gaps = GAP_PERCENTILES.flatMap(([key, name]) => {
    const serviceUs = service?.[key] ?? null
    const plannedUs = planned?.[key] ?? null
    return serviceUs === null || plannedUs === null ? [] : [{name, serviceUs, plannedUs}]
  })
  const widest = gaps.toSorted((a, b) => b.plannedUs - b.serviceUs - (a.plannedUs - a.serviceUs))[0]
  if (widest === undefined) return ''
  const {name, serviceUs, plannedUs} = widest
  return plannedUs - serviceUs <= Math.max(GAP_FLOOR_US, serviceUs * GAP_SHARE)
    ? 'planned and service agree up to p99.9: requests left when they were due'
    : `${name} is ${formatMs(plannedUs)} ms planned, ${formatMs(serviceUs)} ms service: the wait to be sent shows in planned alone`
}

export interface GroupRow {
  /** Empty when all requests are of one scenario. */
  readonly scenario: string
  readonly outcome: string
  readonly isSuccess: boolean
  readonly count: number
  readonly service: LatencySummary
  readonly planned: LatencySummary | null
}

/** By scenario and fate; nothing when there is one group, which is the whole. */
export function groupRows({groups}: HttpSection): GroupRow[] {
  if (groups.length < 2) return []
  const isOneScenario = new Set(groups.map(({scenario}) => scenario)).size === 1
  return groups.map(group => ({
    scenario: isOneScenario ? '' : group.scenario,
    outcome: outcomeText(group),
    isSuccess: group.success,
    count: group.count,
    service: group.response,
    planned: group.planned,
  }))
}

/** A status class may be split: some 2xx have the body that was wanted, some do not. */
function outcomeText({outcome, success}: HttpGroup): string {
  if (success) return outcome
  return outcome === '2xx' ? '2xx, unwanted' : outcome
}

/** Without a last one that was not whole: it has fewer for that alone. */
export function wholeHttpSeconds({per_second: seconds}: HttpSection, wallS: number): readonly HttpSecond[] {
  const whole = seconds.filter(({second}) => second < Math.floor(wallS))
  return whole.length === 0 ? seconds : whole
}

/** `acked (202)` when all successes had one status; the word for a rung of the ladder. */
export function ackedName({http}: RunResult): string {
  if (http === null || http.succeeded === 0) return 'acked'
  const status = Object.entries(http.statuses).find(([, count]) => count === http.succeeded)?.[0]
  return status === undefined ? 'acked' : `acked (${status})`
}

/** What is counted: a load test sends requests, a run payments. */
export function unitsOf({http}: RunResult): (count: number) => string {
  return count => plural(count, http === null ? 'payment' : 'request')
}
