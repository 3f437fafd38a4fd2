/** Port for looking up decided payments: what the API shows. Read only. Times are ms or µs since the epoch. */
import type {Decision} from '../payment/decision.js'
import type {Payment} from '../payment/payment.js'

export interface DecidedPaymentRow {
  readonly payment: Payment
  readonly decision: Decision
  readonly decidedUs: number
  readonly persistedUs: number
  readonly partition: number
  readonly offset: number
}

/** A page in descending order of time; `next` continues it, opaque text, null at the end. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface PageRequest {
  /** 1 to 1000. */
  readonly limit: number
  readonly cursor: string | null
}

/** Of an account's latest payments by event time, up to PROFILE_PAYMENTS (postgres-queries.ts) of them. */
export interface AccountProfile {
  readonly accountId: string
  /** False when it has made more payments than the figures tell of; `firstAtMs` and `lastAtMs` are exact always. */
  readonly isComplete: boolean
  /** Payments that it made (as debtor). */
  readonly paymentCount: number
  readonly approveCount: number
  readonly reviewCount: number
  readonly blockCount: number
  /** Sums of what it paid, by currency, minor units. */
  readonly amounts: readonly {readonly currency: string; readonly count: number; readonly sumMinor: bigint}[]
  readonly creditorCount: number
  readonly deviceCount: number
  /** Where it paid, most often first. */
  readonly countries: readonly string[]
  readonly meanScore: number | null
  readonly maxScore: number | null
  /** Event time; null without payments. */
  readonly firstAtMs: number | null
  readonly lastAtMs: number | null
  /** The rules that hit most often, most first, at most 5. */
  readonly topReasons: readonly {readonly rule: string; readonly count: number}[]
}

export interface StoreStats {
  /**
   * False when there is too much to count (STATS_EXACT_BYTES, LAST_MINUTE_MAX in postgres-queries.ts): counts and sums
   * are then estimated, from a sample of the table's pages and from the latest decisions.
   */
  readonly isExact: boolean
  readonly paymentCount: number
  readonly approveCount: number
  readonly reviewCount: number
  readonly blockCount: number
  /** Amounts blocked, by currency, minor units. */
  readonly blockedAmounts: readonly {readonly currency: string; readonly count: number; readonly sumMinor: bigint}[]
  /** Decided in the last minute of the database's clock. */
  readonly lastMinuteCount: number
  readonly lastDecidedUs: number | null
}

export interface PaymentQueries {
  payment(paymentId: string): Promise<DecidedPaymentRow | undefined>
  /** Payments that the account made, latest event time first. @throws UsageError P2PAY_CURSOR */
  accountPayments(accountId: string, page: PageRequest): Promise<Page<DecidedPaymentRow>>
  /** Payments under review or blocked, latest decision first. @throws UsageError P2PAY_CURSOR */
  alerts(page: PageRequest): Promise<Page<DecidedPaymentRow>>
  /** Undefined when the account has made no payment. */
  accountProfile(accountId: string): Promise<AccountProfile | undefined>
  stats(): Promise<StoreStats>
  /** Asks the database for a sign of life. @throws EnvironmentError P2PAY_DATABASE_DOWN */
  ping(): Promise<void>
  close(): Promise<void>
}
