/**
 * A comparison as JUnit XML: a test case for each quantity, failed when it got worse and decides. What was not measured or
 * does not decide is skipped; runs that are not alike have no case that fails.
 */

import {unlikenessText} from './compare-likeness.js'
import type {Comparison} from './comparison.js'
import {type Case, junitXml} from './junit-xml.js'
import {type CompareRow, compareRows, toleranceText} from './view-compare.js'

export function renderComparisonJunit(comparison: Comparison): string {
  const {base, new: next, unlike} = comparison
  const tolerance = toleranceText(comparison)
  const names = comparison.rows.map(({metric, statistic}) => (statistic === null ? metric : `${metric} ${statistic}`))
  return junitXml({
    name: `p2pay compare ${base.file} ${next.file}`,
    suites: [
      {name: 'likeness', cases: [likenessCase(unlike.map(unlikenessText))]},
      {
        name: 'comparison',
        cases: compareRows(comparison).map((row, at) => rowCase(names[at] ?? row.name, row, tolerance)),
      },
    ],
    timeS: 0,
    timestamp: next.started_at,
  })
}

function likenessCase(reasons: readonly string[]): Case {
  const name = 'BASE and NEW are alike'
  return reasons.length === 0
    ? {name, outcome: 'passed', message: ''}
    : {name, outcome: 'skipped', message: `not alike: ${reasons.join('; ')}`}
}

function rowCase(name: string, {base, next, ratio, mark, remark, decides}: CompareRow, tolerance: string): Case {
  const figures = `${base} in BASE, ${next} in NEW, ratio ${ratio}`
  if (mark === 'none') return {name, outcome: 'skipped', message: remark === '' ? `not judged: ${figures}` : remark}
  if (!decides) return {name, outcome: 'skipped', message: `${remark} does not decide: ${figures}`}
  return mark === 'worse'
    ? {name, outcome: 'failure', message: `worse: ${figures}`, detail: tolerance}
    : {name, outcome: 'passed', message: '', detail: `${mark}: ${figures}`}
}
