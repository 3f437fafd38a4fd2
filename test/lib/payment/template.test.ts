import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {PLACEHOLDER_NAMES, type TemplateSubject, WIRE_FIELDS} from '../../../src/lib/payment/placeholder.js'
import {
  compileStructure,
  compileText,
  formatOfContentType,
  type TemplateFormat,
} from '../../../src/lib/payment/template.js'

const FIELDS = {
  schema_version: 1,
  payment_id: '0123abcd-0000-8000-8000-000000000007',
  created_at: '2026-01-05T12:00:00.250Z',
  payment_type: 'purchase',
  debtor_id: 'acc_1',
  creditor_id: 'acc "2"\n',
  amount_minor: 1250,
  currency: 'EUR',
  latitude: 52.5,
}

function subject(changes: Record<string, unknown> = {}): TemplateSubject {
  const fields = {...FIELDS, ...changes}
  return {sequence: 7, text: JSON.stringify(fields), fields}
}

function fill(text: string, format: TemplateFormat, changes: Record<string, unknown> = {}): string {
  const {template, problems} = compileText(text, format)
  expect(problems).toEqual([])
  return template.render(subject(changes))
}

describe('a JSON text', () => {
  it.each([
    ['within quotes, as string content', '{"id":"p-{{payment_id}}"}', {id: `p-${FIELDS.payment_id}`}],
    ['elsewhere, as a JSON value', '{"id":{{payment_id}},"lat":{{latitude}}}', {id: FIELDS.payment_id, lat: 52.5}],
    ['with quotes and line ends escaped, within quotes', '{"to":"{{creditor_id}}"}', {to: FIELDS.creditor_id}],
    ['with quotes and line ends escaped, as a value', '{"to":{{creditor_id}}}', {to: FIELDS.creditor_id}],
    [
      'after an escaped quote, still within quotes',
      String.raw`{"a":"\"{{creditor_id}}"}`,
      {a: `"${FIELDS.creditor_id}`},
    ],
    ['after an escaped backslash, outside', String.raw`{"a":"\\","b":{{debtor_id}}}`, {a: '\\', b: 'acc_1'}],
    ['the number within the run', '[{{sequence}},"{{sequence}}"]', [7, '7']],
    ['times as numbers', '[{{created_at_ms}},{{created_at_s}}]', [1767614400250, 1767614400]],
    ['the whole payment, as an object', '{"payment":{{payment}}}', {payment: FIELDS}],
    ['the whole payment, as text in a string', '{"payload":"{{payment}}"}', {payload: JSON.stringify(FIELDS)}],
    ['a number as a string', '{"amount":{{amount|string}}}', {amount: '12.50'}],
    ['what the payment lacks: null as a value', '{"mcc":{{merchant_category}}}', {mcc: null}],
    ['what the payment lacks: nothing within quotes', '{"mcc":"{{merchant_category}}"}', {mcc: ''}],
    ['a default for what it lacks', '{"mcc":{{merchant_category|default:5999}}}', {mcc: '5999'}],
    ['null as a default', '{"mcc":{{ reference | default: null }}}', {mcc: null}],
    ['no default for what it has', '{"from":{{debtor_id|default:x}}}', {from: 'acc_1'}],
  ])('takes %s', (_, text, expected) => {
    expect(JSON.parse(fill(text, 'json'))).toEqual(expected)
  })

  it.each([
    ['EUR', 1250, '12.50'],
    ['JPY', 1250, '1250'],
    ['KWD', 1250, '1.250'],
    ['USD', 7, '0.07'],
  ])('writes amounts in the scale of %s', (currency, amount, expected) => {
    expect(fill('{{amount}}', 'json', {currency, amount_minor: amount})).toBe(expected)
  })

  it('is JSON with the very value, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), value => {
        const text = fill('{"quoted":"<{{reference}}>","value":{{reference}}}', 'json', {reference: value})
        // A lone surrogate has no bytes of its own; JSON keeps it as an escape.
        expect(JSON.parse(text)).toEqual({quoted: `<${value}>`, value})
      }),
    )
  })

  it('leaves braces of JSON alone', () => {
    expect(fill('{"a":{"b":{"amount":{{amount}}}}}', 'json')).toBe('{"a":{"b":{"amount":12.50}}}')
  })
})

describe('other texts', () => {
  it.each([
    ['xml', '<to>{{creditor_id}}</to>', '<to>acc &#34;2&#34;\n</to>'],
    ['url', '/a/{{creditor_id}}?t={{created_at}}', '/a/acc%20%222%22%0A?t=2026-01-05T12%3A00%3A00.250Z'],
    ['header', 'for {{creditor_id}}', 'for acc "2"?'],
    ['text', '{{creditor_id}}|{{amount}}', 'acc "2"\n|12.50'],
  ] as const)('escapes as %s wants it', (format, text, expected) => {
    expect(fill(text, format)).toBe(expected)
  })

  it.each([
    ['application/json', 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['application/vnd.api+json', 'json'],
    ['text/xml', 'xml'],
    ['application/pain.001+xml', 'xml'],
    ['application/x-www-form-urlencoded', 'url'],
    ['text/plain', 'text'],
  ])('takes %s as %s', (type, format) => {
    expect(formatOfContentType(type)).toBe(format)
  })
})

describe('a text with problems', () => {
  it.each([
    ['a name that is nearly right', '{{paymentid}}', 'unknown placeholder {{paymentid}}; did you mean {{payment_id}}?'],
    ['a name that is none', '{{colour}}', /unknown placeholder \{\{colour\}\}; placeholders are schema_version, /],
    ['no name', '{{}}', /unknown placeholder \{\{\}\}/],
    ['an unknown filter', '{{amount|defualt:1}}', '{{amount}}: unknown filter "defualt:1"; did you mean default?'],
    ['a default without a value', '{{amount|default}}', /has no value/],
    ['an opening without an end', 'a {{amount} b', /"\{\{" without "\}\}"/],
    ['omit, which texts cannot', '{{status|omit}}', /for the members of a pipeline/],
  ])('tells of %s', (_, text, problem) => {
    const {problems} = compileText(text, 'json')
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(problem)
  })

  it('tells all of them', () => {
    expect(compileText('{{a}} {{b}} {{amount|c}}', 'text').problems).toHaveLength(3)
  })
})

describe('a structure', () => {
  const render = (value: unknown, changes?: Record<string, unknown>): unknown => {
    const {template, problems} = compileStructure(value)
    expect(problems).toEqual([])
    return JSON.parse(template.render(subject(changes)))
  }

  it('keeps the type of a text that is one placeholder, and fills others as texts', () => {
    expect(
      render({
        id: '{{payment_id}}',
        money: {
          amount: '{{amount}}',
          minor: '{{amount_minor}}',
          text: '{{amount|string}}',
          of: '{{amount}} {{currency}}',
        },
        place: ['{{latitude}}', 0, true, null],
        source: 'p2pay',
      }),
    ).toEqual({
      id: FIELDS.payment_id,
      money: {amount: 12.5, minor: 1250, text: '12.50', of: '12.50 EUR'},
      place: [52.5, 0, true, null],
      source: 'p2pay',
    })
  })

  it('has null for what the payment lacks, leaves it out when asked to, and takes a default', () => {
    const value = {
      mcc: '{{merchant_category}}',
      ref: '{{reference|omit}}',
      status: '{{status|default:accepted}}',
      list: ['{{reference|omit}}', '{{currency}}'],
    }
    expect(render(value)).toEqual({mcc: null, status: 'accepted', list: ['EUR']})
    expect(render(value, {reference: 'r', merchant_category: '5411'})).toEqual({
      mcc: '5411',
      ref: 'r',
      status: 'accepted',
      list: ['r', 'EUR'],
    })
  })

  it('tells where each problem is', () => {
    expect(compileStructure({a: [{b: '{{currencyy}}'}], c: 'x {{d'}).problems).toEqual([
      {path: ['a', 0, 'b'], message: 'unknown placeholder {{currencyy}}; did you mean {{currency}}?'},
      {path: ['c'], message: '"{{" without "}}" in "{{d"'},
    ])
  })

  it('asks for quotes around a placeholder that YAML took for a mapping', () => {
    expect(compileStructure({id: {'{ payment_id }': null}}).problems).toEqual([
      {path: ['id', '{ payment_id }'], message: 'a placeholder needs quotes: "{{payment_id}}"'},
    ])
  })
})

describe('placeholders', () => {
  it('are every field of the wire, and five more', () => {
    expect(WIRE_FIELDS).toHaveLength(24)
    expect(PLACEHOLDER_NAMES.slice(24)).toEqual(['amount', 'created_at_ms', 'created_at_s', 'sequence', 'payment'])
  })

  it('are known by the template', () => {
    expect([...compileText('{{amount}} {{payment_id}} {{amount}}', 'text').template.names]).toEqual([
      'amount',
      'payment_id',
    ])
  })
})
