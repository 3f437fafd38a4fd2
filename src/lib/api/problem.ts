/**
 * Problem documents (RFC 9457), the one shape of every answer that is no success. `code` is stable and for machines,
 * `title` is the same for every occurrence of a code, `detail` is about this one; `errors` names the fields. What is
 * inside of us (messages of exceptions, stacks) is never in one.
 */
import type {FastifyReply, FastifyRequest} from 'fastify'
import type {FieldProblem} from '../payment/decode.js'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

interface ProblemKind {
  readonly status: number
  readonly title: string
}

/** Everything that can be wrong, with the status that it gets. */
export const PROBLEMS = {
  EMPTY_VALUE: {status: 400, title: 'The body is empty'},
  MALFORMED_JSON: {status: 400, title: 'The body is not JSON'},
  INVALID_UTF8: {status: 400, title: 'The body is not UTF-8'},
  NOT_AN_OBJECT: {status: 400, title: 'The body is not a JSON object'},
  MALFORMED_REQUEST: {status: 400, title: 'The request is not HTTP as this server reads it'},
  INVALID_IDEMPOTENCY_KEY: {status: 400, title: 'The Idempotency-Key cannot be used'},
  INVALID_PARAMETER: {status: 400, title: 'A parameter of the request is wrong'},
  UNAUTHORIZED: {status: 401, title: 'The API key is missing or wrong'},
  NOT_FOUND: {status: 404, title: 'There is nothing here'},
  NOT_DECIDED: {status: 404, title: 'The payment is not decided yet'},
  METHOD_NOT_ALLOWED: {status: 405, title: 'The resource has no such method'},
  REQUEST_TIMEOUT: {status: 408, title: 'The request did not arrive in time'},
  PAYMENT_ID_CONFLICT: {status: 409, title: 'Another payment has this payment_id'},
  IDEMPOTENCY_KEY_CONFLICT: {status: 409, title: 'Another payment has this Idempotency-Key'},
  TOO_LARGE: {status: 413, title: 'The body is too large'},
  URI_TOO_LONG: {status: 414, title: 'The path is too long'},
  UNSUPPORTED_MEDIA_TYPE: {status: 415, title: 'The content type is not one that is read here'},
  EXPECTATION_FAILED: {status: 417, title: 'The expectation cannot be met'},
  INVALID_FIELD: {status: 422, title: 'The payment has fields that are wrong'},
  UNKNOWN_VERSION: {status: 422, title: 'The schema version is unknown'},
  HEADERS_TOO_LARGE: {status: 431, title: 'The headers are too large'},
  INTERNAL: {status: 500, title: 'A bug of p2pay'},
  QUEUE_FULL: {status: 503, title: 'Too many payments are under way'},
  BROKER_REFUSED: {status: 503, title: 'The broker did not take the payment'},
  OUTCOME_UNKNOWN: {status: 503, title: 'The broker did not say whether it has the payment'},
  ACK_TIMEOUT: {status: 503, title: 'The payment was not acknowledged in time'},
  DATABASE_UNAVAILABLE: {status: 503, title: 'The database cannot be reached'},
  IN_PROGRESS: {status: 503, title: 'The same payment is under way elsewhere'},
  SHUTTING_DOWN: {status: 503, title: 'The server is shutting down'},
  NO_DETECTOR: {status: 503, title: 'No detector runs in this server'},
  NO_DATABASE: {status: 503, title: 'This server has no database'},
  SCORE_TIMEOUT: {status: 503, title: 'The decision took longer than its budget'},
  NOT_READY: {status: 503, title: 'Something that is needed is not there'},
  UNAVAILABLE: {status: 503, title: 'The service is not available now'},
} as const satisfies Readonly<Record<string, ProblemKind>>

export type ProblemCode = keyof typeof PROBLEMS

/** One occurrence. */
export interface Problem {
  readonly code: ProblemCode
  readonly detail: string
  readonly errors?: readonly FieldProblem[]
  /** Members of the document that this code alone has. */
  readonly extensions?: Readonly<Record<string, unknown>>
  /** Seconds; becomes Retry-After. What has status 503 should have it. */
  readonly retryAfterS?: number
}

/** As on the wire. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  readonly instance?: string
  readonly errors?: readonly FieldProblem[]
}

/** Thrown by a handler to be answered as a problem. */
export class HttpProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.name = 'HttpProblem'
    this.problem = problem
  }
}

/** Of the path that a client chose, in `instance`. */
const MAX_INSTANCE_LENGTH = 200

/** @param path of the request, without its query; undefined when nobody knows it */
export function problemDocument(problem: Problem, path?: string): ProblemDocument {
  const {status, title} = PROBLEMS[problem.code]
  return {
    type: problemType(problem.code),
    title,
    status,
    code: problem.code,
    detail: problem.detail,
    ...(path === undefined ? {} : {instance: path.slice(0, MAX_INSTANCE_LENGTH)}),
    ...(problem.errors === undefined ? {} : {errors: problem.errors}),
    ...problem.extensions,
  }
}

/** `urn:p2pay:problem:payment-id-conflict`. */
export function problemType(code: string): string {
  return `urn:p2pay:problem:${code.toLowerCase().replaceAll('_', '-')}`
}

/** Answers with the problem: status, content type and Retry-After included. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const document = problemDocument(problem, pathOf(request.url))
  void reply.code(document.status).header('content-type', PROBLEM_TYPE)
  if (problem.retryAfterS !== undefined) void reply.header('retry-after', String(problem.retryAfterS))
  return reply.send(JSON.stringify(document))
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
