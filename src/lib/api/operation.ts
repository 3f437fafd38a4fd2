/** What an operation is described with, and the pieces that descriptions are made of. */
import {type ComponentName, schemaRef} from './components.js'
import type {JsonSchema} from './payment-schema.js'

export type ErrorName = keyof typeof ERRORS

/** Error responses, by the name of their component. */
export const ERRORS = {
  BadRequest: {status: 400, description: 'The request cannot be read.'},
  Unauthorized: {status: 401, description: 'The server wants an API key, and this is not it.'},
  NotFound: {status: 404, description: 'There is no such thing.'},
  RequestTimeout: {status: 408, description: 'The request did not arrive in time.'},
  Conflict: {status: 409, description: 'The payment id or Idempotency-Key belongs to a payment with other content.'},
  TooLarge: {status: 413, description: 'The body is larger than is taken.'},
  UnsupportedMediaType: {status: 415, description: 'The body is of a type that is not taken here.'},
  InvalidPayment: {status: 422, description: 'The payment is not valid; `errors` names each field that is wrong.'},
  InternalError: {status: 500, description: 'A bug of the server.'},
  Unavailable: {
    status: 503,
    description:
      'Not now: the broker or the database is slow or gone, too much is under way, or the server was started without what this needs. `Retry-After` says when to try again, if that can help.',
  },
  Other: {status: 'default', description: 'Whatever else is wrong with a request is a problem document too.'},
} as const

export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly Tag[]
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly params?: JsonSchema
  readonly querystring?: JsonSchema
  readonly headers?: JsonSchema
  readonly body?: JsonSchema
  readonly response: Readonly<Record<string, JsonSchema>>
}

export type Tag = 'payments' | 'scoring' | 'lookups' | 'operations'

/** A key is wanted only by a server that was started with one. */
export const KEYED: Operation['security'] = [{}, {apiKey: []}, {bearer: []}]
export const OPEN: Operation['security'] = []

type Examples = Readonly<Record<string, {readonly summary: string; readonly value: unknown}>>

export function json(name: ComponentName, description: string, values: Examples, headers?: JsonSchema): JsonSchema {
  return {
    description,
    ...(headers === undefined ? {} : {headers}),
    content: {'application/json': {schema: schemaRef(name), examples: values}},
  }
}

export function text(description: string, type: string, example: string): JsonSchema {
  return {description, content: {[type]: {schema: {type: 'string'}, example}}}
}

/** Problem documents, each a reference to its component. */
export function errors(...names: readonly ErrorName[]): Record<string, JsonSchema> {
  const all: readonly ErrorName[] = [...names, 'RequestTimeout', 'InternalError', 'Other']
  return Object.fromEntries(all.map(name => [ERRORS[name].status, {$ref: `#/components/responses/${name}`}]))
}
