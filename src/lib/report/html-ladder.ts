/** The books: the rungs from planned to alerts, and what does not balance. */
import type {LadderAnomaly} from '../audit/ladder.js'
import {formatCount, NOT_MEASURED} from './format.js'
import {list, markCell, remark, section, table} from './html-parts.js'
import {html, type Markup, NOTHING} from './markup.js'
import type {RunResult} from './result.js'
import {describeAnomaly, foreignText, formatDifference, ladderRungs, routes} from './view.js'
import {ackedName} from './view-http.js'

export function ladderSection(result: RunResult): Markup {
  const {ladder: books} = result
  if (books === null) return section('Ladder', [NOT_MEASURED])
  const rows = ladderRungs(books, ackedName(result)).map(
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
  return section('Ladder', [table(head, rows), remark(remarks), list(books.anomalies.map(anomalyItem))])
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
