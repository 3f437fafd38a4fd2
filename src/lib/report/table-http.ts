/** The parts of the terminal report that a load test has of its own: load, latencies side by side, groups. */
import {formatCount, formatMs, formatSeconds, formatShare, formatTps} from './format.js'
import type {HttpSection, LatencySummary, RunResult} from './result.js'
import {type Align, factsLine, INDENT, type Page, sparkline, tabulated, wrapped} from './terminal.js'
import {latenciesByRole} from './view.js'
import {
  byteFacts,
  gapText,
  groupRows,
  latencyRows,
  outcomeFacts,
  queueText,
  requestsText,
  statusFacts,
  targetText,
  unitsOf,
  wholeHttpSeconds,
} from './view-http.js'

/** Of a scenario's name; longer ones are cut. */
const MAX_NAME = 18
/** Figures of a latency table are at least so wide, so that tables line up. */
const FIGURE_WIDTH = 6

type Row = readonly [name: string, value: string]

export function httpLoadLines(result: RunResult, http: HttpSection, page: Page): string[] {
  const {paint} = page
  const {load} = result
  const queue = queueText(http)
  const asked: Row[] = load.requested_tps === null ? [] : [['asked', formatTps(load.requested_tps)]]
  const ratio: Row[] = load.requested_tps === null ? [] : [['ratio', formatShare(load.achieved_ratio)]]
  const rows: Row[] = [
    [
      'rate',
      factsLine(
        [
          ...asked,
          ['achieved', formatTps(http.requests_per_s)],
          ...ratio,
          ['in', `${formatSeconds(load.wall_s)} by wall clock`],
        ],
        paint,
      ),
    ],
    ['requests', [requestsText(http), ...(queue === '' ? [] : [`${paint.dim('queue')} ${queue}`])].join('   ')],
    ['outcomes', factsLine(outcomeFacts(http), paint)],
    ['statuses', http.sent === 0 ? '' : factsLine(statusFacts(http), paint)],
    ['bodies', factsLine(byteFacts(http), paint)],
    ['lateness', latenessText(result, page)],
    ['warm-up', load.warmup_count === 0 ? '' : `${unitsOf(result)(load.warmup_count)}, left out of the latencies`],
    ...secondRows(result, http, page),
  ]
  return [
    ...wrapped(targetText(http), page, ''),
    `${INDENT}${load.description}`,
    ...tabulated(
      rows.filter(([, value]) => value !== ''),
      ['left', 'left'],
    ),
    ...errorLines(result, page),
  ]
}

export function errorLines(result: RunResult, page: Page): string[] {
  const units = unitsOf(result)
  return result.load.errors.flatMap(({code, count, example}) =>
    wrapped(`${units(count)} ${code}: ${example}`, page, `${page.paint.red('✗')} `),
  )
}

export function httpLatencyLines(result: RunResult, http: HttpSection, page: Page): string[] {
  const {paint} = page
  const head = [
    '',
    '',
    ...['count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max'].map(name => paint.dim(padded(name))),
  ]
  const rows = latencyRows(result).map(({name, basis, latency}) => [
    name,
    paint.dim(basis),
    formatCount(latency?.count ?? null),
    ...percentiles(latency, 'p50', 'p90', 'p95', 'p99', 'p999', 'p9999', 'max'),
  ])
  const gap = gapText(result, http)
  return [
    ...tabulated([head, ...rows], ['left', 'left', ...Array<Align>(8).fill('right')]),
    ...(gap === '' ? [] : wrapped(gap, page, '').map(paint.dim)),
  ]
}

export function groupLines(http: HttpSection, {paint}: Page): string[] {
  const rows = groupRows(http)
  if (rows.length === 0) return []
  const isOpen = http.model === 'open'
  const hasNames = rows.some(({scenario}) => scenario !== '')
  const names = ['count', 'service p50', 'p95', 'p99', 'max', ...(isOpen ? ['planned p50', 'p99', 'max'] : [])]
  const head = [...(hasNames ? [''] : []), '', ...names.map(name => paint.dim(padded(name)))]
  const lines = rows.map(({scenario, outcome, isSuccess, count, service, planned}) => [
    ...(hasNames ? [scenario.length > MAX_NAME ? `${scenario.slice(0, MAX_NAME - 1)}…` : scenario] : []),
    isSuccess ? outcome : paint.red(outcome),
    formatCount(count),
    ...percentiles(service, 'p50', 'p95', 'p99', 'max'),
    ...(isOpen ? percentiles(planned, 'p50', 'p99', 'max') : []),
  ])
  const left: Align[] = hasNames ? ['left', 'left'] : ['left']
  return tabulated([head, ...lines], [...left, ...Array<Align>(names.length).fill('right')])
}

function secondRows({load}: RunResult, http: HttpSection, {paint}: Page): Row[] {
  const seconds = wholeHttpSeconds(http, load.wall_s)
  if (seconds.length < 2) return []
  const rates = seconds.map(({succeeded}) => succeeded)
  const p99s = seconds.map(each => each.response_p99)
  const known = p99s.filter(p99 => p99 !== null)
  const range = (least: string, most: string): string =>
    factsLine(
      [
        ['least', least],
        ['most', most],
      ],
      paint,
    )
  return [
    ['by second', `${sparkline(rates)}  ${range(formatCount(Math.min(...rates)), formatCount(Math.max(...rates)))}`],
    known.length === 0
      ? ['p99', '']
      : [
          'p99',
          `${sparkline(p99s, 'highest')}  ${range(`${formatMs(Math.min(...known))} ms`, `${formatMs(Math.max(...known))} ms`)}`,
        ],
  ]
}

function latenessText(result: RunResult, {paint}: Page): string {
  const {lateness} = latenciesByRole(result)
  if (lateness === undefined) return ''
  const of = (us: number | null): string => `${formatMs(us)} ms`
  return factsLine(
    [
      ['p50', of(lateness.p50)],
      ['p99', of(lateness.p99)],
      ['max', of(lateness.max)],
    ],
    paint,
  )
}

type Percentile = 'p50' | 'p90' | 'p95' | 'p99' | 'p999' | 'p9999' | 'max'

function percentiles(latency: LatencySummary | null, ...names: readonly Percentile[]): string[] {
  return names.map(name => formatMs(latency?.[name] ?? null))
}

function padded(name: string): string {
  return name.padStart(FIGURE_WIDTH)
}
