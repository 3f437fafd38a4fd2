import fc from 'fast-check'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {riskLevelOf, wallTime} from '../../../src/lib/api/views.js'
import {DECISIONS} from '../../../src/lib/payment/decision.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import type {Payment} from '../../../src/lib/payment/payment.js'
import type {DecidedPaymentRow} from '../../../src/lib/store/payment-queries.js'
import {type ApiWorld, apiWorld} from '../../support/api-world.js'
import type {Documented} from '../../support/documented.js'
import {anyPayment, paymentWith, testPaymentId} from '../../support/payments.js'

const DECIDED_US = Date.UTC(2026, 0, 5, 12) * 1000 + 123_456

function row(payment: Partial<Payment> = {}, decided: Partial<DecidedPaymentRow> = {}): DecidedPaymentRow {
  return {
    payment: paymentWith(payment),
    decision: {kind: 'block', score: 0.9, reasons: ['amount', 'ip-velocity']},
    decidedUs: DECIDED_US,
    persistedUs: DECIDED_US + 10,
    partition: 3,
    offset: 4711,
    ...decided,
  }
}

let world: ApiWorld
let documented: Documented

beforeAll(async () => {
  world = await apiWorld()
  documented = world.documented
})
afterAll(() => world.close())
beforeEach(() => {
  world.queries.rows.length = 0
  world.queries.isDown = false
})

interface Asked {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says; each test expects what it wants
  readonly body: any
}

/** Asks, and holds the answer to the document. */
async function ask(operationId: string, url: string): Promise<Asked> {
  const response = await world.app.inject({url})
  expect(documented.problems(operationId, response)).toEqual([])
  return {status: response.statusCode, headers: response.headers, body: response.json()}
}

/** As the ingest does after the broker's ack. */
async function accept(payment: Payment, state: 'pending' | 'accepted'): Promise<void> {
  const value = Buffer.from(encodePayment(payment))
  const {paymentId} = payment
  const claim = {scope: 'payment', key: paymentId, paymentId, digest: Buffer.alloc(32), value, owner: 'us'} as const
  await world.claims.claim([claim], 60_000)
  if (state === 'accepted') await world.claims.accept([paymentId])
}

describe('GET /api/v1/payments/{id}', () => {
  it.each([
    ['approve', 'approved'],
    ['review', 'under_review'],
    ['block', 'blocked'],
  ] as const)('tells a payment decided %s as %s, with its decision', async (kind, status) => {
    world.queries.rows.push(row({}, {decision: {kind, score: 0.25, reasons: []}}))
    const {body} = await ask('getPayment', `/api/v1/payments/${paymentWith().paymentId}`)
    expect(body).toEqual({
      payment_id: paymentWith().paymentId,
      status,
      payment: JSON.parse(encodePayment(paymentWith())),
      decision: {
        ...{payment_id: paymentWith().paymentId, status, decision: kind, score: 0.25, reasons: []},
        decided_at: '2026-01-05T12:00:00.123456Z',
        persisted_at: '2026-01-05T12:00:00.123466Z',
        ...{partition: 3, offset: 4711},
      },
    })
  })

  it('tells a payment that is on the topic and not decided as accepted', async () => {
    const payment = paymentWith({paymentId: testPaymentId(77)})
    await accept(payment, 'accepted')
    const {status, body} = await ask('getPayment', `/api/v1/payments/${payment.paymentId}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({payment_id: payment.paymentId, status: 'accepted', decision: null})
  })

  it('knows nothing of a payment that is not acknowledged: it may yet be refused', async () => {
    const payment = paymentWith({paymentId: testPaymentId(78)})
    await accept(payment, 'pending')
    expect(await ask('getPayment', `/api/v1/payments/${payment.paymentId}`)).toMatchObject({
      status: 404,
      body: {code: 'NOT_FOUND'},
    })
  })

  it('takes an id in upper case', async () => {
    const paymentId = 'abcdef01-0000-4000-8000-000000000001'
    world.queries.rows.push(row({paymentId}))
    const {body} = await ask('getPayment', `/api/v1/payments/${paymentId.toUpperCase()}`)
    expect(body.payment_id).toBe(paymentId)
  })

  it.each([
    ['no UUID', 'abc'],
    ['too long', `${testPaymentId(1)}0`],
    ['SQL', "'; DROP TABLE payments; --"],
    ['a NUL', 'a\0b'],
    ['a path', '../../etc/passwd'],
    ['blanks', '   '],
  ])('refuses what is no id and names it: %s', async (_, id) => {
    for (const [operation, end] of [
      ['getPayment', ''],
      ['getPaymentDecision', '/decision'],
    ] as const) {
      const {status, body} = await ask(operation, `/api/v1/payments/${encodeURIComponent(id)}${end}`)
      expect(status).toBe(400)
      expect(body).toMatchObject({code: 'INVALID_PARAMETER', errors: [{field: 'id', problem: 'must be a UUID'}]})
    }
  })
})

describe('GET /api/v1/payments/{id}/decision', () => {
  it('tells when it was decided, in µs', async () => {
    world.queries.rows.push(row())
    const {body} = await ask('getPaymentDecision', `/api/v1/payments/${paymentWith().paymentId}/decision`)
    expect(body).toMatchObject({status: 'blocked', decision: 'block', decided_at: '2026-01-05T12:00:00.123456Z'})
  })

  it('says of a payment that is not decided yet that it is accepted, and when to ask again', async () => {
    const payment = paymentWith({paymentId: testPaymentId(79)})
    await accept(payment, 'accepted')
    const {status, body, headers} = await ask('getPaymentDecision', `/api/v1/payments/${payment.paymentId}/decision`)
    expect(status).toBe(404)
    expect(body).toMatchObject({code: 'NOT_DECIDED', payment_status: 'accepted'})
    expect(headers['retry-after']).toBe('1')
  })

  it('knows nothing of a payment that nobody sent', async () => {
    const {status, body} = await ask('getPaymentDecision', `/api/v1/payments/${testPaymentId(404)}/decision`)
    expect(status).toBe(404)
    expect(body.code).toBe('NOT_FOUND')
  })
})

describe('lists', () => {
  it('page through the payments that an account made, each once, latest first', async () => {
    for (let number = 0; number < 7; number++)
      world.queries.rows.push(row({paymentId: testPaymentId(number), createdAtMs: number * 1000}))
    world.queries.rows.push(row({paymentId: testPaymentId(99), debtorId: 'somebody else'}))
    const seen: string[] = []
    let cursor = ''
    do {
      const {body} = await ask('listAccountPayments', `/api/v1/accounts/debtor-1/payments?limit=3${cursor}`)
      seen.push(...body.items.map((item: {payment_id: string}) => item.payment_id))
      cursor = body.next === null ? '' : `&cursor=${encodeURIComponent(body.next)}`
    } while (cursor !== '')
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map(testPaymentId))
  })

  it('have 50 items when no limit is given', async () => {
    for (let number = 0; number < 60; number++) world.queries.rows.push(row({paymentId: testPaymentId(number)}))
    const {body} = await ask('listAlerts', '/api/v1/alerts')
    expect(body.items).toHaveLength(50)
  })

  it('show only what is under review or blocked as alerts', async () => {
    for (const [number, kind] of DECISIONS.entries())
      world.queries.rows.push(row({paymentId: testPaymentId(number)}, {decision: {kind, score: 0.5, reasons: []}}))
    const {body} = await ask('listAlerts', '/api/v1/alerts')
    expect(body.items.map((item: {status: string}) => item.status).sort()).toEqual(['blocked', 'under_review'])
  })

  it('are empty for an account that nobody knows', async () => {
    const {body} = await ask('listAccountPayments', '/api/v1/accounts/nobody/payments')
    expect(body).toEqual({items: [], next: null})
  })

  it.each([
    ['limit=0', ['limit']],
    ['limit=1001', ['limit']],
    ['limit=-1', ['limit']],
    ['limit=1.5', ['limit']],
    ['limit=1e2', ['limit']],
    ['limit=', ['limit']],
    ['limit=99999999999999999999', ['limit']],
    ['limit=2&limit=3', ['limit']],
    ['cursor=', ['cursor']],
    [`cursor=${'x'.repeat(513)}`, ['cursor']],
    ['cursor=a&cursor=b', ['cursor']],
    ['limit=x&cursor=', ['limit', 'cursor']],
    ['cursor=not-one-of-ours', ['cursor']],
    ['cursor=%00', ['cursor']],
    ['limit=99999&cursor=zzz', ['limit', 'cursor']],
    ['after=garbage', ['after']],
    ['limit=0&cursro=zzz&before=1', ['limit', 'cursro', 'before']],
  ])('refuse %s, naming it', async (query, fields) => {
    for (const [operation, path] of [
      ['listAlerts', '/api/v1/alerts'],
      ['listAccountPayments', '/api/v1/accounts/debtor-1/payments'],
    ] as const) {
      const {status, body} = await ask(operation, `${path}?${query}`)
      expect(status).toBe(400)
      expect(body.errors.map(({field}: {field: string}) => field)).toEqual(fields)
    }
  })

  it('say which parameter was meant', async () => {
    const {body} = await ask('listAlerts', '/api/v1/alerts?cursro=zzz&after=x')
    expect(body.detail).toBe('cursro and after cannot be used')
    expect(body.errors.map(({problem}: {problem: string}) => problem)).toEqual([
      'is no parameter of this resource; did you mean cursor?',
      'is no parameter of this resource; it has limit and cursor',
    ])
  })

  it('name a wrong account and a wrong limit at once', async () => {
    const {body} = await ask('listAccountPayments', `/api/v1/accounts/${'x'.repeat(129)}/payments?limit=0`)
    expect(body.errors.map(({field}: {field: string}) => field)).toEqual(['id', 'limit'])
  })
})

describe('GET /api/v1/accounts/{id}/risk-profile', () => {
  it('sums the payments of an account up', async () => {
    const huge = Number.MAX_SAFE_INTEGER
    world.queries.rows.push(
      row(
        {paymentId: testPaymentId(1), amountMinor: huge},
        {decision: {kind: 'review', score: 0.5, reasons: ['amount']}},
      ),
      row({paymentId: testPaymentId(2), amountMinor: huge, country: 'FR', deviceId: 'device-2'}),
      row({paymentId: testPaymentId(3), currency: 'JPY', amountMinor: 7, creditorId: 'creditor-2'}),
    )
    const {body} = await ask('getRiskProfile', '/api/v1/accounts/debtor-1/risk-profile')
    expect(body).toMatchObject({
      account_id: 'debtor-1',
      risk_level: 'high',
      payment_count: 3,
      decisions: {approve: 0, review: 1, block: 2},
      amounts: [
        {currency: 'EUR', count: 2, sum_minor: '18014398509481982', sum: '180143985094819.82'},
        {currency: 'JPY', count: 1, sum_minor: '7', sum: '7'},
      ],
      ...{creditor_count: 2, device_count: 2, countries: ['DE', 'FR'], max_score: 0.9},
      first_at: '2026-01-05T12:00:00.000Z',
      top_reasons: [
        {rule: 'amount', count: 3},
        {rule: 'ip-velocity', count: 2},
      ],
    })
  })

  it('finds an account whose id needs escaping, at the longest', async () => {
    const debtorId = '/ü%🙂'.padEnd(127, '😀')
    expect([...debtorId].length).toBeLessThanOrEqual(128)
    world.queries.rows.push(row({debtorId}))
    const {body} = await ask('getRiskProfile', `/api/v1/accounts/${encodeURIComponent(debtorId)}/risk-profile`)
    expect(body.account_id).toBe(debtorId)
  })

  it('knows nothing of an account without payments', async () => {
    expect(await ask('getRiskProfile', '/api/v1/accounts/nobody/risk-profile')).toMatchObject({status: 404})
  })

  it.each([
    ['a NUL', '%00'],
    ['129 characters', 'x'.repeat(129)],
  ])('refuses an id with %s', async (_, id) => {
    const {status, body} = await ask('getRiskProfile', `/api/v1/accounts/${id}/risk-profile`)
    expect(status).toBe(400)
    expect(body.errors[0].field).toBe('id')
  })
})

describe('the risk level', () => {
  it.each([
    // payments, review, block
    [0, 0, 0, 'low'],
    [100, 0, 0, 'low'],
    [100, 4, 0, 'low'],
    [100, 5, 0, 'medium'],
    [100, 19, 0, 'medium'],
    [100, 20, 0, 'high'],
    [100, 0, 1, 'medium'],
    [100, 0, 4, 'medium'],
    [100, 0, 5, 'high'],
    [100, 16, 4, 'high'],
    [1, 0, 1, 'high'],
    [1, 1, 0, 'high'],
  ])('of %i payments, %i under review and %i blocked, is %4$s', (paymentCount, reviewCount, blockCount, level) => {
    expect(riskLevelOf({paymentCount, reviewCount, blockCount})).toBe(level)
  })

  it('never falls when a payment more is blocked instead of approved', () => {
    const order = ['low', 'medium', 'high']
    const counts = fc
      .nat({max: 1000})
      .chain(paymentCount =>
        fc.record({paymentCount: fc.constant(paymentCount + 1), blockCount: fc.nat({max: paymentCount})}),
      )
    fc.assert(
      fc.property(counts, ({paymentCount, blockCount}) => {
        const level = (blocked: number) =>
          order.indexOf(riskLevelOf({paymentCount, reviewCount: 0, blockCount: blocked}))
        expect(level(blockCount + 1)).toBeGreaterThanOrEqual(level(blockCount))
      }),
    )
  })
})

describe('every lookup', () => {
  const paths = [
    ['getPayment', `/api/v1/payments/${testPaymentId(1)}`],
    ['getPaymentDecision', `/api/v1/payments/${testPaymentId(1)}/decision`],
    ['listAccountPayments', '/api/v1/accounts/a/payments'],
    ['getRiskProfile', '/api/v1/accounts/a/risk-profile'],
    ['listAlerts', '/api/v1/alerts'],
    ['getStats', '/api/v1/stats'],
  ] as const

  it.each(paths)('%s says that the database is gone, and when to try again', async (operation, path) => {
    world.queries.isDown = true
    const {status, body, headers} = await ask(operation, path)
    expect(status).toBe(503)
    expect(body.code).toBe('DATABASE_UNAVAILABLE')
    expect(headers['retry-after']).toBe('1')
  })

  it.each(paths)('%s says that there is no database', async (operation, path) => {
    const without = await apiWorld({queries: null})
    const response = await without.app.inject({url: path})
    expect(documented.problems(operation, response)).toEqual([])
    expect(response.json()).toMatchObject({status: 503, code: 'NO_DATABASE'})
    await without.close()
  })

  it('answers as documented, whatever was decided', async () => {
    const anyRow: fc.Arbitrary<DecidedPaymentRow> = fc.record({
      payment: anyPayment,
      decision: fc.record({
        kind: fc.constantFrom(...DECISIONS),
        score: fc.double({min: 0, max: 1, noNaN: true}),
        reasons: fc.uniqueArray(fc.constantFrom('amount', 'ip-velocity', 'creditor-fan-in')),
      }),
      decidedUs: fc.integer({min: 0, max: 8_000_000_000_000_000}),
      persistedUs: fc.integer({min: 0, max: 8_000_000_000_000_000}),
      partition: fc.nat({max: 1000}),
      offset: fc.nat(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, {minLength: 1, maxLength: 4}), async rows => {
        world.queries.rows.length = 0
        world.queries.rows.push(...rows)
        const [first] = rows
        if (first === undefined) return
        const account = encodeURIComponent(first.payment.debtorId)
        const {status} = await ask('getPayment', `/api/v1/payments/${first.payment.paymentId}`)
        expect(status).toBe(200)
        await ask('getPaymentDecision', `/api/v1/payments/${first.payment.paymentId}/decision`)
        await ask('listAccountPayments', `/api/v1/accounts/${account}/payments?limit=2`)
        const profile = await ask('getRiskProfile', `/api/v1/accounts/${account}/risk-profile`)
        expect(profile.body.account_id).toBe(first.payment.debtorId)
        await ask('listAlerts', '/api/v1/alerts')
        await ask('getStats', '/api/v1/stats')
      }),
      {numRuns: 50},
    )
  })

  it('answers as documented, and never as a bug, whatever is asked', async () => {
    // A lone surrogate has no escape in a URL.
    const text = fc.string({unit: 'binary', maxLength: 150}).filter(value => !/^\.{0,2}$/.test(value))
    await fc.assert(
      fc.asyncProperty(text, text, fc.constantFrom('limit', 'cursor', 'x'), async (id, value, name) => {
        const [part, query] = [encodeURIComponent(id), `${name}=${encodeURIComponent(value)}`]
        for (const [operation, path] of [
          ['getPayment', `/api/v1/payments/${part}`],
          ['getPaymentDecision', `/api/v1/payments/${part}/decision?${query}`],
          ['listAccountPayments', `/api/v1/accounts/${part}/payments?${query}`],
          ['getRiskProfile', `/api/v1/accounts/${part}/risk-profile`],
          ['listAlerts', `/api/v1/alerts?${query}`],
        ] as const)
          expect((await ask(operation, path)).status).toBeLessThan(500)
      }),
      {numRuns: 100},
    )
  })
})

describe('the limits that are documented', () => {
  it('are those that are enforced', async () => {
    const parameters = documented.operation('listAccountPayments')['parameters']
    const schemaOf = (name: string): unknown =>
      Array.isArray(parameters) ? parameters.find(parameter => parameter.name === name)?.schema : undefined
    const integer = fc.oneof(fc.integer(), fc.integer({min: -2, max: 1003}))
    await fc.assert(
      fc.asyncProperty(integer, async limit => {
        const {status} = await ask('listAlerts', `/api/v1/alerts?limit=${limit}`)
        expect(status).toBe(documented.schemaProblems(schemaOf('limit'), limit).length === 0 ? 200 : 400)
      }),
    )
    const id = fc.integer({min: 1, max: 140}).map(length => 'x'.repeat(length))
    await fc.assert(
      fc.asyncProperty(id, async account => {
        const {status} = await ask('listAccountPayments', `/api/v1/accounts/${account}/payments`)
        expect(status).toBe(documented.schemaProblems(schemaOf('id'), account).length === 0 ? 200 : 400)
      }),
    )
  })
})

describe('the wall clock in µs', () => {
  it.each([
    [0, '1970-01-01T00:00:00.000000Z'],
    [1, '1970-01-01T00:00:00.000001Z'],
    [DECIDED_US, '2026-01-05T12:00:00.123456Z'],
  ])('%i is %s', (us, text) => {
    expect(wallTime(us)).toBe(text)
  })
})
