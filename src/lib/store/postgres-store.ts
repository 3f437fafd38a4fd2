/**
 * The payment store over PostgreSQL, real or embedded, with one set of SQL: batches travel as one binary array per
 * column and become rows by unnest. Every statement is unnamed and every insert is a transaction of its own, so the
 * store also works where connections share one session.
 */
import type {Pool, PoolClient} from 'pg'
import {assert, present} from '../base/assert.js'
import {DECISIONS, type Decision, type DecisionKind} from '../payment/decision.js'
import type {DatabaseAddress} from './connect.js'
import {databaseError} from './database-error.js'
import {encodeColumns, encodeIds, PAYMENT_COLUMNS} from './payment-columns.js'
import {deleteSnapshots, readSnapshots, writeSnapshots} from './postgres-snapshots.js'
import {type Query, queryOn} from './query.js'
import {
  type PaymentRow,
  type PaymentStore,
  RowError,
  type Snapshot,
  type SnapshotOwner,
  type StoredDecision,
  type StoredPayment,
} from './store.js'

/** Rows of one statement; larger batches are split, each part a transaction of its own. */
export const MAX_INSERT_ROWS = 5000
/** Rows deleted in one transaction. */
const DELETE_ROWS = 20_000
/** A row that was in the way and is gone when we look (a concurrent clean-up) is inserted again, this often. */
const MAX_INSERT_ATTEMPTS = 3

// The list of new ids comes back only when some were not: the common answer is one short row.
const INSERT = `
WITH inserted AS (
  INSERT INTO public.payments (${PAYMENT_COLUMNS.map(column => column.name).join(', ')})
  SELECT ${PAYMENT_COLUMNS.map(column => column.select ?? column.name).join(', ')}
  FROM unnest(${PAYMENT_COLUMNS.map((column, index) => `$${index + 1}::${column.type}[]`).join(', ')})
    AS given (${PAYMENT_COLUMNS.map(column => column.name).join(', ')})
  ON CONFLICT (payment_id) DO NOTHING
  RETURNING payment_id)
SELECT count(*)::integer, CASE WHEN count(*) < $${PAYMENT_COLUMNS.length + 1}::bigint THEN array_agg(payment_id::text) END
FROM inserted`

const SELECT_DECISIONS = `
SELECT payment_id::text, decision, score, reasons, (extract(epoch FROM decided_at) * 1000000)::bigint::text
FROM public.payments WHERE payment_id = ANY ($1::uuid[])`

const SCAN = `
SELECT payment_id::text, decision, score, amount_minor::text, currency FROM public.payments
WHERE payment_id >= $1::uuid AND payment_id <= $2::uuid ORDER BY payment_id LIMIT $3`

const SCAN_AFTER = SCAN.replace('>=', '>')

const COUNT = 'SELECT count(*)::text FROM public.payments WHERE payment_id >= $1::uuid AND payment_id <= $2::uuid'

const DELETE = `
DELETE FROM public.payments WHERE payment_id IN (
  SELECT payment_id FROM public.payments WHERE payment_id >= $1::uuid AND payment_id <= $2::uuid
  ORDER BY payment_id LIMIT $3)`

interface IdRange {
  readonly first: string
  readonly last: string
}

/** A row with its place in the caller's batch and its id as the database spells it. */
interface SortedRow {
  readonly row: PaymentRow
  readonly index: number
  readonly id: string
}

interface KnownRow {
  readonly index: number
  readonly stored: StoredDecision
}

export class PostgresStore implements PaymentStore {
  readonly description: string
  readonly #pool: Pool
  readonly #address: string

  constructor(pool: Pool, target: DatabaseAddress, serverVersion: string) {
    this.#pool = pool
    this.#address = target.address
    this.description = `${serverVersion} at ${target.address}`
  }

  async insert(rows: readonly PaymentRow[]): Promise<readonly StoredDecision[]> {
    // Rows in id order: two writers that share ids meet them in the same order and never deadlock. The sort is
    // stable, so of two rows with one id the first given is the first writer.
    const sorted = rows
      .map((row, index) => ({row, index, id: row.payment.paymentId.toLowerCase()}))
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    return this.#transaction('BEGIN', sorted.length > MAX_INSERT_ROWS, async query => {
      const known: KnownRow[] = []
      for (let start = 0; start < sorted.length; start += MAX_INSERT_ROWS) {
        known.push(...(await insertPart(query, sorted.slice(start, start + MAX_INSERT_ROWS))))
      }
      return known.sort((a, b) => a.index - b.index).map(({stored}) => stored)
    })
  }

  saveSnapshots(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void> {
    return this.#transaction('BEGIN', true, query => writeSnapshots(query, owner, snapshots))
  }

  loadSnapshots(owner: SnapshotOwner, shards: readonly string[]): Promise<readonly Snapshot[]> {
    const begin = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'
    return this.#transaction(begin, true, query => readSnapshots(query, owner, shards))
  }

  dropSnapshots(owner: SnapshotOwner, partitions: readonly number[]): Promise<void> {
    return this.#transaction('', false, query => deleteSnapshots(query, owner, partitions))
  }

  async *scan(range: IdRange, pageSize: number): AsyncGenerator<readonly StoredPayment[]> {
    assert(Number.isSafeInteger(pageSize) && pageSize > 0, 'a page holds at least one row')
    let page = await this.#query(SCAN, [range.first, range.last, pageSize])
    while (page.rows.length > 0) {
      const payments = page.rows.map(toStoredPayment)
      yield payments
      if (payments.length < pageSize) return
      page = await this.#query(SCAN_AFTER, [payments.at(-1)?.paymentId, range.last, pageSize])
    }
  }

  async count(range: IdRange): Promise<number> {
    const {rows} = await this.#query(COUNT, [range.first, range.last])
    return safeNumber(rows[0]?.[0], 'a count')
  }

  async deleteRange(range: IdRange): Promise<number> {
    let totalCount = 0
    for (;;) {
      const {count} = await this.#query(DELETE, [range.first, range.last, DELETE_ROWS])
      totalCount += count
      if (count < DELETE_ROWS) return totalCount
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  #query: Query = (text, values) => this.#transaction('', false, query => query(text, values))

  /** Runs `work` on one connection, in a transaction when asked, and says what an error means. */
  async #transaction<T>(begin: string, isNeeded: boolean, work: (query: Query) => Promise<T>): Promise<T> {
    let client: PoolClient
    try {
      client = await this.#pool.connect()
    } catch (error) {
      throw databaseError(error, this.#address)
    }
    try {
      if (isNeeded) await client.query(begin)
      const result = await work(queryOn(client))
      if (isNeeded) await client.query('COMMIT')
      client.release()
      return result
    } catch (error) {
      // A connection is given to the next one only if it is surely idle; closing it rolls back.
      const failure = databaseError(error, this.#address)
      client.release(isNeeded || !(failure instanceof RowError))
      throw failure
    }
  }
}

/** Inserts what is new and returns the stored decisions of the rest. */
async function insertPart(query: Query, part: readonly SortedRow[]): Promise<KnownRow[]> {
  const known: KnownRow[] = []
  let waiting = part
  for (let attempt = 1; waiting.length > 0; attempt++) {
    assert(attempt <= MAX_INSERT_ATTEMPTS, 'rows kept vanishing between insert and look-up')
    const duplicates = await insertNew(query, waiting)
    if (duplicates.length === 0) break
    const decisions = await selectDecisions(query, duplicates)
    for (const {id, index, row} of duplicates) {
      const stored = decisions.get(id)
      if (stored !== undefined) known.push({index, stored: {paymentId: row.payment.paymentId, ...stored}})
    }
    waiting = duplicates.filter(({id}) => !decisions.has(id))
  }
  return known
}

async function insertNew(query: Query, rows: readonly SortedRow[]): Promise<readonly SortedRow[]> {
  const {rows: answers} = await query(INSERT, [...encodeColumns(rows.map(({row}) => row)), rows.length])
  const [newCount, newIds] = present(answers[0], 'the answer of an insert')
  if (newCount === rows.length) return []
  const unclaimed = new Set(newIds === null ? [] : textArray(newIds))
  // The first row of a new id is the one that was inserted; delete() says whether it was still there to claim.
  return rows.filter(({id}) => !unclaimed.delete(id))
}

async function selectDecisions(
  query: Query,
  rows: readonly SortedRow[],
): Promise<Map<string, Omit<StoredDecision, 'paymentId'>>> {
  const {rows: found} = await query(SELECT_DECISIONS, [encodeIds(rows.map(({id}) => id))])
  return new Map(
    found.map(([id, kind, score, reasons, decidedUs]) => [
      String(id),
      {decision: toDecision(kind, score, reasons), decidedUs: safeNumber(decidedUs, 'decided_at')},
    ]),
  )
}

function toDecision(kind: unknown, score: unknown, reasons: unknown): Decision {
  return {kind: toKind(kind), score: Number(score), reasons: textArray(reasons)}
}

function toStoredPayment([id, kind, score, amountMinor, currency]: readonly unknown[]): StoredPayment {
  return {
    paymentId: String(id),
    kind: toKind(kind),
    score: Number(score),
    amountMinor: safeNumber(amountMinor, 'amount_minor'),
    currency: String(currency),
  }
}

function toKind(value: unknown): DecisionKind {
  return present(
    DECISIONS.find(kind => kind === value),
    `a decision called ${String(value)}`,
  )
}

/** The table's checks keep every amount a safe integer. */
function safeNumber(value: unknown, what: string): number {
  const number = Number(value)
  assert(Number.isSafeInteger(number), `${what} is ${String(value)}, not a safe integer`)
  return number
}

function textArray(value: unknown): string[] {
  assert(Array.isArray(value), 'a text[] did not arrive as an array')
  return value.map(String)
}
