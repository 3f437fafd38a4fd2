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
  const onlyKey = idPath?.length === 1 && typeof idPath[0] === 'string' ? JSON.stringify(idPath[0]) : null
  return {
    needsBody: body !== undefined || idPath !== null,
    isSuccess: outcome =>
      outcome.kind === 'response' &&
      includesStatus(statuses, outcome.status) &&
      (body === undefined || body.test(textOf(outcome))),
    idOf:
      idPath === null
        ? () => undefined
        : (outcome, sentId = null) => {
            const text = textOf(outcome)
            return onlyKey !== null && sentId !== null && isEcho(text, onlyKey, sentId) ? undefined : idIn(text, idPath)
          },
    description: `status ${statusText}${body === undefined ? '' : ` and body matches ${body}`}`,
  }
}

/**
 * True when the text is a flat object in which the key, as JSON, stands once, with this very text behind it: the usual
 * answer, known without reading all of it. Where it is no JSON no id is lost either.
 */
function isEcho(text: string, key: string, id: string): boolean {
  const at = text.indexOf(key)
  const colon = at + key.length
  if (at < 0 || text[colon] !== ':') return false
  const quote = text[colon + 1] === ' ' ? colon + 2 : colon + 1
  return (
    text[quote] === '"' &&
    text.startsWith(id, quote + 1) &&
    text[quote + 1 + id.length] === '"' &&
    text.indexOf(key, quote) < 0 &&
    text[0] === '{' &&
    text.indexOf('{', 1) < 0 &&
    !text.includes('\\')
  )
}

function idIn(text: string, path: FieldPath): string | undefined {
  // Cut bodies and pages of errors are no JSON: they name no id.
  if (text === '') return undefined
  let answer: unknown
  try {
    answer = JSON.parse(text)
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
