/** Ids for payments that come without one. */
import {randomUUID} from 'node:crypto'

/**
 * A UUID version 7 (RFC 9562, section 5.7): the time first, so that rows of new payments lie next to each other; the
 * rest is random.
 *
 * @param nowMs wall clock
 */
export function mintPaymentId(nowMs: number): string {
  const time = nowMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
