/** How well the frauds were found, over all and by typology. */
import type {Proportion} from '../audit/proportion.js'
import {intervalBar} from './chart.js'
import {formatCount, formatInterval, formatShare, NOT_MEASURED, plural} from './format.js'
import {numberHead, section, table} from './html-parts.js'
import {html, type Markup, NOTHING} from './markup.js'
import type {DetectionSummary, RunResult} from './result.js'
import {tooFewFrauds} from './view.js'

export function detectionSection(result: RunResult): Markup {
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
  const head = numberHead(['frauds', 'approve', 'review', 'block', 'flagged', 'look-alikes', 'flagged'])
  return html`<h3>By typology</h3>${table([['', ''], ...head], rows)}`
}
