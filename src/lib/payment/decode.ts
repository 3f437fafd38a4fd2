/**
 * Bytes to payment, wire format v1, strict: everything that a consumer behind us could trip over is refused here with
 * the field named, all problems at once. Unknown fields are allowed and ignored (they stay in the original bytes).
 * The published schema is docs/payment-v1.schema.json; a test holds the two together.
 */
import {isAscii, isUtf8} from 'node:buffer'
import {isIPv4, isIPv6} from 'node:net'
import {
  CHANNELS,
  CREDITOR_TYPES,
  PAYMENT_METHODS,
  PAYMENT_SCHEMA_VERSION,
  PAYMENT_STATUSES,
  PAYMENT_TYPES,
  type Payment,
} from './payment.js'
import {parseTimestamp} from './timestamp.js'
import {MAX_PAYMENT_BYTES} from './topics.js'

export type DecodeCode =
  /** Null or no bytes: a tombstone, or an empty record. */
  | 'EMPTY_VALUE'
  /** More than MAX_PAYMENT_BYTES. */
  | 'TOO_LARGE'
  | 'INVALID_UTF8'
  | 'MALFORMED_JSON'
  /** JSON, but an array, a string, a number, a boolean or null. */
  | 'NOT_AN_OBJECT'
  /** A schema_version that is a number and not ours; the other fields are not judged. */
  | 'UNKNOWN_VERSION'
  /** At least one field is missing, ill-typed, out of range or carries text that cannot be stored. */
  | 'INVALID_FIELD'

export interface FieldProblem {
  /** Name on the wire; `$` for the value as a whole; `a.b` or `a.0` within unknown fields. */
  readonly field: string
  readonly problem: string
}

export type DecodeResult =
  | {readonly ok: true; readonly payment: Payment}
  | {readonly ok: false; readonly code: DecodeCode; readonly problems: readonly FieldProblem[]}

/** Longest id, token or device name, in characters. */
export const MAX_ID_LENGTH = 128
/** Longest reference, in characters (ISO 20022 Max140Text). */
export const MAX_REFERENCE_LENGTH = 140
/** Problems beyond these are not listed; a record has some twenty fields. */
export const MAX_PROBLEMS = 50

/** Never throws; what is wrong with a record is a value. */
export function decodePayment(value: Buffer | null): DecodeResult {
  if (value === null || value.length === 0) return refuse('EMPTY_VALUE', '$', 'the value is empty')
  if (value.length > MAX_PAYMENT_BYTES)
    return refuse('TOO_LARGE', '$', `${value.length} bytes; at most ${MAX_PAYMENT_BYTES} are read`)
  // ASCII is the rule for payments, and cheaper to turn into a string.
  const ascii = isAscii(value)
  if (!ascii && !isUtf8(value)) return refuse('INVALID_UTF8', '$', 'not UTF-8')
  let json: unknown
  try {
    json = JSON.parse(ascii ? value.toString('latin1') : value.toString('utf8'))
  } catch {
    return refuse('MALFORMED_JSON', '$', 'not JSON')
  }
  if (!isObject(json)) return refuse('NOT_AN_OBJECT', '$', 'not a JSON object')

  const version = json['schema_version']
  if (typeof version === 'number' && version !== PAYMENT_SCHEMA_VERSION)
    return refuse(
      'UNKNOWN_VERSION',
      'schema_version',
      `version ${version} is unknown; ${PAYMENT_SCHEMA_VERSION} is read`,
    )

  const fields = new Fields(json)
  const payment = readPayment(fields)
  // In valid JSON and UTF-8 a NUL or a lone surrogate can only be written as an escape: no backslash, no search.
  if (value.includes(BACKSLASH)) findUnstorable(json, fields)
  if (fields.problems !== undefined) return {ok: false, code: 'INVALID_FIELD', problems: fields.problems}
  return {ok: true, payment}
}

const BACKSLASH = 0x5c

type Mutable<T> = {-readonly [K in keyof T]: T[K]}

/** Wire order; what is worthless because a problem was noted never leaves decodePayment. */
function readPayment(fields: Fields): Payment {
  fields.version()
  const payment: Mutable<Payment> = {
    schemaVersion: PAYMENT_SCHEMA_VERSION,
    paymentId: fields.pattern('payment_id', UUID, UUID_PROBLEM),
    createdAtMs: fields.timestamp('created_at'),
    paymentType: fields.oneOf('payment_type', PAYMENT_TYPES),
    debtorId: fields.text('debtor_id', MAX_ID_LENGTH),
    creditorId: fields.text('creditor_id', MAX_ID_LENGTH),
    creditorType: fields.oneOf('creditor_type', CREDITOR_TYPES),
    amountMinor: fields.amount('amount_minor'),
    currency: fields.pattern('currency', CURRENCY, 'must be three capital letters (ISO 4217)'),
    method: fields.oneOf('method', PAYMENT_METHODS),
    channel: fields.oneOf('channel', CHANNELS),
    country: fields.pattern('country', COUNTRY, COUNTRY_PROBLEM),
    creditorCountry: fields.pattern('creditor_country', COUNTRY, COUNTRY_PROBLEM),
    ipAddress: fields.ipAddress('ip_address'),
    deviceId: fields.text('device_id', MAX_ID_LENGTH),
    latitude: fields.within('latitude', 90),
    longitude: fields.within('longitude', 180),
  }
  if (fields.has('card_token')) payment.cardToken = fields.text('card_token', MAX_ID_LENGTH)
  if (fields.has('card_last_four'))
    payment.cardLastFour = fields.pattern('card_last_four', FOUR_DIGITS, 'must be four digits')
  if (fields.has('merchant_category'))
    payment.merchantCategory = fields.pattern('merchant_category', FOUR_DIGITS, 'must be four digits (ISO 18245)')
  if (fields.has('reference')) payment.reference = fields.text('reference', MAX_REFERENCE_LENGTH)
  if (fields.has('original_payment_id'))
    payment.originalPaymentId = fields.pattern('original_payment_id', UUID, UUID_PROBLEM)
  if (fields.has('status')) payment.status = fields.oneOf('status', PAYMENT_STATUSES)
  if (fields.has('sim_changed_at')) payment.simChangedAtMs = fields.timestamp('sim_changed_at')
  return payment
}

// Lower case only: the id is compared as text in topics and as a uuid in tables, so it has one spelling.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const UUID_PROBLEM = 'must be a UUID in lower case'
const CURRENCY = /^[A-Z]{3}$/
const COUNTRY = /^[A-Z]{2}$/
const COUNTRY_PROBLEM = 'must be two capital letters (ISO 3166-1)'
const FOUR_DIGITS = /^[0-9]{4}$/

type JsonObject = Readonly<Record<string, unknown>>

/** Reads fields of one value and notes what is wrong with them; answers with a filler then. */
class Fields {
  readonly #json: JsonObject
  problems: FieldProblem[] | undefined

  constructor(json: JsonObject) {
    this.#json = json
  }

  note(field: string, problem: string): void {
    this.problems ??= []
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({field, problem})
  }

  /** Absent is the only way to leave an optional field out; null is a value, and an ill-typed one. */
  has(field: string): boolean {
    return this.#json[field] !== undefined
  }

  version(): void {
    if (this.#json['schema_version'] !== PAYMENT_SCHEMA_VERSION)
      this.#wrong('schema_version', `must be the number ${PAYMENT_SCHEMA_VERSION}`)
  }

  text(field: string, maxLength: number): string {
    const value = this.#json[field]
    if (typeof value === 'string' && value.length > 0) {
      // The limit is in characters, as in the schema; UTF-16 units are an upper bound of those.
      if (value.length <= maxLength || [...value].length <= maxLength) return value
    }
    this.#wrong(field, `must be a string of 1 to ${maxLength} characters`)
    return ''
  }

  pattern(field: string, pattern: RegExp, problem: string): string {
    const value = this.#json[field]
    if (typeof value === 'string' && pattern.test(value)) return value
    this.#wrong(field, problem)
    return ''
  }

  oneOf<T extends string>(field: string, values: readonly [T, ...T[]]): T {
    const value = this.#json[field]
    for (const candidate of values) if (candidate === value) return candidate
    this.#wrong(field, `must be one of ${values.join(', ')}`)
    return values[0]
  }

  amount(field: string): number {
    const value = this.#json[field]
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
    this.#wrong(field, `must be a whole number of minor units from 1 to ${Number.MAX_SAFE_INTEGER}`)
    return 0
  }

  within(field: string, limit: number): number {
    const value = this.#json[field]
    if (typeof value === 'number' && value >= -limit && value <= limit) return value
    this.#wrong(field, `must be a number from -${limit} to ${limit}`)
    return 0
  }

  timestamp(field: string): number {
    const value = this.#json[field]
    const ms = typeof value === 'string' ? parseTimestamp(value) : undefined
    if (ms !== undefined) return ms
    this.#wrong(field, 'must be a time such as 2026-01-31T23:59:59.999Z')
    return 0
  }

  ipAddress(field: string): string {
    const value = this.#json[field]
    if (typeof value === 'string') {
      if (isIPv4(value)) return value
      // A zone ("%eth0") is part of no address on the wire, and the database's inet type refuses it.
      if (isIPv6(value) && !value.includes('%')) return value
    }
    this.#wrong(field, 'must be an IPv4 or IPv6 address')
    return ''
  }

  #wrong(field: string, problem: string): void {
    this.note(field, this.has(field) ? problem : 'is missing')
  }
}

/** Of the name of a nested field in a problem. */
const MAX_PATH_LENGTH = 200
const NUL = '\u0000'
const LONE_SURROGATE = /\p{Surrogate}/u

/** Notes every string, and every name, with a NUL or a lone surrogate; own stack, since nesting may be deep. */
function findUnstorable(json: JsonObject, fields: Fields): void {
  const waiting: {readonly path: string; readonly value: object}[] = [{path: '', value: json}]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [name, value] of Object.entries(next.value)) {
      const path = joined(next.path, name)
      if (unstorable(name)) fields.note(printable(path), 'its name has a NUL character or a lone surrogate')
      if (typeof value === 'object' && value !== null) waiting.push({path, value})
      if (typeof value !== 'string') continue
      if (value.includes(NUL)) fields.note(printable(path), 'has a NUL character')
      if (LONE_SURROGATE.test(value)) fields.note(printable(path), 'has a lone surrogate')
    }
  }
}

function unstorable(text: string): boolean {
  return text.includes(NUL) || LONE_SURROGATE.test(text)
}

/** Bounded, however deep the nesting and however long the names. */
function joined(path: string, name: string): string {
  const whole = path === '' ? name : `${path}.${name}`
  return whole.length <= MAX_PATH_LENGTH ? whole : `…${whole.slice(-MAX_PATH_LENGTH)}`
}

/** Problems travel in headers and tables themselves. */
function printable(path: string): string {
  return path.replaceAll(NUL, '\\0').replace(/\p{Surrogate}/gu, '\ufffd')
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function refuse(code: DecodeCode, field: string, problem: string): DecodeResult {
  return {ok: false, code, problems: [{field, problem}]}
}
