/** Bytes of an HTTP head, read where they lie: no strings are made of what is looked at every time. */

export const TAB = 9
export const LF = 10
export const CR = 13
export const SPACE = 32
export const COLON = 58
/** Beyond 10^15 a length is no length. */
const MAX_DIGITS = 15

/** The position behind the empty line of the head that begins at `from`, looked for from `at`; −1 when it is not there. */
export function endOfHead(bytes: Buffer, from: number, at: number, to: number): number {
  for (let i = at; i < to; i++) {
    if (bytes[i] !== LF || i === from) continue
    if (bytes[i - 1] === LF) return i + 1
    if (bytes[i - 1] === CR && i - 2 >= from && bytes[i - 2] === LF) return i + 1
  }
  return -1
}

export function digitAt(bytes: Buffer, at: number): number {
  const digit = (bytes[at] ?? 0) - 48
  return digit >= 0 && digit <= 9 ? digit : Number.NEGATIVE_INFINITY
}

/** −1 when it is anything but digits. */
export function numberOf(bytes: Buffer, from: number, to: number): number {
  if (to <= from || to - from > MAX_DIGITS) return -1
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + digitAt(bytes, at)
  return value >= 0 ? value : -1
}

export function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 0x20
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

export function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}

/** Whether bytes [from, to) are this lower-case word, in whatever case. (A control character may pass for a dash.) */
export function isWord(bytes: Buffer, from: number, to: number, word: Buffer): boolean {
  if (to - from !== word.length) return false
  for (let i = 0; i < word.length; i++) if (((bytes[from + i] ?? 0) | 0x20) !== word[i]) return false
  return true
}

export function tokensOf(bytes: Buffer, from: number, to: number): string[] {
  return latin1(bytes, from, to)
    .toLowerCase()
    .split(',')
    .map(token => token.trim())
    .filter(token => token !== '')
}

/** For messages, and for what is rarely read. */
export function latin1(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, to)
}
