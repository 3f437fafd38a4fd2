/**
 * Writes small values as ASCII into a byte array and returns the position behind them. Short texts are copied byte by
 * byte; from about twenty bytes on the engine's own copy is faster.
 */
const COPY_FROM = 20
const HEX = Uint8Array.from('0123456789abcdef', char => char.charCodeAt(0))
const ZERO = 48
const DOT = 46
const MINUS = 45
const BILLION = 1_000_000_000

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'))
}

export function putBytes(target: Uint8Array, position: number, bytes: Uint8Array): number {
  const length = bytes.length
  if (length >= COPY_FROM) target.set(bytes, position)
  else for (let index = 0; index < length; index++) target[position + index] = bytes[index]
  return position + length
}

/** Exactly `digits` decimal digits of an integer in [0, 2^31). */
export function putDigits(target: Uint8Array, position: number, value: number, digits: number): number {
  let rest = value | 0
  for (let index = position + digits - 1; index >= position; index--) {
    const tens = (rest / 10) | 0
    target[index] = ZERO + rest - tens * 10
    rest = tens
  }
  return position + digits
}

/** A non-negative safe integer without leading zeros. */
export function putInteger(target: Uint8Array, position: number, value: number): number {
  if (value < BILLION) return putDigits(target, position, value, digitsOf(value))
  const billions = Math.floor(value / BILLION)
  return putDigits(target, putInteger(target, position, billions), value - billions * BILLION, 9)
}

function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9
}

/** A byte without leading zeros. */
function putOctet(target: Uint8Array, position: number, value: number): number {
  let at = position
  if (value > 99) target[at++] = ZERO + ((value / 100) | 0)
  if (value > 9) target[at++] = ZERO + (((value / 10) | 0) % 10)
  target[at++] = ZERO + (value % 10)
  return at
}

/** Eight hex digits of an unsigned 32-bit integer. */
export function putHex8(target: Uint8Array, position: number, value: number): number {
  let shift = 28
  for (let index = 0; index < 8; index++, shift -= 4) target[position + index] = HEX[(value >>> shift) & 15]
  return position + 8
}

/** Twelve hex digits of an integer below 2^48. */
export function putHex12(target: Uint8Array, position: number, value: number): number {
  const high = Math.floor(value / 4_294_967_296)
  for (let index = 0, shift = 12; index < 4; index++, shift -= 4) target[position + index] = HEX[(high >>> shift) & 15]
  return putHex8(target, position + 4, value >>> 0)
}

/** The shortest decimal of value / 100000, as JSON.stringify writes it; |value| < 2^31. */
export function putE5(target: Uint8Array, position: number, value: number): number {
  let at = position
  let rest = value | 0
  if (rest < 0) {
    target[at++] = MINUS
    rest = -rest
  }
  const whole = (rest / 100_000) | 0
  at = putDigits(target, at, whole, whole < 10 ? 1 : whole < 100 ? 2 : 3)
  let fraction = rest - whole * 100_000
  if (fraction === 0) return at
  let digits = 5
  for (let tens = (fraction / 10) | 0; tens * 10 === fraction; tens = (fraction / 10) | 0) {
    fraction = tens
    digits--
  }
  target[at] = DOT
  return putDigits(target, at + 1, fraction, digits)
}

export function putIp(target: Uint8Array, position: number, ip: number): number {
  let at = putOctet(target, position, ip >>> 24)
  target[at++] = DOT
  at = putOctet(target, at, (ip >>> 16) & 255)
  target[at++] = DOT
  at = putOctet(target, at, (ip >>> 8) & 255)
  target[at++] = DOT
  return putOctet(target, at, ip & 255)
}

const MINUTE_MS = 60_000
const HOUR_AT = 11
const MINUTE_AT = 14
const SECONDS_AT = 17
const MILLIS_AT = 20

/**
 * Writes times as ISO 8601 UTC with ms, `2026-01-05T06:00:00.000Z`, over a text of that length. It keeps the text of
 * the minute written last: times that ascend seldom leave it.
 */
export class IsoTimes {
  readonly #text = ascii('0000-00-00T00:00:00.000Z')
  #day = Number.NaN
  #minute = Number.NaN

  /** @param timeMs whole ms since the epoch, years 0 to 9999 */
  put(target: Uint8Array, position: number, timeMs: number): void {
    const minute = Math.floor(timeMs / MINUTE_MS)
    if (minute !== this.#minute) this.#enterMinute(minute)
    const ms = timeMs - minute * MINUTE_MS
    const seconds = (ms / 1000) | 0
    target.set(this.#text, position)
    putPair(target, position + SECONDS_AT, seconds)
    putDigits(target, position + MILLIS_AT, ms - seconds * 1000, 3)
  }

  #enterMinute(minute: number): void {
    this.#minute = minute
    const day = Math.floor(minute / 1440)
    if (day !== this.#day) this.#enterDay(day)
    const minuteOfDay = minute - day * 1440
    const hour = (minuteOfDay / 60) | 0
    putPair(this.#text, HOUR_AT, hour)
    putPair(this.#text, MINUTE_AT, minuteOfDay - hour * 60)
  }

  /** Days to a civil date: Howard Hinnant's algorithm (chrono-compatible date algorithms), years counted from March. */
  #enterDay(day: number): void {
    this.#day = day
    const shifted = day + 719_468
    const era = Math.floor(shifted / 146_097)
    const dayOfEra = shifted - era * 146_097
    const yearOfEra = Math.floor(
      (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
    )
    const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
    const fromMarch = Math.floor((5 * dayOfYear + 2) / 153)
    const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
    putDigits(this.#text, 0, yearOfEra + era * 400 + (month <= 2 ? 1 : 0), 4)
    putPair(this.#text, 5, month)
    putPair(this.#text, 8, dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1)
  }
}

function putPair(target: Uint8Array, position: number, value: number): void {
  const tens = (value / 10) | 0
  target[position] = ZERO + tens
  target[position + 1] = ZERO + value - tens * 10
}
