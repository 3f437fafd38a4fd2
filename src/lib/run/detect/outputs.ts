/** From a decided (or undecodable) record to what goes on the output topics (design, section 6). */
import {present} from '../../base/assert.js'
import {isFlagged} from '../../payment/decision.js'
import type {Headers, OutputRecord} from '../../payment/record.js'
import {HEADERS, type TopicNames} from '../../payment/topics.js'
import type {Taken} from './outbox.js'
import type {Refusal} from './refusal.js'

/** Version of the alert's JSON. */
export const ALERT_SCHEMA_VERSION = 1

/** The wire form of an alert: what an investigator needs at first sight. Times are ISO 8601 UTC. */
export interface Alert {
  readonly schema_version: typeof ALERT_SCHEMA_VERSION
  readonly payment_id: string
  readonly decision: 'review' | 'block'
  readonly score: number
  readonly reasons: readonly string[]
  readonly debtor_id: string
  readonly creditor_id: string
  readonly amount_minor: number
  readonly currency: string
  readonly created_at: string
  readonly decided_at: string
  readonly source: {readonly topic: string; readonly partition: number; readonly offset: number}
}

/** One record on legit; one on fraud and an alert; or one on the dead-letter topic. */
export function outputsOf(taken: Taken, topics: TopicNames): OutputRecord[] {
  if (taken.refusal !== undefined) return [deadLetterOf(taken, taken.refusal, topics)]
  const decision = present(taken.decision, 'the decision')
  const {key, value, headers} = taken.record
  const decisionHeaders: Headers = {
    [HEADERS.decision]: decision.kind,
    [HEADERS.score]: decision.score.toFixed(4),
    [HEADERS.reasons]: decision.reasons.join(','),
    [HEADERS.decidedUs]: String(taken.decidedUs),
  }
  const flagged = isFlagged(decision.kind)
  const main: OutputRecord = {
    topic: flagged ? topics.fraud : topics.legit,
    key,
    value,
    headers: {...headers, ...decisionHeaders},
  }
  return flagged ? [main, alertOf(taken, decisionHeaders, topics)] : [main]
}

/** The record as it came, with the reason and its origin. */
export function deadLetterOf(taken: Taken, refusal: Refusal, topics: TopicNames): OutputRecord {
  const {key, value, headers, partition, offset} = taken.record
  return {
    topic: topics.dlq,
    key,
    value,
    headers: {
      ...headers,
      [HEADERS.errorCode]: refusal.code,
      [HEADERS.error]: ascii(refusal.message),
      [HEADERS.sourceTopic]: topics.raw,
      [HEADERS.sourcePartition]: String(partition),
      [HEADERS.sourceOffset]: String(offset),
    },
  }
}

/** The last resort for a record that the dead-letter topic refuses as it is: its origin says where the bytes are. */
export function strippedDeadLetterOf(taken: Taken, refusal: Refusal, topics: TopicNames): OutputRecord {
  const {record} = taken
  const size = record.value?.length ?? 0
  const reason = `${refusal.message} (value of ${size} bytes, key and headers left out: the topic refused them)`
  const bare: Taken = {...taken, record: {...record, key: null, value: null, headers: {}}}
  return deadLetterOf(bare, {code: refusal.code, message: reason}, topics)
}

function alertOf(taken: Taken, headers: Headers, topics: TopicNames): OutputRecord {
  const payment = present(taken.payment, 'the payment')
  const decision = present(taken.decision, 'the decision')
  const alert: Alert = {
    schema_version: ALERT_SCHEMA_VERSION,
    payment_id: payment.paymentId,
    decision: decision.kind === 'block' ? 'block' : 'review',
    score: Number(decision.score.toFixed(4)),
    reasons: decision.reasons,
    debtor_id: payment.debtorId,
    creditor_id: payment.creditorId,
    amount_minor: payment.amountMinor,
    currency: payment.currency,
    created_at: new Date(payment.createdAtMs).toISOString(),
    decided_at: new Date(taken.decidedUs / 1000).toISOString(),
    source: {topic: topics.raw, partition: taken.record.partition, offset: taken.record.offset},
  }
  const due = taken.record.headers[HEADERS.dueUs]
  return {
    topic: topics.alerts,
    key: taken.record.key,
    value: Buffer.from(JSON.stringify(alert)),
    headers: due === undefined ? headers : {...headers, [HEADERS.dueUs]: due},
  }
}

/** Headers are ASCII text; what a stranger's bytes put into a message must not break that. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}
