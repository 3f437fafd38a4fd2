/**
 * The log of one partition: segments in a directory, appended at the end, read anywhere, dropped from the front.
 * Offsets are contiguous while the broker runs; a hole can only come from a crash of the machine between two fsyncs.
 */
import {closeSync, fsync, readdirSync, readFileSync, rmSync} from 'node:fs'
import {join} from 'node:path'
import {makeDirectory} from '../base/make-directory.js'
import {replaceFile, type WriteAt, writeAt} from './files.js'
import {ProducerStates} from './producer-state.js'
import {batchHeader, placeBatch} from './record-batch.js'
import {type LogSlice, Segment} from './segment.js'

const START_FILE = 'start-offset'

export interface PartitionLogOptions {
  readonly segmentBytes: number
  readonly write?: WriteAt
  /** Told what a reopening found and repaired. */
  readonly log?: (line: string) => void
}

export type Appended =
  | {readonly kind: 'appended'; readonly baseOffset: number}
  | {readonly kind: 'duplicate'; readonly baseOffset: number}
  | {readonly kind: 'refused'; readonly errorCode: number; readonly message: string}

export class PartitionLog {
  readonly directory: string
  readonly #options: PartitionLogOptions
  readonly #write: WriteAt
  readonly #segments: Segment[]
  #producers: ProducerStates
  #startOffset: number
  #isDirty = false
  #syncing: Promise<void> | undefined
  /** Descriptors of closed segments whose bytes still wait for their fsync. */
  #unsynced: number[] = []

  private constructor(
    directory: string,
    options: PartitionLogOptions,
    state: {segments: Segment[]; producers: ProducerStates; startOffset: number},
  ) {
    this.directory = directory
    this.#options = options
    this.#write = options.write ?? writeAt
    this.#segments = state.segments
    this.#producers = state.producers
    this.#startOffset = Math.max(state.startOffset, state.segments[0]?.baseOffset ?? 0)
  }

  /** A new log; whatever an earlier, deleted topic left at this place is removed. */
  static create(directory: string, options: PartitionLogOptions): PartitionLog {
    rmSync(directory, {recursive: true, force: true})
    makeDirectory(directory)
    return new PartitionLog(directory, options, {
      segments: [Segment.create(directory, 0)],
      producers: new ProducerStates(),
      startOffset: 0,
    })
  }

  /** Opens what is there, repairing what a crash left (see Segment.open). */
  static open(directory: string, options: PartitionLogOptions): PartitionLog {
    makeDirectory(directory)
    const bases = readdirSync(directory)
      .map(name => Segment.baseOffsetOf(name))
      .filter(base => base !== undefined)
      .sort((a, b) => a - b)
    const segments: Segment[] = []
    let producers = new ProducerStates()
    for (const [index, base] of bases.entries()) {
      const opened = Segment.open(directory, base, batch => producers.appended(batch, batch.baseOffset))
      if (opened.producers !== undefined) producers = new ProducerStates(opened.producers)
      else if (index < bases.length - 1) opened.segment.writeCompanion(producers.snapshot())
      if (opened.tornBytes > 0) {
        options.log?.(`${directory}: cut ${opened.tornBytes} torn bytes behind offset ${opened.segment.endOffset}`)
      }
      segments.push(opened.segment)
    }
    const startOffset = readStart(directory)
    // Also after a crash of the machine that kept the start but not the records before it.
    if ((segments.at(-1)?.endOffset ?? -1) < startOffset) segments.push(Segment.create(directory, startOffset))
    return new PartitionLog(directory, options, {segments, producers, startOffset})
  }

  /** The first offset that can be read. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** The offset that the next record gets; also the high watermark, for there are no replicas. */
  get endOffset(): number {
    return this.#active.endOffset
  }

  get sizeBytes(): number {
    let sizeBytes = 0
    for (const segment of this.#segments) sizeBytes += segment.sizeBytes
    return sizeBytes
  }

  get #active(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment
  }

  /** What the sequence check says, without appending. */
  check(batch: Buffer): Appended | undefined {
    const verdict = this.#producers.check(batchHeader(batch))
    return verdict.kind === 'append' ? undefined : verdict
  }

  /**
   * Appends a checked batch (see record-batch's refusalOf); patches its base offset in place.
   *
   * @throws the system's error when the disk refuses; the log is then as it was
   */
  append(batch: Buffer): Appended {
    const verdict = this.check(batch)
    if (verdict !== undefined) return verdict
    const baseOffset = this.endOffset
    placeBatch(batch, baseOffset)
    const header = batchHeader(batch)
    if (this.#active.sizeBytes > 0 && this.#active.sizeBytes + batch.length > this.#options.segmentBytes) this.#roll()
    this.#active.append(batch, header, this.#write)
    this.#producers.appended(header, baseOffset)
    this.#isDirty = true
    return {kind: 'appended', baseOffset}
  }

  /** Fault injection: the producer's sequence moves on although nothing was stored. */
  pretend(batch: Buffer): Appended {
    const verdict = this.check(batch)
    if (verdict !== undefined) return verdict
    this.#producers.appended(batchHeader(batch), this.endOffset)
    return {kind: 'appended', baseOffset: this.endOffset}
  }

  #roll(): void {
    const full = this.#active
    this.#segments.push(Segment.create(this.directory, full.endOffset))
    full.writeCompanion(this.#producers.snapshot())
    const fd = full.detach()
    if (fd !== undefined) this.#unsynced.push(fd)
  }

  /**
   * Whole batches from the one that holds `offset` on, out of one segment: at least one batch, then up to `maxBytes`.
   *
   * @returns undefined at the end of the log; the caller has checked startOffset ≤ offset ≤ endOffset
   */
  slice(offset: number, maxBytes: number): LogSlice | undefined {
    if (offset >= this.endOffset) return undefined
    const segment = this.#segments.find(candidate => offset < candidate.endOffset)
    return segment?.slice(offset, maxBytes)
  }

  /** The first record at or after a time, or undefined when all are older. */
  firstAtOrAfter(timestampMs: number): {offset: number; timestampMs: number} | undefined {
    for (const segment of this.#segments) {
      const found = segment.firstAtOrAfter(timestampMs, this.#startOffset)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The record with the highest timestamp, for ListOffsets -3. */
  latestByTime(): {offset: number; timestampMs: number} | undefined {
    const maxTimestampMs = Math.max(...this.#segments.map(segment => segment.maxTimestampMs))
    return maxTimestampMs < 0 ? undefined : this.firstAtOrAfter(maxTimestampMs)
  }

  /**
   * Moves the start of the log to `offset` and deletes closed segments before it.
   *
   * @returns bytes freed
   */
  deleteBefore(offset: number): number {
    if (offset > this.#startOffset) {
      replaceFile(join(this.directory, START_FILE), String(offset))
      this.#startOffset = offset
    }
    let freedBytes = 0
    while ((this.oldestClosedEndOffset ?? Number.POSITIVE_INFINITY) <= offset) freedBytes += this.dropOldestClosed()
    return freedBytes
  }

  /**
   * Deletes the oldest closed segment; the start of the log moves with it.
   *
   * @returns bytes freed
   */
  dropOldestClosed(): number {
    const [oldest, next] = this.#segments
    if (oldest === undefined || next === undefined) return 0
    this.#segments.shift()
    oldest.delete()
    this.#startOffset = Math.max(this.#startOffset, next.baseOffset)
    return oldest.sizeBytes
  }

  /** End of the oldest closed segment, or undefined when there is only the active one. */
  get oldestClosedEndOffset(): number | undefined {
    return this.#segments.length > 1 ? this.#segments[0]?.endOffset : undefined
  }

  get isDirty(): boolean {
    return this.#isDirty
  }

  /** Brings everything appended so far to the disk, beside the event loop. One at a time. */
  sync(): Promise<void> {
    this.#syncing ??= this.#syncFiles().finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }

  async #syncFiles(): Promise<void> {
    this.#isDirty = false
    const closed = this.#unsynced
    this.#unsynced = []
    try {
      for (const fd of closed) await fsyncFile(fd)
      if (this.#active.fd !== undefined) await fsyncFile(this.#active.fd)
    } catch (error) {
      this.#isDirty = true
      throw error
    } finally {
      for (const fd of closed) closeSync(fd)
    }
  }

  /** Syncs, leaves a companion for a fast reopening, closes. */
  async close(): Promise<void> {
    await this.#syncing
    await this.sync()
    this.#active.writeCompanion(this.#producers.snapshot())
    this.abandon()
  }

  /** Closes without a sync or a companion: what a kill leaves, and what a deleted topic needs. */
  abandon(): void {
    const fds = [...this.#unsynced, this.#active.detach()]
    this.#unsynced = []
    const close = (): void => {
      for (const fd of fds) if (fd !== undefined) closeSync(fd)
    }
    // A descriptor must not be closed, and its number used again, under a running fsync.
    if (this.#syncing === undefined) close()
    else this.#syncing.then(close, close)
  }
}

function fsyncFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fsync(fd, error => (error ? reject(error) : resolve())))
}

function readStart(directory: string): number {
  try {
    return Number(readFileSync(join(directory, START_FILE), 'utf8')) || 0
  } catch {
    return 0
  }
}
