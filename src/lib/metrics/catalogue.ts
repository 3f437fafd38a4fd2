/** The metrics of a run, by name: what a threshold may speak of (design, section 6). */
import {UsageError} from '../base/errors.js'
import {nearest} from '../base/nearest.js'
import type {MetricValue} from './metrics.js'

/** `share`: 1 is all; `tps`: payments/s; `payments`: a count of them. */
export type MetricUnit = 'us' | 'share' | 'tps' | 'payments'

export interface MetricInfo {
  readonly kind: MetricValue['kind']
  readonly unit: MetricUnit
  readonly description: string
  /** Lower is better where nothing is said. */
  readonly better?: 'higher'
}

export const METRICS = {
  'rate.achieved_ratio': {kind: 'rate', unit: 'share', description: 'payments/s achieved ÷ asked', better: 'higher'},
  'rate.achieved_tps': {
    kind: 'gauge',
    unit: 'tps',
    description: 'acknowledged payments ÷ wall-clock seconds',
    better: 'higher',
  },
  'rate.shortfall': {kind: 'counter', unit: 'payments', description: 'planned and not sent'},
  'produce.lateness': {kind: 'trend', unit: 'us', description: 'due → sent: how late the sender itself was'},
  'produce.ack_time': {kind: 'trend', unit: 'us', description: 'due → acknowledged by the broker'},
  'produce.error_rate': {kind: 'rate', unit: 'share', description: 'failed and unknown ÷ sent'},
  'http.response_time': {kind: 'trend', unit: 'us', description: 'service: sent → last byte, of successes'},
  'http.first_byte_time': {kind: 'trend', unit: 'us', description: 'sent → first byte, of successes'},
  'http.planned_time': {kind: 'trend', unit: 'us', description: 'due → last byte, of successes; open model only'},
  'http.error_rate': {
    kind: 'rate',
    unit: 'share',
    description: 'failed, timed out, broken or dropped ÷ sent and dropped',
  },
  'http.requests_per_s': {kind: 'gauge', unit: 'tps', description: 'successes ÷ wall-clock seconds', better: 'higher'},
  'http.failed': {kind: 'counter', unit: 'payments', description: 'answers that are no success'},
  'http.timeouts': {kind: 'counter', unit: 'payments', description: 'no answer in time'},
  'http.errors': {kind: 'counter', unit: 'payments', description: 'connections refused or broken'},
  'http.dropped': {kind: 'counter', unit: 'payments', description: 'past the queue of the open model'},
  'detect.decision_time': {kind: 'trend', unit: 'us', description: 'due → decided by the detector'},
  'persist.row_time': {kind: 'trend', unit: 'us', description: 'due → row stored'},
  'detect.recall': {kind: 'rate', unit: 'share', description: 'frauds flagged ÷ frauds', better: 'higher'},
  'detect.precision': {kind: 'rate', unit: 'share', description: 'frauds flagged ÷ payments flagged', better: 'higher'},
  'detect.fpr': {kind: 'rate', unit: 'share', description: 'legitimate payments flagged ÷ legitimate payments'},
  'audit.lost': {kind: 'counter', unit: 'payments', description: 'acknowledged, and absent at a later stage'},
  'audit.duplicates': {kind: 'counter', unit: 'payments', description: 'more than once on a topic (at-least-once)'},
  'audit.duplicate_rows': {kind: 'counter', unit: 'payments', description: 'more than one row'},
  'audit.phantom': {kind: 'counter', unit: 'payments', description: 'of this run’s tag, never sent'},
  'audit.unexplained': {kind: 'counter', unit: 'payments', description: 'at a stage, and absent at the one before'},
  'audit.misrouted': {kind: 'counter', unit: 'payments', description: 'topic, decision and row disagree'},
  'audit.contradicted': {kind: 'counter', unit: 'payments', description: 'decided twice, differently'},
  'audit.arrived_unknown': {kind: 'counter', unit: 'payments', description: 'of unknown outcome, and arrived'},
  'audit.dead_lettered': {kind: 'counter', unit: 'payments', description: 'on the dead-letter topic'},
  'audit.unbalanced': {kind: 'counter', unit: 'payments', description: 'all that breaks the books, summed'},
} as const satisfies Readonly<Record<string, MetricInfo>>

export type MetricName = keyof typeof METRICS

export function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name)
}

/** @throws UsageError naming the nearest metric */
export function metricInfo(name: string): MetricInfo {
  if (isMetricName(name)) return METRICS[name]
  const meant = nearest(name, Object.keys(METRICS))
  throw new UsageError(`unknown metric "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`, {
    code: 'P2PAY_METRIC',
    suggestions: [`metrics: ${Object.keys(METRICS).join(', ')}`],
  })
}
