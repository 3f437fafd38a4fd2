/**
 * What becomes of a request that no handler answered: unknown paths and methods, bodies that the framework refused,
 * and errors. Every one is a problem document; an error that we did not foresee is told to the operator, not the client.
 */
import type {FastifyInstance, FastifyRequest} from 'fastify'
import {isP2payError, messageOf} from '../base/errors.js'
import type {ApiOptions} from './ports.js'
import {HttpProblem, type Problem, type ProblemCode, sendProblem} from './problem.js'

export interface ErrorHandling {
  readonly options: Pick<ApiOptions, 'limits' | 'onNote'>
  readonly allowed: (path: string) => readonly string[]
}

/** fastify's own errors, by its codes. */
const FRAMEWORK_PROBLEMS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'UNSUPPORTED_MEDIA_TYPE',
    'payments are application/json in UTF-8, batches application/x-ndjson',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['MALFORMED_REQUEST', 'the body is not as long as Content-Length says'],
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'the request names no content type'],
  FST_ERR_BAD_URL: ['MALFORMED_REQUEST', 'the path has a percent-encoding that is none'],
  FST_ERR_MAX_PARAM_LENGTH: ['URI_TOO_LONG', 'a part of the path is longer than any id'],
}

/** Of an error that comes from the framework or from the connection, and not from us. @param bodyLimit of the route */
export function frameworkProblem(error: unknown, bodyLimit?: number): Problem {
  if (member(error, 'code') === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const limit = bodyLimit === undefined ? '' : `; at most ${bodyLimit} bytes are read`
    return {code: 'TOO_LARGE', detail: `the body is larger than this resource reads${limit}`}
  }
  const known = FRAMEWORK_PROBLEMS[String(member(error, 'code'))]
  if (known === undefined) return {code: 'MALFORMED_REQUEST', detail: 'the request cannot be read'}
  const [code, detail] = known
  return {code, detail}
}

export function addErrorHandling(app: FastifyInstance, {options, allowed}: ErrorHandling): void {
  app.setErrorHandler((error, request, reply) => {
    // fastify would close the connection after a refused body, and with it the answer would be lost to a client that
    // is still sending; Node reads and drops the rest. One that waits for "100 Continue" sends nothing more.
    if (request.headers.expect === undefined) reply.removeHeader('connection')
    return sendProblem(request, reply, problemOf(error, options, request.routeOptions.bodyLimit))
  })
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed(pathOf(request))
    if (methods.length === 0) {
      return sendProblem(request, reply, {code: 'NOT_FOUND', detail: 'no such path; /api/v1/docs lists all of them'})
    }
    void reply.header('allow', methods.join(', '))
    return sendProblem(request, reply, {code: 'METHOD_NOT_ALLOWED', detail: `allowed: ${methods.join(', ')}`})
  })
}

function problemOf(error: unknown, {limits, onNote}: ErrorHandling['options'], bodyLimit: number | undefined): Problem {
  if (error instanceof HttpProblem) return error.problem
  const {retryAfterS} = limits
  if (isP2payError(error)) {
    onNote(`! ${error.message}`)
    const isDatabase = error.code.startsWith('P2PAY_DATABASE')
    if (isDatabase) return {code: 'DATABASE_UNAVAILABLE', detail: 'the database does not answer', retryAfterS}
    if (error.code !== 'P2PAY_BUG') return {code: 'UNAVAILABLE', detail: 'try again later', retryAfterS}
  } else {
    const status = member(error, 'statusCode')
    if (typeof status === 'number' && status >= 400 && status < 500) return frameworkProblem(error, bodyLimit)
    onNote(`! a bug: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`)
  }
  return {code: 'INTERNAL', detail: 'the server has written down what went wrong'}
}

/** Knows the methods of every route that is registered from now on. @returns by path; none when there is no such path */
export function allowedMethods(app: FastifyInstance): (path: string) => readonly string[] {
  const routes: {readonly parts: readonly string[]; readonly methods: readonly string[]}[] = []
  app.addHook('onRoute', ({url, method}) => {
    routes.push({parts: url.split('/'), methods: typeof method === 'string' ? [method] : method})
  })
  return path => {
    const parts = path.split('/')
    const matching = routes.filter(route => matches(route.parts, parts))
    // A path of its own is another resource than the pattern that fits it too.
    const exact = matching.filter(route => route.parts.join('/') === path)
    const methods = (exact.length > 0 ? exact : matching).flatMap(route => route.methods)
    return [...new Set(methods)].toSorted()
  }
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? parts.length < pattern.length : parts.length !== pattern.length) return false
  return pattern.every((part, index) => part === '*' || part.startsWith(':') || part === parts[index])
}

function pathOf({url}: FastifyRequest): string {
  return url.replace(/[?#].*$/s, '')
}

function member(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
}
