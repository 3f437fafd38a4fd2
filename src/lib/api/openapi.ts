/**
 * The OpenAPI 3.1 document of the API, made of the schemas that its routes are registered with. @fastify/swagger finds
 * routes and parameters; bodies, responses and components are put in as they are written in schemas.ts, because its
 * conversion drops what stands beside a `$ref` and knows no reusable responses.
 */
import swagger from '@fastify/swagger'
import type {FastifyInstance} from 'fastify'
import {COMPONENT_SCHEMAS, schemaRef} from './components.js'
import {ERRORS, type Operation, type Tag} from './operation.js'
import type {JsonSchema} from './payment-schema.js'
import {PROBLEM_TYPE, PROBLEMS, problemType} from './problem.js'
import {OPERATIONS} from './schemas.js'

export interface OpenApiDocument {
  readonly openapi: string
  readonly info: JsonSchema
  readonly servers: readonly JsonSchema[]
  readonly tags: readonly JsonSchema[]
  /** By path and method. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>
}

const TAGS: Readonly<Record<Tag, string>> = {
  payments: 'Send payments to the pipeline.',
  scoring: 'Ask the detector without sending anything.',
  lookups: 'What became of payments, and what is known of accounts.',
  operations: 'How the server is doing.',
}

const DESCRIPTION = `The front door of a payment pipeline: what is accepted here is on the raw topic, acknowledged by the broker.

**Retries are safe.** A payment is known by its \`payment_id\`, or by an \`Idempotency-Key\` header. After a 503, a timeout or a broken connection nobody knows whether it was sent; sending it again settles that, and never makes a second payment.

**Errors** are problem documents (RFC 9457) of type \`application/problem+json\`: \`code\` is for programs, \`errors\` names the fields that are wrong.

**Keys.** A server that was started with an API key wants it in \`X-API-Key\` or as a bearer token.

**Money** is a whole number of minor units; sums of money are digits in a string.`

/**
 * Collects the routes that are registered from now on, so it comes before them. It also keeps the framework from
 * checking and reshaping by schema: routes judge what comes in themselves, and send what they mean to.
 */
export async function addOpenApi(app: FastifyInstance, options: {readonly version: string}): Promise<void> {
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {title: 'p2pay', version: options.version, description: DESCRIPTION},
      servers: [{url: '/', description: 'This server'}],
      tags: Object.entries(TAGS).map(([name, description]) => ({name, description})),
      components: {
        securitySchemes: {
          apiKey: {type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The key of the server.'},
          bearer: {type: 'http', scheme: 'bearer', description: 'The same key, as a bearer token.'},
        },
      },
    },
    convertConstToEnum: false,
  })
}

/** The document of everything that is registered. The app must be ready. */
export function openApiDocument(app: FastifyInstance): OpenApiDocument {
  const found: SwaggerDocument = JSON.parse(JSON.stringify(app.swagger()))
  const operations = new Map(OPERATIONS.map(operation => [operation.operationId, operation]))
  const complete = (described: SwaggerOperation): JsonSchema => {
    const operation = operations.get(described.operationId ?? '')
    return operation === undefined ? {...described} : {...described, ...partsOf(operation)}
  }
  return {
    openapi: found.openapi,
    info: found.info,
    servers: found.servers,
    tags: found.tags,
    paths: Object.fromEntries(
      Object.entries(found.paths).map(([path, methods]) => [
        path,
        Object.fromEntries(Object.entries(methods).map(([method, described]) => [method, complete(described)])),
      ]),
    ),
    components: {
      securitySchemes: found.components.securitySchemes,
      schemas: COMPONENT_SCHEMAS,
      responses: errorResponses(),
    },
  }
}

/** What @fastify/swagger makes of it. */
interface SwaggerDocument extends Pick<OpenApiDocument, 'openapi' | 'info' | 'servers' | 'tags'> {
  readonly paths: Readonly<Record<string, Readonly<Record<string, SwaggerOperation>>>>
  readonly components: {readonly securitySchemes: Readonly<Record<string, JsonSchema>>}
}

interface SwaggerOperation extends JsonSchema {
  readonly operationId?: string
}

function partsOf({body, response}: Operation): JsonSchema {
  return {...(body === undefined ? {} : {requestBody: {...body, required: true}}), responses: response}
}

function errorResponses(): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(ERRORS).map(([name, {status, description}]) => {
      const kinds = Object.entries(PROBLEMS).filter(([, kind]) =>
        status === 'default' ? !NAMED_STATUSES.has(kind.status) : kind.status === status,
      )
      const examples = kinds.map(([code, kind]) => [
        code,
        {
          summary: kind.title,
          value: {
            ...{type: problemType(code), title: kind.title, status: kind.status, code, detail: kind.title},
            ...MORE_OF_EXAMPLE[code],
          },
        },
      ])
      const content = {schema: schemaRef('Problem'), examples: Object.fromEntries(examples)}
      const headers = HEADERS_OF_STATUS[status]
      return [
        name,
        {description, ...(headers === undefined ? {} : {headers}), content: {[PROBLEM_MEDIA_TYPE]: content}},
      ]
    }),
  )
}

/** What the title alone does not show. */
const MORE_OF_EXAMPLE: Readonly<Record<string, JsonSchema>> = {
  INVALID_FIELD: {
    detail: 'amount has more than 2 decimals (and 1 more)',
    errors: [
      {field: 'amount', problem: 'has more than 2 decimals'},
      {field: 'country', problem: 'must be two capital letters (ISO 3166-1)'},
    ],
  },
  INVALID_PARAMETER: {
    detail: 'limit cannot be used',
    errors: [{field: 'limit', problem: 'must be a whole number from 1 to 1000, once'}],
  },
  NOT_DECIDED: {payment_status: 'accepted'},
  NOT_READY: {detail: 'the broker does not answer', troubles: ['the broker does not answer']},
}
const NAMED_STATUSES: ReadonlySet<number | string> = new Set(Object.values(ERRORS).map(({status}) => status))
const PROBLEM_MEDIA_TYPE = PROBLEM_TYPE.replace(/;.*$/, '')
const RETRY_AFTER: JsonSchema = {description: 'Seconds until trying again makes sense.', schema: {type: 'integer'}}
const HEADERS_OF_STATUS: Readonly<Record<string, JsonSchema>> = {
  401: {'WWW-Authenticate': {description: 'How a key can be sent.', schema: {type: 'string'}}},
  404: {'Retry-After': RETRY_AFTER},
  503: {'Retry-After': RETRY_AFTER},
}
