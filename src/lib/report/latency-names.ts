import type {LatencySummary} from './result.js'

/** One word for each latency, beside its basis. */
export const LATENCY_NAMES: Readonly<Record<LatencySummary['metric'], string>> = {
  'produce.lateness': 'lateness',
  'http.first_byte_time': 'first byte',
  'http.response_time': 'service',
  'http.planned_time': 'planned',
  'produce.ack_time': 'acked',
  'detect.decision_time': 'decided',
  'persist.row_time': 'persisted',
}
