/**
 * What a run left behind, counted without p2pay's own audit: the journal's states, the ids on each topic, the rows as
 * SQL gives them. `problemsOf` says in sentences what does not agree; nothing said means that the books balance.
 */
import pg from 'pg'
import type {KafkaConnection} from '../../src/lib/kafka/connection.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import {isFlagged} from '../../src/lib/payment/decision.js'
import {paymentIdOf, sequenceOf} from '../../src/lib/payment/payment-id.js'
import type {SourceRecord} from '../../src/lib/payment/record.js'
import {HEADERS, type TopicNames} from '../../src/lib/payment/topics.js'
import {readJournal, readJournalHeader} from '../../src/lib/run/journal.js'
import type {JournalState} from '../../src/lib/run/run-directory.js'

export interface Aftermath {
  readonly tag: string
  /** The generator ended in order: a payment that its journal does not have was never handed over. */
  readonly isClosed: boolean
  /** By sequence. */
  readonly journal: ReadonlyMap<number, JournalState>
  /** Decisions on the record, by id, one for each copy; on the raw topic they are empty. */
  readonly raw: Copies
  readonly legit: Copies
  readonly fraud: Copies
  readonly alerts: Copies
  /** Records, whatever is in them. */
  readonly dlqCount: number
  readonly rows: Copies
}

type Copies = ReadonlyMap<string, readonly string[]>

export interface AftermathOptions {
  readonly connection: KafkaConnection
  readonly databaseUrl: string
  readonly topics: TopicNames
  readonly tag: string
  readonly journalFile: string
}

export async function readAftermath(options: AftermathOptions): Promise<Aftermath> {
  const {connection, topics, tag, journalFile} = options
  const journal = new Map<number, JournalState>()
  for await (const entries of readJournal(journalFile)) {
    for (const {sequence, state} of entries) journal.set(sequence, state)
  }
  const read = (topic: string, kindOf: (record: SourceRecord) => string): Promise<Copies> =>
    readTopic(connection, topic, kindOf)
  const ofHeader = ({headers}: SourceRecord): string => String(headers[HEADERS.decision])
  const dlq = await connection.admin.offsetBounds(topics.dlq)
  return {
    tag,
    isClosed: (await readJournalHeader(journalFile)).closed,
    journal,
    raw: await read(topics.raw, () => ''),
    legit: await read(topics.legit, ofHeader),
    fraud: await read(topics.fraud, ofHeader),
    alerts: await read(topics.alerts, ({value}) => String(JSON.parse(String(value)).decision)),
    dlqCount: [...dlq.values()].reduce((sum, {earliest, end}) => sum + end - earliest, 0),
    rows: await readRows(options.databaseUrl),
  }
}

/** What does not agree, a sentence each with a few examples. */
export function problemsOf(aftermath: Aftermath): string[] {
  const {tag, journal, isClosed, raw, legit, fraud, alerts, rows} = aftermath
  const stateOf = (id: string): JournalState => {
    const sequence = sequenceOf(tag, id)
    if (sequence === undefined) return 'unsent'
    return journal.get(sequence) ?? (isClosed ? 'unsent' : 'unknown')
  }
  const acked = [...journal].filter(([, state]) => state === 'acked').map(([sequence]) => paymentIdOf(tag, sequence))
  const flagged = [...rows].filter(([, [kind]]) => kind === 'review' || kind === 'block').map(([id]) => id)
  const approved = [...rows].filter(([, [kind]]) => kind === 'approve').map(([id]) => id)
  const disagreeing = (copies: Copies): string[] =>
    [...copies].filter(([id, kinds]) => kinds.some(kind => kind !== rows.get(id)?.[0])).map(([id]) => id)
  return [
    ...problem('acked and not on the raw topic', without(acked, raw)),
    ...problem('more than once on the raw topic', doubled(raw)),
    ...problem(
      'on the raw topic and never handed over',
      [...raw.keys()].filter(id => !mayBeSent(stateOf(id))),
    ),
    ...problem('acked and without a row', without(acked, rows)),
    ...problem('with more than one row', doubled(rows)),
    ...problem('with a row and not on the raw topic', without(rows.keys(), raw)),
    ...problem('on the raw topic and without a row', without(raw.keys(), rows)),
    ...problem('approved in the table and not on the legit topic', without(approved, legit)),
    ...problem('flagged in the table and not on the fraud topic', without(flagged, fraud)),
    ...problem('flagged in the table and without an alert', without(flagged, alerts)),
    ...problem('on the legit topic with another decision than in the table', disagreeing(legit)),
    ...problem('on the fraud topic with another decision than in the table', disagreeing(fraud)),
    ...problem('with an alert of another decision than in the table', disagreeing(alerts)),
    ...(aftermath.dlqCount === 0 ? [] : [`${aftermath.dlqCount} records on the dead-letter topic`]),
  ]
}

/** How many payments have each state; what the journal does not reach is left out. */
export function statesOf({journal}: Aftermath): Partial<Record<JournalState, number>> {
  const counts: Partial<Record<JournalState, number>> = {}
  for (const state of journal.values()) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

/** Copies beyond the first, which redelivery after a kill may leave on output topics. */
export function extraCopies(copies: Copies): number {
  return [...copies.values()].reduce((sum, kinds) => sum + kinds.length - 1, 0)
}

/** Flagged by the words of the table. */
export function flaggedCount({rows}: Aftermath): number {
  return [...rows.values()].filter(([kind]) => (kind === 'review' || kind === 'block') && isFlagged(kind)).length
}

function mayBeSent(state: JournalState): boolean {
  return state === 'acked' || state === 'unknown' || state === 'unknown-outcome'
}

function without(ids: Iterable<string>, copies: Copies): string[] {
  return [...ids].filter(id => !copies.has(id))
}

function doubled(copies: Copies): string[] {
  return [...copies].filter(([, kinds]) => kinds.length > 1).map(([id]) => id)
}

function problem(what: string, ids: readonly string[]): string[] {
  return ids.length === 0 ? [] : [`${ids.length} payments ${what}: ${ids.slice(0, 3).join(', ')}`]
}

async function readTopic(
  connection: KafkaConnection,
  topic: string,
  kindOf: (record: SourceRecord) => string,
): Promise<Copies> {
  const [from, to] = await Promise.all([connection.admin.startOffsets(topic), connection.admin.endOffsets(topic)])
  const reading = readRange(connection, topic, from, to)
  const copies = new Map<string, string[]>()
  for await (const records of reading) {
    for (const record of records) {
      const {payment_id: id} = JSON.parse(String(record.value))
      const kinds = copies.get(id)
      if (kinds === undefined) copies.set(id, [kindOf(record)])
      else kinds.push(kindOf(record))
    }
  }
  if (reading.incomplete.size > 0) throw new Error(`${topic} could not be read to its end`)
  return copies
}

async function readRows(databaseUrl: string): Promise<Copies> {
  const rows = new Map<string, string[]>()
  const client = new pg.Client({connectionString: databaseUrl})
  await client.connect()
  try {
    const {rows: found} = await client.query<{id: string; decision: string}>(
      'select payment_id::text as id, decision from payments',
    )
    for (const {id, decision} of found) {
      const kinds = rows.get(id)
      if (kinds === undefined) rows.set(id, [decision])
      else kinds.push(decision)
    }
    return rows
  } finally {
    await client.end()
  }
}
