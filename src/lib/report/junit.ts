/**
 * The report as JUnit XML: a test case for the run or the load itself, for each threshold and each rung of the ladder.
 * Warnings are skipped cases with their message, because JUnit has no word for them; a run that is inconclusive or was
 * interrupted is an error.
 */
import {formatCount, formatMs, formatTps} from './format.js'
import {type Case, junitXml} from './junit-xml.js'
import type {HttpSection, RunResult} from './result.js'
import {describeAnomaly, formatDifference, ladderRungs, thresholdRows, verdictReason, verdictTitle} from './view.js'
import {ackedName, latencyRows, outcomeFacts, requestsText, statusFacts, targetText} from './view-http.js'

export function renderJunit(result: RunResult): string {
  const {run, load, http} = result
  return junitXml({
    name: `p2pay ${run.scenario}`,
    suites: [
      {name: http === null ? 'run' : 'load', cases: [runCase(result)]},
      {name: 'thresholds', cases: thresholdCases(result)},
      {name: 'ladder', cases: ladderCases(result)},
    ],
    timeS: load.wall_s,
    timestamp: run.started_at,
  })
}

/** Passes when there is a whole run to judge; what was judged are the other cases. */
function runCase(result: RunResult): Case {
  const {http, load} = result
  const isPartial = result.verdict === 'inconclusive' || result.run.interrupted
  return {
    name: http === null ? result.run.scenario : load.description,
    outcome: isPartial ? 'error' : 'passed',
    message: result.run.interrupted
      ? `run was interrupted: ${verdictReason(result)}`
      : isPartial
        ? `${verdictTitle(result)}: ${verdictReason(result)}`
        : '',
    detail: [...(http === null ? [] : loadFacts(result, http)), ...result.notes].join('\n'),
    ...(http === null ? {} : {timeS: load.wall_s}),
  }
}

/** What a CI server shows of a load that nobody set thresholds for. */
function loadFacts(result: RunResult, http: HttpSection): string[] {
  const inWords = (facts: readonly (readonly [string, string])[]): string =>
    facts.map(([name, value]) => `${name} ${value}`).join(' · ')
  return [
    targetText(http),
    `${formatTps(http.requests_per_s)} by wall clock; ${requestsText(http)}`,
    inWords(outcomeFacts(http)),
    `statuses: ${inWords(statusFacts(http)) || 'none'}`,
    ...latencyRows(result).map(
      ({name, basis, latency}) =>
        `${name} (${basis}), ms: p50 ${formatMs(latency?.p50 ?? null)}, p99 ${formatMs(latency?.p99 ?? null)}, max ${formatMs(latency?.max ?? null)}`,
    ),
  ]
}

function thresholdCases({thresholds}: RunResult): Case[] {
  return thresholdRows(thresholds).map(({mark, metric, expression, actual, remark}) => ({
    name: `${metric} ${expression}`,
    outcome: mark === 'pass' ? 'passed' : mark === 'warn' ? 'skipped' : 'failure',
    message:
      mark === 'pass' ? '' : `${metric} is ${actual}, asked is ${expression}${remark === '' ? '' : ` (${remark})`}`,
  }))
}

function ladderCases(result: RunResult): Case[] {
  const {ladder} = result
  if (ladder === null) return []
  return ladderRungs(ladder, ackedName(result)).flatMap(
    ({stage, count, expectation, difference, mark, anomalies}): Case[] => {
      // What was sent and acked are bounds of the ladder, not rungs that can break.
      if (mark === null) return count === null ? [{name: stage, outcome: 'skipped', message: 'not measured'}] : []
      if (mark === 'pass') return [{name: stage, outcome: 'passed', message: ''}]
      const message = `${stage}: ${formatCount(count)} payments, expected ${expectation}, difference ${formatDifference(difference) || 'n/a'}`
      const detail = anomalies.map(anomaly => `${describeAnomaly(anomaly)}: ${anomaly.examples.join(', ')}`).join('\n')
      return [{name: stage, outcome: 'failure', message, detail}]
    },
  )
}
