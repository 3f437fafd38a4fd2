/**
 * Whatever a client sends, it gets a problem document that names the field, nothing of it reaches the topic, and the
 * next payment goes through. Bad input is made from the published schema: each field is dropped, retyped and pushed
 * over its limits; bytes are cut and garbled.
 */
import {readFileSync} from 'node:fs'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {decodePayment} from '../../../src/lib/payment/decode.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {anyPayment, paymentWith} from '../../support/payments.js'
import {type Answer, LEAST_PAYMENT, type ServingWorld, servingWorld} from '../../support/serving-world.js'

interface FieldSchema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly const?: unknown
  readonly $ref?: string
  readonly pattern?: string
  readonly format?: string
}

const SCHEMA: {readonly required: readonly string[]; readonly properties: Readonly<Record<string, FieldSchema>>} =
  JSON.parse(readFileSync(new URL('../../../docs/payment-v1.schema.json', import.meta.url), 'utf8'))
const FIELDS = Object.keys(SCHEMA.properties)
/** The server can say the others itself. */
const NEEDED = ['debtor_id', 'creditor_id', 'amount_minor', 'currency']

const SQL = "x'; DROP TABLE payments; --"
/** Of no field is one of these a value. */
const NEVER = [null, true, false, [], {}, '', '\u0000', 'a\u0000b', '\ud800', 'x\udc00y', [SQL], {$gt: ''}]

/** Values that a field does not take, by its schema. */
function wrongFor(field: string): fc.Arbitrary<unknown> {
  const schema = SCHEMA.properties[field] ?? {}
  const never = fc.constantFrom<unknown>(...NEVER)
  if (schema.const !== undefined) return fc.oneof(never, fc.constantFrom<unknown>(0, 2, -1, '1', 1.5))
  if (schema.type === 'integer') {
    const numbers = [0, -1, 1.5, 0.1 + 0.2, 2 ** 53, 1e300, -(2 ** 53), '100']
    return fc.oneof(never, fc.constantFrom<unknown>(...numbers), fc.integer({max: 0}))
  }
  if (schema.type === 'number') return fc.oneof(never, fc.constantFrom<unknown>(180.1, -180.1, 1e9, '12.5'))
  const texts = fc.oneof(never, fc.integer(), fc.double({noNaN: true, noDefaultInfinity: true}))
  if (schema.enum !== undefined || schema.pattern !== undefined || schema.format !== undefined) {
    return fc.oneof(texts, fc.constantFrom(SQL, 'TRANSFER', 'x'.repeat(3), '99999', 'ABCD'))
  }
  if (field === 'reference') return fc.oneof(texts, fc.constant('x'.repeat(141)))
  if (schema.$ref?.endsWith('/id')) return fc.oneof(texts, fc.constant('x'.repeat(129)))
  return fc.oneof(texts, fc.constantFrom(SQL, '2026-02-30T00:00:00.000Z', 'gggggggg-0000-0000-0000-000000000000', 'Q'))
}

type Json = Record<string, unknown>

const jsonOf = (text: string): Json => JSON.parse(text)

async function expectAlive(world: ServingWorld): Promise<void> {
  const before = world.ingest.topic.length
  expect(await world.post(LEAST_PAYMENT)).toMatchObject({status: 202})
  expect(world.ingest.topic).toHaveLength(before + 1)
  expect(world.notes).toEqual([])
}

/** @returns the names of the fields in it */
function expectProblem(answer: Answer): readonly string[] {
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.status === 503 || (answer.status >= 400 && answer.status < 500)).toBe(true)
  const {json} = answer
  expect(json).toMatchObject({
    status: answer.status,
    type: expect.stringMatching(/^urn:p2pay:problem:[a-z0-9-]+$/),
    code: expect.stringMatching(/^[A-Z0-9_]+$/),
    title: expect.any(String),
    detail: expect.any(String),
    instance: '/api/v1/payments',
  })
  const errors: unknown = json?.['errors'] ?? []
  return Array.isArray(errors) ? errors.map(error => error.field) : []
}

describe('a payment with a field that is wrong', () => {
  it.each(FIELDS)('%s is 422 and named', async field => {
    const world = await servingWorld()
    await fc.assert(
      fc.asyncProperty(anyPayment, wrongFor(field), async (payment, wrong) => {
        const answer = await world.post({...jsonOf(encodePayment(payment)), [field]: wrong})
        expect(expectProblem(answer)).toContain(field)
        expect(answer.status).toBe(422)
      }),
      {numRuns: 25},
    )
    expect(world.ingest.topic).toHaveLength(0)
    await expectAlive(world)
  })

  it('or with several has them all named at once', async () => {
    const world = await servingWorld()
    const several = fc.uniqueArray(fc.constantFrom(...FIELDS.filter(field => field !== 'schema_version')), {
      minLength: 2,
      maxLength: 6,
    })
    const mistakes = several.chain(fields => fc.record(Object.fromEntries(fields.map(name => [name, wrongFor(name)]))))
    await fc.assert(
      fc.asyncProperty(anyPayment, mistakes, async (payment, wrong) => {
        const named = expectProblem(await world.post({...jsonOf(encodePayment(payment)), ...wrong}))
        expect(named).toEqual(expect.arrayContaining(Object.keys(wrong)))
      }),
      {numRuns: 100},
    )
    await expectAlive(world)
  })

  it.each(NEEDED)('without %s is 422 and named', async field => {
    const world = await servingWorld()
    const {[field]: _, ...rest} = jsonOf(encodePayment(paymentWith()))
    expect(expectProblem(await world.post(rest))).toContain(field)
    await expectAlive(world)
  })

  it('without anything else is accepted', async () => {
    const world = await servingWorld()
    const spare = FIELDS.filter(field => !NEEDED.includes(field))
    await fc.assert(
      fc.asyncProperty(anyPayment, fc.subarray(spare), async (payment, dropped) => {
        const body = jsonOf(encodePayment(payment))
        for (const field of dropped) delete body[field]
        expect(await world.post(body)).toMatchObject({status: 202})
        expect(decodePayment(world.ingest.topic.at(-1)?.value ?? null).ok).toBe(true)
      }),
      {numRuns: 100},
    )
  })

  it('of SQL is text where text may be, and refused elsewhere', async () => {
    const world = await servingWorld()
    for (const field of FIELDS) {
      const answer = await world.post({...LEAST_PAYMENT, [field]: SQL})
      if (answer.status === 202) expect(world.ingest.topic.at(-1)?.value.toString()).toContain(JSON.stringify(SQL))
      else expect(expectProblem(answer)).toContain(field)
    }
    await expectAlive(world)
  })
})

describe('a body that is', () => {
  it('cut anywhere is 400', async () => {
    const world = await servingWorld()
    const text = encodePayment(paymentWith({reference: 'Grüße 😀'}))
    const bytes = Buffer.from(text)
    await fc.assert(
      fc.asyncProperty(fc.integer({min: 0, max: bytes.length - 1}), async length => {
        const answer = await world.post(bytes.subarray(0, length))
        expectProblem(answer)
        expect(answer.status).toBe(400)
      }),
      {numRuns: 100},
    )
    expect(world.ingest.topic).toHaveLength(0)
    await expectAlive(world)
  })

  it('garbage is refused', async () => {
    const world = await servingWorld()
    const garbage = fc.oneof(
      fc.uint8Array({maxLength: 300}).map(bytes => Buffer.from(bytes)),
      fc.json().map(text => Buffer.from(text)),
      fc.string({unit: 'binary', maxLength: 300}).map(text => Buffer.from(text)),
    )
    await fc.assert(
      fc.asyncProperty(garbage, async body => {
        expectProblem(await world.post(body))
      }),
      {numRuns: 300},
    )
    expect(world.ingest.topic).toHaveLength(0)
    await expectAlive(world)
  })

  it('a payment with bytes flipped is refused, or a payment', async () => {
    const world = await servingWorld()
    const text = encodePayment(paymentWith())
    const flips = fc.array(fc.tuple(fc.nat(text.length - 1), fc.integer({min: 0, max: 255})), {
      minLength: 1,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(flips, async changes => {
        const body = Buffer.from(text)
        for (const [at, byte] of changes) body[at] = byte
        const before = world.ingest.topic.length
        const answer = await world.post(body)
        // What was accepted is on the topic and readable, or was there before; what was refused is not.
        if (answer.status !== 202) expectProblem(answer)
        else if (world.ingest.topic.length > before) {
          expect(decodePayment(world.ingest.topic.at(-1)?.value ?? null).ok).toBe(true)
        } else expect(answer.headers['idempotent-replayed']).toBe('true')
        if (answer.status !== 202) expect(world.ingest.topic).toHaveLength(before)
      }),
      {numRuns: 300},
    )
    expect(world.notes).toEqual([])
  })

  it('made of JSON of any shape, in any field, is never a bug', async () => {
    const world = await servingWorld()
    const anyField = fc.oneof(fc.constantFrom(...FIELDS, 'amount', '__proto__', 'constructor', 'toString'), fc.string())
    await fc.assert(
      fc.asyncProperty(fc.dictionary(anyField, fc.jsonValue({maxDepth: 5}), {maxKeys: 8}), async fields => {
        const answer = await world.post({...LEAST_PAYMENT, ...fields})
        if (answer.status !== 202) expectProblem(answer)
      }),
      {numRuns: 300},
    )
    await expectAlive(world)
  })

  it('anything, with any headers, is never a bug', async () => {
    const world = await servingWorld()
    const value = fc.string({unit: fc.constantFrom(...'abc019 -_;=,."/*%'.split('')), maxLength: 60})
    const headers = fc.record(
      {
        'content-type': fc.oneof(
          value,
          fc.constantFrom('application/json', 'application/json; charset=utf-8', '/', ';'),
        ),
        'idempotency-key': value,
        'p2pay-due-us': value,
        accept: value,
        'content-encoding': value,
        'x-api-key': value,
        authorization: value,
      },
      {requiredKeys: []},
    )
    const body = fc.constantFrom(JSON.stringify(LEAST_PAYMENT), '', '{', '[]')
    await fc.assert(
      fc.asyncProperty(body, headers, async (text, given) => {
        const answer = await world.post(text, given)
        if (answer.status !== 202) expectProblem(answer)
      }),
      {numRuns: 300},
    )
    await expectAlive(world)
  })
})
