/** Examples for the API's description; a test holds each to the schema that it illustrates. */
import {encodePayment} from '../payment/encode.js'
import type {Payment} from '../payment/payment.js'
import {METRICS} from './metrics.js'

export const PAYMENT_ID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
export const ACCOUNT_ID = 'acct-1001'

const PAYMENT: Payment = {
  schemaVersion: 1,
  paymentId: PAYMENT_ID,
  createdAtMs: Date.UTC(2026, 0, 5, 12),
  paymentType: 'transfer',
  debtorId: ACCOUNT_ID,
  creditorId: 'acct-2002',
  creditorType: 'person',
  amountMinor: 125_000,
  currency: 'EUR',
  method: 'bank_transfer',
  channel: 'app',
  country: 'DE',
  creditorCountry: 'NG',
  ipAddress: '192.0.2.10',
  deviceId: 'device-7',
  latitude: 52.52,
  longitude: 13.405,
  reference: 'Rent January',
}
const WIRE_PAYMENT: unknown = JSON.parse(encodePayment(PAYMENT))

export const PAYMENT_REQUESTS = {
  smallest: {
    summary: 'The least that is taken',
    value: {debtor_id: ACCOUNT_ID, creditor_id: 'acct-2002', amount: '12.50', currency: 'EUR'},
  },
  whole: {summary: 'A payment in wire format v1', value: WIRE_PAYMENT},
} as const

export const BATCH_REQUESTS = {
  two: {
    summary: 'Two payments',
    value: [
      `{"payment_id":"${PAYMENT_ID}","debtor_id":"acct-1001","creditor_id":"acct-2002","amount":"12.50","currency":"EUR"}`,
      '{"debtor_id":"acct-1001","creditor_id":"acct-2003","amount_minor":0,"currency":"EUR"}',
      '',
    ].join('\n'),
  },
} as const

export const BATCH_ANSWERS = {
  two: {
    summary: 'One accepted, one refused',
    value: [
      `{"line":1,"status":"accepted","payment_id":"${PAYMENT_ID}"}`,
      '{"line":2,"status":"refused","problem":{"type":"urn:p2pay:problem:invalid-field","title":"The payment has fields that are wrong","status":422,"code":"INVALID_FIELD","detail":"one field is wrong","errors":[{"field":"amount_minor","problem":"must be a whole number of minor units from 1 to 9007199254740991"}]}}',
      '',
    ].join('\n'),
  },
} as const

export const ACCEPTED = {payment_id: PAYMENT_ID, status: 'accepted'} as const

export const DECISION = {
  payment_id: PAYMENT_ID,
  status: 'blocked',
  decision: 'block',
  score: 0.9,
  reasons: ['new-device-new-payee', 'high-risk-country'],
  decided_at: '2026-01-05T12:00:00.012345Z',
  persisted_at: '2026-01-05T12:00:00.023456Z',
  partition: 3,
  offset: 4711,
} as const

export const DECIDED_VIEW = {
  payment_id: PAYMENT_ID,
  status: 'blocked',
  payment: WIRE_PAYMENT,
  decision: DECISION,
} as const

export const ACCEPTED_VIEW = {
  payment_id: PAYMENT_ID,
  status: 'accepted',
  payment: WIRE_PAYMENT,
  decision: null,
} as const

export const PAYMENT_PAGE = {items: [DECIDED_VIEW], next: null} as const

export const SCORE = {
  payment_id: PAYMENT_ID,
  decision: 'block',
  score: 0.9,
  reasons: ['new-device-new-payee', 'high-risk-country'],
  top_factors: [
    {rule: 'new-device-new-payee', impact: 0.55, description: 'A new device pays a new payee.'},
    {rule: 'high-risk-country', impact: 0.35, description: 'The payee is in a country of high risk.'},
  ],
  elapsed_ms: 0.42,
  budget_ms: 100,
} as const

export const RISK_PROFILE = {
  account_id: ACCOUNT_ID,
  risk_level: 'high',
  is_complete: true,
  payment_count: 4,
  decisions: {approve: 2, review: 1, block: 1},
  amounts: [{currency: 'EUR', count: 4, sum_minor: '500000', sum: '5000.00'}],
  creditor_count: 3,
  device_count: 2,
  countries: ['DE', 'PL'],
  mean_score: 0.41,
  max_score: 0.9,
  first_at: '2026-01-02T08:15:00.000Z',
  last_at: '2026-01-05T12:00:00.000Z',
  top_reasons: [{rule: 'high-risk-country', count: 2}],
} as const

export const STATS = {
  is_exact: true,
  payment_count: 10_000,
  decisions: {approve: 9700, review: 200, block: 100},
  blocked_amounts: [{currency: 'EUR', count: 100, sum_minor: '12500000', sum: '125000.00'}],
  last_minute: {count: 6000, per_second: 100},
  last_decided_at: '2026-01-05T12:00:00.012345Z',
  uptime_s: 100.5,
  ingest: {acked_count: 10_000, error_count: 0, pending_count: 0, pending_bytes: 0},
  lag: 0,
} as const

export const HEALTH = {status: 'ok', version: '0.1.0'} as const
export const READINESS = {status: 'ready'} as const

export const METRICS_TEXT = [
  `# HELP ${METRICS.sent.name} ${METRICS.sent.help}`,
  `# TYPE ${METRICS.sent.name} counter`,
  `${METRICS.sent.name} 10000`,
  '',
].join('\n')

export const METRICS_DESCRIPTION = [
  'What the server counts and measures, beside the usual figures of a Node process.',
  '',
  '| metric | meaning |',
  '| --- | --- |',
  ...Object.values(METRICS).map(({name, help}) => `| \`${name}\` | ${help} |`),
].join('\n')
