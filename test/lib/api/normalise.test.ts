/** How a body becomes a payment: what passes as it is, what is put in order, and what is refused by name. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {minorOf} from '../../../src/lib/api/amount.js'
import {findJsonFault} from '../../../src/lib/api/json-fault.js'
import {readMembers} from '../../../src/lib/api/json-members.js'
import {MAX_DEPTH, type ReadPayment, readPayment} from '../../../src/lib/api/normalise.js'
import {normalTime} from '../../../src/lib/api/time.js'
import {decodePayment} from '../../../src/lib/payment/decode.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {formatMinor, scaleOf} from '../../../src/lib/payment/money.js'
import {anyPayment, NOON_MS, paymentWith} from '../../support/payments.js'

const MINTED = '01a1fa8c-516c-7d47-bc06-318bb14fa563'
const ARRIVAL = {arrivedMs: NOON_MS, ipAddress: '198.51.100.7', mintId: () => MINTED}
/** All that a client has to say. */
const LEAST = {debtor_id: 'alice', creditor_id: 'bob', amount_minor: 1250, currency: 'EUR'}
const WHOLE: Record<string, unknown> = JSON.parse(encodePayment(paymentWith()))

function read(body: unknown): ReturnType<typeof readPayment> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readPayment(Buffer.from(text), ARRIVAL)
}

function accepted(body: unknown): ReadPayment {
  const result = read(body)
  if (!result.ok) throw new Error(JSON.stringify(result.problem))
  return result
}

/** Field → problem. */
function refusal(body: unknown): Record<string, string> {
  const result = read(body)
  if (result.ok) throw new Error('it was accepted')
  return Object.fromEntries((result.problem.errors ?? []).map(({field, problem}) => [field, problem]))
}

function normalOf(body: unknown): Record<string, unknown> {
  return JSON.parse(accepted(body).value.toString())
}

describe('a valid v1 body', () => {
  it('passes byte for byte, whatever its spelling', () => {
    const spellings = [
      encodePayment(paymentWith()),
      JSON.stringify(WHOLE, null, 2),
      JSON.stringify({...WHOLE, zz: {deep: [1]}, note: 'ü'}),
      JSON.stringify(Object.fromEntries(Object.entries(WHOLE).toReversed())),
      JSON.stringify({...WHOLE, amount: '25.00'}),
      `${JSON.stringify(WHOLE).replace('2500', '2.5e3')}\n`,
    ]
    for (const text of spellings) expect(accepted(text).value.toString()).toBe(text)
  })

  it('does so for any payment', () => {
    fc.assert(
      fc.property(anyPayment, payment => {
        const text = encodePayment(payment)
        const result = accepted(text)
        expect(result.value.toString()).toBe(text)
        expect(result).toMatchObject({paymentId: payment.paymentId, debtorId: payment.debtorId, isIdMinted: false})
      }),
      {numRuns: 200},
    )
  })
})

describe('what a client leaves out', () => {
  it('is filled in', () => {
    expect(normalOf(LEAST)).toEqual({
      schema_version: 1,
      payment_id: MINTED,
      created_at: '2026-01-05T12:00:00.000Z',
      payment_type: 'transfer',
      debtor_id: 'alice',
      creditor_id: 'bob',
      creditor_type: 'person',
      amount_minor: 1250,
      currency: 'EUR',
      method: 'bank_transfer',
      channel: 'api',
      country: 'ZZ',
      creditor_country: 'ZZ',
      ip_address: '198.51.100.7',
      device_id: 'api-alice',
      latitude: 0,
      longitude: 0,
    })
    expect(accepted(LEAST).isIdMinted).toBe(true)
  })

  it('follows what it does say', () => {
    expect(normalOf({...LEAST, country: 'FR'})).toMatchObject({country: 'FR', creditor_country: 'FR'})
    const long = 'é'.repeat(128)
    expect(normalOf({...LEAST, debtor_id: long})['device_id']).toBe(`api-${'é'.repeat(124)}`)
    const emoji = '😀'.repeat(128)
    expect(normalOf({...LEAST, debtor_id: emoji})['device_id']).toBe(`api-${'😀'.repeat(124)}`)
  })

  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::1', '2001:db8::1'],
  ])('takes a caller at %s as %s', (ipAddress, expected) => {
    const result = readPayment(Buffer.from(JSON.stringify(LEAST)), {...ARRIVAL, ipAddress})
    expect(result.ok && JSON.parse(result.value.toString()).ip_address).toBe(expected)
  })

  it('is missed, each by name, when nobody else can know it', () => {
    expect(refusal({})).toEqual({
      amount_minor: 'is missing, and so is amount',
      debtor_id: 'is missing',
      creditor_id: 'is missing',
      currency: 'is missing',
    })
  })

  it('comes out in wire order, with the unknown fields behind, as they were written', () => {
    const text =
      '{"big":12345678901234567890, "currency":"EUR","amount":1.5,"x":1e999,"creditor_id":"b","debtor_id":"a"}'
    const value = accepted(text).value.toString()
    expect(value).toContain(',"longitude":0,"big":12345678901234567890,"x":1e999}')
    const decoded = decodePayment(Buffer.from(value))
    expect(decoded.ok && value.startsWith(encodePayment(decoded.payment).slice(0, -1))).toBe(true)
  })
})

describe('amounts', () => {
  it.each([
    ['"12.50"', 'EUR', 1250],
    ['12.5', 'EUR', 1250],
    ['12', 'EUR', 1200],
    ['1.25e1', 'EUR', 1250],
    ['125E-1', 'EUR', 1250],
    ['"0012.50"', 'EUR', 1250],
    ['12.500000', 'EUR', 1250],
    ['1500', 'JPY', 1500],
    ['1500.0', 'JPY', 1500],
    ['"1.234"', 'KWD', 1234],
    ['"1.2345"', 'CLF', 12_345],
    ['0.01', 'EUR', 1],
    // A double has no such number; it is exact all the same.
    ['90071992547409.91', 'EUR', Number.MAX_SAFE_INTEGER],
    ['"9007199254740991"', 'JPY', Number.MAX_SAFE_INTEGER],
  ])('takes %s %s as %d', (amount, currency, minor) => {
    const text = `{"debtor_id":"a","creditor_id":"b","currency":"${currency}","amount":${amount}}`
    expect(normalOf(text)).toMatchObject({amount_minor: minor})
    expect(normalOf(text)).not.toHaveProperty('amount')
  })

  it.each([
    ['12.345', 'EUR', /more than 2 decimals/],
    ['"0.001"', 'EUR', /more than 2 decimals/],
    ['1.5', 'JPY', /no decimals/],
    ['1e-400', 'EUR', /more than 2 decimals/],
    ['0', 'EUR', /more than zero/],
    ['0.00', 'EUR', /more than zero/],
    ['-0', 'EUR', /more than zero/],
    ['-12.50', 'EUR', /more than zero/],
    ['90071992547409.92', 'EUR', /not be more than/],
    ['1e400', 'EUR', /not be more than/],
    ['1e999999999999999999999', 'EUR', /not be more than/],
    [`${'9'.repeat(5000)}`, 'EUR', /not be more than/],
    ['"12,50"', 'EUR', /decimal number/],
    ['"+1"', 'EUR', /decimal number/],
    ['" 1"', 'EUR', /decimal number/],
    ['"1;drop table payments"', 'EUR', /decimal number/],
    ['"NaN"', 'EUR', /decimal number/],
    ['"0x10"', 'EUR', /decimal number/],
    ['""', 'EUR', /decimal number/],
    ['null', 'EUR', /decimal number/],
    ['true', 'EUR', /decimal number/],
    ['[1]', 'EUR', /decimal number/],
  ])('refuses amount %s %s', (amount, currency, problem) => {
    const text = `{"debtor_id":"a","creditor_id":"b","currency":"${currency}","amount":${amount}}`
    expect(refusal(text)).toEqual({amount: expect.stringMatching(problem)})
  })

  it.each(['0', '-1', '1.5', '9007199254740992', '9007199254740993', '0.99999999999999999999', '"5"', 'null', '1e400'])(
    'refuses amount_minor %s',
    amount => {
      for (const body of [LEAST, WHOLE]) {
        const text = JSON.stringify(body).replace(/"amount_minor":\d+/, `"amount_minor":${amount}`)
        expect(refusal(text)).toEqual({amount_minor: expect.stringContaining('whole number of minor units')})
      }
    },
  )

  it('of two must agree', () => {
    expect(normalOf({...LEAST, amount: '12.50'})).toMatchObject({amount_minor: 1250})
    expect(refusal({...LEAST, amount: '12.51'})).toEqual({amount: expect.stringContaining('1251 minor units')})
    expect(refusal({...WHOLE, amount: 1})).toEqual({amount: expect.stringContaining('amount_minor says otherwise')})
  })

  it('are exact, by comparison with fractions of whole numbers', () => {
    const anyMinor = fc.bigInt({min: 1n, max: BigInt(Number.MAX_SAFE_INTEGER) * 10n})
    fc.assert(
      fc.property(
        anyMinor,
        fc.integer({min: 0, max: 4}),
        fc.integer({min: -20, max: 20}),
        (digits, scale, exponent) => {
          const [above, below] = [
            10n ** BigInt(Math.max(0, exponent + scale)),
            10n ** BigInt(Math.max(0, -exponent - scale)),
          ]
          const minor = (digits * above) / below
          const isExact = (digits * above) % below === 0n && minor <= BigInt(Number.MAX_SAFE_INTEGER)
          const result = minorOf(`${digits}e${exponent}`, scale)
          expect(result.ok ? result.amountMinor : undefined).toBe(isExact ? Number(minor) : undefined)
        },
      ),
      {numRuns: 500},
    )
  })

  it('read as they are formatted', () => {
    const anyAmountMinor = fc.integer({min: 1, max: Number.MAX_SAFE_INTEGER})
    fc.assert(
      fc.property(anyAmountMinor, fc.constantFrom('EUR', 'JPY', 'KWD', 'CLF'), (amountMinor, currency) => {
        expect(minorOf(formatMinor(amountMinor, currency), scaleOf(currency))).toEqual({ok: true, amountMinor})
      }),
    )
  })
})

describe('currencies', () => {
  it.each(['ABC', 'XXX', 'XTS', 'XAU', 'DEM', 'HRK'])('refuses %s, in any body', currency => {
    const problem = {currency: 'must be an active currency of ISO 4217'}
    expect(refusal({...LEAST, currency})).toEqual(problem)
    expect(refusal({...WHOLE, currency})).toEqual(problem)
    expect(refusal({...LEAST, amount_minor: undefined, amount: '1.5', currency})).toEqual(problem)
  })

  it.each(['eur', 'EURO', '', 978, null])('refuses %j', currency => {
    expect(refusal({...LEAST, currency})).toHaveProperty('currency')
  })
})

describe('ids and times', () => {
  it('are put in order', () => {
    const value = normalOf({
      ...LEAST,
      payment_id: '0123ABCD-EF01-8000-8000-000000000001',
      created_at: '2026-01-31T23:59:59+01:00',
      original_payment_id: '0123ABCD-EF01-8000-8000-000000000002',
    })
    expect(value).toMatchObject({
      payment_id: '0123abcd-ef01-8000-8000-000000000001',
      created_at: '2026-01-31T22:59:59.000Z',
      original_payment_id: '0123abcd-ef01-8000-8000-000000000002',
    })
  })

  it.each([
    ['2026-01-31T23:59:59Z', '2026-01-31T23:59:59.000Z'],
    ['2026-01-31t23:59:59.1z', '2026-01-31T23:59:59.100Z'],
    ['2026-01-31T23:59:59.123999-00:30', '2026-02-01T00:29:59.123Z'],
    ['2024-02-29T00:00:00+14:00', '2024-02-28T10:00:00.000Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  ])('reads %s', (text, expected) => expect(normalTime(text)).toBe(expected))

  it.each([
    ...['2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31T23:59:60Z'],
    ...['2026-01-31', '2026-01-31T23:59Z', '2026-01-31 23:59:59Z', '2026-01-31T23:59:59', '2026-01-31T23:59:59+24:00'],
    ...['1970-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01', '12026-01-31T23:59:59Z', 'yesterday', ''],
  ])('refuses %s', text => {
    expect(normalTime(text)).toBeUndefined()
    expect(refusal({...LEAST, created_at: text})).toHaveProperty('created_at')
  })
})

describe('what nobody should have to read', () => {
  it.each([
    [
      'twice the same field',
      '{"debtor_id":"a","creditor_id":"b","amount_minor":1,"currency":"EUR","debtor_id":"c"}',
      'debtor_id',
    ],
    [
      'twice, once in disguise',
      '{"debtor_id":"a","creditor_id":"b","amount_minor":1,"currency":"EUR","\\u0064ebtor_id":"c"}',
      'debtor_id',
    ],
    ['a NUL', {...LEAST, reference: 'a\u0000b'}, 'reference'],
    ['a lone surrogate', {...LEAST, reference: 'a\ud800'}, 'reference'],
    ['a NUL deep in an unknown field', {...LEAST, x: {y: ['\u0000']}}, 'x.y.0'],
    ['a lone surrogate in a name', {...LEAST, 'x\udfff': 1}, 'x\ufffd'],
    ['too much nesting', {...LEAST, x: JSON.parse(`${'['.repeat(MAX_DEPTH + 1)}${']'.repeat(MAX_DEPTH + 1)}`)}, 'x'],
    ['nesting beyond any stack', `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'x'],
    ['nesting in a known field', `{"debtor_id":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, 'debtor_id'],
  ])('%s is refused by name', (_what, body, field) => {
    expect(Object.keys(refusal(body))).toContain(field)
  })

  it.each([
    ['', 'EMPTY_VALUE'],
    ['{"debtor_id":"a"', 'MALFORMED_JSON'],
    ['nonsense', 'MALFORMED_JSON'],
    ['\ufeff{}', 'MALFORMED_JSON'],
    ['[]', 'NOT_AN_OBJECT'],
    ['null', 'NOT_AN_OBJECT'],
    ['"text"', 'NOT_AN_OBJECT'],
    ['{"schema_version":2}', 'UNKNOWN_VERSION'],
    [`{"x":"${'a'.repeat(65_536)}"}`, 'TOO_LARGE'],
  ])('%.20s is %s', (text, code) => {
    const result = read(text)
    expect(result.ok ? 'accepted' : result.problem.code).toBe(code)
  })

  it('is not UTF-8', () => {
    const result = readPayment(Buffer.from([0x7b, 0xff, 0x7d]), ARRIVAL)
    expect(result).toMatchObject({ok: false, problem: {code: 'INVALID_UTF8'}})
  })

  it('is a normal form beyond the limit of the topic', () => {
    const body = {...LEAST, x: 'a'.repeat(65_400)}
    expect(read(body)).toMatchObject({ok: false, problem: {code: 'TOO_LARGE'}})
  })

  it('SQL and prototypes are only text', () => {
    const sql = "Robert'); DROP TABLE payments;--"
    expect(normalOf({...LEAST, debtor_id: sql, reference: sql})).toMatchObject({debtor_id: sql, reference: sql})
    const text = '{"__proto__":{"currency":"EUR"},"constructor":1,"debtor_id":"a","creditor_id":"b","amount_minor":1}'
    expect(refusal(text)).toEqual({currency: 'is missing'})
    const whole = text.replace('"amount_minor"', '"currency":"EUR","amount_minor"')
    expect(accepted(whole).value.toString()).toContain('"__proto__":{"currency":"EUR"}')
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })

  it('is listed to a bound', () => {
    const body = Object.fromEntries(Array.from({length: 500}, (_, index) => [`x${index}`, '\u0000']))
    const result = read({...LEAST, ...body})
    expect(result.ok ? 0 : result.problem.errors?.length).toBe(50)
  })
})

describe('what is no JSON is told with its place', () => {
  const CUT_OFF = 'the body ends before its JSON does; is it cut off?'
  it.each([
    ['cut off', '{"debtor_id":"ali', CUT_OFF],
    ['cut off after a brace', '{', CUT_OFF],
    ['cut off after a comma', '{"a":[1,', CUT_OFF],
    ['cut off in an escape', '{"a":"\\u12', CUT_OFF],
    ['cut off in a word', '{"a":tru', CUT_OFF],
    ['blank', ' \n', CUT_OFF],
    ['with a byte order mark', '\ufeff{}', 'the body begins with a byte order mark (U+FEFF), which is no JSON'],
    ['with NaN', '{"a":NaN}', 'no JSON from line 1, column 6 on: N cannot stand there'],
    ['with a trailing comma', '{"a":1,\n}', 'no JSON from line 2, column 1 on: } cannot stand there'],
    ['with a trailing comma in a list', '{"a":[1,]}', 'no JSON from line 1, column 9 on: ] cannot stand there'],
    ['with single quotes', "{'a':1}", "no JSON from line 1, column 2 on: ' cannot stand there"],
    ['with a line end in a text', '{"a":"x\ny"}', 'no JSON from line 1, column 8 on: U+000A cannot stand there'],
    ['with a bad escape', '{"a":"\\x"}', 'no JSON from line 1, column 7 on: \\ cannot stand there'],
    ['with a leading zero', '{"a":01}', 'no JSON from line 1, column 7 on: 1 cannot stand there'],
    ['with the wrong bracket', '{"a":[1}', 'no JSON from line 1, column 8 on: } cannot stand there'],
    ['twice', '{} {}', 'no JSON from line 1, column 4 on: { cannot stand there'],
  ])('%s', (_what, text, detail) => {
    expect(read(text)).toEqual({ok: false, problem: {code: 'MALFORMED_JSON', detail}})
  })

  it('whatever it is: a fault is found in what JSON.parse refuses, and an end in whatever is cut off', () => {
    const cut = fc.tuple(fc.json(), fc.double({min: 0, max: 1, noNaN: true}), fc.string({maxLength: 2}))
    fc.assert(
      fc.property(cut, ([text, part, garbage]) => {
        const at = Math.floor(text.length * part)
        const garbled = text.slice(0, at) + garbage + text.slice(at)
        if (!isJson(garbled)) {
          const fault = findJsonFault(garbled)
          if (fault.kind === 'character') expect(fault.at).toBeLessThan(garbled.length)
        }
        const whole = `{"a":${JSON.stringify([text, 'é'])}}`
        expect(findJsonFault(whole.slice(0, Math.floor(whole.length * part)))).toEqual({kind: 'end'})
      }),
    )
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('what is wrong is told in words of the API', () => {
  it.each([
    ['an id', {...LEAST, payment_id: 'X'}, {payment_id: 'must be a UUID'}],
    ['no id of a refund', {...LEAST, original_payment_id: 'x'}, {original_payment_id: 'must be a UUID'}],
  ])('%s', (_what, body, problems) => {
    expect(refusal(body)).toEqual(problems)
  })

  it.each(['', 'a\u0000b', 7])('a debtor such as %j is blamed alone, not on the device that was never sent', debtor => {
    expect(Object.keys(refusal({...LEAST, debtor_id: debtor}))).toEqual(['debtor_id'])
  })

  it('a body that is too large, or becomes it', () => {
    expect(read({...LEAST, note: 'x'.repeat(70_000)})).toMatchObject({
      problem: {code: 'TOO_LARGE', detail: 'the body has 70088 bytes; at most 65536 are read'},
    })
    expect(read({...LEAST, note: 'x'.repeat(65_400)})).toMatchObject({
      problem: {
        code: 'TOO_LARGE',
        detail: expect.stringMatching(/^the payment has \d+ bytes with the fields that are/),
      },
    })
  })
})

describe('the digest', () => {
  const digest = (body: unknown): string => accepted(body).digest.toString('hex')

  it('is that of the content, not of the spelling', () => {
    const {amount_minor: _, ...rest} = LEAST
    const same = [
      LEAST,
      {...rest, amount: '12.50'},
      {...rest, amount: 12.5},
      {...LEAST, amount: '12.5'},
      JSON.stringify(Object.fromEntries(Object.entries(LEAST).toReversed()), null, 1),
    ]
    expect(new Set(same.map(digest)).size).toBe(1)
    const id = '0123abcd-ef01-8000-8000-000000000001'
    const at = {payment_id: id.toUpperCase(), created_at: '2026-01-05T13:00:00+01:00'}
    const whole = {...WHOLE, payment_id: id, created_at: '2026-01-05T12:00:00.000Z'}
    expect(digest({...WHOLE, ...at})).toBe(digest(whole))
    expect(digest({...whole, amount: '25.00'})).toBe(digest(whole))
  })

  it('leaves the id out: a retry with the id that was minted for the first attempt is the same content', () => {
    expect(digest({...LEAST, payment_id: MINTED})).toBe(digest(LEAST))
    expect(digest({...LEAST, note: 1, payment_id: MINTED})).toBe(digest({...LEAST, note: 1}))
  })

  it('differs with any content, unknown fields included, and not with what the server fills in', () => {
    const bodies = [
      LEAST,
      {...LEAST, amount_minor: 1251},
      {...LEAST, currency: 'USD'},
      {...LEAST, reference: 'x'},
      {...LEAST, note: 1},
      {...LEAST, note: '1'},
      {...LEAST, note: {b: 1, a: [2]}},
    ]
    expect(new Set(bodies.map(digest)).size).toBe(bodies.length)
    expect(digest({...LEAST, note: {b: 1, a: 2}})).toBe(digest({...LEAST, note: {a: 2, b: 1}}))
    const later = readPayment(Buffer.from(JSON.stringify(LEAST)), {
      arrivedMs: NOON_MS + 5000,
      ipAddress: '203.0.113.9',
      mintId: () => '01a1fa8c-516c-7d47-bc06-000000000000',
    })
    expect(later.ok && later.digest.toString('hex')).toBe(digest(LEAST))
  })
})

describe('members of a JSON object', () => {
  it('are found as they were written', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({unit: 'binary'}), fc.jsonValue({maxDepth: 4})),
        fc.constantFrom(undefined, 1, '\t', '\r\n '),
        (object, indent) => {
          const text = ` ${JSON.stringify(object, null, indent)}\n`
          const {members, duplicates, tooDeep} = readMembers(text, 100)
          const parsed: Record<string, unknown> = JSON.parse(text)
          expect([...members.keys()].toSorted()).toEqual(Object.keys(parsed).toSorted())
          for (const [name, {rawName, rawValue}] of members) {
            expect(JSON.parse(rawName)).toBe(name)
            expect(JSON.parse(rawValue)).toEqual(parsed[name])
            expect(text).toContain(rawValue)
          }
          expect([duplicates, tooDeep]).toEqual([[], []])
        },
      ),
      {numRuns: 300},
    )
  })
})
