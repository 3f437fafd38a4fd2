/**
 * What each operation of the API takes and answers: the schemas that routes are registered with and that the OpenAPI
 * document is made of. Bodies are judged by the code that reads them, which names every field that is wrong; tests
 * hold what it takes and answers to what is written here.
 */
import {schemaRef} from './components.js'
import * as examples from './examples.js'
import {errors, json, KEYED, OPEN, type Operation, text} from './operation.js'
import type {JsonSchema} from './payment-schema.js'

export const PAGE_LIMIT_MAX = 1000
export const PAGE_LIMIT_DEFAULT = 50
/** An opaque text of ours; what is longer is none of them. */
export const CURSOR_MAX_LENGTH = 512
/** The limit of the table of claims. */
export const IDEMPOTENCY_KEY_MAX_LENGTH = 255

const paymentId: JsonSchema = {
  type: 'object',
  required: ['id'],
  properties: {
    id: {
      type: 'string',
      pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
      description: 'The payment id.',
      examples: [examples.PAYMENT_ID],
    },
  },
}

const accountId: JsonSchema = {
  type: 'object',
  required: ['id'],
  properties: {
    id: {type: 'string', minLength: 1, maxLength: 128, description: 'The account id.', examples: [examples.ACCOUNT_ID]},
  },
}

const pageQuery: JsonSchema = {
  type: 'object',
  properties: {
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: PAGE_LIMIT_MAX,
      default: PAGE_LIMIT_DEFAULT,
      description: 'Items of a page at most.',
    },
    cursor: {
      type: 'string',
      minLength: 1,
      maxLength: CURSOR_MAX_LENGTH,
      description: 'The `next` of the page before; absent for the first page.',
    },
  },
}

const ACCEPTED_HEADERS: JsonSchema = {
  Location: {description: 'Where the payment can be looked up.', schema: {type: 'string'}},
  'Idempotent-Replayed': {
    description: 'There when the payment had been accepted before, and nothing was sent again.',
    schema: {type: 'string', enum: ['true']},
  },
}

/** Without it a load tester's wait for a slow server would count nowhere. */
const DUE_HEADER: JsonSchema = {
  type: 'string',
  pattern: '^[0-9]{16}$',
  description:
    "When the payment was due on the client's schedule, wall clock µs: latencies count from then. Overlooked when absent, more than an hour old or more than a second ahead.",
}

export const SEND_PAYMENT: Operation = {
  operationId: 'sendPayment',
  summary: 'Send a payment',
  description:
    'Validates the payment and puts it on the raw topic; the answer comes after the broker has acknowledged it. A payment in wire format v1 goes byte for byte. A retry with the same `payment_id` or `Idempotency-Key` never makes a second payment: the same content is answered again, other content is a conflict. After a 503 or a broken connection the payment may have been sent; sending it again with one of the two settles that. A client that gave neither finds the `payment_id` in the problem document of such a 503; a broken connection leaves it without one, so give one of the two from the start. A retry without either is a new payment.',
  tags: ['payments'],
  security: KEYED,
  headers: {
    type: 'object',
    properties: {
      'idempotency-key': {
        type: 'string',
        minLength: 1,
        maxLength: IDEMPOTENCY_KEY_MAX_LENGTH,
        description: 'Names the request across retries, for clients that do not make payment ids.',
        pattern: '^[ -~]+$',
        examples: ['order-4711'],
      },
      'p2pay-due-us': DUE_HEADER,
    },
  },
  body: {
    description: 'One payment.',
    content: {'application/json': {schema: schemaRef('PaymentRequest'), examples: examples.PAYMENT_REQUESTS}},
  },
  response: {
    202: json(
      'PaymentAccepted',
      'The broker has acknowledged the payment.',
      {accepted: {summary: 'Accepted', value: examples.ACCEPTED}},
      ACCEPTED_HEADERS,
    ),
    ...errors(
      ...(['BadRequest', 'Unauthorized', 'Conflict', 'TooLarge', 'UnsupportedMediaType', 'InvalidPayment'] as const),
      'Unavailable',
    ),
  },
}

export const SEND_BATCH: Operation = {
  operationId: 'sendPaymentBatch',
  summary: 'Send many payments',
  description:
    'Takes NDJSON, a payment a line, and answers NDJSON, a line for each line, in the same order, after all have an outcome. Each line is judged by itself, as by `sendPayment`: a bad one does not hold the others back. Blank lines are passed over. An Idempotency-Key cannot name many payments and is refused.',
  tags: ['payments'],
  security: KEYED,
  headers: {type: 'object', properties: {'p2pay-due-us': DUE_HEADER}},
  body: {
    description: 'NDJSON: a payment a line. The schema is that of one line.',
    content: {
      'application/x-ndjson': {schema: schemaRef('PaymentRequest'), examples: examples.BATCH_REQUESTS},
    },
  },
  response: {
    200: {
      description: 'NDJSON: an answer a line. The schema is that of one line.',
      content: {'application/x-ndjson': {schema: schemaRef('BatchLine'), examples: examples.BATCH_ANSWERS}},
    },
    ...errors('BadRequest', 'Unauthorized', 'TooLarge', 'UnsupportedMediaType', 'Unavailable'),
  },
}

export const SCORE: Operation = {
  operationId: 'scorePayment',
  summary: 'Ask for a decision without sending the payment',
  description:
    'Decides as the detector would if the payment came now. It looks only: no window moves, nothing is stored or sent. Needs a server with a detector (`p2pay serve --detect`); an answer that took longer than the budget is not given.',
  tags: ['scoring'],
  security: KEYED,
  body: SEND_PAYMENT.body ?? {},
  response: {
    200: json('Score', 'What the detector would decide.', {
      blocked: {summary: 'Suspicious', value: examples.SCORE},
    }),
    ...errors('BadRequest', 'Unauthorized', 'TooLarge', 'UnsupportedMediaType', 'InvalidPayment', 'Unavailable'),
  },
}

export const GET_PAYMENT: Operation = {
  operationId: 'getPayment',
  summary: 'Look a payment up',
  description: 'The payment, its status, and the decision once there is one. Needs a database.',
  tags: ['lookups'],
  security: KEYED,
  params: paymentId,
  response: {
    200: json('PaymentView', 'The payment.', {
      decided: {summary: 'Decided', value: examples.DECIDED_VIEW},
      accepted: {summary: 'Accepted, not decided yet', value: examples.ACCEPTED_VIEW},
    }),
    ...errors('BadRequest', 'Unauthorized', 'NotFound', 'Unavailable'),
  },
}

export const GET_DECISION: Operation = {
  operationId: 'getPaymentDecision',
  summary: 'Look a decision up',
  description:
    'What was decided on a payment, and when. A payment that is accepted and not decided yet is a 404 whose code is `NOT_DECIDED` and whose `payment_status` is `accepted`. Needs a database.',
  tags: ['lookups'],
  security: KEYED,
  params: paymentId,
  response: {
    200: json('Decision', 'The decision.', {blocked: {summary: 'Blocked', value: examples.DECISION}}),
    ...errors('BadRequest', 'Unauthorized', 'NotFound', 'Unavailable'),
  },
}

export const LIST_ACCOUNT_PAYMENTS: Operation = {
  operationId: 'listAccountPayments',
  summary: 'List what an account has paid',
  description:
    'Decided payments that the account made, as their debtor, latest event time first. An account that nobody has heard of has none. Needs a database.',
  tags: ['lookups'],
  security: KEYED,
  params: accountId,
  querystring: pageQuery,
  response: {
    200: json('PaymentPage', 'A page of payments.', {last: {summary: 'The last page', value: examples.PAYMENT_PAGE}}),
    ...errors('BadRequest', 'Unauthorized', 'Unavailable'),
  },
}

export const GET_RISK_PROFILE: Operation = {
  operationId: 'getRiskProfile',
  summary: 'Sum an account up',
  description: 'What is known of an account from the payments that it made, and how risky that is. Needs a database.',
  tags: ['lookups'],
  security: KEYED,
  params: accountId,
  response: {
    200: json('RiskProfile', 'The profile.', {high: {summary: 'A risky account', value: examples.RISK_PROFILE}}),
    ...errors('BadRequest', 'Unauthorized', 'NotFound', 'Unavailable'),
  },
}

export const LIST_ALERTS: Operation = {
  operationId: 'listAlerts',
  summary: 'List what is under review or blocked',
  description: 'Flagged payments, latest decision first. Needs a database.',
  tags: ['lookups'],
  security: KEYED,
  querystring: pageQuery,
  response: {
    200: json('AlertPage', 'A page of payments.', {last: {summary: 'The last page', value: examples.PAYMENT_PAGE}}),
    ...errors('BadRequest', 'Unauthorized', 'Unavailable'),
  },
}

export const GET_STATS: Operation = {
  operationId: 'getStats',
  summary: 'Count what was decided',
  description:
    'Decisions by kind, blocked amounts, the last minute, and what this server has taken in since it started. Needs a database.',
  tags: ['operations'],
  security: KEYED,
  response: {
    200: json('Stats', 'The counts.', {stats: {summary: 'A running server', value: examples.STATS}}),
    ...errors('Unauthorized', 'Unavailable'),
  },
}

export const GET_HEALTH: Operation = {
  operationId: 'getHealth',
  summary: 'Is the process alive?',
  description: 'Answers as long as the process does, whatever is wrong around it. Never wants a key.',
  tags: ['operations'],
  security: OPEN,
  response: {
    200: json('Health', 'It is.', {ok: {summary: 'Alive', value: examples.HEALTH}}),
    ...errors(),
  },
}

export const GET_READINESS: Operation = {
  operationId: 'getReadiness',
  summary: 'Can it take payments?',
  description:
    'Asks the broker, the database and the detector. `troubles` of the problem names what is wrong. Never wants a key.',
  tags: ['operations'],
  security: OPEN,
  response: {
    200: json('Readiness', 'It can.', {ready: {summary: 'Ready', value: examples.READINESS}}),
    ...errors('Unavailable'),
  },
}

export const GET_METRICS: Operation = {
  operationId: 'getMetrics',
  summary: 'Metrics for Prometheus',
  description: examples.METRICS_DESCRIPTION,
  tags: ['operations'],
  security: KEYED,
  response: {
    200: text('Metrics in the text format of Prometheus.', 'text/plain', examples.METRICS_TEXT),
    ...errors('Unauthorized'),
  },
}

export const GET_OPENAPI: Operation = {
  operationId: 'getOpenApi',
  summary: 'This description',
  description: 'The OpenAPI 3.1 document of this API, the one that the pages at `/api/v1/docs` show.',
  tags: ['operations'],
  security: OPEN,
  response: {
    200: {
      description: 'The document.',
      content: {'application/json': {schema: {type: 'object'}, example: {openapi: '3.1.0'}}},
    },
    ...errors(),
  },
}

/** Every operation that there is. */
export const OPERATIONS: readonly Operation[] = [
  ...[SEND_PAYMENT, SEND_BATCH, SCORE],
  ...[GET_PAYMENT, GET_DECISION, LIST_ACCOUNT_PAYMENTS, GET_RISK_PROFILE, LIST_ALERTS],
  ...[GET_STATS, GET_HEALTH, GET_READINESS, GET_METRICS, GET_OPENAPI],
]
