/**
 * The end block of a run for a terminal: verdict, thresholds, load, ladder, latency, detection, and the command that
 * repeats it. Reads as well without colour; about 100 columns wide.
 */
import {
  formatCount,
  formatInterval,
  formatMs,
  formatSeconds,
  formatShare,
  formatSpeedUp,
  formatTps,
  NOT_MEASURED,
  plainText,
  plural,
} from './format.js'
import type {DetectionSummary, HttpSection, RunResult} from './result.js'
import {errorLines, groupLines, httpLatencyLines, httpLoadLines} from './table-http.js'
import {
  type Align,
  factsLine,
  INDENT,
  marked,
  type Page,
  type Paint,
  pageOf,
  type RenderOptions,
  section,
  sparkline,
  tabulated,
  toned,
  wrapped,
} from './terminal.js'
import {
  describeAnomaly,
  foreignText,
  formatDifference,
  ladderRungs,
  latenciesByRole,
  routes,
  spanOf,
  thresholdRows,
  tooFewFrauds,
  verdictReason,
  verdictTitle,
  verdictTone,
  wholeSeconds,
} from './view.js'
import {ackedName} from './view-http.js'

const EXAMPLES_SHOWN = 3

export function renderResult(given: RunResult, {color, width}: RenderOptions): string {
  const result = withPlainText(given)
  const page = pageOf({color, width})
  const sections = [
    verdictLines(result, page),
    section('THRESHOLDS', thresholdLines(result, page), page),
    ...(result.http === null ? runSections(result, page) : httpSections(result, result.http, page)),
    section(
      'NOTES',
      result.notes.flatMap(note => wrapped(note, page, '· ')),
      page,
    ),
    section('AGAIN', [`${INDENT}${result.run.command}`], page),
  ]
  return `${sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`
}

function runSections(result: RunResult, page: Page): string[][] {
  return [
    section('LOAD', loadLines(result, page), page),
    section('LADDER', ladderLines(result, page), page),
    section('LATENCY, ms', latencyLines(result, page), page),
    section('DETECTION', detectionLines(result, page), page),
  ]
}

/** A target that is not ours has no ladder and no detector: there is nothing to miss. */
function httpSections(result: RunResult, http: HttpSection, page: Page): string[][] {
  return [
    section('LOAD', httpLoadLines(result, http, page), page),
    section('LATENCY, ms', httpLatencyLines(result, http, page), page),
    section('BY OUTCOME, ms', groupLines(http, page), page),
    section('LADDER', result.ladder === null ? [] : ladderLines(result, page), page),
    section('DETECTION', result.detection === null ? [] : detectionLines(result, page), page),
  ]
}

/** What came from outside (names, addresses, error messages) loses control characters: nobody else paints here. */
function withPlainText(result: RunResult): RunResult {
  return JSON.parse(JSON.stringify(result), (_key, value: unknown) =>
    typeof value === 'string' ? plainText(value) : value,
  )
}

function verdictLines(result: RunResult, {paint}: Page): string[] {
  const {run} = result
  const {tone, sign} = {
    passed: {tone: paint.green, sign: '✓'},
    failed: {tone: paint.red, sign: '✗'},
    inconclusive: {tone: paint.yellow, sign: '!'},
    doubtful: {tone: paint.yellow, sign: '!'},
    neutral: {tone: (text: string): string => text, sign: '·'},
  }[verdictTone(result)]
  const {versions, machine} = run
  const database = run.database ?? 'no database'
  return [
    `${tone(paint.bold(`${sign} ${verdictTitle(result)}`))}  ${paint.bold(run.scenario)}  ${verdictReason(result)}`,
    paint.dim(`${INDENT}run ${run.tag} · seed ${run.seed} · ${run.started_at} · ${formatSeconds(spanOf(run))}`),
    paint.dim(`${INDENT}${run.broker} · ${database}`),
    paint.dim(
      `${INDENT}p2pay ${versions.p2pay} · Node ${versions.node} · ${machine.platform}, ${plural(machine.cpus, 'core')}`,
    ),
  ]
}

function thresholdLines(result: RunResult, {paint}: Page): string[] {
  return tabulated(
    thresholdRows(result.thresholds).map(({mark, metric, expression, actual, remark}) => [
      marked(mark, paint),
      metric,
      paint.dim(expression),
      mark === 'pass' ? actual : toned(mark, paint)(actual),
      paint.dim(remark),
    ]),
    ['left', 'left', 'left', 'right', 'left'],
  )
}

function loadLines(result: RunResult, page: Page): string[] {
  const {paint} = page
  const {load} = result
  const {lateness} = latenciesByRole(result)
  const facts = (...pairs: readonly (readonly [string, string])[]): string => factsLine(pairs, paint)
  const seconds = wholeSeconds(load)
  const lines = [
    [
      'rate',
      facts(
        ['requested', load.requested_tps === null ? 'unpaced' : formatTps(load.requested_tps)],
        ['achieved', formatTps(load.achieved_tps)],
        ['ratio', formatShare(load.achieved_ratio)],
        ['shortfall', formatCount(load.shortfall)],
      ),
    ],
    [
      'payments',
      facts(
        ['sent', formatCount(load.sent)],
        ['acked', formatCount(load.acked)],
        ['failed', formatCount(load.failed)],
        ['unknown', formatCount(load.unknown)],
        ['in', formatSeconds(load.wall_s)],
      ),
    ],
    [
      'lateness',
      lateness === undefined
        ? NOT_MEASURED
        : facts(
            ['p50', `${formatMs(lateness.p50)} ms`],
            ['p99', `${formatMs(lateness.p99)} ms`],
            ['max', `${formatMs(lateness.max)} ms`],
          ),
    ],
    ...(seconds.length < 2
      ? []
      : [
          [
            'by second',
            `${sparkline(seconds)}  ${facts(['least', formatCount(Math.min(...seconds))], ['most', formatCount(Math.max(...seconds))])}`,
          ],
        ]),
    [
      'simulated',
      facts(
        ['span', formatSeconds(load.simulated_s)],
        ['speed-up', formatSpeedUp(load.speed_up)],
        ['warm-up', plural(load.warmup_count, 'payment')],
      ),
    ],
  ]
  return [
    `${INDENT}${load.description}`,
    ...tabulated(
      lines.map(([name = '', value = '']) => [name, value]),
      ['left', 'left'],
    ),
    ...errorLines(result, page),
  ]
}

function ladderLines(result: RunResult, page: Page): string[] {
  const {paint} = page
  const {ladder} = result
  if (ladder === null) return [`${INDENT}${NOT_MEASURED}`]
  const remarks = [routes(ladder), foreignText(ladder)].filter(text => text !== '')
  return [
    ...tabulated(
      ladderRungs(ladder, ackedName(result)).map(({stage, count, expectation, difference, mark}) => [
        mark === null ? ' ' : marked(mark, paint),
        stage,
        formatCount(count),
        paint.dim(expectation),
        difference === 0 || mark === null
          ? paint.dim(formatDifference(difference))
          : paint.red(formatDifference(difference)),
      ]),
      ['left', 'left', 'right', 'left', 'right'],
    ),
    ...(remarks.length === 0 ? [] : [paint.dim(`${INDENT}${remarks.join('; ')}`)]),
    ...ladder.anomalies.flatMap(anomaly => {
      const shown = anomaly.examples.slice(0, EXAMPLES_SHOWN)
      const more = anomaly.count - shown.length
      const examples =
        shown.length === 0 ? '' : `: ${shown.join(', ')}${more > 0 ? `, and ${formatCount(more)} more` : ''}`
      const sign = anomaly.fatal ? paint.red('✗') : paint.dim('·')
      return wrapped(`${describeAnomaly(anomaly)}${anomaly.fatal ? examples : ''}`, page, `${sign} `)
    }),
  ]
}

function latencyLines(result: RunResult, {paint}: Page): string[] {
  const {pipeline} = latenciesByRole(result)
  if (pipeline.length === 0) return [`${INDENT}${NOT_MEASURED}`]
  const head = [
    '',
    ...['count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max'].map(name => paint.dim(name.padStart(8))),
  ]
  const rows = pipeline.map(({basis, count, p50, p90, p95, p99, p999, p9999, max}) => [
    basis,
    formatCount(count),
    ...[p50, p90, p95, p99, p999, p9999, max].map(formatMs),
  ])
  return tabulated([head, ...rows], ['left', ...Array<Align>(8).fill('right')])
}

function detectionLines(result: RunResult, page: Page): string[] {
  const {detection} = result
  if (detection === null) return [`${INDENT}${NOT_MEASURED}`]
  const {paint} = page
  const warning = tooFewFrauds(result)
  return [
    ...typologyLines(detection, paint),
    ...tabulated(
      [
        ['recall', formatInterval(detection.recall), paint.dim(`${of(detection.recall)} frauds flagged`)],
        ['precision', formatInterval(detection.precision), paint.dim(`${of(detection.precision)} flagged were frauds`)],
        [
          'false alarms',
          formatInterval(detection.false_positive_rate),
          paint.dim(`${of(detection.false_positive_rate)} legitimate payments flagged`),
        ],
      ],
      ['left', 'right', 'left'],
    ),
    paint.dim(
      `${INDENT}in percent, with 95 % Wilson intervals; ${plural(detection.graded, 'payment')} graded, past the warm-up`,
    ),
    ...(warning === '' ? [] : wrapped(warning, page, `${paint.yellow('!')} `)),
  ]
}

function typologyLines({typologies}: DetectionSummary, paint: Paint): string[] {
  if (typologies.length === 0) return []
  const head = ['', 'frauds', 'approve', 'review', 'block', 'flagged, %', 'look-alikes', 'flagged, %'].map(paint.dim)
  const rows = typologies.map(each => [
    each.typology,
    formatCount(each.frauds),
    formatCount(each.approve),
    formatCount(each.review),
    formatCount(each.block),
    formatInterval(each.flagged),
    formatCount(each.look_alikes),
    formatInterval(each.look_alikes_flagged),
  ])
  return tabulated([head, ...rows], ['left', ...Array<Align>(7).fill('right')])
}

function of({count, total}: {readonly count: number; readonly total: number}): string {
  return `${formatCount(count)} of ${formatCount(total)}`
}
