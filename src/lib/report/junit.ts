/**
 * The report as JUnit XML, as CI servers read it: a test case for each threshold and each rung of the ladder. Warnings
 * are skipped cases with their message, because JUnit has no word for them; a run that is inconclusive or was
 * interrupted is an error.
 */
import {formatCount} from './format.js'
import type {RunResult} from './result.js'
import {describeAnomaly, formatDifference, ladderRungs, thresholdRows, verdictReason, verdictTitle} from './view.js'

interface Case {
  readonly name: string
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped'
  readonly message: string
  readonly detail?: string
}

interface Suite {
  readonly name: string
  readonly cases: readonly Case[]
}

export function renderJunit(result: RunResult): string {
  const suites: Suite[] = [
    {name: 'run', cases: [runCase(result)]},
    {name: 'thresholds', cases: thresholdCases(result)},
    {name: 'ladder', cases: ladderCases(result)},
  ].filter(suite => suite.cases.length > 0)
  const {run, load} = result
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({name: `p2pay ${run.scenario}`, ...totals(suites.flatMap(suite => suite.cases)), time: load.wall_s})}>`,
    ...suites.flatMap(suite => suiteLines(suite, result)),
    '</testsuites>',
  ]
  return `${lines.join('\n')}\n`
}

/** Passes when there is a whole run to judge; what was judged are the other cases. */
function runCase(result: RunResult): Case {
  const isPartial = result.verdict === 'inconclusive' || result.run.interrupted
  return {
    name: result.run.scenario,
    outcome: isPartial ? 'error' : 'passed',
    message: result.run.interrupted
      ? `run was interrupted: ${verdictReason(result)}`
      : isPartial
        ? `${verdictTitle(result)}: ${verdictReason(result)}`
        : '',
    detail: result.notes.join('\n'),
  }
}

function thresholdCases({thresholds}: RunResult): Case[] {
  return thresholdRows(thresholds).map(({mark, metric, expression, actual, remark}) => ({
    name: `${metric} ${expression}`,
    outcome: mark === 'pass' ? 'passed' : mark === 'warn' ? 'skipped' : 'failure',
    message:
      mark === 'pass' ? '' : `${metric} is ${actual}, asked is ${expression}${remark === '' ? '' : ` (${remark})`}`,
  }))
}

function ladderCases({ladder}: RunResult): Case[] {
  if (ladder === null) return []
  return ladderRungs(ladder).flatMap(({stage, count, expectation, difference, mark, anomalies}): Case[] => {
    // What was sent and acked are bounds of the ladder, not rungs that can break.
    if (mark === null) return count === null ? [{name: stage, outcome: 'skipped', message: 'not measured'}] : []
    if (mark === 'pass') return [{name: stage, outcome: 'passed', message: ''}]
    const message = `${stage}: ${formatCount(count)} payments, expected ${expectation}, difference ${formatDifference(difference) || 'n/a'}`
    const detail = anomalies.map(anomaly => `${describeAnomaly(anomaly)}: ${anomaly.examples.join(', ')}`).join('\n')
    return [{name: stage, outcome: 'failure', message, detail}]
  })
}

function suiteLines({name, cases}: Suite, {run}: RunResult): string[] {
  return [
    `  <testsuite${attributes({name, ...totals(cases), timestamp: run.started_at})}>`,
    ...cases.flatMap(each => caseLines(name, each)),
    '  </testsuite>',
  ]
}

function caseLines(suite: string, {name, outcome, message, detail = ''}: Case): string[] {
  const open = `    <testcase${attributes({classname: `p2pay.${suite}`, name})}`
  const output = outcome === 'passed' && detail !== '' ? `      <system-out>${escaped(detail)}</system-out>` : undefined
  if (outcome === 'passed' && output === undefined) return [`${open}/>`]
  const body =
    output ?? `      <${outcome}${attributes({message})}${detail === '' ? '/>' : `>${escaped(detail)}</${outcome}>`}`
  return [`${open}>`, body, '    </testcase>']
}

function totals(cases: readonly Case[]): Readonly<Record<string, number>> {
  const count = (outcome: Case['outcome']): number => cases.filter(each => each.outcome === outcome).length
  return {tests: cases.length, failures: count('failure'), errors: count('error'), skipped: count('skipped')}
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('')
}

/** XML 1.0 text: markup escaped, and characters that XML cannot carry (controls, lone surrogates) replaced. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replaceAll(/[\t\n\r]/g, sign => `&#${sign.charCodeAt(0)};`)
}
