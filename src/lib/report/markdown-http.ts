/** The parts of the markdown report that a load test has of its own. */
import {formatBytes, formatCount, formatMs, formatSeconds, formatShare, formatTps} from './format.js'
import {escaped, SIGNS, table} from './markdown-parts.js'
import type {HttpSection, LatencySummary, RunResult} from './result.js'
import {
  gapText,
  groupRows,
  latencyRows,
  queueText,
  requestsText,
  statusFacts,
  targetText,
  unitsOf,
} from './view-http.js'

export function httpLoad(result: RunResult, http: HttpSection): string[] {
  const {load} = result
  const asked =
    load.requested_tps === null ? '' : ` (${formatShare(load.achieved_ratio)} of ${formatTps(load.requested_tps)})`
  const queue = queueText(http)
  const rows = [
    ['requests/s, successes by wall clock', `${formatTps(http.requests_per_s)}${asked}`],
    ['requests', requestsText(http)],
    ...(queue === '' ? [] : [['queue', queue]]),
    [
      'outcomes',
      `${formatCount(http.succeeded)} succeeded, ${formatCount(http.failed)} failed, ${formatCount(http.timeouts)} timeouts, ${formatCount(http.errors)} errors`,
    ],
    ['error rate', formatShare(http.error_rate)],
    [
      'statuses',
      statusFacts(http)
        .map(([status, count]) => `${status}: ${count}`)
        .join(' · ') || 'none',
    ],
    ['body bytes', `${formatBytes(http.sent_bytes)} sent, ${formatBytes(http.received_bytes)} received`],
    ['wall clock', formatSeconds(load.wall_s)],
    ...load.errors.map(({code, count, example}) => [code, `${unitsOf(result)(count)}: ${example}`]),
  ]
  return [
    '### Load',
    `${escaped(targetText(http))}\n\n${escaped(load.description)}`,
    table(
      ['', ''],
      rows.map(row => row.map(escaped)),
      [],
    ),
  ]
}

export function httpLatency(result: RunResult, http: HttpSection): string[] {
  const rows = latencyRows(result).map(({name, basis, latency}) => [
    name,
    escaped(basis),
    formatCount(latency?.count ?? null),
    ...figures(latency, 'p50', 'p90', 'p95', 'p99', 'p999', 'p9999', 'max'),
  ])
  const gap = gapText(result, http)
  return [
    '### Latency',
    table(['ms', '', 'count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max'], rows, [2, 3, 4, 5, 6, 7, 8, 9]),
    ...(gap === '' ? [] : [escaped(gap)]),
    ...groups(http),
  ]
}

function groups(http: HttpSection): string[] {
  const rows = groupRows(http)
  if (rows.length === 0) return []
  const isOpen = http.model === 'open'
  const lines = rows.map(({scenario, outcome, isSuccess, count, service, planned}) => [
    isSuccess ? SIGNS.pass : SIGNS.fail,
    escaped([scenario, outcome].filter(text => text !== '').join(' · ')),
    formatCount(count),
    ...figures(service, 'p50', 'p95', 'p99', 'max'),
    ...(isOpen ? figures(planned, 'p50', 'p99', 'max') : []),
  ])
  const planned = isOpen ? ['planned p50', 'p99', 'max'] : []
  const head = ['', '', 'count', 'service p50', 'p95', 'p99', 'max', ...planned]
  return ['### By outcome, ms', table(head, lines, [2, 3, 4, 5, 6, 7, 8, 9])]
}

type Percentile = 'p50' | 'p90' | 'p95' | 'p99' | 'p999' | 'p9999' | 'max'

function figures(latency: LatencySummary | null, ...names: readonly Percentile[]): string[] {
  return names.map(name => formatMs(latency?.[name] ?? null))
}
