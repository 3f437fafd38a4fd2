/**
 * Reads the parameters of lookups; what is wrong is thrown as one problem that names each. The limits are those that
 * the schemas of the operations state (a test holds them together).
 */
import type {FastifyInstance} from 'fastify'
import {nearest} from '../base/nearest.js'
import {type FieldProblem, MAX_ID_LENGTH, MAX_PROBLEMS} from '../payment/decode.js'
import {type CursorKind, decodeCursor} from '../store/cursor.js'
import type {PageRequest} from '../store/payment-queries.js'
import {DOCS_PATH, OPENAPI_PATH} from './docs.js'
import {HttpProblem} from './problem.js'
import {CURSOR_MAX_LENGTH, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX} from './schemas.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const PAGE_PARAMETERS = ['limit', 'cursor']
/** Of a parameter's name that is repeated in a problem. */
const MAX_NAME_LENGTH = 100
const WHOLE_NUMBER = /^[0-9]{1,9}$/
/** What a database cannot hold is no id of ours. */
const UNSTORABLE = /\0|\p{Surrogate}/u

/** @returns the id in lower case, its one spelling inside. @throws HttpProblem INVALID_PARAMETER */
export function readPaymentId(params: unknown): string {
  const id = textOf(params, 'id')?.toLowerCase() ?? ''
  if (UUID.test(id)) return id
  throw refuse([{field: 'id', problem: 'must be a UUID'}])
}

/** @throws HttpProblem INVALID_PARAMETER */
export function readAccountId(params: unknown): string {
  const problems: FieldProblem[] = []
  const id = accountIdOf(params, problems)
  if (problems.length > 0) throw refuse(problems)
  return id
}

/** @throws HttpProblem INVALID_PARAMETER */
export function readPage(kind: CursorKind, query: unknown): PageRequest {
  const problems: FieldProblem[] = []
  const page = pageOf(kind, query, problems)
  if (problems.length > 0) throw refuse(problems)
  return page
}

/** All that is wrong with both at once. @throws HttpProblem INVALID_PARAMETER */
export function readAccountPage(
  params: unknown,
  query: unknown,
): {readonly accountId: string; readonly page: PageRequest} {
  const problems: FieldProblem[] = []
  const accountId = accountIdOf(params, problems)
  const page = pageOf('account', query, problems)
  if (problems.length > 0) throw refuse(problems)
  return {accountId, page}
}

function accountIdOf(params: unknown, problems: FieldProblem[]): string {
  const id = textOf(params, 'id') ?? ''
  const length = [...id].length
  if (length === 0 || length > MAX_ID_LENGTH)
    problems.push({field: 'id', problem: `must be a text of 1 to ${MAX_ID_LENGTH} characters`})
  if (UNSTORABLE.test(id)) problems.push({field: 'id', problem: 'has a NUL character or a lone surrogate'})
  return id
}

function pageOf(kind: CursorKind, query: unknown, problems: FieldProblem[]): PageRequest {
  const limit = has(query, 'limit') ? wholeNumberOf(textOf(query, 'limit')) : PAGE_LIMIT_DEFAULT
  if (!(limit >= 1 && limit <= PAGE_LIMIT_MAX))
    problems.push({field: 'limit', problem: `must be a whole number from 1 to ${PAGE_LIMIT_MAX}, once`})
  const cursor = textOf(query, 'cursor') ?? null
  if (has(query, 'cursor') && !isCursor(kind, cursor))
    problems.push({field: 'cursor', problem: 'must be the `next` of a page of this list, once'})
  problems.push(...unknownParameters(query, PAGE_PARAMETERS))
  return {limit, cursor}
}

function isCursor(kind: CursorKind, cursor: string | null): boolean {
  if (cursor === null || cursor.length > CURSOR_MAX_LENGTH) return false
  try {
    decodeCursor(kind, cursor)
    return true
  } catch {
    return false
  }
}

/**
 * Refuses what a client asks for in vain: a parameter that is overlooked looks like one that is heeded. Operations that
 * have parameters name the unknown ones themselves, beside what else is wrong.
 */
export function refuseUnknownParameters(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const {url, schema} = request.routeOptions
    const isOurs = url?.startsWith('/api/v1/') === true && url !== OPENAPI_PATH && !url.startsWith(DOCS_PATH)
    if (!request.url.includes('?') || !isOurs || schema?.querystring !== undefined) return done()
    const problems = unknownParameters(request.query, [])
    if (problems.length === 0) done()
    else done(refuse(problems))
  })
}

function unknownParameters(query: unknown, known: readonly string[]): readonly FieldProblem[] {
  if (typeof query !== 'object' || query === null) return []
  const names = Object.keys(query).filter(name => !known.includes(name))
  return names.slice(0, MAX_PROBLEMS).map(name => {
    const near = nearest(name.slice(0, MAX_NAME_LENGTH), known)
    const hint = near !== undefined ? `did you mean ${near}?` : `it has ${known.join(' and ') || 'none'}`
    return {field: name.slice(0, MAX_NAME_LENGTH), problem: `is no parameter of this resource; ${hint}`}
  })
}

/** NaN for anything but digits. */
function wholeNumberOf(text: string | undefined): number {
  return text !== undefined && WHOLE_NUMBER.test(text) ? Number(text) : Number.NaN
}

function has(parameters: unknown, name: string): boolean {
  return typeof parameters === 'object' && parameters !== null && name in parameters
}

/** Undefined when it is absent, or there several times. */
function textOf(parameters: unknown, name: string): string | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined
  const value: unknown = Object.getOwnPropertyDescriptor(parameters, name)?.value
  return typeof value === 'string' ? value : undefined
}

function refuse(errors: readonly FieldProblem[]): HttpProblem {
  const names = errors.map(({field}) => field).join(' and ')
  return new HttpProblem({code: 'INVALID_PARAMETER', detail: `${names} cannot be used`, errors})
}
