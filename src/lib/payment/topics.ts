/** Names that several rooms must agree on: topics, headers, groups and their defaults (design, section 6). */

export const TOPICS = {
  raw: 'payments.raw',
  legit: 'payments.legit',
  fraud: 'payments.fraud',
  alerts: 'payments.alerts',
  dlq: 'payments.dlq',
} as const

export interface TopicNames {
  readonly raw: string
  readonly legit: string
  readonly fraud: string
  readonly alerts: string
  readonly dlq: string
}

export const DEFAULT_GROUP = 'p2pay-detector'
export const DEFAULT_PARTITIONS = 6

/** Kafka record headers; all values are ASCII text. */
export const HEADERS = {
  /** On the raw topic: when the schedule wanted the payment sent, wall clock, µs since the epoch. Kept on outputs. */
  dueUs: 'p2pay-due-us',
  /** On legit and fraud: `approve`, `review` or `block`. */
  decision: 'p2pay-decision',
  /** Four decimals, in [0, 1]. */
  score: 'p2pay-score',
  /** Rule names, comma-separated. */
  reasons: 'p2pay-reasons',
  /** When the detector decided, wall clock, µs since the epoch. */
  decidedUs: 'p2pay-decided-us',
  /** On the DLQ: code, message, and where the record came from. */
  errorCode: 'p2pay-error-code',
  error: 'p2pay-error',
  sourceTopic: 'p2pay-source-topic',
  sourcePartition: 'p2pay-source-partition',
  sourceOffset: 'p2pay-source-offset',
} as const

/** A record that is not bigger than this is accepted by default brokers; ours refuses more on the raw topic. */
export const MAX_PAYMENT_BYTES = 65_536
