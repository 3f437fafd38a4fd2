/**
 * The records of a journal (journal.ts): 32 bytes each, at sequence × 32 behind a header of the same width, and the
 * buffer in which they wait to be written.
 *
 * Record: state u8, 0 u8, check u16, partition i32, offset f64, sent µs f64, settled µs f64; little-endian.
 */

/** Of a record, in bytes. */
export const WIDTH = 32
const WORDS = WIDTH / 4
/** Entries in one buffer; a full one is written while the next one fills. */
export const BUFFER_COUNT = 4096
/** Up to this distance between sequences, one and a place in a buffer are together a safe integer. */
const MAX_KEYED_SPAN = Number.MAX_SAFE_INTEGER / BUFFER_COUNT - 1
const CHECK_PRIME = 65_521
const CHECK_BASE = 31
/** The check covers the sequence and every byte of the record but its own two. */
const CHECKED_BYTES = WIDTH - 2
const SEQUENCE_FACTOR = checkFactor(CHECKED_BYTES)
/** By place in the record. */
const BYTE_FACTORS = Int32Array.from({length: WIDTH}, (_, place) =>
  place < 2 ? checkFactor(CHECKED_BYTES - 1 - place) : place < 4 ? 0 : checkFactor(WIDTH - 1 - place),
)

/** Records in the order of their arrival, whole but for the check, which is made when they are written. */
export class RecordBuffer {
  count = 0
  readonly #sequences = new Float64Array(BUFFER_COUNT)
  readonly #records = Buffer.allocUnsafeSlow(BUFFER_COUNT * WIDTH)
  // The engine makes one store of each of its setters, and a dozen of Buffer's.
  readonly #view = new DataView(this.#records.buffer)

  add(sequence: number, code: number, partition: number, offset: number, sentUs: number, settledUs: number): void {
    const view = this.#view
    const at = this.count * WIDTH
    this.#sequences[this.count++] = sequence
    view.setInt32(at, code, true)
    view.setInt32(at + 4, partition, true)
    view.setFloat64(at + 8, offset, true)
    view.setFloat64(at + 16, sentUs, true)
    view.setFloat64(at + 24, settledUs, true)
  }

  /** The records as bytes, one piece for each run of neighbouring sequences; the last word on a sequence counts. */
  *runs(): Generator<{readonly position: number; readonly bytes: Buffer}> {
    const bytes = Buffer.allocUnsafeSlow(this.count * WIDTH)
    const from = new Int32Array(this.#records.buffer)
    const to = new Int32Array(bytes.buffer)
    let first = 0
    let next = Number.NaN
    let length = 0
    for (const index of this.#order()) {
      const sequence = this.#sequences[index] ?? 0
      if (sequence === next - 1) length--
      else if (sequence !== next && length > 0) {
        yield {position: positionOf(first), bytes: bytes.subarray(0, length * WIDTH)}
        length = 0
      }
      if (length === 0) first = sequence
      for (let word = 0; word < WORDS; word++) to[length * WORDS + word] = from[index * WORDS + word] ?? 0
      bytes.writeUInt16LE(checkOf(bytes, length * WIDTH, sequence), length * WIDTH + 2)
      length++
      next = sequence + 1
    }
    if (length > 0) yield {position: positionOf(first), bytes: bytes.subarray(0, length * WIDTH)}
  }

  /** Places of the records by sequence, and by arrival where it is the same. */
  #order(): Iterable<number> {
    const sequences = this.#sequences.subarray(0, this.count)
    let lowest = Number.POSITIVE_INFINITY
    let highest = 0
    for (const sequence of sequences) {
      if (sequence < lowest) lowest = sequence
      if (sequence > highest) highest = sequence
    }
    if (highest - lowest >= MAX_KEYED_SPAN) {
      const order = Array.from(sequences, (_, index) => index)
      return order.sort((a, b) => (sequences[a] ?? 0) - (sequences[b] ?? 0) || a - b)
    }
    // Both in one number: numbers alone are sorted without a call for each comparison.
    const keys = sequences.map((sequence, index) => (sequence - lowest) * BUFFER_COUNT + index).sort()
    // Not `%`, which costs ten times as much of numbers that are no int32.
    return keys.map(key => key - Math.floor(key / BUFFER_COUNT) * BUFFER_COUNT)
  }
}

/** Where a sequence has its place in the file. */
export function positionOf(sequence: number): number {
  return (sequence + 1) * WIDTH
}

/**
 * Never 0, so that zeroes are no record; depends on the place, so that a record read elsewhere does not fit. A polynomial
 * of the sequence and the bytes but the check's own, modulo a prime. The sum of all products stays below 2^53.
 */
export function checkOf(bytes: Buffer, at: number, sequence: number): number {
  let sum = 0
  for (let index = 0; index < WIDTH; index++) sum += (bytes[at + index] ?? 0) * (BYTE_FACTORS[index] ?? 0)
  return ((sum + (sequence % CHECK_PRIME) * SEQUENCE_FACTOR) % CHECK_PRIME) + 1
}

/** Base to the power of `exponent`, modulo the prime. */
function checkFactor(exponent: number): number {
  let factor = 1
  for (let times = 0; times < exponent; times++) factor = (factor * CHECK_BASE) % CHECK_PRIME
  return factor
}
