/** RFC 3339 times to the one spelling of the wire. */
import {parseTimestamp} from '../payment/timestamp.js'

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))$/
const MS_PER_MINUTE = 60_000

/**
 * `2026-01-31T23:59:59+01:00` → `2026-01-31T22:59:59.000Z`; what is finer than a millisecond is cut off.
 *
 * @returns undefined when the text is no such time, or lies before 1970 or after 9999 in UTC
 */
export function normalTime(text: string): string | undefined {
  if (parseTimestamp(text) !== undefined) return text
  const match = RFC_3339.exec(text)
  if (match === null) return undefined
  const [, date, time, fraction = '', zulu, sign, hours, minutes] = match
  const local = parseTimestamp(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
  if (local === undefined) return undefined
  if (zulu !== undefined) return new Date(local).toISOString()
  const [offsetHours, offsetMinutes] = [Number(hours), Number(minutes)]
  if (offsetHours > 23 || offsetMinutes > 59) return undefined
  const offsetMs = (offsetHours * 60 + offsetMinutes) * MS_PER_MINUTE * (sign === '-' ? -1 : 1)
  const iso = new Date(local - offsetMs).toISOString()
  return parseTimestamp(iso) === undefined ? undefined : iso
}
