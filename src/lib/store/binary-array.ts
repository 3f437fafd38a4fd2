/**
 * Columns as binary PostgreSQL arrays, for `… FROM unnest(…)` and `= ANY (…)`. They cost the client and the server
 * less than text, and carry timestamps, numbers and bytes exactly.
 *
 * Array format (array_send in the server's arrayfuncs.c), big-endian: int32 dimensions, int32 has-null flag, int32
 * element type, then per dimension int32 size and int32 lower bound, then per element int32 length (−1 = null), bytes.
 */
import {RowError} from './store.js'

export type ElementType = 'uuid' | 'text' | 'int2' | 'int4' | 'int8' | 'float8' | 'timestamptz' | 'bytea'

/** Timestamps are µs since the Unix epoch. */
export type ElementValue = string | number | bigint | Buffer | undefined

const ELEMENT_OID: Readonly<Record<ElementType, number>> = {
  uuid: 2950,
  text: 25,
  int2: 21,
  int4: 23,
  int8: 20,
  float8: 701,
  timestamptz: 1184,
  bytea: 17,
}

/** µs from the Unix epoch to PostgreSQL's, 2000-01-01. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n

/** A binary uuid[] of ids. @throws RowError when one is not a UUID */
export function encodeIds(ids: readonly string[]): Buffer {
  const writer = new ArrayWriter('uuid', ids.length)
  for (const id of ids) writer.uuid(id)
  return writer.finish()
}

/** @throws RowError when a value is none of the type */
export function encodeArray(type: ElementType, values: readonly ElementValue[]): Buffer {
  const writer = new ArrayWriter(type, values.length)
  for (const value of values) writer.value(type, value)
  return writer.finish()
}

/** A binary timestamptz, exact for any µs since the Unix epoch. */
export function encodeTimestamp(us: bigint): Buffer {
  const buffer = Buffer.allocUnsafe(8)
  writeTimestamp(buffer, us, 0)
  return buffer
}

function writeTimestamp(buffer: Buffer, us: bigint, at: number): void {
  buffer.writeBigInt64BE(us - POSTGRES_EPOCH_US, at)
}

/** Bytes of a number; the others are not numbers. */
const WIDTH: Readonly<Record<ElementType, number>> = {
  uuid: 0,
  text: 0,
  int2: 2,
  int4: 4,
  int8: 8,
  float8: 8,
  timestamptz: 0,
  bytea: 0,
}
const HEADER_BYTES = 20
const INITIAL_BYTES_PER_ELEMENT = 24
const MAX_UTF8_BYTES_PER_UNIT = 3

export class ArrayWriter {
  #buffer: Buffer
  #length = HEADER_BYTES

  constructor(type: ElementType, count: number) {
    this.#buffer = Buffer.allocUnsafe(HEADER_BYTES + count * INITIAL_BYTES_PER_ELEMENT)
    this.#buffer.writeInt32BE(1, 0)
    this.#buffer.writeInt32BE(0, 4)
    this.#buffer.writeInt32BE(ELEMENT_OID[type], 8)
    this.#buffer.writeInt32BE(count, 12)
    this.#buffer.writeInt32BE(1, 16)
  }

  value(type: ElementType, value: ElementValue): void {
    if (value === undefined) this.#null()
    else if (typeof value === 'string') type === 'uuid' ? this.uuid(value) : this.#text(value)
    else if (Buffer.isBuffer(value)) this.#bytes(value)
    else if (type === 'timestamptz') this.#timestamp(BigInt(value))
    else this.#number(type, Number(value))
  }

  uuid(text: string): void {
    if (!UUID.test(text)) throw new RowError(`"${text}" is not a UUID`)
    const at = this.#element(16)
    this.#buffer.write(text.replaceAll('-', ''), at, 'hex')
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #null(): void {
    this.#buffer.writeInt32BE(1, 4)
    this.#reserve(4)
    this.#length = this.#buffer.writeInt32BE(-1, this.#length)
  }

  #text(text: string): void {
    if (text.includes('\0')) throw new RowError('holds a NUL character')
    const start = this.#length + 4
    this.#reserve(4 + text.length * MAX_UTF8_BYTES_PER_UNIT)
    const byteCount = this.#buffer.write(text, start, 'utf8')
    // Encoding would replace a lone surrogate without a word; only non-ASCII text can hold one.
    if (byteCount !== text.length && LONE_SURROGATE.test(text)) throw new RowError('holds half a surrogate pair')
    this.#buffer.writeInt32BE(byteCount, this.#length)
    this.#length = start + byteCount
  }

  #bytes(bytes: Buffer): void {
    const at = this.#element(bytes.length)
    bytes.copy(this.#buffer, at)
  }

  #timestamp(us: bigint): void {
    const at = this.#element(8)
    writeTimestamp(this.#buffer, us, at)
  }

  #number(type: ElementType, value: number): void {
    // The place is taken first: making room may exchange the buffer.
    const at = this.#element(WIDTH[type])
    switch (type) {
      case 'float8':
        this.#buffer.writeDoubleBE(finite(value), at)
        return
      case 'int8':
        this.#buffer.writeBigInt64BE(BigInt(integer(value, Number.MAX_SAFE_INTEGER)), at)
        return
      case 'int4':
        this.#buffer.writeInt32BE(integer(value, 0x7fffffff), at)
        return
      case 'int2':
        this.#buffer.writeInt16BE(integer(value, 0x7fff), at)
        return
      default:
        throw new RowError(`is the number ${value}`)
    }
  }

  /** Room for an element of known length; returns where its bytes go. */
  #element(byteCount: number): number {
    this.#reserve(4 + byteCount)
    const at = this.#buffer.writeInt32BE(byteCount, this.#length)
    this.#length = at + byteCount
    return at
  }

  #reserve(byteCount: number): void {
    if (this.#length + byteCount <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + byteCount))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const LONE_SURROGATE = /\p{Surrogate}/u
/** The last moment that a Date can hold; PostgreSQL's timestamps reach further. */
export const MAX_DATE_MS = 8.64e15

export function integer(value: number, max: number): number {
  if (!Number.isSafeInteger(value) || Math.abs(value) > max) throw new RowError(`is ${value}, out of range`)
  return value
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new RowError(`is ${value}, not a number`)
  return value
}
