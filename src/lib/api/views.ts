/** What the API shows of payments, decisions and accounts: plain data in snake_case, as schemas.ts describes it. */
import type {DecisionKind} from '../payment/decision.js'
import {wireObjectOf} from '../payment/encode.js'
import {formatMinor} from '../payment/money.js'
import type {Payment} from '../payment/payment.js'
import type {AccountProfile, DecidedPaymentRow, Page, StoreStats} from '../store/payment-queries.js'
import type {PAYMENT_STATES, RISK_LEVELS} from './components.js'

type PaymentState = (typeof PAYMENT_STATES)[number]
export type RiskLevel = (typeof RISK_LEVELS)[number]

const STATE_OF: Readonly<Record<DecisionKind, PaymentState>> = {
  approve: 'approved',
  review: 'under_review',
  block: 'blocked',
}

export function decisionView({payment, decision, ...row}: DecidedPaymentRow): object {
  return {
    payment_id: payment.paymentId,
    status: STATE_OF[decision.kind],
    decision: decision.kind,
    score: decision.score,
    reasons: decision.reasons,
    decided_at: wallTime(row.decidedUs),
    persisted_at: wallTime(row.persistedUs),
    partition: row.partition,
    offset: row.offset,
  }
}

export function paymentView(row: DecidedPaymentRow): object {
  return {
    payment_id: row.payment.paymentId,
    status: STATE_OF[row.decision.kind],
    payment: wireObjectOf(row.payment),
    decision: decisionView(row),
  }
}

/** Of a payment that is on the topic and not decided. */
export function acceptedView(payment: Payment): object {
  return {payment_id: payment.paymentId, status: 'accepted', payment: wireObjectOf(payment), decision: null}
}

export function pageView(page: Page<DecidedPaymentRow>): object {
  return {items: page.items.map(paymentView), next: page.next}
}

export function profileView(profile: AccountProfile): object {
  return {
    account_id: profile.accountId,
    risk_level: riskLevelOf(profile),
    is_complete: profile.isComplete,
    payment_count: profile.paymentCount,
    decisions: {approve: profile.approveCount, review: profile.reviewCount, block: profile.blockCount},
    amounts: profile.amounts.map(sumView),
    creditor_count: profile.creditorCount,
    device_count: profile.deviceCount,
    countries: profile.countries,
    mean_score: profile.meanScore,
    max_score: profile.maxScore,
    first_at: eventTime(profile.firstAtMs),
    last_at: eventTime(profile.lastAtMs),
    top_reasons: profile.topReasons.map(({rule, count}) => ({rule, count})),
  }
}

/** The rule that the schema of RiskLevel states. Shares are compared as whole numbers: 1 in 20 is 5 % exactly. */
export function riskLevelOf({
  paymentCount,
  reviewCount,
  blockCount,
}: Pick<AccountProfile, 'paymentCount' | 'reviewCount' | 'blockCount'>): RiskLevel {
  if (paymentCount === 0) return 'low'
  const flaggedCount = reviewCount + blockCount
  if (blockCount * 20 >= paymentCount || flaggedCount * 5 >= paymentCount) return 'high'
  if (blockCount > 0 || flaggedCount * 20 >= paymentCount) return 'medium'
  return 'low'
}

/** The part of the statistics that the database knows. */
export function storeStatsView(stats: StoreStats): Readonly<Record<string, unknown>> {
  return {
    is_exact: stats.isExact,
    payment_count: stats.paymentCount,
    decisions: {approve: stats.approveCount, review: stats.reviewCount, block: stats.blockCount},
    blocked_amounts: stats.blockedAmounts.map(sumView),
    last_minute: {count: stats.lastMinuteCount, per_second: Math.round((stats.lastMinuteCount / 60) * 1000) / 1000},
    last_decided_at: stats.lastDecidedUs === null ? null : wallTime(stats.lastDecidedUs),
  }
}

function sumView({currency, count, sumMinor}: StoreStats['blockedAmounts'][number]): object {
  return {currency, count, sum_minor: sumMinor.toString(), sum: formatMinor(sumMinor, currency)}
}

/** @returns ISO 8601 UTC with µs. @param us since the epoch, whole */
export function wallTime(us: number): string {
  const micros = us % 1000
  return `${new Date((us - micros) / 1000).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}

function eventTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
