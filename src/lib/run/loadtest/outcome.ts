/** What an outcome is called: in the report's classes, in the journal's states, and in the list of troubles. */
import {STATUS_CODES} from 'node:http'
import type {HttpOutcome} from '../../http/http-client.js'
import {HTTP_OUTCOMES} from '../../report/result.js'
import type {SendState} from '../../sink/sink.js'

const TIMEOUT = HTTP_OUTCOMES.indexOf('timeout')
const ERROR = HTTP_OUTCOMES.indexOf('error')

/** Index into `HTTP_OUTCOMES`, by which groups are kept. A status that HTTP does not know is an error. */
export function classOf({kind, status}: HttpOutcome): number {
  if (kind === 'timeout') return TIMEOUT
  if (kind !== 'response') return ERROR
  return status >= 100 && status < 600 ? Math.floor(status / 100) - 1 : ERROR
}

/**
 * Failed is only what cannot have been taken: nothing left us, or the service answered that it did not want it. After a
 * 5xx, a timeout or a broken connection nobody can tell.
 */
export function stateOf(outcome: HttpOutcome, isSuccess: boolean): SendState {
  if (isSuccess) return 'acked'
  if (outcome.kind !== 'response') return outcome.kind === 'refused' || outcome.sentUs === 0 ? 'failed' : 'unknown'
  return outcome.status >= 200 && outcome.status < 500 ? 'failed' : 'unknown'
}

/** `HTTP 503`, `ECONNREFUSED`, `TIMEOUT`; the same for whatever is one trouble. */
export function troubleCode({kind, status, errorCode}: HttpOutcome): string {
  return kind === 'response' ? `HTTP ${status}` : (errorCode ?? kind.toUpperCase())
}

/** @param wanted what counts as success */
export function troubleExample({kind, status, errorMessage}: HttpOutcome, wanted: string): string {
  if (kind !== 'response') return errorMessage ?? kind
  return `${STATUS_CODES[status] ?? 'unknown status'}; success is ${wanted}`
}
