/** Holds answers to the OpenAPI document: what an operation answers must be what is written there. */
import {Ajv2020, type ValidateFunction} from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type {OpenApiDocument} from '../../src/lib/api/openapi.js'

export interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

type Json = Readonly<Record<string, unknown>>

export class Documented {
  readonly #document: OpenApiDocument
  readonly #ajv = new Ajv2020({strict: false, allErrors: true})
  /** By the text of the schema: compiling is what takes time. */
  readonly #compiled = new Map<string, ValidateFunction>()

  constructor(document: OpenApiDocument) {
    this.#document = document
    addFormats.default(this.#ajv)
    this.#ajv.addSchema({...document, $id: 'openapi'})
  }

  /** All that the document does not say of this answer; empty when it is as documented. */
  problems(operationId: string, {statusCode, headers, body}: Answer): string[] {
    const responses = objectOf(this.operation(operationId)['responses'])
    const described = responses[statusCode] ?? responses['default']
    if (described === undefined) return [`${operationId} answers ${statusCode}, which is not documented`]
    const [type = ''] = String(headers['content-type']).split(';')
    const content = objectOf(objectOf(this.#resolve(described))['content'])
    if (!(type in content)) return [`${operationId} answers ${statusCode} as ${type}, which is not documented`]
    if (!type.endsWith('json')) return []
    const lines = type === 'application/x-ndjson' ? body.split('\n').filter(line => line !== '') : [body]
    const schema = objectOf(content[type])['schema']
    return lines.flatMap(line => this.schemaProblems(schema, JSON.parse(line)).map(why => `${statusCode} ${why}`))
  }

  /** @param schema one of the document, or a reference to one */
  schemaProblems(schema: unknown, value: unknown): string[] {
    // References of the document are relative to it, wherever the schema is taken from.
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi#/')
    const validate = this.#compiled.get(text) ?? this.#ajv.compile(JSON.parse(text))
    this.#compiled.set(text, validate)
    if (validate(value)) return []
    return (validate.errors ?? []).map(({instancePath, message}) => `${instancePath || '$'} ${message}`)
  }

  operation(operationId: string): Json {
    for (const methods of Object.values(this.#document.paths))
      for (const operation of Object.values(methods)) if (operation['operationId'] === operationId) return operation
    throw new Error(`no operation ${operationId} is documented`)
  }

  #resolve(described: unknown): unknown {
    const name = /^#\/components\/responses\/(\w+)$/.exec(String(objectOf(described)['$ref']))?.[1]
    return name === undefined ? described : this.#document.components['responses']?.[name]
  }
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? {...value} : {}
}
