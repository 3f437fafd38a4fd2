/**
 * Looking up decided payments in PostgreSQL, real or embedded. Each question costs what its answer shows and not what
 * the table holds: pages follow an index, a profile reads a bounded number of payments, and statistics are counted
 * only while the table is small, then estimated from a sample of its pages. A question that takes too long is given
 * up by the server, so that none hangs a request.
 */
import {assert, present} from '../base/assert.js'
import {isStorable, safeNumber, textArray, toKind} from './answer-values.js'
import {encodeTimestamp} from './binary-array.js'
import {openPool, readDatabaseUrl} from './connect.js'
import {type Cursor, type CursorKind, decodeCursor, encodeCursor} from './cursor.js'
import {databaseError} from './database-error.js'
import {checkSchema, readStatus} from './migrate.js'
import {type Connections, onConnection} from './on-connection.js'
import type {
  AccountProfile,
  DecidedPaymentRow,
  Page,
  PageRequest,
  PaymentQueries,
  StoreStats,
} from './payment-queries.js'
import {DECIDED_COLUMNS, toDecidedPayment} from './payment-rows.js'

/** The server gives a question up after this long. */
export const QUESTION_TIMEOUT_MS = 5_000
export const MAX_PAGE_ITEMS = 1000
/** A profile tells of this many payments at most, the latest. */
export const PROFILE_PAYMENTS = 1_000
/** Reasons in a profile. */
const TOP_REASONS = 5
/**
 * A table up to this size is counted, at about 400 bytes a row; of a larger one so many bytes are sampled: 1,500 pages,
 * which leaves a deviation of about 3 %. On the embedded database all of it takes a tenth of a second or two.
 */
export const STATS_EXACT_BYTES = 12 * 1024 * 1024
/** So many of the latest decisions are counted for the last minute; beyond, the minute is extrapolated from them. */
export const LAST_MINUTE_MAX = 20_000
const MINUTE_US = 60_000_000
/** A server that has not even given up after this much longer is taken to be gone. */
const SILENCE_TIMEOUT_MS = 1_000
const CONNECT_TIMEOUT_MS = 5_000

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const PAYMENT = `SELECT ${DECIDED_COLUMNS} FROM public.payments WHERE payment_id = $1::uuid`

const ACCOUNT_LATEST = `
SELECT ${DECIDED_COLUMNS} FROM public.payments WHERE debtor_id = $2
ORDER BY payments.created_at DESC, payments.payment_id DESC LIMIT $1`

const ACCOUNT_BEFORE = `
SELECT ${DECIDED_COLUMNS} FROM public.payments
WHERE debtor_id = $2 AND (payments.created_at, payments.payment_id) < ($3::timestamptz, $4::uuid)
ORDER BY payments.created_at DESC, payments.payment_id DESC LIMIT $1`

const ALERTS_LATEST = `
SELECT ${DECIDED_COLUMNS} FROM public.payments WHERE decision <> 'approve'
ORDER BY payments.decided_at DESC, payments.payment_id DESC LIMIT $1`

const ALERTS_BEFORE = `
SELECT ${DECIDED_COLUMNS} FROM public.payments
WHERE decision <> 'approve' AND (payments.decided_at, payments.payment_id) < ($2::timestamptz, $3::uuid)
ORDER BY payments.decided_at DESC, payments.payment_id DESC LIMIT $1`

// Numbers beyond 2^53 travel as text. first_at and the existence of an older payment come from the index alone.
const PROFILE = `
WITH latest AS MATERIALIZED (
  SELECT created_at, decision, score, reasons, currency, amount_minor, creditor_id, device_id, country
  FROM public.payments WHERE debtor_id = $1 ORDER BY created_at DESC, payment_id DESC LIMIT $2)
SELECT
  count(*)::integer,
  count(*) FILTER (WHERE decision = 'approve')::integer,
  count(*) FILTER (WHERE decision = 'review')::integer,
  count(*) FILTER (WHERE decision = 'block')::integer,
  count(DISTINCT creditor_id)::integer,
  count(DISTINCT device_id)::integer,
  avg(score),
  max(score),
  (SELECT (extract(epoch FROM created_at) * 1000)::bigint::text FROM public.payments WHERE debtor_id = $1
   ORDER BY created_at, payment_id LIMIT 1),
  (extract(epoch FROM max(created_at)) * 1000)::bigint::text,
  NOT EXISTS (SELECT FROM public.payments WHERE debtor_id = $1
              ORDER BY created_at DESC, payment_id DESC OFFSET $2 LIMIT 1),
  (SELECT json_agg(json_build_array(currency, n, total::text) ORDER BY n DESC, currency)
   FROM (SELECT currency, count(*) AS n, sum(amount_minor) AS total FROM latest GROUP BY currency) AS sums),
  (SELECT array_agg(country ORDER BY n DESC, country)
   FROM (SELECT country, count(*) AS n FROM latest GROUP BY country) AS places),
  (SELECT json_agg(json_build_array(rule, n) ORDER BY n DESC, rule)
   FROM (SELECT rule, count(*) AS n FROM latest, unnest(reasons) AS rule
         GROUP BY rule ORDER BY n DESC, rule LIMIT ${TOP_REASONS}) AS hits)
FROM latest`

// Both numbers about time come from the index on decided_at.
const EXTENT = `
WITH latest AS MATERIALIZED (
  SELECT decided_at FROM public.payments WHERE decided_at > now() - interval '1 minute'
  ORDER BY decided_at DESC LIMIT $1)
SELECT pg_relation_size('public.payments')::text,
       (SELECT (extract(epoch FROM max(decided_at)) * 1000000)::bigint::text FROM public.payments),
       (SELECT count(*)::integer FROM latest),
       (SELECT (extract(epoch FROM now() - min(decided_at)) * 1000000)::bigint::text FROM latest)`

const SUMS = `
SELECT decision, currency, count(*)::text, sum(amount_minor)::text FROM public.payments GROUP BY decision, currency`

// The same pages each time, so that two estimates differ by what has changed.
const SAMPLED_SUMS = SUMS.replace('public.payments', 'public.payments TABLESAMPLE SYSTEM ($1::real) REPEATABLE (0)')

export interface QueryOptions {
  /** Most connections at a time; default 4. */
  readonly poolSize?: number
  /** Default QUESTION_TIMEOUT_MS. */
  readonly timeoutMs?: number
  /** Default STATS_EXACT_BYTES. */
  readonly statsExactBytes?: number
  /** Default LAST_MINUTE_MAX. */
  readonly lastMinuteMax?: number
}

/**
 * @param url `postgresql://user:password@host:port/database?sslmode=…`
 * @throws UsageError P2PAY_DATABASE_URL
 * @throws EnvironmentError P2PAY_DATABASE_DOWN, P2PAY_DATABASE_ACCESS, or P2PAY_DATABASE_SCHEMA when `p2pay migrate`
 *   has to run first
 */
export async function openQueries(url: string, options: QueryOptions = {}): Promise<PaymentQueries> {
  const target = readDatabaseUrl(url)
  const pool = openPool(target, {
    poolSize: options.poolSize,
    statementTimeoutMs: options.timeoutMs ?? QUESTION_TIMEOUT_MS,
    silenceTimeoutMs: SILENCE_TIMEOUT_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  })
  try {
    checkSchema(await readStatus(pool, target.address), target.address)
    return new PostgresQueries({pool, address: target.address}, options)
  } catch (error) {
    await pool.end()
    throw databaseError(error, target.address)
  }
}

class PostgresQueries implements PaymentQueries {
  readonly #connections: Connections
  readonly #statsExactBytes: number
  readonly #lastMinuteMax: number
  /** Under way: whoever asks meanwhile gets the same answer. */
  #stats: Promise<StoreStats> | undefined

  constructor(connections: Connections, options: QueryOptions) {
    this.#connections = connections
    this.#statsExactBytes = options.statsExactBytes ?? STATS_EXACT_BYTES
    this.#lastMinuteMax = options.lastMinuteMax ?? LAST_MINUTE_MAX
  }

  async payment(paymentId: string): Promise<DecidedPaymentRow | undefined> {
    if (!UUID.test(paymentId)) return undefined
    const [row] = await this.#ask(PAYMENT, [paymentId])
    return row === undefined ? undefined : toDecidedPayment(row)
  }

  async accountPayments(accountId: string, page: PageRequest): Promise<Page<DecidedPaymentRow>> {
    const cursor = cursorOf('account', page)
    if (!isStorable(accountId)) return {items: [], next: null}
    const rows = await (cursor === undefined
      ? this.#ask(ACCOUNT_LATEST, [page.limit + 1, accountId])
      : this.#ask(ACCOUNT_BEFORE, [page.limit + 1, accountId, encodeTimestamp(cursor.us), cursor.paymentId]))
    return toPage(rows, page.limit, ({payment}) =>
      encodeCursor('account', {us: BigInt(payment.createdAtMs) * 1000n, paymentId: payment.paymentId}),
    )
  }

  async alerts(page: PageRequest): Promise<Page<DecidedPaymentRow>> {
    const cursor = cursorOf('alerts', page)
    const rows = await (cursor === undefined
      ? this.#ask(ALERTS_LATEST, [page.limit + 1])
      : this.#ask(ALERTS_BEFORE, [page.limit + 1, encodeTimestamp(cursor.us), cursor.paymentId]))
    return toPage(rows, page.limit, ({payment, decidedUs}) =>
      encodeCursor('alerts', {us: BigInt(decidedUs), paymentId: payment.paymentId}),
    )
  }

  async accountProfile(accountId: string): Promise<AccountProfile | undefined> {
    if (!isStorable(accountId)) return undefined
    const [row] = await this.#ask(PROFILE, [accountId, PROFILE_PAYMENTS])
    const [count, approve, review, block, creditors, devices, ...others] = present(row, 'the answer of a profile')
    if (count === 0) return undefined
    const [meanScore, maxScore, firstMs, lastMs, isComplete, amounts, countries, reasons] = others
    return {
      accountId,
      isComplete: isComplete === true,
      paymentCount: safeNumber(count, 'a count'),
      approveCount: safeNumber(approve, 'a count'),
      reviewCount: safeNumber(review, 'a count'),
      blockCount: safeNumber(block, 'a count'),
      amounts: tuples(amounts).map(([currency, n, sum]) => ({
        currency: String(currency),
        count: safeNumber(n, 'a count'),
        sumMinor: BigInt(String(sum)),
      })),
      creditorCount: safeNumber(creditors, 'a count'),
      deviceCount: safeNumber(devices, 'a count'),
      countries: textArray(countries),
      // An average of equal floats may be one last digit above them.
      meanScore: Math.min(Number(meanScore), Number(maxScore)),
      maxScore: Number(maxScore),
      firstAtMs: safeNumber(firstMs, 'created_at'),
      lastAtMs: safeNumber(lastMs, 'created_at'),
      topReasons: tuples(reasons).map(([rule, n]) => ({rule: String(rule), count: safeNumber(n, 'a count')})),
    }
  }

  stats(): Promise<StoreStats> {
    this.#stats ??= this.#readStats().finally(() => {
      this.#stats = undefined
    })
    return this.#stats
  }

  async #readStats(): Promise<StoreStats> {
    const [extent] = await this.#ask(EXTENT, [this.#lastMinuteMax])
    const [size, lastDecided, recentCount, recentSpanUs] = present(extent, 'the extent of the payments')
    const bytes = Number(size)
    const share = bytes <= this.#statsExactBytes ? 1 : this.#statsExactBytes / bytes
    const sums = await (share === 1 ? this.#ask(SUMS, []) : this.#ask(SAMPLED_SUMS, [share * 100]))
    const lastMinuteCount = safeNumber(recentCount, 'a count')
    const isWholeMinute = lastMinuteCount < this.#lastMinuteMax
    const rate = lastMinuteCount / Math.max(Number(recentSpanUs), 1)
    return {
      isExact: share === 1 && isWholeMinute,
      ...totalsOf(sums, share),
      lastMinuteCount: isWholeMinute ? lastMinuteCount : Math.round(rate * MINUTE_US),
      lastDecidedUs: lastDecided === null ? null : safeNumber(lastDecided, 'decided_at'),
    }
  }

  async ping(): Promise<void> {
    await this.#ask('SELECT 1', [])
  }

  async close(): Promise<void> {
    await this.#connections.pool.end()
  }

  async #ask(text: string, values: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    return (await onConnection(this.#connections, query => query(text, values))).rows
  }
}

function cursorOf(kind: CursorKind, {limit, cursor}: PageRequest): Cursor | undefined {
  assert(Number.isSafeInteger(limit), 'a page has a whole number of items')
  assert(limit >= 1 && limit <= MAX_PAGE_ITEMS, 'a page has from 1 to 1000 items')
  return cursor === null ? undefined : decodeCursor(kind, cursor)
}

/** One row more than the page holds says that there is a next one. */
function toPage(
  rows: readonly (readonly unknown[])[],
  limit: number,
  cursorAfter: (row: DecidedPaymentRow) => string,
): Page<DecidedPaymentRow> {
  const items = rows.slice(0, limit).map(toDecidedPayment)
  const last = items.at(-1)
  return {items, next: rows.length > limit && last !== undefined ? cursorAfter(last) : null}
}

type Totals = Pick<StoreStats, 'paymentCount' | 'approveCount' | 'reviewCount' | 'blockCount' | 'blockedAmounts'>

/** @param share of the table that was counted; what is not there is taken to be like what is */
function totalsOf(rows: readonly (readonly unknown[])[], share: number): Totals {
  const counts = {approve: 0, review: 0, block: 0}
  const blocked: {currency: string; count: number; sumMinor: bigint}[] = []
  for (const [decision, currency, n, sum] of rows) {
    const kind = toKind(decision)
    const count = safeNumber(n, 'a count')
    counts[kind] += count
    if (kind !== 'block') continue
    blocked.push({
      currency: String(currency),
      count: scaled(count, share),
      sumMinor: scaledSum(BigInt(String(sum)), share),
    })
  }
  const approveCount = scaled(counts.approve, share)
  const reviewCount = scaled(counts.review, share)
  const blockCount = scaled(counts.block, share)
  return {
    paymentCount: approveCount + reviewCount + blockCount,
    approveCount,
    reviewCount,
    blockCount,
    blockedAmounts: blocked.sort((a, b) => b.count - a.count || (a.currency < b.currency ? -1 : 1)),
  }
}

function scaled(count: number, share: number): number {
  return share === 1 ? count : Math.round(count / share)
}

/** Sums may be beyond 2^53; the share is taken in millionths. */
function scaledSum(sum: bigint, share: number): bigint {
  return share === 1 ? sum : (sum * 1_000_000n) / BigInt(Math.max(1, Math.round(share * 1_000_000)))
}

function tuples(value: unknown): readonly (readonly unknown[])[] {
  if (value === null) return []
  assert(Array.isArray(value), 'a list did not arrive as an array')
  return value.map(tuple => {
    assert(Array.isArray(tuple), 'an entry of a list did not arrive as an array')
    return tuple
  })
}
