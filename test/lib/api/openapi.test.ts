/** The OpenAPI document is valid, whole, published as it is, and says what the server does. */
import {readFile, writeFile} from 'node:fs/promises'
import {Validator} from '@seriousme/openapi-schema-validator'
import fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {DOCS_PATH} from '../../../src/lib/api/docs.js'
import {type OpenApiDocument, openApiDocument} from '../../../src/lib/api/openapi.js'
import {PAYMENT_PARTS, paymentRequestSchema, paymentSchema} from '../../../src/lib/api/payment-schema.js'
import {PROBLEMS} from '../../../src/lib/api/problem.js'
import {OPERATIONS} from '../../../src/lib/api/schemas.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {type ApiWorld, apiWorld, instantIngest} from '../../support/api-world.js'
import {anyPayment, paymentWith, testPaymentId} from '../../support/payments.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const DOCS = new URL('../../../docs/', import.meta.url)
const GOLDEN = new URL('../../golden/', import.meta.url)

type Json = Readonly<Record<string, unknown>>

interface Described {
  readonly method: string
  readonly path: string
  readonly operation: Json
}

let world: ApiWorld
let document: OpenApiDocument
let described: readonly Described[]

beforeAll(async () => {
  const {version} = JSON.parse(await readFile(new URL('../package.json', DOCS), 'utf8'))
  world = await apiWorld({version})
  document = openApiDocument(world.app)
  described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({method, path, operation})),
  )
})
afterAll(() => world.close())

/** Every operation by name, for tables of tests: those that there are, not those that are documented. */
const operations = OPERATIONS.map(operation => [operation.operationId, operation] as const)

async function holds(file: URL, text: string): Promise<void> {
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
  expect(await readFile(file, 'utf8')).toBe(text)
}

function contentOf(described: Json | undefined): ReadonlyMap<string, Json> {
  return new Map(Object.entries(described?.['content'] ?? {}))
}

function valuesOf(media: Json): unknown[] {
  const examples: readonly {readonly value: unknown}[] = Object.values(media['examples'] ?? {})
  return examples.map(({value}) => value)
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const result = await validator.validate(JSON.parse(JSON.stringify(document)))
    expect(result.errors).toBeUndefined()
    expect(result.valid).toBe(true)
    expect(validator.version).toBe('3.1')
  })

  it('is published as docs/openapi.json (UPDATE_GOLDEN=1 writes it)', async () => {
    await holds(new URL('openapi.json', DOCS), `${JSON.stringify(document, null, 2)}\n`)
  })

  it('has the operations and answers of test/golden/openapi.txt (UPDATE_GOLDEN=1 writes it)', async () => {
    const lines = described.map(({method, path, operation}) => {
      const statuses = Object.keys(operation['responses'] ?? {}).join(' ')
      return `${method.toUpperCase().padEnd(4)} ${path}  ${operation['operationId']}  ${statuses}`
    })
    await holds(new URL('openapi.txt', GOLDEN), `${lines.sort().join('\n')}\n`)
  })

  it('is what the server answers', async () => {
    const response = await world.app.inject({url: '/api/v1/openapi.json'})
    expect(world.documented.problems('getOpenApi', response)).toEqual([])
    expect(response.json()).toEqual(JSON.parse(JSON.stringify(document)))
  })

  it('is what the pages show', async () => {
    expect((await world.app.inject({url: `${DOCS_PATH}/json`})).json()).toEqual(JSON.parse(JSON.stringify(document)))
  })

  it('refers to nothing that is not in it', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)]
    expect(refs.length).toBeGreaterThan(50)
    for (const [ref, kind = '', name = ''] of refs) expect(document.components[kind]?.[name], ref).toBeDefined()
    expect(JSON.stringify(document)).not.toMatch(/"\$ref":"(?!#\/components\/)/)
  })

  it('has no component that nothing refers to', () => {
    const text = JSON.stringify(document)
    for (const kind of ['schemas', 'responses'])
      for (const name of Object.keys(document.components[kind] ?? {}))
        expect(text, name).toContain(`"#/components/${kind}/${name}"`)
  })
})

describe('the routes', () => {
  /** As the router has them, without the HEAD that comes with each GET. */
  async function registered(): Promise<string[]> {
    const tree = world.app.printRoutes({commonPrefix: false, includeHooks: false, includeMeta: false})
    const paths: string[] = []
    const found: string[] = []
    for (const line of tree.split('\n')) {
      const [, indent = '', path = '', methods = ''] = /^(.*?)[├└]── (\S*) ?(?:\((.*)\))?/.exec(line) ?? []
      paths.length = indent.length / 4
      paths.push(path)
      for (const method of methods.split(', ').filter(method => method !== '' && method !== 'HEAD'))
        found.push(`${method} ${paths.join('')}`)
    }
    return found
  }

  it('are documented, each of them, and nothing else is', async () => {
    const routes = (await registered()).filter(route => !route.startsWith(`GET ${DOCS_PATH}`))
    const paths = routes.map(route => route.replace(/:(\w+)/g, '{$1}'))
    expect(paths.sort()).toEqual(described.map(({method, path}) => `${method.toUpperCase()} ${path}`).sort())
    expect(paths).toHaveLength(OPERATIONS.length)
  })

  it('are those of the operations', () => {
    const names = described.map(({operation}) => operation['operationId'])
    expect(names.sort()).toEqual(OPERATIONS.map(({operationId}) => operationId).sort())
  })
})

describe.each(operations)('%s', (name, {security}) => {
  const operation = (): Json => world.documented.operation(name)
  const responses = (): ReadonlyMap<string, Json> => new Map(Object.entries(operation()['responses'] ?? {}))

  it('says what it is for', () => {
    expect(operation()['summary']).toMatch(/^[A-Z].{5,60}$/)
    expect(operation()['description']).toMatch(/\S.{20,}/s)
    const tags = document.tags.map(tag => tag['name'])
    expect(tags).toEqual(expect.arrayContaining([...Object.values(operation()['tags'] ?? [])]))
  })

  it('describes each parameter', () => {
    const parameters: readonly Json[] = Object.values(operation()['parameters'] ?? {})
    for (const parameter of parameters) expect(parameter['description'], String(parameter['name'])).toBeTruthy()
  })

  it('has an example of what it takes, and of each success', () => {
    const {requestBody} = {requestBody: operation()['requestBody']}
    const bodies = [...(requestBody === undefined ? [] : [requestBody]), ...successes(responses())]
    for (const body of bodies)
      for (const [type, media] of contentOf(Object(body))) {
        expect('example' in media || 'examples' in media, type).toBe(true)
        for (const value of valuesOf(media)) {
          const items = type.endsWith('ndjson') ? linesOf(value) : [value]
          // The second line of the batch shows what is refused.
          const sound = type.endsWith('ndjson') && body === requestBody ? items.slice(0, 1) : items
          for (const item of sound) expect(world.documented.schemaProblems(media['schema'], item)).toEqual([])
        }
      }
  })

  it('has the errors that can always come, and those of its key', () => {
    expect([...responses().keys()]).toEqual(expect.arrayContaining(['408', '500', 'default']))
    expect(responses().has('401')).toBe(security.length > 0)
    for (const [status, response] of responses())
      if (!status.startsWith('2')) expect(response['$ref'], status).toMatch(/^#\/components\/responses\//)
  })
})

function successes(responses: ReadonlyMap<string, Json>): Json[] {
  return [...responses].filter(([status]) => status.startsWith('2')).map(([, response]) => response)
}

function linesOf(value: unknown): unknown[] {
  const lines = String(value).split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line))
}

describe('problems', () => {
  it('have each a place: a response of its status, or the one for all others', () => {
    const responses: ReadonlyMap<string, Json> = new Map(Object.entries(document.components['responses'] ?? {}))
    const codes = [...responses.values()].flatMap(response => {
      const media = contentOf(response).get('application/problem+json') ?? {}
      for (const value of valuesOf(media)) expect(world.documented.schemaProblems(media['schema'], value)).toEqual([])
      return Object.keys(media['examples'] ?? {})
    })
    expect(codes.sort()).toEqual(Object.keys(PROBLEMS).sort())
  })
})

describe('the schema of a payment', () => {
  it('is docs/payment-v1.schema.json', async () => {
    const {$schema, $id, $defs, ...schema} = JSON.parse(await readFile(new URL('payment-v1.schema.json', DOCS), 'utf8'))
    expect({$schema, $id}).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'payment-v1.schema.json',
    })
    expect($defs).toEqual(PAYMENT_PARTS)
    expect(schema).toEqual(paymentSchema(part => `#/$defs/${part}`))
  })

  it('is part of what a client may send: every payment is a request', () => {
    fc.assert(
      fc.property(anyPayment, payment => {
        const wire: unknown = JSON.parse(encodePayment(payment))
        expect(world.documented.schemaProblems({$ref: '#/components/schemas/Payment'}, wire)).toEqual([])
        expect(world.documented.schemaProblems({$ref: '#/components/schemas/PaymentRequest'}, wire)).toEqual([])
      }),
    )
  })

  it('has every field of a request described, and none that a payment has not', () => {
    const request = Object.keys(Object(paymentRequestSchema(part => part)['properties']))
    const payment = Object.keys(Object(paymentSchema(part => part)['properties']))
    expect(request.sort()).toEqual([...payment, 'amount'].sort())
  })
})

describe('what the server takes', () => {
  const DIGITS = fc.constantFrom('0', '1', '9')
  const field = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, {nil: undefined})
  const anyRequest = fc
    .record({
      wire: anyPayment.map(payment => JSON.parse(encodePayment(payment))),
      without: fc.subarray([
        ...['schema_version', 'payment_id', 'created_at', 'payment_type', 'creditor_type', 'method', 'channel'],
        ...['country', 'creditor_country', 'ip_address', 'device_id', 'latitude', 'longitude'],
      ]),
      amount: field(fc.tuple(DIGITS, DIGITS).map(([a, b]) => `1${a}${b}`)),
      wrong: field(
        fc.constantFrom<readonly [string, unknown]>(
          ...([
            ['payment_id', 'abc'],
            ['amount_minor', 0],
            ['amount_minor', -1],
            ['amount_minor', 2 ** 53],
            ['amount_minor', 1.5],
            ['debtor_id', ''],
            ['debtor_id', 'x'.repeat(129)],
            ['creditor_id', null],
            ['currency', 'eur'],
            ['country', 'Germany'],
            ['latitude', 90.1],
            ['channel', 'telegraph'],
            ['ip_address', 'localhost'],
            ['created_at', 'yesterday'],
            ['card_last_four', '123'],
            ['schema_version', 2],
          ] as const),
        ),
      ),
    })
    .map(({wire, without, amount, wrong}) => {
      const request: Record<string, unknown> = {...wire}
      for (const name of without) delete request[name]
      if (amount !== undefined) {
        delete request['amount_minor']
        request['amount'] = amount
      }
      if (wrong !== undefined) request[wrong[0]] = wrong[1]
      return request
    })

  it('is what the schema says, and what it answers too', async () => {
    const own = await apiWorld({ingest: instantIngest(new VirtualClock())})
    await fc.assert(
      fc.asyncProperty(anyRequest, async request => {
        const isValid =
          own.documented.schemaProblems({$ref: '#/components/schemas/PaymentRequest'}, request).length === 0
        const response = await own.app.inject({method: 'POST', url: '/api/v1/payments', payload: request})
        expect(own.documented.problems('sendPayment', response)).toEqual([])
        // Two requests may come with one id and different content.
        if (response.statusCode !== 409) expect(response.statusCode).toBe(isValid ? 202 : 422)
      }),
      {numRuns: 300},
    )
    await own.close()
  })

  it('answers batches as documented, good lines and bad', async () => {
    const lines = [
      encodePayment(paymentWith({paymentId: testPaymentId(1)})),
      '{"debtor_id":"a","creditor_id":"b","amount_minor":0,"currency":"EUR"}',
      'not JSON',
      '',
      encodePayment(paymentWith({paymentId: testPaymentId(1)})),
      encodePayment(paymentWith({paymentId: testPaymentId(1), amountMinor: 1})),
    ]
    const response = await world.app.inject({
      ...{method: 'POST', url: '/api/v1/payments/batch', payload: lines.join('\n')},
      headers: {'content-type': 'application/x-ndjson'},
    })
    expect(world.documented.problems('sendPaymentBatch', response)).toEqual([])
    expect(response.statusCode).toBe(200)
    expect(linesOf(response.body)).toMatchObject([
      {line: 1, status: 'accepted'},
      {line: 2, status: 'refused', problem: {code: 'INVALID_FIELD'}},
      {line: 3, status: 'refused', problem: {code: 'MALFORMED_JSON'}},
      {line: 5, status: 'accepted'},
      {line: 6, status: 'refused', problem: {code: 'PAYMENT_ID_CONFLICT'}},
    ])
  })

  it('wants a key when it has one, save where the document says that none is wanted', async () => {
    const keyed = await apiWorld({apiKey: 'secret'})
    for (const {method, path, operation} of described) {
      const id = String(operation['operationId'])
      const url = path.replace('{id}', testPaymentId(1))
      const response = await keyed.app.inject({method: method === 'post' ? 'POST' : 'GET', url})
      const isKeyed = OPERATIONS.find(one => one.operationId === id)?.security.length !== 0
      expect(response.statusCode === 401, id).toBe(isKeyed)
      expect(keyed.documented.problems(id, response)).toEqual([])
    }
    await keyed.close()
  })
})
