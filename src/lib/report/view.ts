/** What every form of the report shows, row by row, so that table, HTML, JUnit and markdown never disagree. */
import type {AnomalyStage, Ladder, LadderAnomaly} from '../audit/ladder.js'
import {formatActual, formatCount, plural} from './format.js'
import type {HttpSection, LatencySummary, RunResult, ThresholdOutcome} from './result.js'

/** Kinds of trouble in the headline; the rest are in the notes. */
const CODES_SHOWN = 3

export type Mark = 'pass' | 'fail' | 'warn'

export interface ThresholdRow {
  readonly mark: Mark
  readonly metric: string
  readonly expression: string
  readonly actual: string
  /** Empty when the figure says it all. */
  readonly remark: string
}

export function thresholdRows(outcomes: readonly ThresholdOutcome[]): ThresholdRow[] {
  return outcomes.map(({metric, expression, severity, actual, passed, reason}) => {
    const isWarning = !passed && severity === 'warn'
    return {
      mark: passed ? 'pass' : isWarning ? 'warn' : 'fail',
      metric,
      expression,
      actual: formatActual(metric, expression, actual),
      remark: [isWarning ? 'warning' : '', reason ?? ''].filter(text => text !== '').join(': '),
    }
  })
}

export interface LadderRung {
  readonly stage: string
  readonly count: number | null
  /** What the count must equal, in words; empty for the first rung. */
  readonly expectation: string
  /** count − expected; null when either was not measured. */
  readonly difference: number | null
  /** Judged by id, so it may fail where the totals agree; null when it was not looked at. */
  readonly mark: Mark | null
  /** The fatal ones of this rung. */
  readonly anomalies: readonly LadderAnomaly[]
}

/**
 * The rungs from planned to alerts, each held against those above it.
 *
 * @param ackedName what an acknowledgement was: `acked`, `acked (202)`
 */
export function ladderRungs(ladder: Ladder, ackedName = 'acked'): LadderRung[] {
  const {planned, sent, acked, onRaw, legit, fraud, dlq, rows, alerts} = ladder
  const arrivedUnknown = countOf(ladder, 'arrived-unknown')
  const fatalAt = (stages: readonly AnomalyStage[]): LadderAnomaly[] =>
    ladder.anomalies.filter(anomaly => anomaly.fatal && stages.includes(anomaly.stage))
  const rung = (
    stage: string,
    count: number | null,
    expectation: string,
    expected: number | null,
    stages: readonly AnomalyStage[],
  ): LadderRung => ({
    stage,
    count,
    expectation,
    difference: count === null || expected === null ? null : count - expected,
    mark: count === null ? null : fatalAt(stages).length > 0 ? 'fail' : 'pass',
    anomalies: fatalAt(stages),
  })
  const decided = sum(legit, fraud)
  return [
    {stage: 'planned', count: planned, expectation: '', difference: null, mark: null, anomalies: []},
    {stage: 'sent', count: sent, expectation: '≤ planned', difference: sent - planned, mark: null, anomalies: []},
    {stage: ackedName, count: acked, expectation: '≤ sent', difference: acked - sent, mark: null, anomalies: []},
    rung(
      'on the raw topic',
      onRaw,
      arrivedUnknown > 0 ? '= acked + arrived unknown' : '= acked',
      acked + arrivedUnknown,
      ['raw'],
    ),
    rung('legit + fraud + DLQ', sum(decided, dlq), '= on the raw topic', onRaw, ['decided', 'legit', 'fraud', 'dlq']),
    rung('rows', rows, '= legit + fraud', decided, ['rows']),
    rung('alerts', alerts, '= fraud', fraud, ['alerts']),
  ]
}

/** `legit 7,812, fraud 186, DLQ 2`, or empty when there was no detector. */
export function routes({legit, fraud, dlq}: Ladder): string {
  if (legit === null && fraud === null && dlq === null) return ''
  return `legit ${formatCount(legit)}, fraud ${formatCount(fraud)}, DLQ ${formatCount(dlq)}`
}

/** `lost on the way to the table: 3 payments`, for humans. */
export function describeAnomaly({kind, stage, count}: LadderAnomaly): string {
  const place = PLACES[stage]
  const payments = plural(count, 'payment')
  switch (kind) {
    case 'lost':
      return stage === 'raw' ? `${payments} acknowledged, and not ${place}` : `${payments} lost: not ${place}`
    case 'duplicate':
      return `${payments} more than once ${place}`
    case 'phantom':
      return `${payments} never sent, and yet ${place}`
    case 'arrived-unknown':
      return `${payments} sent with unknown outcome, and arrived`
    case 'unexplained':
      return `${payments} ${place}, and absent at the stage before`
    case 'misrouted':
      return `${payments} ${place} that were decided otherwise`
    case 'contradicted':
      return `${payments} with more than one decision`
  }
}

const PLACES: Readonly<Record<AnomalyStage, string>> = {
  raw: 'on the raw topic',
  decided: 'on legit, fraud or DLQ',
  legit: 'on the legit topic',
  fraud: 'on the fraud topic',
  dlq: 'in the DLQ',
  rows: 'in the table',
  alerts: 'among the alerts',
}

/** Others' records, such as `payments.raw 1,200`; empty when there were none. */
export function foreignText({foreign}: Ladder): string {
  const parts = Object.entries(foreign).map(([stage, count]) => `${stage} ${formatCount(count)}`)
  return parts.length === 0 ? '' : `records of others: ${parts.join(', ')}`
}

/** The verdict in one line: what failed, or that nothing did. */
export function verdictReason(result: RunResult): string {
  if (result.run.interrupted && result.load.acked === 0 && result.verdict !== 'failed') {
    return 'interrupted before any payment was acknowledged'
  }
  const failed = result.thresholds.filter(({passed, severity}) => !passed && severity === 'fail').length
  const warnings = result.thresholds.filter(({passed, severity}) => !passed && severity === 'warn').length
  const books = result.ladder === null ? '' : result.ladder.balanced ? 'the books balance' : 'the books do not balance'
  const held = result.thresholds.length - failed - warnings
  return [
    books,
    requestsReason(result, {isExplained: failed > 0 || result.ladder?.balanced === false}),
    failed > 0 ? `${plural(failed, 'threshold')} failed` : held > 0 ? `${plural(held, 'threshold')} held` : '',
    warnings > 0 ? plural(warnings, 'warning') : '',
    result.run.interrupted ? 'interrupted' : '',
  ]
    .filter(text => text !== '')
    .join(', ')
}

/** What became of the requests of a load test, where nothing else says it: empty for others. */
function requestsReason(result: RunResult, {isExplained}: {readonly isExplained: boolean}): string {
  const {http, load, verdict} = result
  if (http === null || http.sent === 0) return ''
  if (http.succeeded === 0) {
    const codes = load.errors.slice(0, CODES_SHOWN).map(({code, count}) => `${formatCount(count)} ${code}`)
    const others = load.errors.length > CODES_SHOWN ? ['…'] : []
    const why = codes.length === 0 ? '' : ` (${[...codes, ...others].join(', ')})`
    return `none of ${plural(http.sent, 'request')} succeeded${why}`
  }
  const unjudged = isUnjudged(result)
  if (!unjudged && (verdict !== 'failed' || isExplained)) return ''
  return `${unjudged ? 'no thresholds judged it; ' : ''}${troublesOf(http)}`
}

/** `30 of 40 requests failed, 12 of 52 were dropped` */
function troublesOf(http: HttpSection): string {
  const failed = http.failed + http.timeouts + http.errors
  const dropped = http.dropped ?? 0
  if (failed + dropped === 0) return `all ${plural(http.sent, 'request')} succeeded`
  return [
    ...(failed > 0 ? [`${formatCount(failed)} of ${plural(http.sent, 'request')} failed`] : []),
    ...(dropped > 0 ? [`${formatCount(dropped)} of ${formatCount(http.due)} were dropped`] : []),
  ].join(', ')
}

/** A load test that ended as planned, with neither thresholds nor books to judge it: to call it passed would be praise. */
function isUnjudged({run, verdict, http, thresholds, ladder}: RunResult): boolean {
  return http !== null && verdict === 'passed' && !run.interrupted && thresholds.length === 0 && ladder === null
}

export type VerdictTone = 'passed' | 'failed' | 'inconclusive' | 'doubtful' | 'neutral'

/** How the verdict looks: as it is called in the result, but for a load test that nothing judged. */
export function verdictTone(result: RunResult): VerdictTone {
  const {http, verdict} = result
  if (http === null || !isUnjudged(result)) return verdict
  return http.succeeded < http.sent || (http.dropped ?? 0) > 0 ? 'doubtful' : 'neutral'
}

/** Lateness belongs to the load, the rest to the pipeline. */
export function latenciesByRole(result: RunResult): {
  readonly lateness: LatencySummary | undefined
  readonly pipeline: readonly LatencySummary[]
} {
  return {
    lateness: result.latencies.find(({metric}) => metric === 'produce.lateness'),
    pipeline: result.latencies.filter(({metric}) => metric !== 'produce.lateness'),
  }
}

/** Why no verdict rests on detection figures; empty when one may. */
export function tooFewFrauds(result: RunResult): string {
  const {detection} = result
  if (detection === null || detection.enough_frauds) return ''
  return `${plural(detection.frauds, 'fraud')} graded, fewer than 100: figures are shown, no verdict rests on them`
}

/**
 * In capitals. An interrupted run is called so, for what its verdict would have become nobody knows, and a load test that
 * nothing judged is finished.
 */
export function verdictTitle(result: RunResult): string {
  const {run, verdict} = result
  if (isUnjudged(result)) return 'FINISHED'
  if (!run.interrupted) return verdict.toUpperCase()
  return verdict === 'failed' ? 'FAILED, INTERRUPTED' : 'INTERRUPTED'
}

/**
 * Payments acked by second, to be shown side by side: without the last one when it was not a whole second, for it has
 * fewer for that alone.
 */
export function wholeSeconds({per_second: seconds, wall_s: wallS}: RunResult['load']): readonly number[] {
  const whole = seconds.slice(0, Math.floor(wallS))
  return whole.length === 0 ? seconds : whole
}

/** Wall-clock seconds from start to finish, drain and audit included; null when the times cannot be read. */
export function spanOf(run: RunResult['run']): number | null {
  const seconds = (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000
  return Number.isFinite(seconds) ? seconds : null
}

/** `+3`, `−2`, `0`, or empty. */
export function formatDifference(difference: number | null): string {
  if (difference === null) return ''
  return difference < 0 ? `−${formatCount(-difference)}` : difference > 0 ? `+${formatCount(difference)}` : '0'
}

function countOf(ladder: Ladder, kind: LadderAnomaly['kind']): number {
  return ladder.anomalies.filter(anomaly => anomaly.kind === kind).reduce((total, {count}) => total + count, 0)
}

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b
}
