/** From what a load test measured to the parts of its result: the HTTP section, the load in payments, notes. */
import type {LatencyHistogram} from '../../metrics/metrics.js'
import {type LatencyHistograms, summarizeLatency} from '../../report/assemble.js'
import {formatCount, formatMs, plural} from '../../report/format.js'
import type {HttpGroup, HttpSecond, HttpSection, RunResult} from '../../report/result.js'
import type {LoadtestSummary, OutcomeGroup, SecondSample} from './options.js'
import {remedyOf} from './outcome.js'
import {MAX_SECONDS} from './series.js'

/** What a summary does not know: where requests went, and how. */
export interface HttpFacts {
  /** URL without credentials, or `3 targets of targets.json`. */
  readonly target: string
  readonly method: string
  readonly concurrency: number
  readonly keepAlive: boolean
  /** Infinity for none. */
  readonly timeoutMs: number
  /** The judge's description. */
  readonly success: string
  /** Of the open model; null in the closed one. */
  readonly queueCount: number | null
}

/** From this difference on, planned latency gets an explanation: as much again as the service took, but not a trifle. */
const NOTABLE_WAIT_US = 10_000

export function httpSection(summary: LoadtestSummary, facts: HttpFacts): HttpSection {
  const {due, dropped, failed, timeouts, errors} = summary
  return {
    target: facts.target,
    method: facts.method,
    model: summary.model,
    concurrency: facts.concurrency,
    keep_alive: facts.keepAlive,
    timeout_ms: finite(facts.timeoutMs),
    success: facts.success,
    queue: facts.queueCount === null ? null : {limit: facts.queueCount, longest: summary.longestQueue ?? 0},
    planned: finite(summary.planned),
    due,
    sent: summary.sent,
    dropped,
    unsent: summary.unsent,
    succeeded: summary.succeeded,
    failed,
    timeouts,
    errors,
    error_rate: errorRate(summary),
    requests_per_s: isCutShort(summary) ? null : summary.achievedRps,
    sent_bytes: summary.sentBytes,
    received_bytes: summary.receivedBytes,
    statuses: Object.fromEntries(summary.statuses),
    groups: summary.groups.map(groupOf),
    per_second: summary.perSecond.map(secondOf),
  }
}

/** The same run in payments. */
export function httpLoad(summary: LoadtestSummary): RunResult['load'] {
  const wallS = summary.wallUs / 1e6
  const {simulatedFromMs, simulatedToMs} = summary
  const simulatedS = simulatedFromMs === null || simulatedToMs === null ? 0 : (simulatedToMs - simulatedFromMs) / 1000
  return {
    description: summary.description,
    requested_tps: finite(summary.requestedRps),
    achieved_tps: isCutShort(summary) ? null : summary.achievedRps,
    achieved_ratio: isCutShort(summary) ? null : summary.achievedRatio,
    shortfall: summary.due - summary.sent,
    planned: summary.due,
    sent: summary.sent,
    ...summary.journalled,
    wall_s: wallS,
    simulated_s: simulatedS,
    // Requests that carry no payment of ours simulate nothing.
    speed_up: wallS > 0 && simulatedFromMs !== null ? simulatedS / wallS : null,
    warmup_count: summary.warmupCount,
    per_second: summary.perSecond.map(second => second.succeeded),
    errors: summary.errorKinds,
  }
}

/** Of successes past the warm-up; lateness and planned latency in the open model alone. */
export function httpHistograms({response, firstByte, plannedTime, lateness}: LoadtestSummary): LatencyHistograms {
  return {
    'http.first_byte_time': firstByte,
    'http.response_time': response,
    ...(lateness === null ? {} : {'produce.lateness': lateness}),
    ...(plannedTime === null ? {} : {'http.planned_time': plannedTime}),
  }
}

/** What somebody who reads only the figures could take wrong. */
export function httpNotes(summary: LoadtestSummary, facts: HttpFacts): string[] {
  const {sent, succeeded, dropped, unsent, warmupCount} = summary
  const apart = sent - succeeded
  return [
    ...(summary.model === 'closed' ? closedNotes(summary) : waitNotes(summary, facts)),
    ...(dropped === null || dropped === 0
      ? []
      : [
          `${plural(dropped, 'request was', 'requests were')} dropped: ${formatCount(facts.queueCount)} were waiting already; at most ${formatCount(facts.concurrency)} at once did not carry the rate`,
        ]),
    ...(unsent === 0
      ? []
      : [`interrupted: ${plural(unsent, 'request that was due had', 'requests that were due had')} not gone`]),
    ...(sent > 0 && succeeded === 0
      ? [`not one request succeeded (${troublesOf(summary)}): there are no latencies of successes`]
      : apart > 0
        ? [
            `latencies are those of successes; ${formatCount(apart)} others are apart, by outcome: ${troublesOf(summary)}`,
          ]
        : []),
    ...summary.errorKinds.flatMap(({code}) => {
      const remedy = remedyOf(code)
      return remedy === undefined ? [] : [`${code}: ${remedy}`]
    }),
    ...(warmupCount === 0 ? [] : [`latencies leave out the first ${plural(warmupCount, 'request')} (warm-up)`]),
    ...(summary.perSecond.length < MAX_SECONDS ? [] : ['seconds are told for the first day; totals cover everything']),
  ]
}

function closedNotes({succeeded}: LoadtestSummary): string[] {
  return succeeded === 0
    ? []
    : [
        'the latencies of a closed model leave out the wait of those who could not be sent while the service was slow; an open model (--rate) measures it',
      ]
}

/** Why planned latency is so much higher than service latency. */
function waitNotes({response, plannedTime, lateness, longestQueue}: LoadtestSummary, facts: HttpFacts): string[] {
  const serviceUs = p99(response)
  const plannedUs = p99(plannedTime)
  if (serviceUs === null || plannedUs === null) return []
  if (plannedUs - serviceUs < Math.max(NOTABLE_WAIT_US, serviceUs)) return []
  const figures = `planned p99 is ${formatMs(plannedUs)} ms and service p99 ${formatMs(serviceUs)} ms`
  return [
    (longestQueue ?? 0) > 0
      ? `${figures}: the rest is the wait for one of ${formatCount(facts.concurrency)} connections, of up to ${plural(longestQueue ?? 0, 'request')} in the queue`
      : `${figures}: nothing had to queue, so this machine sent late (lateness p99 ${formatMs(p99(lateness))} ms)`,
  ]
}

function troublesOf({errorKinds}: LoadtestSummary): string {
  const most = [...errorKinds].sort((a, b) => b.count - a.count).slice(0, 3)
  const others = errorKinds.length - most.length
  return [
    ...most.map(({code, count}) => `${formatCount(count)} ${code}`),
    ...(others > 0 ? [plural(others, 'other kind')] : []),
  ].join(', ')
}

function groupOf({scenario, outcome, success, count, response, firstByte, planned}: OutcomeGroup): HttpGroup {
  return {
    scenario,
    outcome,
    success,
    count,
    response: summarizeLatency('http.response_time', response),
    first_byte: summarizeLatency('http.first_byte_time', firstByte),
    planned: planned === null ? null : summarizeLatency('http.planned_time', planned),
  }
}

function secondOf(sample: SecondSample): HttpSecond {
  const {second, due, sent, succeeded, failed, timeouts, errors, dropped} = sample
  return {
    ...{second, due, sent, succeeded, failed, timeouts, errors, dropped},
    in_flight: sample.inFlight,
    queued: sample.queued,
    response_p50: sample.responseP50Us,
    response_p95: sample.responseP95Us,
    response_p99: sample.responseP99Us,
    response_max: sample.responseMaxUs,
    planned_p99: sample.plannedP99Us,
  }
}

/** What waited when a signal came was never tried: it is no error, and dilutes none. */
function errorRate({sent, dropped, failed, timeouts, errors}: LoadtestSummary): number | null {
  const tried = sent + (dropped ?? 0)
  return tried === 0 ? null : (failed + timeouts + errors + (dropped ?? 0)) / tried
}

/** Interrupted before anything was measured: 0 would look like a figure. */
function isCutShort({interrupted, succeeded}: LoadtestSummary): boolean {
  return interrupted && succeeded === 0
}

function p99(histogram: LatencyHistogram | null): number | null {
  return histogram?.percentileUs(99) ?? null
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
