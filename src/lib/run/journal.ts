/**
 * The journal of a run: what became of each payment, 32 bytes at sequence × 32 behind a header of the same width.
 * Entries are buffered, sorted and written in runs; the buffer is bounded, in number and in the time between its
 * outcomes, and `room` tells when to wait. A record that is missing or whose check does not fit reads as `unknown`: a crash can hide an outcome, never invent one.
 *
 * Record: state u8, 0 u8, check u16, partition i32, offset f64, sent µs f64, settled µs f64; little-endian.
 */
import {type FileHandle, open} from 'node:fs/promises'
import {dirname} from 'node:path'
import {codeOf, diskError} from '../base/disk.js'
import {EnvironmentError} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {SendOutcome} from '../sink/sink.js'
import {JOURNAL_STATES, type JournalEntry, type JournalState} from './run-directory.js'

export interface Journal {
  /** Takes an outcome over; written soon. */
  record(outcome: SendOutcome): void
  /** Undefined while the buffer has room, else a promise of it. @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
  room(): Promise<void> | undefined
  /** Resolves when everything recorded is with the operating system. */
  flush(): Promise<void>
  /** Flushes, notes that nothing is in flight any more, and syncs to disk. */
  close(): Promise<void>
}

const WIDTH = 32
const MAGIC = 'P2PAYJ01'
/** Entries in one buffer; a full one is written while the next one fills. */
const BUFFER_COUNT = 4096
/** A buffer whose oldest outcome is so much older than the latest is written although it is not full. */
const MAX_AGE_US = 1_000_000
/** Full buffers above which `room` says wait. */
const MAX_WAITING = 4
const READ_COUNT = 4096
const CHECK_PRIME = 65_521

const CODES: Readonly<Record<SendOutcome['state'], number>> = {
  acked: JOURNAL_STATES.indexOf('acked'),
  failed: JOURNAL_STATES.indexOf('failed'),
  unknown: JOURNAL_STATES.indexOf('unknown-outcome'),
}

/** @param plannedCount payments of the whole run; Infinity when it runs until stopped */
export async function openJournal(path: string, plannedCount: number): Promise<Journal> {
  let file: FileHandle | undefined
  try {
    makeDirectory(dirname(path))
    file = await open(path, 'w')
    await file.write(header(plannedCount, false), 0, WIDTH, 0)
    return new BufferedJournal(file, path, plannedCount)
  } catch (error) {
    await file?.close()
    throw diskError(error, path)
  }
}

class BufferedJournal implements Journal {
  readonly #file: FileHandle
  readonly #path: string
  readonly #plannedCount: number
  #current = new EntryBuffer()
  /** When the first outcome in `current` was known. */
  #oldestUs = 0
  #waitingCount = 0
  #writing: Promise<void> = Promise.resolve()
  #failure: EnvironmentError | undefined

  constructor(file: FileHandle, path: string, plannedCount: number) {
    this.#file = file
    this.#path = path
    this.#plannedCount = plannedCount
  }

  record(outcome: SendOutcome): void {
    const {sequences, baseOffset, settledUs} = outcome
    if (this.#current.count === 0) this.#oldestUs = settledUs
    for (let index = 0; index < sequences.length; index++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + index
      this.#current.add(sequences[index] ?? 0, outcome, offset)
      if (this.#current.count === BUFFER_COUNT) {
        this.#write()
        this.#oldestUs = settledUs
      }
    }
    if (this.#current.count > 0 && settledUs - this.#oldestUs >= MAX_AGE_US) this.#write()
  }

  room(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#waitingCount < MAX_WAITING ? undefined : this.#settled()
  }

  async flush(): Promise<void> {
    if (this.#current.count > 0) this.#write()
    await this.#settled()
  }

  async close(): Promise<void> {
    try {
      await this.flush()
      await this.#file.write(header(this.#plannedCount, true), 0, WIDTH, 0)
      await this.#file.sync()
    } catch (error) {
      throw error instanceof EnvironmentError ? error : diskError(error, this.#path)
    } finally {
      await this.#file.close()
    }
  }

  async #settled(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  #write(): void {
    const full = this.#current
    this.#current = new EntryBuffer()
    this.#waitingCount++
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#failure === undefined) {
          for (const {position, bytes} of full.runs()) await writeAll(this.#file, bytes, position)
        }
      } catch (error) {
        this.#failure = diskError(error, this.#path)
      } finally {
        this.#waitingCount--
      }
    })
  }
}

/** Entries in the order of their arrival, as columns. */
class EntryBuffer {
  count = 0
  readonly #sequences = new Float64Array(BUFFER_COUNT)
  readonly #states = new Uint8Array(BUFFER_COUNT)
  readonly #partitions = new Int32Array(BUFFER_COUNT)
  readonly #offsets = new Float64Array(BUFFER_COUNT)
  readonly #sentUs = new Float64Array(BUFFER_COUNT)
  readonly #settledUs = new Float64Array(BUFFER_COUNT)

  add(sequence: number, outcome: SendOutcome, offset: number): void {
    const at = this.count++
    this.#sequences[at] = sequence
    this.#states[at] = CODES[outcome.state]
    this.#partitions[at] = outcome.partition
    this.#offsets[at] = offset
    this.#sentUs[at] = outcome.sentUs
    this.#settledUs[at] = outcome.settledUs
  }

  /** The entries as bytes, one piece for each run of neighbouring sequences; the last word on a sequence counts. */
  *runs(): Generator<{readonly position: number; readonly bytes: Buffer}> {
    const order = Array.from({length: this.count}, (_, index) => index)
    order.sort((a, b) => (this.#sequences[a] ?? 0) - (this.#sequences[b] ?? 0) || a - b)
    const bytes = Buffer.alloc(this.count * WIDTH)
    let first = 0
    let next = Number.NaN
    let length = 0
    for (const index of order) {
      const sequence = this.#sequences[index] ?? 0
      if (sequence === next - 1) length--
      else if (sequence !== next && length > 0) {
        yield {position: positionOf(first), bytes: bytes.subarray(0, length * WIDTH)}
        length = 0
      }
      if (length === 0) first = sequence
      this.#encode(index, sequence, bytes, length * WIDTH)
      length++
      next = sequence + 1
    }
    if (length > 0) yield {position: positionOf(first), bytes: bytes.subarray(0, length * WIDTH)}
  }

  #encode(index: number, sequence: number, bytes: Buffer, at: number): void {
    bytes[at] = this.#states[index] ?? 0
    bytes[at + 1] = 0
    bytes.writeInt32LE(this.#partitions[index] ?? -1, at + 4)
    bytes.writeDoubleLE(this.#offsets[index] ?? -1, at + 8)
    bytes.writeDoubleLE(this.#sentUs[index] ?? 0, at + 16)
    bytes.writeDoubleLE(this.#settledUs[index] ?? 0, at + 24)
    bytes.writeUInt16LE(checkOf(bytes, at, sequence), at + 2)
  }
}

/**
 * The journal from its beginning, in blocks of consecutive sequences. Sequences that the file does not reach are
 * not delivered: they are unknown, or unsent when `readJournalHeader` says that it was closed.
 *
 * @throws EnvironmentError P2PAY_JOURNAL when it is not a journal
 */
export async function* readJournal(path: string): AsyncGenerator<readonly JournalEntry[]> {
  const file = await openForReading(path)
  try {
    const {closed} = await readHeader(file, path)
    const bytes = Buffer.alloc(READ_COUNT * WIDTH)
    for (let sequence = 0; ; ) {
      const length = await readFully(file, bytes, positionOf(sequence))
      const count = Math.floor(length / WIDTH)
      if (count === 0) return
      const from = sequence
      yield Array.from({length: count}, (_, index) => decode(bytes, index * WIDTH, from + index, closed))
      sequence += count
    }
  } finally {
    await file.close()
  }
}

export interface JournalHeader {
  readonly plannedCount: number
  /** Closed in order: a payment without a record was never handed over. */
  readonly closed: boolean
}

/** @throws EnvironmentError P2PAY_JOURNAL */
export async function readJournalHeader(path: string): Promise<JournalHeader> {
  const file = await openForReading(path)
  try {
    return await readHeader(file, path)
  } finally {
    await file.close()
  }
}

function decode(bytes: Buffer, at: number, sequence: number, closed: boolean): JournalEntry {
  const state = JOURNAL_STATES[bytes[at] ?? 0]
  const torn = state === undefined || bytes.readUInt16LE(at + 2) !== checkOf(bytes, at, sequence)
  if (state === undefined || torn || state === 'unknown') {
    const absent: JournalState =
      closed && !bytes.subarray(at, at + WIDTH).some(byte => byte !== 0) ? 'unsent' : 'unknown'
    return {sequence, state: absent, partition: -1, offset: -1, sentUs: 0, settledUs: 0}
  }
  return {
    sequence,
    state,
    partition: bytes.readInt32LE(at + 4),
    offset: bytes.readDoubleLE(at + 8),
    sentUs: bytes.readDoubleLE(at + 16),
    settledUs: bytes.readDoubleLE(at + 24),
  }
}

function positionOf(sequence: number): number {
  return (sequence + 1) * WIDTH
}

/**
 * Never 0, so that zeroes are no record; depends on the place, so that a record read elsewhere does not fit. A polynomial
 * of the bytes but the check's own, modulo a prime; three at a time, since so many fit an int32 between two divisions.
 */
function checkOf(bytes: Buffer, at: number, sequence: number): number {
  let sum = addThree(sequence % CHECK_PRIME, bytes[at], bytes[at + 1], bytes[at + 4])
  for (let index = at + 5; index < at + WIDTH; index += 3) {
    sum = addThree(sum, bytes[index], bytes[index + 1], bytes[index + 2])
  }
  return sum + 1
}

function addThree(sum: number, first = 0, second = 0, third = 0): number {
  return (((sum * 31 + first) * 31 + second) * 31 + third) % CHECK_PRIME
}

function header(plannedCount: number, closed: boolean): Buffer {
  const bytes = Buffer.alloc(WIDTH)
  bytes.write(MAGIC, 'latin1')
  bytes.writeUInt32LE(WIDTH, 8)
  bytes[12] = closed ? 1 : 0
  bytes.writeDoubleLE(plannedCount, 16)
  return bytes
}

async function readHeader(file: FileHandle, path: string): Promise<JournalHeader> {
  const bytes = Buffer.alloc(WIDTH)
  const length = await readFully(file, bytes, 0)
  if (length < WIDTH || bytes.toString('latin1', 0, 8) !== MAGIC || bytes.readUInt32LE(8) !== WIDTH) {
    throw new EnvironmentError(`${path} is not a journal of p2pay`, {
      code: 'P2PAY_JOURNAL',
      suggestions: [
        'its first bytes are damaged: the audit can go on without it, every outcome then counts as unknown',
      ],
    })
  }
  return {plannedCount: bytes.readDoubleLE(16), closed: bytes[12] === 1}
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw new EnvironmentError(`There is no journal at ${path} (${codeOf(error) ?? 'unreadable'})`, {
      code: 'P2PAY_RUN_MISSING',
      suggestions: ['a run prints its tag; its directory is below .p2pay/runs (or --dir)'],
      cause: error,
    })
  }
}

async function readFully(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  let length = 0
  while (length < bytes.length) {
    const {bytesRead} = await file.read(bytes, length, bytes.length - length, position + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let length = 0
  while (length < bytes.length) {
    const {bytesWritten} = await file.write(bytes, length, bytes.length - length, position + length)
    length += bytesWritten
  }
}
