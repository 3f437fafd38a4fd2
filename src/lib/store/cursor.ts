/** Where a page ended: opaque to clients, readable to us. A cursor belongs to one kind of list. */
import {UsageError} from '../base/errors.js'

export type CursorKind = 'account' | 'alerts'

export interface Cursor {
  /** Time of the last row of the page, µs since the epoch. */
  readonly us: bigint
  readonly paymentId: string
}

const MAX_CURSOR_CHARACTERS = 200
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** Any time that a row can have. */
const MICROSECONDS = /^-?[0-9]{1,19}$/
const MAX_US = 8_640_000_000_000_000_000n

export function encodeCursor(kind: CursorKind, {us, paymentId}: Cursor): string {
  return Buffer.from(JSON.stringify([kind, String(us), paymentId])).toString('base64url')
}

/** @throws UsageError P2PAY_CURSOR when it is none that a list of this kind has given */
export function decodeCursor(kind: CursorKind, text: string): Cursor {
  const [cursorKind, us, paymentId] = partsOf(text)
  if (
    cursorKind !== kind ||
    typeof us !== 'string' ||
    !MICROSECONDS.test(us) ||
    BigInt(us) > MAX_US ||
    BigInt(us) < -MAX_US ||
    typeof paymentId !== 'string' ||
    !UUID.test(paymentId)
  ) {
    throw new UsageError('The cursor is none that this list has given', {
      code: 'P2PAY_CURSOR',
      suggestions: ['pass on `next` of the page before as it is, or', 'leave the cursor out to begin with the latest'],
    })
  }
  return {us: BigInt(us), paymentId}
}

function partsOf(text: string): readonly unknown[] {
  if (text.length > MAX_CURSOR_CHARACTERS || !/^[A-Za-z0-9_-]+$/.test(text)) return []
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return Array.isArray(parts) && parts.length === 3 ? parts : []
  } catch {
    return []
  }
}
