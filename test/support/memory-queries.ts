/** A slow, obvious PaymentQueries over rows in memory, for tests of the API. */
import {EnvironmentError} from '../../src/lib/base/errors.js'
import {type CursorKind, decodeCursor, encodeCursor} from '../../src/lib/store/cursor.js'
import type {
  AccountProfile,
  DecidedPaymentRow,
  Page,
  PageRequest,
  PaymentQueries,
  StoreStats,
} from '../../src/lib/store/payment-queries.js'
import {testPaymentId} from './payments.js'

export class MemoryQueries implements PaymentQueries {
  readonly rows: DecidedPaymentRow[] = []
  /** While set, every question fails as it does when the database is gone. */
  isDown = false
  /** The wall clock for the last minute, µs. */
  nowUs = 0

  async payment(paymentId: string): Promise<DecidedPaymentRow | undefined> {
    this.#check()
    return this.rows.find(row => row.payment.paymentId === paymentId)
  }

  async accountPayments(accountId: string, page: PageRequest): Promise<Page<DecidedPaymentRow>> {
    this.#check()
    const rows = this.rows.filter(row => row.payment.debtorId === accountId)
    return paged(
      'account',
      rows.sort((a, b) => b.payment.createdAtMs - a.payment.createdAtMs || byId(a, b)),
      page,
    )
  }

  async alerts(page: PageRequest): Promise<Page<DecidedPaymentRow>> {
    this.#check()
    const rows = this.rows.filter(row => row.decision.kind !== 'approve')
    return paged(
      'alerts',
      rows.sort((a, b) => b.decidedUs - a.decidedUs || byId(a, b)),
      page,
    )
  }

  async accountProfile(accountId: string): Promise<AccountProfile | undefined> {
    this.#check()
    const rows = this.rows.filter(row => row.payment.debtorId === accountId)
    if (rows.length === 0) return undefined
    const scores = rows.map(row => row.decision.score)
    const times = rows.map(row => row.payment.createdAtMs)
    const reasons = rows.flatMap(row => row.decision.reasons)
    return {
      accountId,
      isComplete: true,
      paymentCount: rows.length,
      ...kindCounts(rows),
      amounts: sums(rows),
      creditorCount: new Set(rows.map(row => row.payment.creditorId)).size,
      deviceCount: new Set(rows.map(row => row.payment.deviceId)).size,
      countries: [...new Set(rows.map(row => row.payment.country))].sort(),
      meanScore: Math.min(1, scores.reduce((sum, score) => sum + score, 0) / scores.length),
      maxScore: Math.max(...scores),
      firstAtMs: Math.min(...times),
      lastAtMs: Math.max(...times),
      topReasons: [...new Set(reasons)]
        .map(rule => ({rule, count: reasons.filter(reason => reason === rule).length}))
        .sort((a, b) => b.count - a.count || (a.rule < b.rule ? -1 : 1))
        .slice(0, 5),
    }
  }

  async stats(): Promise<StoreStats> {
    this.#check()
    return {
      isExact: true,
      paymentCount: this.rows.length,
      ...kindCounts(this.rows),
      blockedAmounts: sums(this.rows.filter(row => row.decision.kind === 'block')),
      lastMinuteCount: this.rows.filter(row => row.decidedUs > this.nowUs - 60_000_000).length,
      lastDecidedUs: this.rows.length === 0 ? null : Math.max(...this.rows.map(row => row.decidedUs)),
    }
  }

  async ping(): Promise<void> {
    this.#check()
  }

  async close(): Promise<void> {}

  #check(): void {
    if (this.isDown) throw new EnvironmentError('the database is gone', {code: 'P2PAY_DATABASE_DOWN'})
  }
}

/** The time of a cursor is the number of rows before the page. */
function paged(
  kind: CursorKind,
  rows: readonly DecidedPaymentRow[],
  {limit, cursor}: PageRequest,
): Page<DecidedPaymentRow> {
  const from = cursor === null ? 0 : Number(decodeCursor(kind, cursor).us)
  const to = from + limit
  const next = (): string => encodeCursor(kind, {us: BigInt(to), paymentId: testPaymentId(to)})
  return {items: rows.slice(from, to), next: to < rows.length ? next() : null}
}

function byId(a: DecidedPaymentRow, b: DecidedPaymentRow): number {
  return a.payment.paymentId < b.payment.paymentId ? 1 : -1
}

function kindCounts(
  rows: readonly DecidedPaymentRow[],
): Pick<StoreStats, 'approveCount' | 'reviewCount' | 'blockCount'> {
  const count = (kind: string): number => rows.filter(row => row.decision.kind === kind).length
  return {approveCount: count('approve'), reviewCount: count('review'), blockCount: count('block')}
}

function sums(rows: readonly DecidedPaymentRow[]): StoreStats['blockedAmounts'] {
  return [...new Set(rows.map(row => row.payment.currency))].sort().map(currency => {
    const amounts = rows.filter(row => row.payment.currency === currency).map(row => BigInt(row.payment.amountMinor))
    return {currency, count: amounts.length, sumMinor: amounts.reduce((sum, amount) => sum + amount, 0n)}
  })
}
