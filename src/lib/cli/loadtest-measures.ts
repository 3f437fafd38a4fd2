/** Thresholds on what a load test cannot measure: they could only fail, after the whole load. */
import type {ThresholdPlan} from '../scenario/plan.js'
import type {Problem} from '../scenario/problem.js'
import type {LoadtestFlags} from './loadtest-flags.js'

export interface Measured {
  readonly isOwn: boolean
  /** Whether every request carries a payment, and its id. */
  readonly carries: {readonly payment: boolean; readonly id: boolean}
  readonly flags: Pick<LoadtestFlags, 'follow' | 'brokers' | 'database-url' | 'no-database' | 'rate' | 'stages'>
}

const OF_OPEN_MODEL = new Set(['http.planned_time', 'http.dropped', 'produce.lateness', 'rate.achieved_ratio'])
/** Times that `p2pay run` alone takes. */
const OF_RUNS = new Set(['produce.ack_time', 'persist.row_time'])
const OF_ROWS = new Set(['audit.duplicate_rows'])

type Lack = readonly [names: readonly string[], what: string]

/**
 * @param thresholds of flags and scenario; warnings may stay without a figure
 * @param isOpen by its load
 */
export function problemsOfMeasures(
  {thresholds, isOpen}: {readonly thresholds: readonly ThresholdPlan[]; readonly isOpen: boolean},
  measured: Measured,
): Problem[] {
  const names = [...new Set(thresholds.flatMap(({metric, severity}) => (severity === 'fail' ? [metric] : [])))]
  const {isOwn, carries, flags} = measured
  const onTopics = isOwn ? carries.id : flags.follow && flags.brokers !== undefined
  const onRows = onTopics && !flags['no-database'] && (isOwn || flags['database-url'] !== undefined)
  const onDecisions = onTopics || (carries.payment && (isOwn || flags.follow))
  const lacks: Lack[] = [
    [isOpen ? [] : names.filter(name => OF_OPEN_MODEL.has(name)), 'only the open model does (--rate or --stages)'],
    [names.filter(name => OF_RUNS.has(name)), 'p2pay run does'],
    [
      onRows ? [] : names.filter(name => OF_ROWS.has(name)),
      isOwn
        ? 'for that its rows must be read (no --no-database, and each request with the id of its payment)'
        : '--follow with --brokers and --database-url does, or a test without URL',
    ],
    [
      onTopics ? [] : names.filter(name => name.startsWith('audit.') && !OF_ROWS.has(name)),
      isOwn
        ? 'for that each request must carry the id of its payment ({{payment_id}})'
        : '--follow with --brokers does, or a test without URL',
    ],
    [
      onDecisions ? [] : names.filter(name => name.startsWith('detect.')),
      carries.payment ? '--follow does, or a test without URL' : 'for that each request must carry a payment',
    ],
  ]
  return lacks.flatMap(([lacking, what]) =>
    lacking.length === 0
      ? []
      : [{where: 'thresholds', message: `this load test does not measure ${lacking.join(', ')}: ${what}`}],
  )
}
