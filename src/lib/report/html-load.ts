/** How the load was made: of a run in payments, of a load test in requests. */
import {throughputChart} from './chart.js'
import {latencyChart, requestsChart, stepText} from './chart-time.js'
import {
  formatBytes,
  formatCount,
  formatMs,
  formatSeconds,
  formatShare,
  formatSpeedUp,
  formatTps,
  plural,
} from './format.js'
import {list, ms, numberCell, numberHead, remark, section, table, tiles} from './html-parts.js'
import {html, type Markup, NOTHING} from './markup.js'
import type {HttpSecond, HttpSection, RunResult} from './result.js'
import {latenciesByRole, wholeSeconds} from './view.js'
import {queueText, requestsText, targetText, unitsOf, wholeHttpSeconds} from './view-http.js'

/** Longer runs have their seconds in `--csv`: a page of thousands of rows helps nobody. */
const MAX_SECOND_ROWS = 600

export function loadSection(result: RunResult): Markup {
  return result.http === null ? runLoad(result) : httpLoad(result, result.http)
}

function runLoad(result: RunResult): Markup {
  const {load: measured} = result
  const {lateness} = latenciesByRole(result)
  return section('Load', [
    html`<p class="soft" style="margin:0">${measured.description}</p>`,
    tiles([
      ['asked', measured.requested_tps === null ? 'unpaced' : formatTps(measured.requested_tps), ''],
      ['achieved', formatTps(measured.achieved_tps), formatShare(measured.achieved_ratio)],
      ['sent', formatCount(measured.sent), `shortfall ${formatCount(measured.shortfall)}`],
      [
        'acked',
        formatCount(measured.acked),
        `${formatCount(measured.failed)} failed, ${formatCount(measured.unknown)} unknown`,
      ],
      ['lateness p99', ms(lateness?.p99), `p50 ${ms(lateness?.p50)}, max ${ms(lateness?.max)}`],
      ['wall clock', formatSeconds(measured.wall_s), `warm-up ${plural(measured.warmup_count, 'payment')}`],
      ['simulated', formatSeconds(measured.simulated_s), `speed-up ${formatSpeedUp(measured.speed_up)}`],
    ]),
    measured.per_second.length === 0
      ? NOTHING
      : html`<h3>Payments acked in each second</h3>${throughputChart(wholeSeconds(measured), measured.requested_tps)}`,
    errorList(result),
  ])
}

function httpLoad(result: RunResult, http: HttpSection): Markup {
  const {load} = result
  const {lateness} = latenciesByRole(result)
  const queue = queueText(http)
  return section('Load', [
    html`<p class="soft" style="margin:0">${targetText(http)}<br>${load.description}</p>`,
    tiles([
      [
        'requests/s',
        formatTps(http.requests_per_s),
        load.requested_tps === null
          ? 'successes by wall clock'
          : `successes by wall clock, ${formatShare(load.achieved_ratio)} of ${formatTps(load.requested_tps)} asked`,
      ],
      ['succeeded', formatCount(http.succeeded), requestsText(http)],
      [
        'error rate',
        formatShare(http.error_rate),
        `${formatCount(http.failed)} failed, ${plural(http.timeouts, 'timeout')}, ${plural(http.errors, 'error')}`,
      ],
      ...(http.queue === null ? [] : [['dropped', formatCount(http.dropped), `queue ${queue}`] as const]),
      ...(lateness === undefined
        ? []
        : [['lateness p99', ms(lateness.p99), `p50 ${ms(lateness.p50)}, max ${ms(lateness.max)}`] as const]),
      [
        'wall clock',
        formatSeconds(load.wall_s),
        load.warmup_count === 0 ? '' : `warm-up ${unitsOf(result)(load.warmup_count)}`,
      ],
      ['body bytes sent', formatBytes(http.sent_bytes), `${formatBytes(http.received_bytes)} received`],
    ]),
    statusTable(http),
    errorList(result),
    ...overTime(http, load.wall_s),
  ])
}

function statusTable(http: HttpSection): Markup {
  const rows = Object.entries(http.statuses)
    .toSorted(([, a], [, b]) => b - a)
    .map(([status, count]) => {
      const share = http.sent === 0 ? null : count / http.sent
      return html`<tr><td><code>${status}</code></td>${numberCell(formatCount(count))}${numberCell(formatShare(share))}</tr>\n`
    })
  if (rows.length === 0) return NOTHING
  return html`<h3>By status</h3>${table([['status', ''], ...numberHead(['answers', 'of sent'])], rows)}`
}

function overTime(http: HttpSection, wallS: number): Markup[] {
  const seconds = wholeHttpSeconds(http, wallS)
  if (seconds.length < 2) return []
  return [
    html`<h3>Requests over time</h3>${requestsChart(seconds)}`,
    html`<h3>Latency over time</h3>${latencyChart(seconds)}`,
    remark(stepText(seconds)),
    secondTable(http.per_second),
  ]
}

/** The charts in figures: for who cannot see them, and for who wants to know. */
function secondTable(seconds: readonly HttpSecond[]): Markup {
  if (seconds.length > MAX_SECOND_ROWS) return NOTHING
  const isOpen = seconds.some(({due}) => due !== null)
  const rows = seconds.map(each => {
    const cells = [
      formatCount(each.second + 1),
      ...(isOpen ? [formatCount(each.due)] : []),
      ...[each.sent, each.succeeded, each.failed, each.timeouts, each.errors].map(formatCount),
      ...(isOpen ? [formatCount(each.dropped), formatCount(each.queued)] : []),
      formatCount(each.in_flight),
      ...[each.response_p50, each.response_p95, each.response_p99, each.response_max].map(formatMs),
      ...(isOpen ? [formatMs(each.planned_p99)] : []),
    ]
    return html`<tr>${cells.map(numberCell)}</tr>\n`
  })
  const head = [
    'second',
    ...(isOpen ? ['due'] : []),
    ...['sent', 'succeeded', 'failed', 'timeouts', 'errors'],
    ...(isOpen ? ['dropped', 'queued'] : []),
    'in flight',
    ...['p50', 'p95', 'p99', 'max'],
    ...(isOpen ? ['planned p99'] : []),
  ]
  return html`<details><summary>Figures by second, latencies in ms</summary>${table(numberHead(head), rows)}</details>`
}

function errorList(result: RunResult): Markup {
  const units = unitsOf(result)
  return list(
    result.load.errors.map(
      ({code, count, example}) =>
        html`<li><span class="fail">${units(count)}</span> <code>${code}</code>: ${example}</li>`,
    ),
  )
}
