/**
 * Why a single record cannot go its ordinary way, and the search for it in a batch that was refused as a whole:
 * the batch is halved until the culprits stand alone, and their neighbours pass.
 */
import {messageOf} from '../../base/errors.js'
import type {DecodeResult} from '../../payment/decode.js'
import {RowError} from '../../store/store.js'

/** What the dead-letter record tells of its reason. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/** Longest reason in a header. */
const MAX_MESSAGE_LENGTH = 500

/** Codes of a broker's refusal, and of our publisher's, that one record is to blame for. */
const RECORD_CODES: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'P2PAY_RECORD_TOO_LARGE',
])
const MAX_CAUSES = 10

/** The store's RowError, or a broker's refusal of a record: another try would end alike. */
export function isRecordError(error: unknown): error is Error {
  return error instanceof RowError || (error instanceof Error && brokerCodeOf(error) !== undefined)
}

export function refusalOf(error: Error, fallbackCode: string): Refusal {
  return {code: brokerCodeOf(error) ?? codeOf(error) ?? fallbackCode, message: shortened(messageOf(error))}
}

export function refusalOfProblems(result: Extract<DecodeResult, {ok: false}>): Refusal {
  const message = result.problems.map(({field, problem}) => `${field}: ${problem}`).join('; ')
  return {code: result.code, message: shortened(message)}
}

/**
 * Attempts all items together; after a record error each half on its own, down to single ones.
 *
 * @param refuse takes an item that is refused alone
 * @throws whatever `attempt` throws that is not a record error
 */
export async function bisect<T>(
  items: readonly T[],
  attempt: (items: readonly T[]) => Promise<void>,
  refuse: (item: T, error: Error) => Promise<void> | void,
): Promise<void> {
  if (items.length === 0) return
  try {
    await attempt(items)
  } catch (error) {
    if (!isRecordError(error)) throw error
    const [only] = items
    if (items.length === 1 && only !== undefined) return refuse(only, error)
    const middle = items.length >> 1
    await bisect(items.slice(0, middle), attempt, refuse)
    await bisect(items.slice(middle), attempt, refuse)
  }
}

/** Clients wrap errors in errors, and name the code `code` or `type`. */
function brokerCodeOf(error: Error): string | undefined {
  let current: unknown = error
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current !== null; depth++) {
    const fields: {code?: unknown; type?: unknown; cause?: unknown} = current
    for (const code of [fields.code, fields.type]) if (typeof code === 'string' && RECORD_CODES.has(code)) return code
    current = fields.cause
  }
  return undefined
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function shortened(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…`
}
