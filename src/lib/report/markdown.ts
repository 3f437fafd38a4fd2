/** The report as GitHub-flavoured markdown, for a pull request's comment or a job's summary. */
import {
  formatCount,
  formatInterval,
  formatMs,
  formatSeconds,
  formatShare,
  formatSpeedUp,
  formatTps,
  plainText,
  plural,
  sentence,
} from './format.js'
import {httpLatency, httpLoad} from './markdown-http.js'
import {code, escaped, SIGNS, table} from './markdown-parts.js'
import type {RunResult} from './result.js'
import {
  describeAnomaly,
  foreignText,
  formatDifference,
  ladderRungs,
  latenciesByRole,
  routes,
  thresholdRows,
  tooFewFrauds,
  verdictReason,
  verdictTitle,
  verdictTone,
} from './view.js'
import {ackedName} from './view-http.js'

const VERDICT_SIGNS = {
  passed: SIGNS.pass,
  failed: SIGNS.fail,
  inconclusive: '❔',
  doubtful: SIGNS.warn,
  neutral: '▪',
} as const

export function renderMarkdown(result: RunResult): string {
  const blocks = [
    `## ${VERDICT_SIGNS[verdictTone(result)]} ${verdictTitle(result)}: ${escaped(result.run.scenario)}`,
    `${escaped(sentence(verdictReason(result)))} Run \`${code(result.run.tag)}\`, seed ${result.run.seed}.`,
    ...thresholds(result),
    ...sections(result),
    ...(result.notes.length === 0 ? [] : ['### Notes', result.notes.map(note => `- ${escaped(note)}`).join('\n')]),
    '### Again',
    `\`\`\`sh\n${plainText(result.run.command).replaceAll('```', '')}\n\`\`\``,
  ]
  return `${blocks.join('\n\n')}\n`
}

/** What a load test did not look at, it does not mention. */
function sections(result: RunResult): string[] {
  const {http} = result
  if (http === null) return [...load(result), ...ladder(result), ...latency(result), ...detection(result)]
  return [
    ...httpLoad(result, http),
    ...httpLatency(result, http),
    ...(result.ladder === null ? [] : ladder(result)),
    ...(result.detection === null ? [] : detection(result)),
  ]
}

function thresholds({thresholds: outcomes}: RunResult): string[] {
  if (outcomes.length === 0) return []
  const rows = thresholdRows(outcomes).map(({mark, metric, expression, actual, remark}) => [
    SIGNS[mark],
    escaped(metric),
    `\`${code(expression)}\``,
    escaped(actual),
    escaped(remark),
  ])
  return ['### Thresholds', table(['', 'metric', 'threshold', 'actual', ''], rows, [3])]
}

function load(result: RunResult): string[] {
  const {load: measured} = result
  const {lateness} = latenciesByRole(result)
  const rows = [
    ['requested', measured.requested_tps === null ? 'unpaced' : formatTps(measured.requested_tps)],
    ['achieved', `${formatTps(measured.achieved_tps)} (${formatShare(measured.achieved_ratio)})`],
    ['shortfall', formatCount(measured.shortfall)],
    [
      'sent',
      `${formatCount(measured.sent)}: ${formatCount(measured.acked)} acked, ${formatCount(measured.failed)} failed, ${formatCount(measured.unknown)} unknown`,
    ],
    [
      'lateness p50 / p99 / max, ms',
      [lateness?.p50, lateness?.p99, lateness?.max].map(value => formatMs(value ?? null)).join(' / '),
    ],
    ['wall clock', formatSeconds(measured.wall_s)],
    ['simulated', `${formatSeconds(measured.simulated_s)}, speed-up ${formatSpeedUp(measured.speed_up)}`],
    ['warm-up', plural(measured.warmup_count, 'payment')],
    ...measured.errors.map(({code: error, count, example}) => [
      escaped(error),
      `${plural(count, 'payment')}: ${escaped(example)}`,
    ]),
  ]
  return ['### Load', escaped(measured.description), table(['', ''], rows, [])]
}

function ladder(result: RunResult): string[] {
  const {ladder: books} = result
  if (books === null) return ['### Ladder', 'n/a']
  const rows = ladderRungs(books, ackedName(result)).map(({stage, count, expectation, difference, mark}) => [
    mark === null ? '' : SIGNS[mark],
    stage,
    formatCount(count),
    expectation,
    formatDifference(difference),
  ])
  const remarks = [routes(books), foreignText(books)].filter(text => text !== '').join('; ')
  const anomalies = books.anomalies.map(anomaly => {
    const examples = anomaly.fatal ? anomaly.examples.map(id => ` \`${code(id)}\``).join(',') : ''
    return `- ${anomaly.fatal ? SIGNS.fail : 'ℹ️'} ${describeAnomaly(anomaly)}${examples === '' ? '' : `:${examples}`}`
  })
  return [
    '### Ladder',
    table(['', 'stage', 'payments', 'expected', 'difference'], rows, [2, 4]),
    ...(remarks === '' ? [] : [escaped(remarks)]),
    ...(anomalies.length === 0 ? [] : [anomalies.join('\n')]),
  ]
}

function latency(result: RunResult): string[] {
  const {pipeline} = latenciesByRole(result)
  if (pipeline.length === 0) return ['### Latency', 'n/a']
  const rows = pipeline.map(({basis, count, p50, p90, p95, p99, p999, p9999, max}) => [
    escaped(basis),
    formatCount(count),
    ...[p50, p90, p95, p99, p999, p9999, max].map(formatMs),
  ])
  const head = ['ms', 'count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max']
  return ['### Latency', table(head, rows, [1, 2, 3, 4, 5, 6, 7, 8])]
}

function detection(result: RunResult): string[] {
  const {detection: grade} = result
  if (grade === null) return ['### Detection', 'n/a']
  const rows = grade.typologies.map(each => [
    escaped(each.typology),
    formatCount(each.frauds),
    formatCount(each.approve),
    formatCount(each.review),
    formatCount(each.block),
    formatInterval(each.flagged),
    formatCount(each.look_alikes),
    formatInterval(each.look_alikes_flagged),
  ])
  const warning = tooFewFrauds(result)
  const head = ['', 'frauds', 'approve', 'review', 'block', 'flagged, %', 'look-alikes', 'flagged, %']
  return [
    '### Detection',
    ...(rows.length === 0 ? [] : [table(head, rows, [1, 2, 3, 4, 5, 6, 7])]),
    [
      `Recall ${formatInterval(grade.recall)} %`,
      `precision ${formatInterval(grade.precision)} %`,
      `false alarms ${formatInterval(grade.false_positive_rate)} %`,
      `${plural(grade.graded, 'payment')} graded, 95 % Wilson intervals.`,
    ].join(', '),
    ...(warning === '' ? [] : [`${SIGNS.warn} ${warning}.`]),
  ]
}
