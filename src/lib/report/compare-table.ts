/** A comparison for a terminal: verdict, the two runs, what differs between them, and every quantity with its ratio. */

import {unlikenessText} from './compare-likeness.js'
import type {ComparedRun, Comparison} from './comparison.js'
import {plainText} from './format.js'
import {INDENT, type Page, type Paint, pageOf, type RenderOptions, section, tabulated, wrapped} from './terminal.js'
import {compareReason, compareRows, type RowMark, toleranceText, undecidedText} from './view-compare.js'

const SIGNS: Readonly<Record<RowMark | 'unlike', string>> = {
  better: '✓',
  same: '=',
  worse: '✗',
  none: '·',
  unlike: '!',
}

export function renderComparison(given: Comparison, {color, width}: RenderOptions): string {
  const comparison = withPlainText(given)
  const page = pageOf({color, width})
  const sections = [
    headLines(comparison, page),
    section(
      'NOT ALIKE',
      comparison.unlike.flatMap(each => wrapped(unlikenessText(each), page, `${page.paint.yellow('!')} `)),
      page,
    ),
    section('COMPARISON', rowLines(comparison, page), page),
  ]
  return `${sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`
}

/** Names and addresses come from files: they paint nothing here. */
function withPlainText(comparison: Comparison): Comparison {
  return JSON.parse(JSON.stringify(comparison), (_key, value: unknown) =>
    typeof value === 'string' ? plainText(value) : value,
  )
}

function headLines(comparison: Comparison, {paint}: Page): string[] {
  const {verdict, base, new: next} = comparison
  const tone = toneOf(verdict === 'unlike' ? 'unlike' : verdict, paint)
  return [
    `${tone(paint.bold(`${SIGNS[verdict]} ${verdict.toUpperCase()}`))}  ${paint.bold(`${base.file} → ${next.file}`)}  ${compareReason(comparison)}`,
    ...runLines('BASE', base, paint),
    ...runLines('NEW', next, paint),
  ]
}

function runLines(
  name: string,
  {tag, started_at: startedAt, p2pay, load, target, verdict}: ComparedRun,
  paint: Paint,
): string[] {
  return [
    paint.dim(`${INDENT}${name.padEnd(4)}  run ${tag} · ${startedAt} · p2pay ${p2pay} · ${verdict}`),
    paint.dim(`${INDENT}      ${load} · ${target}`),
  ]
}

function rowLines(comparison: Comparison, page: Page): string[] {
  const {paint} = page
  let above = ''
  const rows = compareRows(comparison).map(({name, statistic, base, next, ratio, mark, remark, decides}) => {
    const shown = name === above ? '' : name
    above = name
    const tone = decides ? toneOf(mark, paint) : paint.dim
    return [shown, statistic, base, next, paint.dim(ratio), tone(SIGNS[mark]), tone(remark)]
  })
  const head = ['', '', 'BASE', 'NEW', 'ratio', '', ''].map(paint.dim)
  const undecided = undecidedText(comparison)
  return [
    ...tabulated([head, ...rows], ['left', 'left', 'right', 'right', 'right', 'left', 'left']),
    ...(comparison.verdict === 'unlike' ? [] : wrapped(toleranceText(comparison), page, '').map(paint.dim)),
    ...(undecided === '' ? [] : wrapped(undecided, page, '').map(paint.dim)),
  ]
}

function toneOf(mark: RowMark | 'unlike', paint: Paint): (text: string) => string {
  switch (mark) {
    case 'better':
      return paint.green
    case 'worse':
      return paint.red
    case 'unlike':
      return paint.yellow
    default:
      return paint.dim
  }
}
