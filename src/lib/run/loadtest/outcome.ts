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
export function troubleExample({kind, status, body, errorMessage}: HttpOutcome, wanted: string): string {
  if (kind !== 'response') return errorMessage ?? kind
  const detail = body === null ? undefined : problemDetail(body)
  return `${STATUS_CODES[status] ?? 'unknown status'}${detail === undefined ? '' : `: ${detail}`}; success is ${wanted}`
}

const DETAIL_CHARACTERS = 200

/** What a problem document (RFC 9457) says of this occurrence; undefined for other bodies. */
function problemDetail(body: Buffer): string | undefined {
  let document: unknown
  try {
    document = JSON.parse(body.toString())
  } catch {
    return undefined
  }
  if (typeof document !== 'object' || document === null) return undefined
  const {detail}: {readonly detail?: unknown} = document
  if (typeof detail !== 'string' || detail === '') return undefined
  return detail.length > DETAIL_CHARACTERS ? `${detail.slice(0, DETAIL_CHARACTERS)}…` : detail
}

const UNTRUSTED = 'nobody vouches for the certificate: --cacert FILE trusts its authority, --insecure takes any'

/** What helps against a trouble, by its code. */
const REMEDIES: Readonly<Record<string, string>> = {
  'HTTP 401': '--api-key-env NAME sends a key as X-API-Key, --header another one',
  ECONNREFUSED: 'nothing listens there: is the service running, and is the port right?',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
}

/** @returns undefined where nothing is known */
export function remedyOf(code: string): string | undefined {
  return Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined
}
