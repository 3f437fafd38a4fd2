/**
 * Reads what a run left behind (its journal, each topic once from the manifest's offsets, its rows) and has the
 * books balanced. Sides with nobody: it uses neither the generator's memory nor the detector's.
 */
import {type Ladder, STAGES, type Stage} from '../audit/ladder.js'
import {createReconciler} from '../audit/reconcile.js'
import {EnvironmentError} from '../base/errors.js'
import type {RangeReading} from '../kafka/read-range.js'
import {DECISIONS, type DecisionKind} from '../payment/decision.js'
import {paymentIdOf, paymentIdRange, type RunTag, sequenceOf} from '../payment/payment-id.js'
import type {PartitionOffsets, SourceRecord} from '../payment/record.js'
import {HEADERS, type TopicNames} from '../payment/topics.js'
import type {PaymentStore} from '../store/store.js'
import type {JournalEntry} from './run-directory.js'

export interface BalanceOptions {
  readonly tag: RunTag
  /** Payments of the schedule: sequence numbers [0, plannedCount). */
  readonly plannedCount: number
  readonly journal: AsyncIterable<readonly JournalEntry[]>
  /** What payments are that the journal does not reach: `unsent` when it was closed in order. */
  readonly unjournalled: 'unknown' | 'unsent'
  readonly topics: TopicNames
  /** Where the run begins on each topic: end offsets before the first send. */
  readonly startOffsets: Readonly<Record<keyof TopicNames, PartitionOffsets>>
  readonly endOffsets: (topic: string) => Promise<PartitionOffsets>
  readonly readRange: (topic: string, from: PartitionOffsets, to: PartitionOffsets) => RangeReading
  /** Null: rows are not looked at. */
  readonly store: PaymentStore | null
  /** Called for each decided payment of this run as its record on legit or fraud says it. Times in wall clock µs. */
  readonly onDecided?: (decided: DecidedRecord) => void
}

export interface DecidedRecord {
  readonly sequence: number
  readonly kind: DecisionKind
  /** NaN when the record does not say. */
  readonly dueUs: number
  readonly decidedUs: number
}

const ROW_PAGE = 5000
const TOPIC_STAGES = ['raw', 'legit', 'fraud', 'dlq', 'alerts'] as const satisfies readonly Stage[]

/**
 * @throws EnvironmentError P2PAY_DATA_EXPIRED, P2PAY_TOPIC_UNREAD when a topic could not be read completely: what was
 *   not looked at must not be called lost
 */
export async function balance(options: BalanceOptions): Promise<Ladder> {
  const {tag, plannedCount, store} = options
  const reconciler = createReconciler({
    idOf: sequence => paymentIdOf(tag, sequence),
    stages: store === null ? STAGES.filter(stage => stage !== 'rows') : STAGES,
    unjournalled: options.unjournalled,
    plannedCount,
  })
  reconciler.plan(0, plannedCount)
  for await (const entries of options.journal) {
    for (const {sequence, state} of entries) {
      if (sequence < plannedCount) reconciler.journal(sequence, state === 'unknown-outcome' ? 'unknown' : state)
    }
  }
  for (const stage of TOPIC_STAGES) {
    const topic = options.topics[stage]
    const end = await options.endOffsets(topic)
    const reading = options.readRange(topic, options.startOffsets[stage], end)
    for await (const records of reading) {
      for (const record of records) {
        const sequence = sequenceOf(tag, paymentIdIn(record.value) ?? '')
        if (sequence === undefined) {
          reconciler.foreign(stage)
          continue
        }
        const kind = stage === 'legit' || stage === 'fraud' ? kindIn(record) : undefined
        reconciler.seen(stage, sequence, kind)
        if (kind === undefined) continue
        const dueUs = microsecondsIn(record, HEADERS.dueUs)
        options.onDecided?.({sequence, kind, dueUs, decidedUs: microsecondsIn(record, HEADERS.decidedUs)})
      }
    }
    checkComplete(topic, reading)
  }
  if (store !== null) {
    for await (const rows of store.scan(paymentIdRange(tag), ROW_PAGE)) {
      for (const row of rows) {
        const sequence = sequenceOf(tag, row.paymentId)
        if (sequence === undefined) reconciler.foreign('rows')
        else reconciler.seen('rows', sequence, row.kind)
      }
    }
  }
  return reconciler.finish()
}

function checkComplete(topic: string, {expiredCounts, incomplete}: RangeReading): void {
  const expiredCount = [...expiredCounts.values()].reduce((sum, count) => sum + count, 0)
  if (expiredCount > 0) {
    throw new EnvironmentError(`${expiredCount} records of ${topic} were deleted before they were counted`, {
      code: 'P2PAY_DATA_EXPIRED',
      suggestions: ['give the topic a longer retention (retention.ms, retention.bytes) than the run lasts'],
    })
  }
  if (incomplete.size > 0) {
    const partitions = [...incomplete].map(([partition, offset]) => `${partition} at offset ${offset}`).join(', ')
    throw new EnvironmentError(`${topic} could not be read to its end (partition ${partitions})`, {
      code: 'P2PAY_TOPIC_UNREAD',
      suggestions: ['p2pay doctor looks at broker and topics'],
    })
  }
}

const ID_FIELD = Buffer.from('"payment_id":"')

/** The `payment_id` of a message, undefined when it has none. Compact JSON, which ours is, needs no parse. */
export function paymentIdIn(value: Buffer | null): string | undefined {
  if (value === null) return undefined
  const at = value.indexOf(ID_FIELD)
  if (at >= 0) {
    const start = at + ID_FIELD.length
    const end = value.indexOf(0x22, start)
    if (end - start === 36) return value.toString('latin1', start, end)
  }
  try {
    const message: unknown = JSON.parse(value.toString())
    const found = typeof message === 'object' && message !== null && 'payment_id' in message ? message.payment_id : null
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}

function kindIn(record: SourceRecord): DecisionKind | undefined {
  const text = record.headers[HEADERS.decision]?.toString()
  return DECISIONS.find(kind => kind === text)
}

function microsecondsIn(record: SourceRecord, header: string): number {
  const text = record.headers[header]?.toString()
  return text === undefined || text === '' ? Number.NaN : Number(text)
}
