import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type DecodeResult, decodePayment, MAX_PROBLEMS} from '../../../src/lib/payment/decode.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {MAX_PAYMENT_BYTES} from '../../../src/lib/payment/topics.js'
import {anyPayment, paymentWith} from '../../support/payments.js'

type Json = Record<string, unknown>

const complete = paymentWith({
  cardToken: 'card-1',
  cardLastFour: '0042',
  merchantCategory: '5411',
  reference: 'Thank you',
  originalPaymentId: '0123abcd-ef01-8000-8000-000000000009',
  status: 'accepted',
  simChangedAtMs: 0,
})

function wire(change: Json = {}): Json {
  return {...(JSON.parse(encodePayment(complete)) as Json), ...change}
}

function decodeJson(json: unknown): DecodeResult {
  return decodePayment(Buffer.from(JSON.stringify(json)))
}

function refusal(result: DecodeResult) {
  if (result.ok) throw new Error('decoded')
  return {code: result.code, fields: result.problems.map(problem => problem.field)}
}

describe('decoding a payment', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(anyPayment, payment => {
        expect(decodePayment(Buffer.from(encodePayment(payment)))).toEqual({ok: true, payment})
      }),
    )
  })

  it('leaves absent optional fields absent', () => {
    const result = decodePayment(Buffer.from(encodePayment(paymentWith())))
    expect(result.ok && Object.keys(result.payment)).not.toContain('cardToken')
  })

  it('ignores unknown fields, at any place', () => {
    expect(decodeJson({first: {a: [1]}, ...wire(), last: null})).toEqual({ok: true, payment: complete})
  })

  it('reads fields in any order', () => {
    const reversed = Object.fromEntries(Object.entries(wire()).reverse())
    expect(decodeJson(reversed)).toEqual({ok: true, payment: complete})
  })

  it('takes a value of exactly the permitted size', () => {
    const text = JSON.stringify(wire())
    const padded = text + ' '.repeat(MAX_PAYMENT_BYTES - Buffer.byteLength(text))
    expect(decodePayment(Buffer.from(padded)).ok).toBe(true)
    expect(refusal(decodePayment(Buffer.from(`${padded} `))).code).toBe('TOO_LARGE')
  })
})

describe('values that are no payment', () => {
  it.each([
    ['a null value', null, 'EMPTY_VALUE'],
    ['no bytes', Buffer.alloc(0), 'EMPTY_VALUE'],
    ['two megabytes', Buffer.alloc(2_000_000, 0x20), 'TOO_LARGE'],
    ['blanks', Buffer.from('  '), 'MALFORMED_JSON'],
    ['a lone continuation byte', Buffer.from([0x7b, 0x80, 0x7d]), 'INVALID_UTF8'],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'INVALID_UTF8'],
    ['UTF-16', Buffer.from('{}', 'utf16le'), 'MALFORMED_JSON'],
    ['a byte order mark', Buffer.from('\ufeff{}'), 'MALFORMED_JSON'],
    ['half an object', Buffer.from('{"schema_version":1'), 'MALFORMED_JSON'],
    ['two objects', Buffer.from('{}{}'), 'MALFORMED_JSON'],
    ['a raw NUL', Buffer.from('{"a":"\u0000"}'), 'MALFORMED_JSON'],
    ['NaN', Buffer.from('{"amount_minor":NaN}'), 'MALFORMED_JSON'],
    ['an array', Buffer.from('[]'), 'NOT_AN_OBJECT'],
    ['a string', Buffer.from('"payment"'), 'NOT_AN_OBJECT'],
    ['null', Buffer.from('null'), 'NOT_AN_OBJECT'],
    ['a number', Buffer.from('1'), 'NOT_AN_OBJECT'],
  ])('%s', (_, value, code) => {
    expect(refusal(decodePayment(value)).code).toBe(code)
  })

  it('an unknown version is refused before its fields are judged', () => {
    expect(refusal(decodeJson({schema_version: 2}))).toEqual({code: 'UNKNOWN_VERSION', fields: ['schema_version']})
    expect(refusal(decodeJson({schema_version: 1.5})).code).toBe('UNKNOWN_VERSION')
  })

  it('an empty object names every required field, and no optional one', () => {
    expect(refusal(decodeJson({}))).toEqual({
      code: 'INVALID_FIELD',
      fields: Object.keys(JSON.parse(encodePayment(paymentWith())) as Json),
    })
  })

  it('all problems are named at once', () => {
    const result = decodeJson(wire({currency: 'eur', latitude: 91, status: 'maybe', note: 'a\u0000b'}))
    expect(refusal(result)).toEqual({code: 'INVALID_FIELD', fields: ['currency', 'latitude', 'status', 'note']})
  })

  it('the list of problems is bounded', () => {
    const texts = Object.fromEntries(Array.from({length: 200}, (_, index) => [`f${index}`, '\u0000']))
    expect(refusal(decodeJson(wire(texts))).fields).toHaveLength(MAX_PROBLEMS)
  })
})

const BAD_FIELDS: readonly (readonly [field: string, what: string, value: unknown])[] = [
  ['schema_version', 'text', '1'],
  ['schema_version', 'null', null],
  ['payment_id', 'upper case', '0123ABCD-EF01-8000-8000-000000000001'],
  ['payment_id', 'no hyphens', '0123abcdef0180008000000000000001'],
  ['payment_id', 'a line break after it', '0123abcd-ef01-8000-8000-000000000001\n'],
  ['payment_id', 'a number', 7],
  ['created_at', 'a number', 1_767_614_400_000],
  ['created_at', 'a date', '2026-01-05'],
  ['created_at', 'a day that does not exist', '2026-02-30T00:00:00.000Z'],
  ['payment_type', 'unknown', 'gift'],
  ['payment_type', 'a name of every object', 'constructor'],
  ['debtor_id', 'empty', ''],
  ['debtor_id', '129 characters', 'x'.repeat(129)],
  ['debtor_id', 'an object', {}],
  ['creditor_id', 'null', null],
  ['creditor_type', 'unknown', 'bank'],
  ['amount_minor', 'zero', 0],
  ['amount_minor', 'negative', -1],
  ['amount_minor', 'a fraction', 12.5],
  ['amount_minor', 'text', '100'],
  ['amount_minor', 'not safe', 2 ** 53],
  ['currency', 'lower case', 'eur'],
  ['currency', 'four letters', 'EURO'],
  ['method', 'unknown', 'cash'],
  ['channel', 'unknown', 'fax'],
  ['country', 'three letters', 'DEU'],
  ['country', 'lower case', 'de'],
  ['creditor_country', 'digits', '49'],
  ['ip_address', 'three parts', '192.0.2'],
  ['ip_address', 'a part of 256', '192.0.2.256'],
  ['ip_address', 'a leading zero', '192.0.2.01'],
  ['ip_address', 'a zone', 'fe80::1%eth0'],
  ['ip_address', 'a port', '192.0.2.1:80'],
  ['ip_address', 'a trailing dot', '192.0.2.1.'],
  ['device_id', 'a boolean', true],
  ['latitude', 'beyond the pole', 90.00001],
  ['latitude', 'text', '52.5'],
  ['longitude', 'beyond the date line', -180.00001],
  ['card_token', 'null, which is not absent', null],
  ['card_token', 'empty', ''],
  ['card_last_four', 'three digits', '123'],
  ['card_last_four', 'a number', 1234],
  ['merchant_category', 'letters', '54ab'],
  ['reference', '141 characters', 'x'.repeat(141)],
  ['reference', 'an array', ['x']],
  ['original_payment_id', 'no UUID', 'the last one'],
  ['status', 'unknown', 'pending'],
  ['sim_changed_at', 'an offset', '2026-01-05T12:00:00.000+01:00'],
]

describe('fields that are refused', () => {
  it.each(BAD_FIELDS)('%s: %s', (field, _, value) => {
    expect(refusal(decodeJson(wire({[field]: value})))).toEqual({code: 'INVALID_FIELD', fields: [field]})
  })

  it('a number that overflows to infinity', () => {
    const text = JSON.stringify(wire()).replace(/"latitude":[^,]+/, '"latitude":1e999')
    expect(refusal(decodePayment(Buffer.from(text))).fields).toEqual(['latitude'])
  })

  it.each([
    ['a NUL in a known field', {reference: 'a\u0000b'}, 'reference'],
    ['a high surrogate alone', {reference: '\ud83d'}, 'reference'],
    ['a low surrogate alone', {debtor_id: 'x\udc00y'}, 'debtor_id'],
    ['a pair in the wrong order', {device_id: '\udc00\ud83d'}, 'device_id'],
    ['a NUL in an unknown field', {note: '\u0000'}, 'note'],
    ['a NUL deep in an unknown field', {note: {lines: ['fine', 'bad\u0000']}}, 'note.lines.1'],
    ['a NUL in the name of an unknown field', {'a\u0000.b': 1}, 'a\\0.b'],
    ['a lone surrogate in a nested name', {note: {'\ud83d': 1}}, 'note.\ufffd'],
  ])('%s', (_, change, field) => {
    expect(refusal(decodeJson(wire(change)))).toEqual({code: 'INVALID_FIELD', fields: [field]})
  })

  it('escapes and characters beyond the first plane are text like any other', () => {
    const result = decodeJson(wire({reference: 'rent "Jan" \\ 🙂\n', note: '\ud83d\ude42'}))
    expect(result.ok && result.payment.reference).toBe('rent "Jan" \\ 🙂\n')
  })

  it('lengths count characters, not UTF-16 units', () => {
    expect(decodeJson(wire({reference: '🙂'.repeat(140)})).ok).toBe(true)
    expect(refusal(decodeJson(wire({reference: '🙂'.repeat(141)}))).fields).toEqual(['reference'])
  })

  it.each([
    ['the least amount', {amount_minor: 1}],
    ['the greatest amount', {amount_minor: Number.MAX_SAFE_INTEGER}],
    ['an amount spelled 1e3', {amount_minor: 1e3}],
    ['the poles and the date line', {latitude: -90, longitude: 180}],
    ['an id of 128 characters', {debtor_id: 'x'.repeat(128)}],
    ['IPv6', {ip_address: '2001:db8::1'}],
    ['IPv4 in IPv6', {ip_address: '::ffff:192.0.2.1'}],
    ['a UUID of another version', {payment_id: '0123abcd-ef01-4000-8000-000000000001'}],
  ])('but not %s', (_, change) => {
    expect(decodeJson(wire(change)).ok).toBe(true)
  })
})

describe('fuzz', () => {
  it('never throws on bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 300}), bytes => {
        expect(decodePayment(Buffer.from(bytes)).ok).toBe(false)
      }),
    )
  })

  it('never throws on JSON, and refuses any ill-typed replacement of a required field by name', () => {
    const required = Object.keys(JSON.parse(encodePayment(paymentWith())) as Json)
    fc.assert(
      fc.property(fc.constantFrom(...required), fc.jsonValue(), (field, value) => {
        const result = decodeJson(wire({[field]: value}))
        if (!result.ok && result.code === 'INVALID_FIELD')
          for (const problem of result.problems) expect(problem.field.startsWith(field)).toBe(true)
      }),
      {numRuns: 300},
    )
  })

  it('never throws on a payment with bytes flipped', () => {
    const bytes = Buffer.from(JSON.stringify(wire({note: '\u0000'})))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (position, value) => {
        const flipped = Buffer.from(bytes)
        flipped[position] = value
        decodePayment(flipped)
      }),
      {numRuns: 500},
    )
  })

  it('survives nesting as deep as fits', () => {
    const deep = `${'['.repeat(30_000)}"\\u0000"${']'.repeat(30_000)}`
    const text = JSON.stringify(wire()).replace('{', `{"deep":${deep},`)
    const result = decodePayment(Buffer.from(text))
    expect(refusal(result).code).toBe('INVALID_FIELD')
    expect(refusal(result).fields[0]?.length).toBeLessThan(300)
  })
})
