/**
 * The end block of a run for a terminal: verdict, thresholds, load, ladder, latency, detection, and the command that
 * repeats it. Reads as well without colour; about 100 columns wide.
 */
import Table from 'cli-table3'
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
import type {DetectionSummary, RunResult} from './result.js'
import {
  describeAnomaly,
  foreignText,
  formatDifference,
  ladderRungs,
  latenciesByRole,
  type Mark,
  routes,
  spanOf,
  thresholdRows,
  tooFewFrauds,
  verdictReason,
  verdictTitle,
} from './view.js'

export interface RenderOptions {
  /** ANSI colours. */
  readonly color: boolean
  /** Columns of the terminal; 60 at least, 100 at most are used. */
  readonly width: number
}

type Paint = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow', (text: string) => string>>
type Align = 'left' | 'right'

interface Page {
  readonly paint: Paint
  readonly width: number
}

const INDENT = '  '
const MIN_WIDTH = 60
const MAX_WIDTH = 100
const EXAMPLES_SHOWN = 3

export function renderResult(given: RunResult, {color, width}: RenderOptions): string {
  const result = withPlainText(given)
  const page: Page = {paint: paintOf(color), width: Math.max(MIN_WIDTH, Math.min(width, MAX_WIDTH))}
  const sections = [
    verdictLines(result, page),
    section('THRESHOLDS', thresholdLines(result, page), page),
    section('LOAD', loadLines(result, page), page),
    section('LADDER', ladderLines(result, page), page),
    section('LATENCY, ms', latencyLines(result, page), page),
    section('DETECTION', detectionLines(result, page), page),
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

/** What came from outside (names, addresses, error messages) loses control characters: nobody else paints here. */
function withPlainText(result: RunResult): RunResult {
  return JSON.parse(JSON.stringify(result), (_key, value: unknown) =>
    typeof value === 'string' ? plainText(value) : value,
  )
}

function verdictLines(result: RunResult, {paint}: Page): string[] {
  const {run, verdict} = result
  const isPassed = verdict === 'passed'
  const tone = isPassed ? paint.green : verdict === 'failed' ? paint.red : paint.yellow
  const sign = isPassed ? '✓' : verdict === 'failed' ? '✗' : '!'
  const {versions, machine} = run
  const database = run.database ?? 'no database'
  return [
    `${tone(paint.bold(`${sign} ${verdictTitle(verdict)}`))}  ${paint.bold(run.scenario)}  ${verdictReason(result)}`,
    paint.dim(`${INDENT}run ${run.tag} · seed ${run.seed} · ${run.started_at} · ${formatSeconds(spanOf(run))}`),
    paint.dim(`${INDENT}${run.broker} · ${database}`),
    paint.dim(
      `${INDENT}p2pay ${versions.p2pay} · Node ${versions.node} · ${machine.platform}, ${plural(machine.cpus, 'core')}`,
    ),
  ]
}

function section(title: string, lines: readonly string[], {paint, width}: Page): string[] {
  if (lines.length === 0) return []
  return [`${paint.bold(title)} ${paint.dim('─'.repeat(width - title.length - 1))}`, ...lines]
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
  const facts = (...pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([name, value]) => `${paint.dim(name)} ${value}`).join('   ')
  const seconds = load.per_second
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
    ...load.errors.flatMap(({code, count, example}) =>
      wrapped(`${plural(count, 'payment')} ${code}: ${example}`, page, `${paint.red('✗')} `),
    ),
  ]
}

function ladderLines({ladder}: RunResult, page: Page): string[] {
  const {paint} = page
  if (ladder === null) return [`${INDENT}${NOT_MEASURED}`]
  const remarks = [routes(ladder), foreignText(ladder)].filter(text => text !== '')
  return [
    ...tabulated(
      ladderRungs(ladder).map(({stage, count, expectation, difference, mark}) => [
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
  const head = ['', ...['count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'].map(name => paint.dim(name.padStart(8)))]
  const rows = pipeline.map(({basis, count, p50, p90, p95, p99, p999, max}) => [
    basis,
    formatCount(count),
    ...[p50, p90, p95, p99, p999, max].map(formatMs),
  ])
  return tabulated([head, ...rows], ['left', ...Array<Align>(7).fill('right')])
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

/** Columns without borders, two spaces apart. */
function tabulated(rows: readonly (readonly string[])[], aligns: readonly Align[]): string[] {
  if (rows.length === 0) return []
  const none = ''
  const table = new Table({
    chars: {
      ...{top: none, 'top-mid': none, 'top-left': none, 'top-right': none},
      ...{bottom: none, 'bottom-mid': none, 'bottom-left': none, 'bottom-right': none},
      ...{left: INDENT, 'left-mid': none, mid: none, 'mid-mid': none, right: none, 'right-mid': none, middle: INDENT},
    },
    style: {'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true},
    colAligns: [...aligns],
  })
  table.push(...rows.map(row => [...row]))
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
}

/** Words that fit the page, the first line behind a sign. */
function wrapped(text: string, {width}: Page, sign: string): string[] {
  const room = width - INDENT.length - 2
  const lines: string[] = []
  let line = ''
  for (const word of plainText(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines.map((each, index) => `${INDENT}${index === 0 ? sign : INDENT}${each}`)
}

const BARS = [...'▁▂▃▄▅▆▇█']
const MAX_BARS = 40

/** Payments by second as bars from 0 to the most; long runs are averaged into forty. */
function sparkline(perSecond: readonly number[]): string {
  const groupSize = Math.ceil(perSecond.length / MAX_BARS)
  const means: number[] = []
  for (let at = 0; at < perSecond.length; at += groupSize) {
    const group = perSecond.slice(at, at + groupSize)
    means.push(group.reduce((total, count) => total + count, 0) / group.length)
  }
  const most = Math.max(...means)
  return means.map(mean => BARS[most === 0 ? 0 : Math.round((mean / most) * (BARS.length - 1))] ?? '').join('')
}

function marked(mark: Mark, paint: Paint): string {
  return toned(mark, paint)(SIGNS[mark])
}

const SIGNS: Readonly<Record<Mark, string>> = {pass: '✓', fail: '✗', warn: '!'}

function toned(mark: Mark, paint: Paint): (text: string) => string {
  return mark === 'pass' ? paint.green : mark === 'warn' ? paint.yellow : paint.red
}

const ESCAPE = '\u001b'

function paintOf(color: boolean): Paint {
  const code = (on: number, off: number) => (text: string) =>
    color && text !== '' ? `${ESCAPE}[${on}m${text}${ESCAPE}[${off}m` : text
  return {bold: code(1, 22), dim: code(2, 22), red: code(31, 39), green: code(32, 39), yellow: code(33, 39)}
}
