/**
 * The report as one HTML file: no network, no scripts, light and dark, verdict on top. A content security policy says
 * the same to the browser, and every figure and text goes in escaped.
 */
import {formatSeconds, plural, sentence} from './format.js'
import {detectionSection} from './html-detection.js'
import {ladderSection} from './html-ladder.js'
import {latencySections} from './html-latency.js'
import {loadSection} from './html-load.js'
import {list, markCell, section, table} from './html-parts.js'
import {STYLE} from './html-style.js'
import {html, Markup, NOTHING} from './markup.js'
import type {RunResult} from './result.js'
import {spanOf, thresholdRows, verdictReason, verdictTitle, verdictTone} from './view.js'

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
${sections(result)}
${notes(result)}
<section><h2>Again</h2><pre>${run.command}</pre></section>
<footer>p2pay ${run.versions.p2pay} on Node ${run.versions.node}, ${run.machine.platform} with ${plural(run.machine.cpus, 'core')}. Scenario ${run.scenario_sha256}.</footer>
</main>
</body>
</html>
`
  return page.text
}

/** A load test speaks of latency first; what it did not look at, it does not mention. */
function sections(result: RunResult): Markup[] {
  const {http} = result
  const ladder = http !== null && result.ladder === null ? NOTHING : ladderSection(result)
  const detection = http !== null && result.detection === null ? NOTHING : detectionSection(result)
  return http === null
    ? [loadSection(result), ladder, ...latencySections(result), detection]
    : [loadSection(result), ...latencySections(result), ladder, detection]
}

function banner(result: RunResult): Markup {
  const {run, http} = result
  // What is behind somebody else's URL is not known.
  const isForeign = http !== null && result.ladder === null
  const facts: readonly (readonly [string, string])[] = [
    ['run', run.tag],
    ['seed', String(run.seed)],
    ['started', run.started_at],
    ['took', formatSeconds(spanOf(run))],
    ...(http === null ? [] : [['target', `${http.method} ${http.target}`] as const]),
    ...(isForeign
      ? []
      : ([
          ['broker', run.cluster === null ? run.broker : `${run.broker} (${run.cluster})`],
          ['database', run.database ?? 'none'],
        ] as const)),
  ]
  return html`<header class="${verdictTone(result)}">
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

function notes({notes: texts}: RunResult): Markup {
  return texts.length === 0 ? NOTHING : section('Notes', [list(texts.map(text => html`<li>${text}</li>`))])
}
