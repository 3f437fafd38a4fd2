/**
 * The reusable parts of the API's description: JSON Schemas of everything that it answers, and its error responses.
 * Sums of money are decimal digits in a string, in one way everywhere: a sum may be past what JSON readers keep.
 */
import {DECISIONS} from '../payment/decision.js'
import {
  type JsonSchema,
  PAYMENT_PARTS,
  type PaymentPart,
  paymentRequestSchema,
  paymentSchema,
} from './payment-schema.js'
import {PROBLEMS} from './problem.js'

/** Of the accounts' risk, worst last; the rule is `riskLevelOf` of views.ts. */
export const RISK_LEVELS = ['low', 'medium', 'high'] as const
/** What an answer calls the state of a payment. */
export const PAYMENT_STATES = ['accepted', 'approved', 'under_review', 'blocked'] as const

const PROBLEM_CODES = Object.keys(PROBLEMS)

const PART_NAMES = {
  id: 'Id',
  uuid: 'Uuid',
  country: 'Country',
  timestamp: 'Timestamp',
} as const satisfies Record<PaymentPart, string>

/** `#/components/schemas/…` */
export function schemaRef(name: ComponentName): {readonly $ref: string} {
  return {$ref: `#/components/schemas/${name}`}
}

/** An object that has all of its properties and no other. */
function record(description: string, properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return {type: 'object', description, required: Object.keys(properties), additionalProperties: false, properties}
}

function listOf(items: JsonSchema, description: string): JsonSchema {
  return {type: 'array', items, description}
}

const count = (description: string): JsonSchema => ({type: 'integer', minimum: 0, description})
const score = (description: string): JsonSchema => ({type: 'number', minimum: 0, maximum: 1, description})
const orNull = (schema: JsonSchema, description: string): JsonSchema => ({anyOf: [schema, {type: 'null'}], description})
const partRef = (part: PaymentPart): string => `#/components/schemas/${PART_NAMES[part]}`
const ref = (name: string, description?: string): JsonSchema => ({
  $ref: `#/components/schemas/${name}`,
  ...(description === undefined ? {} : {description}),
})

const WALL_TIME = '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$'

function page(of: string, order: string): JsonSchema {
  return record(`A page, ${order}.`, {
    items: listOf(ref(of), `At most \`limit\` of them.`),
    next: {
      type: ['string', 'null'],
      description: 'The `cursor` of the next page, to be passed on as it is; null on the last one.',
    },
  })
}

export const COMPONENT_SCHEMAS = {
  Id: {...PAYMENT_PARTS.id, description: 'Of an account, a device or a card.'},
  Uuid: {...PAYMENT_PARTS.uuid, description: 'A UUID in lower case.'},
  Country: PAYMENT_PARTS.country,
  Timestamp: PAYMENT_PARTS.timestamp,
  WallTime: {
    type: 'string',
    pattern: WALL_TIME,
    description: 'Wall clock, ISO 8601 UTC with microseconds.',
    examples: ['2026-01-05T12:00:00.123456Z'],
  },
  Payment: paymentSchema(partRef),
  PaymentRequest: paymentRequestSchema(partRef),
  PaymentState: {
    type: 'string',
    enum: PAYMENT_STATES,
    description:
      '`accepted`: on the topic, not decided yet. `approved`, `under_review` and `blocked`: the decision was approve, review or block.',
  },
  PaymentAccepted: record('A payment that the broker has acknowledged.', {
    payment_id: ref('Uuid'),
    status: {type: 'string', const: 'accepted'},
  }),
  BatchLine: {
    type: 'object',
    description:
      'The answer to one line of a batch. `accepted`: acknowledged by the broker. `refused`: nothing was sent, `problem` says why. `unknown`: it may have been sent; the same line again settles it.',
    required: ['line', 'status'],
    properties: {
      line: {
        type: 'integer',
        minimum: 1,
        description: 'Number of the line that it answers, from 1; blank lines count.',
      },
      status: {type: 'string', enum: ['accepted', 'refused', 'unknown']},
      payment_id: ref('Uuid'),
      replayed: {type: 'boolean', description: 'True: it had been accepted before, and nothing was sent again.'},
      problem: ref('Problem'),
    },
  },
  DecisionKind: {type: 'string', enum: DECISIONS, description: 'What the detector says.'},
  Reasons: listOf({type: 'string'}, 'Names of the rules that hit, strongest first.'),
  Decision: record('A decision that was stored.', {
    payment_id: ref('Uuid'),
    status: ref('PaymentState'),
    decision: ref('DecisionKind'),
    score: score('How suspicious it is.'),
    reasons: ref('Reasons'),
    decided_at: ref('WallTime', 'When the detector decided.'),
    persisted_at: ref('WallTime', 'When the row was stored.'),
    partition: count('Where the payment is on the raw topic.'),
    offset: count('Where the payment is in its partition.'),
  }),
  PaymentView: record('A payment, and what was decided.', {
    payment_id: ref('Uuid'),
    status: ref('PaymentState'),
    payment: ref('Payment'),
    decision: orNull(ref('Decision'), 'Null until the detector has decided.'),
  }),
  PaymentPage: page('PaymentView', 'latest event time first'),
  AlertPage: page('PaymentView', 'latest decision first'),
  Factor: record('A rule that hit.', {
    rule: {type: 'string', description: 'Its name.'},
    impact: score('What it added to the score.'),
    description: {type: 'string', description: 'What it means.'},
  }),
  Score: record('What the detector would decide now. Nothing was stored, and nothing has moved.', {
    payment_id: ref('Uuid', "The client's own, or one that was minted."),
    decision: ref('DecisionKind'),
    score: score('How suspicious it is.'),
    reasons: ref('Reasons'),
    top_factors: listOf(ref('Factor'), 'The rules that weigh most, strongest first, at most 5.'),
    elapsed_ms: {type: 'number', minimum: 0, description: 'What the answer took, from the whole request on.'},
    budget_ms: {type: 'number', minimum: 0, description: 'What it may take; past it there is no answer but a 503.'},
  }),
  MoneySum: record('Money of one currency.', {
    currency: {type: 'string', pattern: '^[A-Z]{3}$', description: 'ISO 4217.'},
    count: count('Payments in the sum.'),
    sum_minor: {
      type: 'string',
      pattern: '^[0-9]+$',
      description: 'The sum in minor units, as digits: it may be past 2^53.',
    },
    sum: {type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?$', description: 'The same in major units.'},
  }),
  RiskLevel: {
    type: 'string',
    enum: RISK_LEVELS,
    description:
      'Derived from what was decided on the payments of the profile. `high`: at least 5 % of them were blocked, or 20 % flagged (under review or blocked). `medium`: at least one was blocked, or 5 % flagged. `low`: otherwise.',
  },
  RiskProfile: record('What is known of an account from the payments that it made.', {
    account_id: ref('Id'),
    risk_level: ref('RiskLevel'),
    is_complete: {
      type: 'boolean',
      description:
        'False when it has made so many payments that the figures tell of the latest only; first_at and last_at are exact always.',
    },
    payment_count: count('Payments that it made, or the latest of them.'),
    decisions: ref('DecisionCounts'),
    amounts: listOf(ref('MoneySum'), 'What it paid, by currency.'),
    creditor_count: count('Accounts that it paid.'),
    device_count: count('Devices that it used.'),
    countries: listOf(ref('Country'), 'Where its payments were made, most often first.'),
    mean_score: orNull(score('Between 0 and 1.'), 'Mean of the scores of its payments.'),
    max_score: orNull(score('Between 0 and 1.'), 'Highest score of its payments.'),
    first_at: orNull(ref('Timestamp'), 'Event time of its first payment.'),
    last_at: orNull(ref('Timestamp'), 'Event time of its last payment.'),
    top_reasons: listOf(
      record('A rule and its hits.', {rule: {type: 'string'}, count: count('Payments that it hit.')}),
      'The rules that hit its payments most often, at most 5.',
    ),
  }),
  DecisionCounts: record('Payments by decision.', {
    approve: count('Approved.'),
    review: count('Under review.'),
    block: count('Blocked.'),
  }),
  Stats: record('What was decided since the database was made, and what this server has done since it started.', {
    is_exact: {
      type: 'boolean',
      description: 'False when there are so many payments that counts and sums are estimates from a sample.',
    },
    payment_count: count('Payments decided and stored.'),
    decisions: ref('DecisionCounts'),
    blocked_amounts: listOf(ref('MoneySum'), 'What was blocked, by currency.'),
    last_minute: record("The last minute of the database's clock.", {
      count: count('Payments decided.'),
      per_second: {type: 'number', minimum: 0, description: 'The same, a second.'},
    }),
    last_decided_at: orNull(ref('WallTime'), 'Null before the first decision.'),
    uptime_s: {type: 'number', minimum: 0, description: 'Since this server started.'},
    ingest: record('What this server has taken in.', {
      acked_count: count('Payments that the broker acknowledged.'),
      error_count: count('Payments that got no acknowledgement.'),
      pending_count: count('Payments taken over and without an outcome yet: they wait for the database or the broker.'),
      pending_bytes: count('Their bytes.'),
    }),
    lag: orNull(count('Records.'), 'Records on the raw topic that the detector has not committed; null when unknown.'),
  }),
  Health: record('The process lives.', {status: {type: 'string', const: 'ok'}, version: {type: 'string'}}),
  Readiness: record('Everything that is needed is there.', {status: {type: 'string', const: 'ready'}}),
  FieldProblem: {
    type: 'object',
    description: 'What is wrong with one field.',
    required: ['field', 'problem'],
    properties: {
      field: {type: 'string', description: 'Its name; `$` for the whole body.'},
      problem: {type: 'string', description: 'What it must be.'},
    },
  },
  Problem: {
    type: 'object',
    description: 'A problem document (RFC 9457).',
    required: ['type', 'title', 'status', 'code', 'detail'],
    properties: {
      type: {type: 'string', format: 'uri', description: 'Names the kind of problem, as `code` does.'},
      title: {type: 'string', description: 'The kind, for humans.'},
      status: {type: 'integer', minimum: 400, maximum: 599, description: 'The HTTP status.'},
      code: {type: 'string', enum: PROBLEM_CODES, description: 'The kind, stable, for programs.'},
      detail: {type: 'string', description: 'What happened this time.'},
      instance: {type: 'string', description: 'The path that was asked for, at most 200 characters of it.'},
      errors: listOf(ref('FieldProblem'), 'All that is wrong with the request, by field.'),
      payment_status: {
        type: 'string',
        const: 'accepted',
        description: 'With `NOT_DECIDED`: the status of the payment.',
      },
      payment_id: ref(
        'Uuid',
        'With a 503 after which the payment may have been sent: the same body with this id, sent again, settles it and makes no second payment.',
      ),
      troubles: listOf({type: 'string'}, 'With `NOT_READY`: everything that is wrong.'),
    },
  },
} as const satisfies Record<string, JsonSchema>

export type ComponentName = keyof typeof COMPONENT_SCHEMAS
