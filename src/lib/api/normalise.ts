/**
 * Bodies to payments. A valid v1 body passes byte for byte; other accepted spellings (decimal amount, missing fields,
 * an upper-case id, a time with an offset) become v1 here, and those bytes are what is produced. The digest is over
 * the fields that the client gave but for the id, in their normal form, so that two spellings of one payment are one
 * content.
 */
import {isAscii, isUtf8} from 'node:buffer'
import {createHash} from 'node:crypto'
import {canonicalJson} from '../base/canonical-json.js'
import {decodePayment, type FieldProblem, MAX_ID_LENGTH, MAX_PROBLEMS} from '../payment/decode.js'
import {isCurrency} from '../payment/iso-4217.js'
import {scaleOf} from '../payment/money.js'
import {PAYMENT_SCHEMA_VERSION} from '../payment/payment.js'
import {MAX_PAYMENT_BYTES} from '../payment/topics.js'
import {minorOf} from './amount.js'
import {findJsonFault} from './json-fault.js'
import {type JsonMembers, readMembers} from './json-members.js'
import type {Problem} from './problem.js'
import {normalTime} from './time.js'

/** What the server knows and the body may not say. */
export interface Arrival {
  readonly arrivedMs: number
  /** The caller's. */
  readonly ipAddress: string
  readonly mintId: () => string
}

export interface ReadPayment {
  readonly ok: true
  readonly paymentId: string
  /** The body has no payment_id. */
  readonly isIdMinted: boolean
  readonly debtorId: string
  /** 32 bytes. */
  readonly digest: Buffer
  /** The body itself, or its normal form. */
  readonly value: Buffer
}

export type ReadResult = ReadPayment | {readonly ok: false; readonly problem: Problem}

/** Arrays and objects within a field; parsers behind us have limits of their own. */
export const MAX_DEPTH = 32
/** Of a field's name in a problem. */
const MAX_NAME_LENGTH = 200

/** On the wire, in this order. */
const FIELDS = [
  ...['schema_version', 'payment_id', 'created_at', 'payment_type', 'debtor_id', 'creditor_id', 'creditor_type'],
  ...['amount_minor', 'currency', 'method', 'card_token', 'card_last_four', 'channel', 'country', 'creditor_country'],
  ...['ip_address', 'device_id', 'latitude', 'longitude', 'merchant_category', 'reference', 'original_payment_id'],
  ...['status', 'sim_changed_at'],
]
const KNOWN: ReadonlySet<string> = new Set(FIELDS)
const PAYMENT_ID = 'payment_id'
const SORTED_CONTENT: readonly string[] = FIELDS.filter(name => name !== PAYMENT_ID).toSorted()
/** The API's own; on the wire it is `amount_minor`. */
const AMOUNT = 'amount'

/** Never throws; all problems at once. @param body as it came */
export function readPayment(body: Buffer, arrival: Arrival): ReadResult {
  const parsed = parse(body)
  if ('problem' in parsed) return {ok: false, problem: parsed.problem}
  const written = readMembers(parsed.text, MAX_DEPTH)
  const problems: FieldProblem[] = [
    ...written.duplicates.map(field => ({field, problem: 'is given more than once'})),
    ...written.tooDeep.map(field => ({field, problem: `is nested more than ${MAX_DEPTH} levels deep`})),
  ]
  if (problems.length > 0) return refuse(problems)

  const given = givenFields(parsed.json, written, problems)
  const currency = given.get('currency')
  if (typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) && !isCurrency(currency)) problems.push(NO_CURRENCY)
  const asIs = problems.length === 0 && isComplete(given) ? decodePayment(body) : undefined
  const value = asIs?.ok === true ? body : encode(filled(given, arrival), parsed.json, written)
  const decoded = asIs?.ok === true ? asIs : decodePayment(value)
  if (!decoded.ok && decoded.code !== 'INVALID_FIELD') {
    const isLarge = decoded.code === 'TOO_LARGE'
    const detail = isLarge ? tooLargeWhole(value.length) : firstOf(decoded.problems)
    return {ok: false, problem: {code: decoded.code, detail, errors: decoded.problems}}
  }
  if (!decoded.ok) {
    const fresh = decoded.problems.filter(({field}) => !problems.some(one => one.field === field))
    problems.push(...fresh.filter(({field}) => given.has(field) || !DERIVED.has(field)).map(asSaidHere))
  }
  if (problems.length > 0 || !decoded.ok) return refuse(problems)
  const {paymentId, debtorId} = decoded.payment
  return {ok: true, paymentId, isIdMinted: !given.has('payment_id'), debtorId, digest: digestOf(given), value}
}

/** Made of what the client gave: what is wrong with them is wrong there, and said there. */
const DERIVED: ReadonlySet<string> = new Set(['device_id', 'creditor_country'])

/** The decoder speaks of the wire, where an id has one spelling; here the other one is put in order. */
function asSaidHere({field, problem}: FieldProblem): FieldProblem {
  return {field, problem: problem.replace('must be a UUID in lower case', 'must be a UUID')}
}

function tooLargeWhole(bytes: number): string {
  return `the payment has ${bytes} bytes with the fields that are filled in; at most ${MAX_PAYMENT_BYTES} are read`
}

const NO_CURRENCY: FieldProblem = {field: 'currency', problem: 'must be an active currency of ISO 4217'}

type Parsed = {readonly text: string; readonly json: JsonObject} | {readonly problem: Problem}
type JsonObject = Readonly<Record<string, unknown>>

function parse(body: Buffer): Parsed {
  if (body.length > MAX_PAYMENT_BYTES) {
    return {
      problem: {code: 'TOO_LARGE', detail: `the body has ${body.length} bytes; at most ${MAX_PAYMENT_BYTES} are read`},
    }
  }
  if (body.length === 0) return {problem: {code: 'EMPTY_VALUE', detail: 'a payment is a JSON object'}}
  // ASCII is the rule for payments, and cheaper to turn into a string.
  const isPlain = isAscii(body)
  if (!isPlain && !isUtf8(body)) return {problem: {code: 'INVALID_UTF8', detail: 'a payment is JSON in UTF-8'}}
  const text = body.toString(isPlain ? 'latin1' : 'utf8')
  try {
    const json: unknown = JSON.parse(text)
    if (isObject(json)) return {text, json}
    return {problem: {code: 'NOT_AN_OBJECT', detail: 'a payment is a JSON object'}}
  } catch {
    return {problem: {code: 'MALFORMED_JSON', detail: faultOf(text)}}
  }
}

function faultOf(text: string): string {
  if (text.startsWith('\ufeff')) return 'the body begins with a byte order mark (U+FEFF), which is no JSON'
  const fault = findJsonFault(text)
  if (fault.kind === 'end') return 'the body ends before its JSON does; is it cut off?'
  const lines = text.slice(0, fault.at).split('\n')
  const point = text.codePointAt(fault.at) ?? 0
  const isVisible = point > 0x20 && point < 0x7f
  const what = isVisible ? String.fromCodePoint(point) : `U+${point.toString(16).toUpperCase().padStart(4, '0')}`
  return `no JSON from line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1} on: ${what} cannot stand there`
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** What the client said, by name on the wire, in normal form; what has none stays as it is, for the decoder to name. */
function givenFields(json: JsonObject, written: JsonMembers, problems: FieldProblem[]): Map<string, unknown> {
  const given = new Map<string, unknown>()
  for (const name of written.members.keys()) if (name !== AMOUNT) given.set(name, normal(name, json[name]))
  const amountMinor = amountOf(json, written, problems)
  if (amountMinor !== undefined) given.set('amount_minor', amountMinor)
  return given
}

function normal(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  switch (name) {
    case 'payment_id':
    case 'original_payment_id':
      return value.toLowerCase()
    case 'created_at':
    case 'sim_changed_at':
      return normalTime(value) ?? value
    default:
      return value
  }
}

/** Minor units from `amount`, `amount_minor` or both, which must agree; notes what is wrong with them. */
function amountOf(json: JsonObject, written: JsonMembers, problems: FieldProblem[]): unknown {
  const minorText = written.members.get('amount_minor')?.rawValue
  const amount = json[AMOUNT]
  const minor = json['amount_minor']
  if (typeof minor === 'number' && minorText !== undefined) {
    // What a double rounds to a whole number was none.
    const exact = minorOf(minorText, 0)
    if (!exact.ok || exact.amountMinor !== minor) {
      problems.push({
        field: 'amount_minor',
        problem: `must be a whole number of minor units from 1 to ${Number.MAX_SAFE_INTEGER}`,
      })
    }
  }
  const amountText = written.members.get(AMOUNT)?.rawValue
  if (amountText === undefined) {
    if (minorText !== undefined) return minor
    problems.push({field: 'amount_minor', problem: 'is missing, and so is amount'})
    return undefined
  }
  const result = decimalOf(amount, amountText, json['currency'])
  if (!result.ok) problems.push({field: AMOUNT, problem: result.problem})
  else if (minorText !== undefined && minor !== result.amountMinor) {
    problems.push({field: AMOUNT, problem: `is ${result.amountMinor} minor units, and amount_minor says otherwise`})
  }
  // For the decoder, which judges the rest: whatever is wrong has been noted.
  return minorText === undefined ? (result.ok ? result.amountMinor : 1) : minor
}

function decimalOf(amount: unknown, rawText: string, currency: unknown): ReturnType<typeof minorOf> {
  const isText = typeof amount === 'string'
  if (!isText && typeof amount !== 'number') return {ok: false, problem: 'must be a decimal number, or one in a string'}
  const isKnown = typeof currency === 'string' && isCurrency(currency)
  // Of an unknown currency nobody knows the decimals; the currency is what is wrong then.
  return minorOf(isText ? amount : rawText, isKnown ? scaleOf(currency) : MAX_SCALE)
}

/** No currency has more decimals. */
const MAX_SCALE = 4

/** Nothing is left to fill in: the body may be a payment as it is. */
function isComplete(given: ReadonlyMap<string, unknown>): boolean {
  return given.has('schema_version') && given.has('payment_id') && given.has('created_at') && given.has('longitude')
}

/** With what the client left out. */
function filled(given: ReadonlyMap<string, unknown>, arrival: Arrival): ReadonlyMap<string, unknown> {
  const all = new Map(given)
  const fill = (field: string, value: () => unknown): void => {
    if (!all.has(field)) all.set(field, value())
  }
  fill('schema_version', () => PAYMENT_SCHEMA_VERSION)
  fill('payment_id', arrival.mintId)
  fill('created_at', () => new Date(arrival.arrivedMs).toISOString())
  fill('payment_type', () => 'transfer')
  fill('creditor_type', () => 'person')
  fill('method', () => 'bank_transfer')
  fill('channel', () => 'api')
  fill('country', () => NO_COUNTRY)
  // A wrong country is one problem, not two.
  fill('creditor_country', () => (isCountry(all.get('country')) ? all.get('country') : NO_COUNTRY))
  fill('ip_address', () => plainAddress(arrival.ipAddress))
  fill('device_id', () => deviceOf(all.get('debtor_id')))
  fill('latitude', () => 0)
  fill('longitude', () => 0)
  return all
}

/** ISO 3166-1: user-assigned; unknown by custom. */
const NO_COUNTRY = 'ZZ'

function isCountry(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Z]{2}$/.test(value)
}

/** An IPv4 caller on an IPv6 socket is told as IPv4, and a link-local one without its zone. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? address.replace(/%.*$/, '')
}

function deviceOf(debtorId: unknown): string {
  const device = `api-${typeof debtorId === 'string' ? debtorId : 'unknown'}`
  return device.length <= MAX_ID_LENGTH ? device : [...device].slice(0, MAX_ID_LENGTH).join('')
}

/** Wire format v1: the known fields in wire order, then the others as they were written. */
function encode(fields: ReadonlyMap<string, unknown>, json: JsonObject, {members}: JsonMembers): Buffer {
  const parts: string[] = []
  for (const name of FIELDS) {
    const value = fields.get(name)
    if (value !== undefined) parts.push(`"${name}":${JSON.stringify(value)}`)
  }
  for (const [name, {rawName, rawValue}] of members) {
    if (!KNOWN.has(name) && name !== AMOUNT && Object.hasOwn(json, name)) parts.push(`${rawName}:${rawValue}`)
  }
  return Buffer.from(`{${parts.join(',')}}`)
}

/**
 * SHA-256 of canonical JSON: names in order, without spaces. Flat fields are the rule, and quicker one by one. The id
 * is no content: whoever retries with the id that was minted for the first attempt says the same.
 */
function digestOf(given: ReadonlyMap<string, unknown>): Buffer {
  let text = ''
  for (const name of sortedNames(given)) {
    const value = given.get(name)
    if (value === undefined) continue
    const isPlain = typeof value === 'string' || Number.isFinite(value)
    text += `${JSON.stringify(name)}:${isPlain ? JSON.stringify(value) : canonicalJson(value)},`
  }
  return createHash('sha256').update(text).digest()
}

/** Those of all known fields are sorted once, given or not: few payments have others. */
function sortedNames(given: ReadonlyMap<string, unknown>): readonly string[] {
  for (const name of given.keys()) {
    if (!KNOWN.has(name)) return [...given.keys()].filter(one => one !== PAYMENT_ID).sort()
  }
  return SORTED_CONTENT
}

function refuse(problems: readonly FieldProblem[]): ReadResult {
  const errors = problems.slice(0, MAX_PROBLEMS).map(({field, problem}) => ({field: printable(field), problem}))
  return {ok: false, problem: {code: 'INVALID_FIELD', detail: firstOf(errors), errors}}
}

function printable(name: string): string {
  return name
    .slice(0, MAX_NAME_LENGTH)
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replaceAll('\u0000', '\\0')
}

/** For people. */
function firstOf(problems: readonly FieldProblem[]): string {
  const [first] = problems
  if (first === undefined) return 'the payment is wrong'
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`
  return `${first.field === '$' ? 'the body' : first.field} ${first.problem}${more}`
}
