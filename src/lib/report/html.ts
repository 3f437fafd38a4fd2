/**
 * The report as one HTML file: no network, no scripts, light and dark, verdict on top. A content security policy says
 * the same to the browser, and every figure and text goes in escaped.
 */
import type {LadderAnomaly} from '../audit/ladder.js'
import type {Proportion} from '../audit/proportion.js'
import {intervalBar, percentilePlot, throughputChart} from './chart.js'
import {
  formatCount,
  formatInterval,
  formatMs,
  formatSeconds,
  formatShare,
  formatSpeedUp,
  formatTps,
  NOT_MEASURED,
  plural,
  sentence,
} from './format.js'
import {STYLE} from './html-style.js'
import {type Content, html, Markup, NOTHING} from './markup.js'
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
  wholeSeconds,
} from './view.js'

const SIGNS: Readonly<Record<Mark, string>> = {pass: '✓', fail: '✗', warn: '!'}

export function renderHtml(result: RunResult): string {
  const {run} = result
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${verdictTitle(result)}: ${run.scenario} (p2pay ${run.tag})</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
${banner(result)}
${thresholds(result)}
${load(result)}
${ladder(result)}
${latency(result)}
${detection(result)}
${notes(result)}
<section><h2>Again</h2><pre>${run.command}</pre></section>
<footer>p2pay ${run.versions.p2pay} on Node ${run.versions.node}, ${run.machine.platform} with ${plural(run.machine.cpus, 'core')}. Scenario ${run.scenario_sha256}.</footer>
</main>
</body>
</html>
`
  return page.text
}

function banner(result: RunResult): Markup {
  const {run, verdict} = result
  const facts: readonly (readonly [string, string])[] = [
    ['run', run.tag],
    ['seed', String(run.seed)],
    ['started', run.started_at],
    ['took', formatSeconds(spanOf(run))],
    ['broker', run.cluster === null ? run.broker : `${run.broker} (${run.cluster})`],
    ['database', run.database ?? 'none'],
  ]
  return html`<header class="${verdict}">
<h1>${verdictTitle(result)}: ${run.scenario}</h1>
<p>${sentence(verdictReason(result))}</p>
<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>`
}

function thresholds({thresholds: outcomes}: RunResult): Markup {
  if (outcomes.length === 0) return NOTHING
  const rows = thresholdRows(outcomes).map(
    ({mark, metric, expression, actual, remark}) =>
      html`<tr>${markCell(mark)}<td>${metric}</td><td><code>${expression}</code></td><td class="number ${mark}">${actual}</td><td class="soft">${remark}</td></tr>\n`,
  )
  return section('Thresholds', [
    table(
      [
        ['', ''],
        ['metric', ''],
        ['threshold', ''],
        ['actual', 'number'],
        ['', ''],
      ],
      rows,
    ),
  ])
}

function load(result: RunResult): Markup {
  const {load: measured} = result
  const {lateness} = latenciesByRole(result)
  const tiles: readonly (readonly [string, string, string])[] = [
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
  ]
  return section('Load', [
    html`<p class="soft" style="margin:0">${measured.description}</p>`,
    html`<dl class="tiles">${tiles.map(
      ([name, value, small]) => html`<div><dt>${name}</dt><dd>${value}<small>${small}</small></dd></div>`,
    )}</dl>`,
    measured.per_second.length === 0
      ? NOTHING
      : html`<h3>Payments acked in each second</h3>${throughputChart(wholeSeconds(measured), measured.requested_tps)}`,
    list(
      measured.errors.map(
        ({code, count, example}) =>
          html`<li><span class="fail">${plural(count, 'payment')}</span> <code>${code}</code>: ${example}</li>`,
      ),
    ),
  ])
}

function ladder({ladder: books}: RunResult): Markup {
  if (books === null) return section('Ladder', [NOT_MEASURED])
  const rows = ladderRungs(books).map(
    ({stage, count, expectation, difference, mark}) =>
      html`<tr>${mark === null ? html`<td class="mark"></td>` : markCell(mark)}<td>${stage}</td><td class="number">${formatCount(count)}</td><td class="soft">${expectation}</td><td class="number ${mark === 'fail' ? 'fail' : 'soft'}">${formatDifference(difference)}</td></tr>\n`,
  )
  const remarks = [routes(books), foreignText(books)].filter(text => text !== '').join('; ')
  const head = [
    ['', ''],
    ['stage', ''],
    ['payments', 'number'],
    ['expected', ''],
    ['difference', 'number'],
  ] as const
  return section('Ladder', [
    table(head, rows),
    remarks === '' ? NOTHING : html`<p class="soft" style="margin:.6rem 0 0">${remarks}</p>`,
    list(books.anomalies.map(anomalyItem)),
  ])
}

function anomalyItem(anomaly: LadderAnomaly): Markup {
  const {examples, count, fatal} = anomaly
  const more = count - examples.length
  return html`<li class="${fatal ? 'fail' : 'soft'}">${describeAnomaly(anomaly)}${
    examples.length === 0
      ? NOTHING
      : html`<br><code class="soft">${examples.join(' ')}${more > 0 ? ` and ${formatCount(more)} more` : ''}</code>`
  }</li>`
}

function latency(result: RunResult): Markup {
  const {lateness, pipeline} = latenciesByRole(result)
  if (pipeline.length === 0) return section('Latency', [NOT_MEASURED])
  const shown = lateness === undefined ? pipeline : [lateness, ...pipeline]
  const rows = shown.map(
    ({basis, count, p50, p90, p95, p99, p999, max}) =>
      html`<tr><td>${basis}</td><td class="number">${formatCount(count)}</td>${[p50, p90, p95, p99, p999, max].map(
        value => html`<td class="number">${formatMs(value)}</td>`,
      )}</tr>\n`,
  )
  const head = ['count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'].map(name => [name, 'number'] as const)
  return section('Latency', [table([['ms', ''], ...head], rows), html`<h3>By percentile</h3>`, percentilePlot(shown)])
}

function detection(result: RunResult): Markup {
  const {detection: grade} = result
  if (grade === null) return section('Detection', [NOT_MEASURED])
  const warning = tooFewFrauds(result)
  const overall: readonly (readonly [string, Proportion, string])[] = [
    ['recall', grade.recall, 'frauds flagged'],
    ['precision', grade.precision, 'flagged were frauds'],
    ['false alarms', grade.false_positive_rate, 'legitimate payments flagged'],
  ]
  return section('Detection', [
    html`<dl class="tiles" style="margin-top:0">${overall.map(
      ([name, share, what]) =>
        html`<div><dt>${name}</dt><dd>${formatShare(share.share === null ? null : Number(share.share.toFixed(4)))}<small>${formatCount(share.count)} of ${formatCount(share.total)} ${what}</small>${intervalBar(share)}</dd></div>`,
    )}</dl>`,
    warning === '' ? NOTHING : html`<p class="callout">${warning}.</p>`,
    typologyTable(grade),
    html`<p class="soft" style="margin:.6rem 0 0">${plural(grade.graded, 'payment')} graded, past the warm-up; shares in percent with their 95 % Wilson intervals.</p>`,
  ])
}

function typologyTable({typologies}: DetectionSummary): Markup {
  if (typologies.length === 0) return NOTHING
  const rows = typologies.map(
    each =>
      html`<tr><td>${each.typology}</td>${[each.frauds, each.approve, each.review, each.block].map(
        count => html`<td class="number">${formatCount(count)}</td>`,
      )}<td class="number">${formatInterval(each.flagged)}</td><td class="number">${formatCount(each.look_alikes)}</td><td class="number">${formatInterval(each.look_alikes_flagged)}</td></tr>\n`,
  )
  const head = ['frauds', 'approve', 'review', 'block', 'flagged', 'look-alikes', 'flagged'].map(
    name => [name, 'number'] as const,
  )
  return html`<h3>By typology</h3>${table([['', ''], ...head], rows)}`
}

function notes({notes: texts}: RunResult): Markup {
  return texts.length === 0 ? NOTHING : section('Notes', [list(texts.map(text => html`<li>${text}</li>`))])
}

function section(title: string, content: readonly Content[]): Markup {
  return html`<section><h2>${title}</h2>${content}</section>`
}

function table(head: readonly (readonly [string, string])[], rows: readonly Markup[]): Markup {
  return html`<div class="scroll"><table><thead><tr>${head.map(([name, kind]) => html`<th class="${kind}">${name}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function list(items: readonly Markup[]): Markup {
  return items.length === 0 ? NOTHING : html`<ul>${items}</ul>`
}

function markCell(mark: Mark): Markup {
  return html`<td class="mark ${mark}" title="${mark}">${SIGNS[mark]}</td>`
}

function ms(us: number | null | undefined): string {
  return us === null || us === undefined ? NOT_MEASURED : `${formatMs(us)} ms`
}
