/**
 * Writes small values as ASCII into a byte array and returns the position behind them. Short texts are copied byte by
 * byte; from about twenty bytes on the engine's own copy is faster.
 */
const COPY_FROM = 20
const HEX = Uint8Array.from('0123456789abcdef', char => char.charCodeAt(0))
const ZERO = 48

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'))
}

export function putBytes(target: Uint8Array, position: number, bytes: Uint8Array): number {
  const length = bytes.length
  if (length >= COPY_FROM) target.set(bytes, position)
  else for (let index = 0; index < length; index++) target[position + index] = bytes[index]
  return position + length
}

/** Exactly `digits` decimal digits of a non-negative integer. */
export function putDigits(target: Uint8Array, position: number, value: number, digits: number): number {
  let rest = value
  for (let index = position + digits - 1; index >= position; index--) {
    const tens = Math.floor(rest / 10)
    target[index] = ZERO + (rest - tens * 10)
    rest = tens
  }
  return position + digits
}

/** A non-negative safe integer without leading zeros. */
export function putInteger(target: Uint8Array, position: number, value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit && digits < 16; limit *= 10) digits++
  return putDigits(target, position, value, digits)
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

/** The shortest decimal of value / 100000, as JSON.stringify writes it. */
export function putE5(target: Uint8Array, position: number, value: number): number {
  let at = position
  let rest = value
  if (rest < 0) {
    target[at++] = 45
    rest = -rest
  }
  const whole = Math.floor(rest / 100_000)
  at = putInteger(target, at, whole)
  let fraction = rest - whole * 100_000
  if (fraction === 0) return at
  target[at++] = 46
  let digits = 5
  while (fraction % 10 === 0) {
    fraction /= 10
    digits--
  }
  return putDigits(target, at, fraction, digits)
}

export function putIp(target: Uint8Array, position: number, ip: number): number {
  let at = putInteger(target, position, ip >>> 24)
  target[at++] = 46
  at = putInteger(target, at, (ip >>> 16) & 255)
  target[at++] = 46
  at = putInteger(target, at, (ip >>> 8) & 255)
  target[at++] = 46
  return putInteger(target, at, ip & 255)
}

const DAY_MS = 86_400_000

/** Writes event times as ISO 8601 UTC with ms, `2026-01-05T06:00:00.000Z`; remembers the day last written. */
export class IsoTimes {
  #day = Number.NaN
  readonly #date = ascii('0000-00-00T')

  /** @param timeMs whole ms since the epoch, years 0 to 9999 */
  put(target: Uint8Array, position: number, timeMs: number): number {
    const day = Math.floor(timeMs / DAY_MS)
    if (day !== this.#day) this.#enter(day)
    const ms = timeMs - day * DAY_MS
    const seconds = (ms / 1000) | 0
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    for (let index = 0; index < 11; index++) target[position + index] = this.#date[index]
    putPair(target, position + 11, hours)
    target[position + 13] = 58
    putPair(target, position + 14, minutes - hours * 60)
    target[position + 16] = 58
    putPair(target, position + 17, seconds - minutes * 60)
    target[position + 19] = 46
    putDigits(target, position + 20, ms - seconds * 1000, 3)
    target[position + 23] = 90
    return position + 24
  }

  /** Days to a civil date: Howard Hinnant's algorithm (chrono-compatible date algorithms), years counted from March. */
  #enter(day: number): void {
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
    putDigits(this.#date, 0, yearOfEra + era * 400 + (month <= 2 ? 1 : 0), 4)
    putPair(this.#date, 5, month)
    putPair(this.#date, 8, dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1)
  }
}

function putPair(target: Uint8Array, position: number, value: number): void {
  const tens = (value / 10) | 0
  target[position] = ZERO + tens
  target[position + 1] = ZERO + value - tens * 10
}
