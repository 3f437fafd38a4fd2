/**
 * JSON Schema of a payment, wire format v1, and of what a client may send in its place. The first says what
 * docs/payment-v1.schema.json says (a test holds them together), with the limits of the decoder itself.
 */
import {MAX_ID_LENGTH, MAX_REFERENCE_LENGTH} from '../payment/decode.js'
import {
  CHANNELS,
  CREDITOR_TYPES,
  PAYMENT_METHODS,
  PAYMENT_SCHEMA_VERSION,
  PAYMENT_STATUSES,
  PAYMENT_TYPES,
} from '../payment/payment.js'
import {MAX_PAYMENT_BYTES} from '../payment/topics.js'

/** A JSON Schema of draft 2020-12, as OpenAPI 3.1 has them. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The parts that fields share, by their name in `$defs`. */
export const PAYMENT_PARTS = {
  id: {type: 'string', minLength: 1, maxLength: MAX_ID_LENGTH},
  uuid: {type: 'string', pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'},
  country: {type: 'string', pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2.'},
  timestamp: {
    type: 'string',
    format: 'date-time',
    pattern:
      '^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z$',
    description: 'ISO 8601 UTC with milliseconds, 1970 to 9999; the day must exist.',
  },
} as const satisfies Record<string, JsonSchema>

export type PaymentPart = keyof typeof PAYMENT_PARTS

const FOUR_DIGITS = '^[0-9]{4}$'

const REQUIRED = [
  ...['schema_version', 'payment_id', 'created_at', 'payment_type', 'debtor_id', 'creditor_id', 'creditor_type'],
  ...['amount_minor', 'currency', 'method', 'channel', 'country', 'creditor_country', 'ip_address', 'device_id'],
  ...['latitude', 'longitude'],
]

/** @param ref where a part is found: `#/$defs/uuid` in a document of its own */
export function paymentSchema(ref: (part: PaymentPart) => string): JsonSchema {
  return {
    title: 'Payment, wire format v1',
    description: `One instruction to move money: a JSON object in UTF-8 of at most ${MAX_PAYMENT_BYTES.toLocaleString('en-US')} bytes. Unknown fields are kept and ignored. No string, at any depth, may hold a NUL character or a lone surrogate.`,
    type: 'object',
    required: REQUIRED,
    properties: {
      schema_version: {const: PAYMENT_SCHEMA_VERSION},
      payment_id: {
        $ref: ref('uuid'),
        description: 'The idempotency key; never changed. Opaque to detectors.',
      },
      created_at: {$ref: ref('timestamp'), description: 'Event time.'},
      payment_type: {type: 'string', enum: PAYMENT_TYPES},
      debtor_id: {$ref: ref('id'), description: 'Who pays; the record key.'},
      creditor_id: {$ref: ref('id'), description: 'Who is paid.'},
      creditor_type: {type: 'string', enum: CREDITOR_TYPES},
      amount_minor: {
        type: 'integer',
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'In the minor unit of the currency: 12345 EUR is 123.45, 12345 JPY is 12,345.',
      },
      currency: {type: 'string', pattern: '^[A-Z]{3}$', description: 'ISO 4217.'},
      method: {type: 'string', enum: PAYMENT_METHODS},
      card_token: {$ref: ref('id')},
      card_last_four: {type: 'string', pattern: FOUR_DIGITS},
      channel: {type: 'string', enum: CHANNELS},
      country: {$ref: ref('country'), description: 'Where the payment was made.'},
      creditor_country: {$ref: ref('country')},
      ip_address: {
        type: 'string',
        anyOf: [{format: 'ipv4'}, {format: 'ipv6'}],
        description: 'Without a zone.',
      },
      device_id: {$ref: ref('id')},
      latitude: {type: 'number', minimum: -90, maximum: 90, description: 'Degrees, WGS 84.'},
      longitude: {type: 'number', minimum: -180, maximum: 180, description: 'Degrees, WGS 84.'},
      merchant_category: {type: 'string', pattern: FOUR_DIGITS, description: 'ISO 18245.'},
      reference: {type: 'string', minLength: 1, maxLength: MAX_REFERENCE_LENGTH},
      original_payment_id: {$ref: ref('uuid'), description: 'Refunds: the payment that is given back.'},
      status: {type: 'string', enum: PAYMENT_STATUSES},
      sim_changed_at: {$ref: ref('timestamp')},
    },
  }
}

/**
 * What POST takes: a payment, or one with less. The rest is filled in, and other spellings become those of v1.
 *
 * @param ref where a part is found
 */
export function paymentRequestSchema(ref: (part: PaymentPart) => string): JsonSchema {
  const {properties} = paymentSchema(ref)
  const filledIn = (value: string): JsonSchema => ({description: `Filled in when absent: ${value}.`})
  return {
    title: 'Payment, as a client may send it',
    description:
      'A payment in wire format v1 goes to the topic byte for byte. One with fewer fields, or in another spelling, is made one: what is absent is filled in, and whatever is there must be valid. Unknown fields are kept.',
    type: 'object',
    required: ['debtor_id', 'creditor_id', 'currency'],
    anyOf: [{required: ['amount_minor']}, {required: ['amount']}],
    properties: {
      ...Object(properties),
      schema_version: {const: PAYMENT_SCHEMA_VERSION, ...filledIn('1')},
      payment_id: {
        type: 'string',
        pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
        description: 'A UUID, lowered when in upper case; minted when absent. The idempotency key of the payment.',
      },
      created_at: {
        type: 'string',
        format: 'date-time',
        description: 'Event time; another offset than UTC, or no milliseconds, is taken too. Absent: time of arrival.',
      },
      amount: {
        description:
          'In place of `amount_minor`, or equal to it: a decimal amount with no more decimals than the currency has.',
        anyOf: [
          {type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$'},
          {type: 'number', exclusiveMinimum: 0},
        ],
        examples: ['12.50'],
      },
      currency: {type: 'string', pattern: '^[A-Z]{3}$', description: 'An active currency of ISO 4217.'},
      payment_type: {type: 'string', enum: PAYMENT_TYPES, default: 'transfer'},
      creditor_type: {type: 'string', enum: CREDITOR_TYPES, default: 'person'},
      method: {type: 'string', enum: PAYMENT_METHODS, default: 'bank_transfer'},
      channel: {type: 'string', enum: CHANNELS, default: 'api'},
      country: {$ref: ref('country'), ...filledIn('ZZ')},
      creditor_country: {$ref: ref('country'), ...filledIn('the country')},
      ip_address: {
        type: 'string',
        anyOf: [{format: 'ipv4'}, {format: 'ipv6'}],
        ...filledIn("the caller's address"),
      },
      device_id: {$ref: ref('id'), ...filledIn('`api-` and the debtor_id')},
      latitude: {type: 'number', minimum: -90, maximum: 90, default: 0, description: 'Degrees, WGS 84.'},
      longitude: {type: 'number', minimum: -180, maximum: 180, default: 0, description: 'Degrees, WGS 84.'},
    },
  }
}
