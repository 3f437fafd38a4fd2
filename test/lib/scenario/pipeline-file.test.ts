import {describe, expect, it} from 'vitest'
import type {TemplateSubject} from '../../../src/lib/payment/placeholder.js'
import {readPipeline} from '../../../src/lib/scenario/pipeline-file.js'
import {renderProblem} from '../../../src/lib/scenario/problem.js'

const FIELDS = {
  payment_id: '0123abcd-0000-8000-8000-000000000007',
  created_at: '2026-01-05T12:00:00.250Z',
  debtor_id: 'acc_1',
  amount_minor: 1250,
  currency: 'EUR',
}
const SUBJECT: TemplateSubject = {sequence: 7, text: JSON.stringify(FIELDS), fields: FIELDS}

const read = (text: string, env: Record<string, string> = {}) => readPipeline(text, {name: 'map', env})
const problemsOf = (text: string, env: Record<string, string> = {}): string[] =>
  read(text, env).problems.map(problem => renderProblem('m.yaml', problem))

const WHOLE = `version: 1
name: orders
payload:
  transactionId: '{{payment_id}}'
  amount: '{{amount}}'
  card: '{{card_token|omit}}'
  meta: {n: '{{sequence}}', source: p2pay}
http:
  method: PUT
  path: /v2/transactions/{{payment_id}}
  headers:
    authorization: 'Bearer \${TOKEN}'
    x-request-id: 'req-{{sequence}}'
  success: '200,201'
  id: data.id
`

describe('a pipeline map', () => {
  it('says what payments look like and how they are handed over', () => {
    const {pipeline, problems} = read(WHOLE, {TOKEN: 's3cret'})
    expect(problems).toEqual([])
    expect(pipeline).toMatchObject({
      name: 'orders',
      payload: {contentType: 'application/json'},
      http: {method: 'PUT', path: '/v2/transactions/{{payment_id}}', success: '200,201', id: 'data.id'},
    })
    expect(JSON.parse(pipeline?.payload?.template.render(SUBJECT) ?? '')).toEqual({
      transactionId: FIELDS.payment_id,
      amount: 12.5,
      meta: {n: 7, source: 'p2pay'},
    })
    expect(pipeline?.http?.headers.map(({name, value}) => [name, value.render(SUBJECT)])).toEqual([
      ['authorization', 'Bearer s3cret'],
      ['x-request-id', 'req-7'],
    ])
  })

  it('has a digest of the file alone, so that no secret is in it', () => {
    expect(read(WHOLE, {TOKEN: 'a'}).pipeline?.sha256).toBe(read(WHOLE, {TOKEN: 'b'}).pipeline?.sha256)
  })

  it('may say nothing but its version: wire format v1, nothing about HTTP', () => {
    expect(read('version: 1\n').pipeline).toMatchObject({name: 'map', payload: null, http: null})
  })

  it('may have a text as payload, in the format that its content type names', () => {
    const {pipeline} = read(
      `version: 1\npayload: '<p id="{{payment_id}}">{{debtor_id}}</p>'\nhttp: {headers: {Content-Type: text/xml}}\n`,
    )
    expect(pipeline?.payload?.contentType).toBe('text/xml')
    expect(pipeline?.payload?.template.render({...SUBJECT, fields: {...FIELDS, debtor_id: '<&>'}})).toBe(
      `<p id="${FIELDS.payment_id}">&#60;&#38;&#62;</p>`,
    )
  })
})

describe('a pipeline map with problems', () => {
  it.each([
    ['an empty file', '', /m\.yaml:1:1 the file is empty; expected a pipeline map/],
    ['no version', 'name: x\n', /version: is missing; expected 1/],
    ['another version', 'version: 2\n', 'm.yaml:1:10 version: 2 is not 1, the version of pipeline maps'],
    ['an unknown key', 'version: 1\npayloda: {}\n', 'm.yaml:2:1 payloda: unknown key; did you mean "payload"?'],
    [
      'an unknown key of http',
      'version: 1\nhttp: {methd: PUT}\n',
      'm.yaml:2:8 http.methd: unknown key; did you mean "method"?',
    ],
    ['a key of later versions', 'version: 1\nkafka: {}\n', 'm.yaml:2:1 kafka: is not read by this version of p2pay'],
    ['a method that is none', 'version: 1\nhttp: {method: put}\n', /2:16 http\.method: "put" is not a method/],
    ['a path without a slash', 'version: 1\nhttp: {path: v2}\n', /2:14 http\.path: "v2" is not a path/],
    [
      'statuses that are none',
      'version: 1\nhttp: {success: fine}\n',
      /2:17 http\.success: "fine" is no set of statuses/,
    ],
    ['a path of the id that is none', 'version: 1\nhttp: {id: a..b}\n', /2:12 http\.id: "a\.\.b" is no path/],
    [
      'an unknown placeholder in the payload',
      "version: 1\npayload:\n  a:\n    - '{{amont}}'\n",
      'm.yaml:4:7 payload.a[0]: unknown placeholder {{amont}}; did you mean {{amount}}?',
    ],
    [
      'an unknown placeholder in a header',
      "version: 1\nhttp: {headers: {x: '{{amont}}'}}\n",
      /2:21 http\.headers\.x: unknown placeholder/,
    ],
    ['an unknown placeholder in the path', "version: 1\nhttp: {path: '/{{id}}'}\n", /http\.path: unknown placeholder/],
    [
      'a placeholder without quotes',
      'version: 1\npayload:\n  id: {{payment_id}}\n',
      /payload\.id\..*: a placeholder needs quotes/,
    ],
    [
      'a header that the client writes',
      'version: 1\nhttp: {headers: {Content-Length: "5"}}\n',
      /2:18 .*Content-Length: is written by the client/,
    ],
    ['a name of a header that is none', 'version: 1\nhttp: {headers: {a b: c}}\n', /"a b" is no name of a header/],
    ['a number as a header', 'version: 1\nhttp: {headers: {a: 5}}\n', /http\.headers\.a: 5 is not a text on one line/],
    [
      'data that is not to be JSON',
      'version: 1\npayload: {a: 1}\nhttp: {headers: {content-type: text/xml}}\n',
      /payload: data becomes JSON, and the content type is text\/xml/,
    ],
    ['a variable that is not set', `version: 1\nhttp: {headers: {a: '\${TOKEN}'}}\n`, /the variable TOKEN is not set/],
    ['no YAML', 'version: [1\n', /^m\.yaml:/],
  ])('tells of %s', (_, text, expected) => {
    const problems = problemsOf(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(expected)
  })

  it('tells of all at once, in their order', () => {
    const text =
      "version: 1\nnme: x\npayload: {a: '{{amont}}'}\nhttp:\n  method: 5\n  headers: {x: '{{y}}'}\n  success: z\n"
    expect(problemsOf(text).map(problem => problem.split(': ')[0])).toEqual([
      'm.yaml:2:1 nme',
      'm.yaml:3:14 payload.a',
      'm.yaml:5:11 http.method',
      'm.yaml:6:16 http.headers.x',
      'm.yaml:7:12 http.success',
    ])
  })
})
