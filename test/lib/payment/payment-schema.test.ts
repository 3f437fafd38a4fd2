/** The published JSON Schema and the decoder say the same: required and optional fields, types, enums, bounds. */
import {readFileSync} from 'node:fs'
import {isIPv4, isIPv6} from 'node:net'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {decodePayment} from '../../../src/lib/payment/decode.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {anyPayment, paymentWith} from '../../support/payments.js'

interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly anyOf?: readonly Schema[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

const schema = JSON.parse(
  readFileSync(new URL('../../../docs/payment-v1.schema.json', import.meta.url), 'utf8'),
) as Schema
const properties = schema.properties ?? {}
const required = schema.required ?? []
const optional = Object.keys(properties).filter(field => !required.includes(field))

/** As much of JSON Schema 2020-12 as the file uses; formats are asserted. */
function accepts(given: Schema, value: unknown): boolean {
  const part = given.$ref === undefined ? given : (schema.$defs?.[given.$ref.slice('#/$defs/'.length)] ?? {})
  if (part.const !== undefined && value !== part.const) return false
  if (part.enum !== undefined && !part.enum.includes(value)) return false
  if (part.anyOf !== undefined && !part.anyOf.some(choice => accepts(choice, value))) return false
  if (part.type !== undefined && !hasType(part.type, value)) return false
  if (typeof value === 'number') return value >= (part.minimum ?? -Infinity) && value <= (part.maximum ?? Infinity)
  if (typeof value !== 'string') return true
  const length = [...value].length
  if (length < (part.minLength ?? 0) || length > (part.maxLength ?? Infinity)) return false
  if (part.pattern !== undefined && !new RegExp(part.pattern, 'u').test(value)) return false
  return part.format === undefined || hasFormat(part.format, value)
}

function hasType(type: string, value: unknown): boolean {
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

function hasFormat(format: string, value: string): boolean {
  if (format === 'ipv4') return isIPv4(value)
  if (format === 'ipv6') return isIPv6(value) && !value.includes('%')
  return !Number.isNaN(Date.parse(value)) && new Date(value).toISOString() === value
}

function wire(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {...(JSON.parse(encodePayment(paymentWith())) as Record<string, unknown>), ...change}
}

function decodes(json: unknown): boolean {
  return decodePayment(Buffer.from(JSON.stringify(json))).ok
}

describe('docs/payment-v1.schema.json', () => {
  it.each(required)('requires %s, and so does the decoder', field => {
    const {[field]: _, ...rest} = wire()
    expect(decodes(rest)).toBe(false)
  })

  it('leaves open exactly the fields that a payment may lack', () => {
    expect(Object.keys(wire()).sort()).toEqual([...required].sort())
    expect(optional.every(field => !(field in wire()))).toBe(true)
  })

  it('knows every field that is ever encoded', () => {
    fc.assert(
      fc.property(anyPayment, payment => {
        const json = JSON.parse(encodePayment(payment)) as Record<string, unknown>
        for (const [field, value] of Object.entries(json))
          expect(accepts(properties[field] ?? {const: null}, value)).toBe(true)
      }),
    )
  })

  const values: readonly unknown[] = [
    ...Object.values(properties).flatMap(property => property.enum ?? []),
    ...[null, true, 0, 1, -1, 1.5, 2, 90, 90.1, -90, 180, 180.1, -181, 2 ** 53 - 1, 2 ** 53, {}, [], ''],
    ...['x', 'x'.repeat(128), 'x'.repeat(129), 'x'.repeat(140), 'x'.repeat(141), '🙂'.repeat(128), '🙂'.repeat(129)],
    ...['EUR', 'eur', 'EURO', 'DE', 'D', 'DEU', '1234', '123', '12345', '12a4', 'EUR\n', '1234\n'],
    ...['192.0.2.1', '192.0.2.256', '::1', '2001:db8::1', '::ffff:1.2.3.4', 'fe80::1%eth0', '1.2.3', '01.2.3.4'],
    ...[
      '0123abcd-ef01-8000-8000-000000000001',
      '0123ABCD-EF01-8000-8000-000000000001',
      '0123abcdef0180008000000000000001',
    ],
    ...['2026-01-05T12:00:00.000Z', '2026-02-29T12:00:00.000Z', '1969-12-31T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
    ...[
      '2026-01-05T12:00:00Z',
      '2026-01-05T24:00:00.000Z',
      '2026-01-05T12:00:00.000+00:00',
      '12026-01-05T12:00:00.00Z',
    ],
  ]

  it.each(Object.entries(properties))('judges values of %s as the decoder does', (field, property) => {
    for (const value of values) {
      expect([value, decodes(wire({[field]: value}))]).toEqual([value, accepts(property, value)])
    }
  })

  it('judges any text and number as the decoder does', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(properties)),
        fc.oneof(fc.string(), fc.integer(), fc.double({noNaN: true, noDefaultInfinity: true})),
        (field, value) => {
          if (typeof value === 'string' && value.includes('\u0000')) return
          expect(decodes(wire({[field]: value}))).toBe(accepts(properties[field] ?? {}, value))
        },
      ),
      {numRuns: 500},
    )
  })
})
