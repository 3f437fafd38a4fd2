/**
 * Reader and writer of the Kafka wire format. Both know whether the message is *flexible* (KIP-482): then strings,
 * bytes and arrays are written compactly (unsigned varint of length + 1) and structures end in tagged fields; else
 * in the classic form (int16 or int32 length, no tags). So one grammar serves both encodings of an API.
 *
 * int64 is a JavaScript number: offsets, timestamps and producer ids of this broker are safe integers; a larger
 * value sent by a client (such as Long.MAX) is read rounded, which keeps its meaning "beyond everything".
 */

const TWO_32 = 4_294_967_296

/** A message that does not follow its grammar; the connection is closed, as Kafka does. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest'
}

export class Reader {
  readonly #bytes: Buffer
  #at: number
  readonly flexible: boolean

  constructor(bytes: Buffer, flexible = false, at = 0) {
    this.#bytes = bytes
    this.#at = at
    this.flexible = flexible
  }

  /** The same position, read in the other encoding: the request header decides it only half-way. */
  as(flexible: boolean): Reader {
    return new Reader(this.#bytes, flexible, this.#at)
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  #take(byteCount: number): number {
    if (byteCount < 0 || byteCount > this.remaining) {
      throw new MalformedRequest(`${byteCount} bytes wanted at ${this.#at}, ${this.remaining} left`)
    }
    const at = this.#at
    this.#at += byteCount
    return at
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  int64(): number {
    const at = this.#take(8)
    return this.#bytes.readInt32BE(at) * TWO_32 + this.#bytes.readUInt32BE(at + 4)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#take(1))
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new MalformedRequest('a varint is longer than five bytes')
  }

  /** UUID in its usual text form. */
  uuid(): string {
    const at = this.#take(16)
    const hex = this.#bytes.toString('hex', at, at + 16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  nullableString(): string | null {
    const length = this.flexible ? this.uvarint() - 1 : this.int16()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw new MalformedRequest('a string is null')
    return text
  }

  /** A view, not a copy. */
  nullableBytes(): Buffer | null {
    const length = this.flexible ? this.uvarint() - 1 : this.int32()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  bytes(): Buffer {
    const bytes = this.nullableBytes()
    if (bytes === null) throw new MalformedRequest('bytes are null')
    return bytes
  }

  nullableArray<T>(element: (reader: this) => T): T[] | null {
    const length = this.flexible ? this.uvarint() - 1 : this.int32()
    if (length < 0) return null
    // Every element has at least one byte, so a length beyond the rest is a lie: refused before anything is allocated.
    if (length > this.remaining) throw new MalformedRequest(`an array of ${length} in ${this.remaining} bytes`)
    const items: T[] = []
    for (let index = 0; index < length; index++) items.push(element(this))
    return items
  }

  array<T>(element: (reader: this) => T): T[] {
    const items = this.nullableArray(element)
    if (items === null) throw new MalformedRequest('an array is null')
    return items
  }

  /** Skips the tagged fields at the end of a structure; nothing in the classic encoding. */
  tags(): void {
    if (!this.flexible) return
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.#take(this.uvarint())
    }
  }
}

export class Writer {
  #bytes: Buffer
  #length = 0
  flexible: boolean

  constructor(flexible = false, capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity)
    this.flexible = flexible
  }

  get length(): number {
    return this.#length
  }

  /** Makes room once for what is about to come, instead of by doubling. */
  expect(byteCount: number): this {
    const needed = this.#length + byteCount
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(needed)
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    return this
  }

  #grow(byteCount: number): number {
    const at = this.#length
    if (at + byteCount > this.#bytes.length) this.expect(Math.max(byteCount, this.#bytes.length))
    this.#length = at + byteCount
    return at
  }

  /** What was written, as a view. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Room for `byteCount` bytes that the caller fills at once; the view is invalid after the next write. */
  reserve(byteCount: number): Buffer {
    const at = this.#grow(byteCount)
    return this.#bytes.subarray(at, at + byteCount)
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int8(value: number): this {
    const at = this.#grow(1)
    this.#bytes.writeInt8(value, at)
    return this
  }

  int16(value: number): this {
    const at = this.#grow(2)
    this.#bytes.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.#grow(4)
    this.#bytes.writeInt32BE(value, at)
    return this
  }

  /** Overwrites an int32 written earlier: lengths known only at the end. */
  patchInt32(value: number, at: number): void {
    this.#bytes.writeInt32BE(value, at)
  }

  int64(value: number): this {
    const at = this.#grow(8)
    this.#bytes.writeInt32BE(Math.floor(value / TWO_32), at)
    this.#bytes.writeUInt32BE(value >>> 0, at + 4)
    return this
  }

  uvarint(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.int8((((rest & 0x7f) | 0x80) << 24) >> 24)
      rest = Math.floor(rest / 128)
    }
    return this.int8(rest)
  }

  uuid(text: string): this {
    const at = this.#grow(16)
    this.#bytes.write(text.replaceAll('-', ''), at, 'hex')
    return this
  }

  string(text: string | null): this {
    const byteCount = text === null ? -1 : Buffer.byteLength(text)
    if (this.flexible) this.uvarint(byteCount + 1)
    else this.int16(byteCount)
    if (text !== null && byteCount > 0) {
      const at = this.#grow(byteCount)
      this.#bytes.write(text, at, 'utf8')
    }
    return this
  }

  /** Only the length of a bytes field whose content the caller writes next (see reserve). */
  bytesLength(byteCount: number): this {
    return this.flexible ? this.uvarint(byteCount + 1) : this.int32(byteCount)
  }

  bytes(value: Uint8Array | null): this {
    this.bytesLength(value === null ? -1 : value.length)
    if (value !== null) this.reserve(value.length).set(value)
    return this
  }

  array<T>(items: readonly T[] | null, element: (item: T, writer: this) => void): this {
    const length = items === null ? -1 : items.length
    if (this.flexible) this.uvarint(length + 1)
    else this.int32(length)
    for (const item of items ?? []) element(item, this)
    return this
  }

  /** Ends a structure with no tagged fields; nothing in the classic encoding. */
  tags(): this {
    return this.flexible ? this.uvarint(0) : this
  }
}
