/**
 * The payment store over PostgreSQL, real or embedded, with one set of SQL: batches travel as one binary array per
 * column and become rows by unnest. Every statement is unnamed and every insert is a transaction of its own, so the
 * store also works where connections share one session.
 */
import type {Pool} from 'pg'
import {assert, present} from '../base/assert.js'
import {safeNumber, textArray, toDecision, toKind} from './answer-values.js'
import {encodeIds} from './binary-array.js'
import type {DatabaseAddress} from './connect.js'
import {type Connections, onConnection} from './on-connection.js'
import {encodeColumns, PAYMENT_COLUMNS} from './payment-columns.js'
import {deleteSnapshots, readSnapshots, writeSnapshots} from './postgres-snapshots.js'
import type {Query} from './query.js'
import type {PaymentRow, PaymentStore, Snapshot, SnapshotOwner, StoredDecision, StoredPayment} from './store.js'

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

// Claims spell ids in lower case, and in that spelling their order as text is that of the ids.
const DELETE_CLAIMS = `
DELETE FROM public.payment_claims WHERE scope = 'payment' AND claim_key IN (
  SELECT claim_key FROM public.payment_claims
  WHERE scope = 'payment' AND claim_key >= lower($1) AND claim_key <= lower($2) ORDER BY claim_key LIMIT $3)`

const DELETE_KEYED_CLAIMS = `
DELETE FROM public.payment_claims WHERE scope = 'key' AND claim_key IN (
  SELECT claim_key FROM public.payment_claims
  WHERE scope = 'key' AND payment_id >= $1::uuid AND payment_id <= $2::uuid ORDER BY payment_id LIMIT $3)`

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
  readonly #connections: Connections

  constructor(pool: Pool, target: DatabaseAddress, serverVersion: string) {
    this.#connections = {pool, address: target.address}
    this.description = `${serverVersion} at ${target.address}`
  }

  async insert(rows: readonly PaymentRow[]): Promise<readonly StoredDecision[]> {
    // Rows in id order: two writers that share ids meet them in the same order and never deadlock. The sort is
    // stable, so of two rows with one id the first given is the first writer.
    const sorted = rows
      .map((row, index) => ({row, index, id: row.payment.paymentId.toLowerCase()}))
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    const insertAll = async (query: Query): Promise<readonly StoredDecision[]> => {
      const known: KnownRow[] = []
      for (let start = 0; start < sorted.length; start += MAX_INSERT_ROWS) {
        known.push(...(await insertPart(query, sorted.slice(start, start + MAX_INSERT_ROWS))))
      }
      return known.sort((a, b) => a.index - b.index).map(({stored}) => stored)
    }
    return onConnection(this.#connections, insertAll, sorted.length > MAX_INSERT_ROWS ? 'BEGIN' : undefined)
  }

  saveSnapshots(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void> {
    return onConnection(this.#connections, query => writeSnapshots(query, owner, snapshots), 'BEGIN')
  }

  loadSnapshots(owner: SnapshotOwner, shards: readonly string[]): Promise<readonly Snapshot[]> {
    const begin = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'
    return onConnection(this.#connections, query => readSnapshots(query, owner, shards), begin)
  }

  dropSnapshots(owner: SnapshotOwner, partitions: readonly number[]): Promise<void> {
    return onConnection(this.#connections, query => deleteSnapshots(query, owner, partitions))
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
    await this.#deleteBatches(DELETE_CLAIMS, range)
    await this.#deleteBatches(DELETE_KEYED_CLAIMS, range)
    return this.#deleteBatches(DELETE, range)
  }

  /** As often as it takes, in transactions of bounded size. */
  async #deleteBatches(statement: string, range: IdRange): Promise<number> {
    let totalCount = 0
    for (;;) {
      const {count} = await this.#query(statement, [range.first, range.last, DELETE_ROWS])
      totalCount += count
      if (count < DELETE_ROWS) return totalCount
    }
  }

  async close(): Promise<void> {
    await this.#connections.pool.end()
  }

  #query: Query = (text, values) => onConnection(this.#connections, query => query(text, values))
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

function toStoredPayment([id, kind, score, amountMinor, currency]: readonly unknown[]): StoredPayment {
  return {
    paymentId: String(id),
    kind: toKind(kind),
    score: Number(score),
    amountMinor: safeNumber(amountMinor, 'amount_minor'),
    currency: String(currency),
  }
}
