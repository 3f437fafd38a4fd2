/** Success by status and, when asked for, by the body; and the id under which the service keeps the payment. */
import type {HttpOutcome} from '../../http/http-client.js'
import {type FieldPath, includesStatus, type StatusSet, valueAt} from '../../payment/response-rule.js'
import type {ResponseJudge} from './options.js'

/** Bodies are kept up to here: what a service says of one payment is shorter. */
export const JUDGED_BODY_BYTES = 64 * 1024

export interface JudgeOptions {
  readonly statuses: StatusSet
  /** As the user wrote them, for the report. */
  readonly statusText: string
  /** The body must match, beside the status. */
  readonly body?: RegExp | undefined
  /** Null: no ids are looked for. */
  readonly idPath: FieldPath | null
}

/** @param options a `body` without the flags g and y, which would remember the last answer */
export function createResponseJudge({statuses, statusText, body, idPath}: JudgeOptions): ResponseJudge {
  return {
    needsBody: body !== undefined || idPath !== null,
    isSuccess: outcome =>
      outcome.kind === 'response' &&
      includesStatus(statuses, outcome.status) &&
      (body === undefined || body.test(textOf(outcome))),
    idOf: idPath === null ? () => undefined : outcome => idIn(outcome, idPath),
    description: `status ${statusText}${body === undefined ? '' : ` and body matches ${body}`}`,
  }
}

function idIn(outcome: HttpOutcome, path: FieldPath): string | undefined {
  // Cut bodies and pages of errors are no JSON: they name no id.
  if (outcome.body === null || outcome.body.length === 0) return undefined
  let answer: unknown
  try {
    answer = JSON.parse(textOf(outcome))
  } catch {
    return undefined
  }
  const id = valueAt(answer, path)
  if (typeof id === 'string') return id === '' ? undefined : id
  return typeof id === 'number' ? String(id) : undefined
}

function textOf({body}: HttpOutcome): string {
  return body === null ? '' : body.toString('utf8')
}
