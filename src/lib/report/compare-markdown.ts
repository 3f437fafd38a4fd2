/** A comparison as GitHub-flavoured markdown, for a pull request's comment. */

import {unlikenessText} from './compare-likeness.js'
import type {ComparedRun, Comparison} from './comparison.js'
import {code, escaped, table} from './markdown-parts.js'
import {compareReason, compareRows, type RowMark, toleranceText, undecidedText} from './view-compare.js'

const SIGNS: Readonly<Record<RowMark | 'unlike', string>> = {
  better: '✅',
  same: '🟰',
  worse: '❌',
  none: '',
  unlike: '⚠️',
}

export function renderComparisonMarkdown(comparison: Comparison): string {
  const {verdict, base, new: next, unlike} = comparison
  const rows = compareRows(comparison).map(row => [
    escaped([row.name, row.statistic].filter(text => text !== '').join(' ')),
    row.base,
    row.next,
    row.ratio,
    `${SIGNS[row.mark]} ${escaped(row.remark)}`.trim(),
  ])
  const undecided = undecidedText(comparison)
  const blocks = [
    `## ${SIGNS[verdict]} ${verdict.toUpperCase()}: ${escaped(base.file)} → ${escaped(next.file)}`,
    escaped(compareReason(comparison)),
    [runLine('BASE', base), runLine('NEW', next)].join('\n'),
    ...(unlike.length === 0
      ? []
      : ['### Not alike', unlike.map(each => `- ${escaped(unlikenessText(each))}`).join('\n')]),
    '### Comparison',
    table(['', 'BASE', 'NEW', 'ratio', ''], rows, [1, 2, 3]),
    ...(verdict === 'unlike'
      ? []
      : [[toleranceText(comparison), ...(undecided === '' ? [] : [undecided])].map(escaped).join('; ')]),
  ]
  return `${blocks.join('\n\n')}\n`
}

function runLine(name: string, {tag, started_at: startedAt, p2pay, load, target, verdict}: ComparedRun): string {
  return `- ${name}: run \`${code(tag)}\`, ${escaped(startedAt)}, p2pay ${escaped(p2pay)}, ${verdict}; ${escaped(load)}; ${escaped(target)}`
}
