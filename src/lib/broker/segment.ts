/**
 * One append-only file of record batches, `<base offset, 20 digits>.log`, with a sparse index in memory. When it is
 * closed the index and the producers' state at its end go to a companion `.idx`; a companion whose size does not
 * match the file is stale, and the file is scanned instead.
 */
import {closeSync, ftruncateSync, openSync, readFileSync, rmSync, statSync} from 'node:fs'
import {join} from 'node:path'
import {appendWhole, readInto, replaceFile, type WriteAt} from './files.js'
import type {ProducerSnapshot} from './producer-state.js'
import {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  type BatchHeader,
  batchHeader,
  firstAtOrAfter,
  isSoundBatch,
} from './record-batch.js'

/** A lookup reads at most this much before it meets its batch: 64 MiB have 4,096 entries of 24 bytes. */
const INDEX_INTERVAL_BYTES = 16_384

interface IndexEntry {
  readonly offset: number
  readonly position: number
  /** Of all batches before this one. */
  readonly maxTimestampMsBefore: number
}

interface Companion {
  readonly sizeBytes: number
  readonly endOffset: number
  readonly maxTimestampMs: number
  readonly index: readonly (readonly [number, number, number])[]
  readonly producers: ProducerSnapshot
}

/** A run of whole batches in one file. */
export interface LogSlice {
  readonly segment: Segment
  readonly position: number
  readonly byteCount: number
}

export class Segment {
  readonly baseOffset: number
  readonly #path: string
  readonly #index: IndexEntry[] = []
  /** Open only while this is the active segment; closed ones are opened for each read. */
  #fd: number | undefined
  sizeBytes = 0
  /** The offset after the last record. */
  endOffset: number
  maxTimestampMs = -1

  private constructor(directory: string, baseOffset: number) {
    this.baseOffset = baseOffset
    this.endOffset = baseOffset
    this.#path = join(directory, `${String(baseOffset).padStart(20, '0')}.log`)
  }

  /** Base offset of a segment file's name, or undefined for any other file. */
  static baseOffsetOf(fileName: string): number | undefined {
    return /^\d{20}\.log$/.test(fileName) ? Number(fileName.slice(0, 20)) : undefined
  }

  static create(directory: string, baseOffset: number): Segment {
    const segment = new Segment(directory, baseOffset)
    segment.#fd = openSync(segment.#path, 'w+')
    return segment
  }

  /**
   * Opens an existing file: by its companion if that is fresh, else by scanning, which cuts off a torn tail.
   *
   * @param onBatch told of every batch that a scan met
   * @returns the producers' state from the companion, or undefined after a scan
   */
  static open(
    directory: string,
    baseOffset: number,
    onBatch: (batch: BatchHeader) => void,
  ): {segment: Segment; producers: ProducerSnapshot | undefined; tornBytes: number} {
    const segment = new Segment(directory, baseOffset)
    const producers = segment.#loadCompanion()
    if (producers !== undefined) return {segment, producers, tornBytes: 0}
    return {segment, producers: undefined, tornBytes: segment.#scan(onBatch)}
  }

  #loadCompanion(): ProducerSnapshot | undefined {
    try {
      const companion = JSON.parse(readFileSync(this.#companionPath, 'utf8')) as Companion
      if (companion.sizeBytes !== statSync(this.#path).size) return undefined
      for (const [offset, position, maxTimestampMsBefore] of companion.index) {
        this.#index.push({offset, position, maxTimestampMsBefore})
      }
      this.sizeBytes = companion.sizeBytes
      this.endOffset = companion.endOffset
      this.maxTimestampMs = companion.maxTimestampMs
      return companion.producers
    } catch {
      // Absent after a kill, or garbage after a crash of the machine: the log itself is the truth.
      this.#index.length = 0
      return undefined
    }
  }

  /** @returns bytes cut off behind the last sound batch */
  #scan(onBatch: (batch: BatchHeader) => void): number {
    const bytes = readFileSync(this.#path)
    let at = 0
    while (at + BATCH_HEADER_BYTES <= bytes.length) {
      const header = batchHeader(bytes, at)
      const isWhole = header.sizeBytes >= BATCH_HEADER_BYTES && at + header.sizeBytes <= bytes.length
      if (!isWhole || header.baseOffset !== this.endOffset) break
      if (!isSoundBatch(bytes.subarray(at, at + header.sizeBytes))) break
      this.#note(header, at)
      onBatch(header)
      at += header.sizeBytes
    }
    this.sizeBytes = at
    const tornBytes = bytes.length - at
    if (tornBytes > 0) {
      const fd = openSync(this.#path, 'r+')
      ftruncateSync(fd, at)
      closeSync(fd)
    }
    return tornBytes
  }

  #note(header: BatchHeader, position: number): void {
    const last = this.#index.at(-1)
    if (last === undefined || position - last.position >= INDEX_INTERVAL_BYTES) {
      this.#index.push({offset: header.baseOffset, position, maxTimestampMsBefore: this.maxTimestampMs})
    }
    this.endOffset = header.lastOffset + 1
    this.maxTimestampMs = Math.max(this.maxTimestampMs, header.maxTimestampMs)
  }

  /**
   * Appends a placed batch.
   *
   * @throws the system's error; the file is then as it was
   */
  append(batch: Buffer, header: BatchHeader, write: WriteAt): void {
    this.#fd ??= openSync(this.#path, 'r+')
    appendWhole(this.#fd, batch, this.sizeBytes, write)
    this.#note(header, this.sizeBytes)
    this.sizeBytes += batch.length
  }

  /** Batches from the one that holds `offset` on. At least one, even beyond `maxBytes`; none past the end. */
  slice(offset: number, maxBytes: number): LogSlice | undefined {
    if (offset >= this.endOffset) return undefined
    return this.#reading(fd => {
      let first: {position: number; sizeBytes: number} | undefined
      for (const {header, position} of this.#headers(fd, this.#entryBefore(offset))) {
        if (header.lastOffset < offset) continue
        first = {position, sizeBytes: header.sizeBytes}
        break
      }
      if (first === undefined) return undefined
      const limit = Math.min(first.position + maxBytes, this.sizeBytes)
      return {segment: this, position: first.position, byteCount: this.#wholeBatchesUpTo(fd, first, limit)}
    })
  }

  #wholeBatchesUpTo(fd: number, first: {position: number; sizeBytes: number}, limit: number): number {
    if (limit === this.sizeBytes) return limit - first.position
    let end = first.position + first.sizeBytes
    let low = 0
    let high = this.#index.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const entry = this.#index[middle]
      if (entry !== undefined && entry.position <= limit) {
        end = Math.max(end, entry.position)
        low = middle + 1
      } else high = middle - 1
    }
    if (end >= limit) return end - first.position
    for (const {header, position} of this.#headers(fd, end)) {
      if (position + header.sizeBytes > limit) break
      end = position + header.sizeBytes
    }
    return end - first.position
  }

  /** Fills `into` with the bytes of a slice of this segment. */
  read(position: number, into: Buffer): void {
    const count = this.#reading(fd => readInto(fd, into, position))
    if (count !== into.length) throw new Error(`${this.#path} ends after ${position + count} bytes`)
  }

  /** The first record at or after a time and an offset, in the order of the log. */
  firstAtOrAfter(timestampMs: number, minOffset: number): {offset: number; timestampMs: number} | undefined {
    if (this.maxTimestampMs < timestampMs) return undefined
    return this.#reading(fd => {
      let start = 0
      for (const entry of this.#index) {
        if (entry.maxTimestampMsBefore >= timestampMs) break
        start = entry.position
      }
      for (const {header, position} of this.#headers(fd, start)) {
        if (header.maxTimestampMs < timestampMs || header.lastOffset < minOffset) continue
        const batch = Buffer.allocUnsafe(header.sizeBytes)
        readInto(fd, batch, position)
        const found = firstAtOrAfter(batch, timestampMs)
        if (found !== undefined) return {...found, offset: Math.max(found.offset, minOffset)}
      }
      return undefined
    })
  }

  #entryBefore(offset: number): number {
    let low = 0
    let high = this.#index.length - 1
    let position = 0
    while (low <= high) {
      const middle = (low + high) >> 1
      const entry = this.#index[middle]
      if (entry !== undefined && entry.offset <= offset) {
        position = entry.position
        low = middle + 1
      } else high = middle - 1
    }
    return position
  }

  /** Headers from a batch boundary on, read in windows. */
  *#headers(fd: number, from: number): Generator<{header: BatchHeader; position: number}> {
    const window = Buffer.allocUnsafe(Math.min(INDEX_INTERVAL_BYTES, this.sizeBytes - from))
    let windowAt = 0
    let windowBytes = 0
    for (let position = from; position < this.sizeBytes; ) {
      if (position < windowAt || position + BATCH_HEADER_BYTES > windowAt + windowBytes) {
        windowAt = position
        windowBytes = readInto(fd, window, position)
      }
      const header = batchHeader(window, position - windowAt)
      if (header.sizeBytes <= BATCH_PREFIX_BYTES) throw new Error(`${this.#path} is damaged at byte ${position}`)
      yield {header, position}
      position += header.sizeBytes
    }
  }

  #reading<T>(use: (fd: number) => T): T {
    if (this.#fd !== undefined) return use(this.#fd)
    const fd = openSync(this.#path, 'r')
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  }

  get #companionPath(): string {
    return this.#path.replace(/\.log$/, '.idx')
  }

  /** The descriptor to fsync, if any is open. */
  get fd(): number | undefined {
    return this.#fd
  }

  /** Hands the descriptor to the caller, who syncs and closes it; the segment then serves reads only. */
  detach(): number | undefined {
    const fd = this.#fd
    this.#fd = undefined
    return fd
  }

  /** Writes the companion; without it (a full disk) the next start scans. */
  writeCompanion(producers: ProducerSnapshot): void {
    const companion: Companion = {
      sizeBytes: this.sizeBytes,
      endOffset: this.endOffset,
      maxTimestampMs: this.maxTimestampMs,
      index: this.#index.map(entry => [entry.offset, entry.position, entry.maxTimestampMsBefore]),
      producers,
    }
    try {
      replaceFile(this.#companionPath, JSON.stringify(companion))
    } catch {
      rmSync(this.#companionPath, {force: true})
    }
  }

  delete(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    rmSync(this.#path, {force: true})
    rmSync(this.#companionPath, {force: true})
  }
}
