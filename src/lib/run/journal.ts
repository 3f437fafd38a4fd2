/**
 * The journal of a run: what became of each payment, in records of 32 bytes by sequence (journal-records.ts). They are
 * buffered, sorted and written in runs; the buffer is bounded, in number and in the time between its outcomes, and
 * `room` tells when to wait. A record that is missing or whose check does not fit reads as `unknown`: a crash can hide
 * an outcome, never invent one.
 */
import {type FileHandle, open} from 'node:fs/promises'
import {dirname} from 'node:path'
import {codeOf, diskError} from '../base/disk.js'
import {EnvironmentError} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {SendOutcome, SendState} from '../sink/sink.js'
import {BUFFER_COUNT, checkOf, positionOf, RecordBuffer, WIDTH} from './journal-records.js'
import {JOURNAL_STATES, type JournalEntry, type JournalState} from './run-directory.js'

export interface Journal {
  /** Takes an outcome over; written soon. */
  record(outcome: SendOutcome): void
  /** The same for a payment that was sent alone, to where there are no partitions. */
  recordOne(sequence: number, state: SendState, sentUs: number, settledUs: number): void
  /** Undefined while the buffer has room, else a promise of it. @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
  room(): Promise<void> | undefined
  /** Resolves when everything recorded is with the operating system. */
  flush(): Promise<void>
  /** Flushes, notes that nothing is in flight any more, and syncs to disk. */
  close(): Promise<void>
}

const MAGIC = 'P2PAYJ01'
/** A buffer whose oldest outcome is so much older than the latest is written although it is not full. */
const MAX_AGE_US = 1_000_000
/** Full buffers above which `room` says wait. */
const MAX_WAITING = 4
const READ_COUNT = 4096

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
  #current = new RecordBuffer()
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
    const {sequences, state, partition, baseOffset, sentUs, settledUs} = outcome
    for (let index = 0; index < sequences.length; index++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + index
      this.#add(sequences[index] ?? 0, CODES[state], partition, offset, sentUs, settledUs)
    }
    this.#writeWhenOld(settledUs)
  }

  recordOne(sequence: number, state: SendState, sentUs: number, settledUs: number): void {
    this.#add(sequence, CODES[state], -1, -1, sentUs, settledUs)
    this.#writeWhenOld(settledUs)
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

  // Six arguments, not an object: one is made for each payment.
  #add(sequence: number, code: number, partition: number, offset: number, sentUs: number, settledUs: number): void {
    if (this.#current.count === 0) this.#oldestUs = settledUs
    this.#current.add(sequence, code, partition, offset, sentUs, settledUs)
    if (this.#current.count === BUFFER_COUNT) this.#write()
  }

  #writeWhenOld(nowUs: number): void {
    if (this.#current.count > 0 && nowUs - this.#oldestUs >= MAX_AGE_US) this.#write()
  }

  async #settled(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  #write(): void {
    const full = this.#current
    this.#current = new RecordBuffer()
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
