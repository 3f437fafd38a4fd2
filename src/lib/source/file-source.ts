/**
 * An NDJSON file as a source with one partition: the line number is the offset, a line is a record's value. Committed
 * offsets live as long as the source: a file is read again from its beginning by the next process.
 */
import {type FileHandle, open} from 'node:fs/promises'
import type {Clock} from '../base/clock.js'
import {EnvironmentError, messageOf} from '../base/errors.js'
import type {PartitionOffsets, SourceRecord} from '../payment/record.js'
import type {RecordSource, SourceHandlers} from './source.js'

export interface FileSourceOptions {
  readonly path: string
  readonly clock: Clock
  /** Lines in one delivery; default 500. */
  readonly maxBatchCount?: number
}

const PARTITION = 0
const MAX_BATCH_COUNT = 500
const RETRY_DELAY_MS = 250
const NEW_LINE = 0x0a

/** @throws EnvironmentError P2PAY_FILE when it cannot be read */
export async function openFileSource(options: FileSourceOptions): Promise<RecordSource> {
  const file = await openFile(options.path)
  let end = 0
  try {
    for await (const lines of linesFrom(file, 0, MAX_BATCH_COUNT)) end += lines.length
  } finally {
    await file.close()
  }
  return new FileSource(options, end)
}

class FileSource implements RecordSource {
  readonly description: string
  readonly #options: FileSourceOptions
  readonly #end: number
  readonly #stopping = new AbortController()
  #handlers: SourceHandlers | undefined
  #committed: PartitionOffsets = new Map()
  #seekTo: number | undefined = 0
  #wake: () => void = () => {}
  #reading: Promise<void> = Promise.resolve()

  constructor(options: FileSourceOptions, end: number) {
    this.description = `file ${options.path}`
    this.#options = options
    this.#end = end
  }

  async start(handlers: SourceHandlers): Promise<void> {
    this.#handlers = handlers
    handlers.onAssigned([PARTITION])
    this.#reading = this.#read()
  }

  async committed(partitions: readonly number[]): Promise<PartitionOffsets> {
    return partitions.includes(PARTITION) ? this.#committed : new Map()
  }

  async bounds(): Promise<ReadonlyMap<number, {readonly earliest: number; readonly end: number}>> {
    return new Map([[PARTITION, {earliest: 0, end: this.#end}]])
  }

  seek(partition: number, offset: number): void {
    if (partition !== PARTITION) return
    this.#seekTo = offset
    this.#wake()
  }

  async commit(offsets: PartitionOffsets): Promise<void> {
    const offset = offsets.get(PARTITION)
    if (offset !== undefined) this.#committed = new Map([[PARTITION, offset]])
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#reading
  }

  /** From each place that was asked for to the end of the file, until stopped. */
  async #read(): Promise<void> {
    const {signal} = this.#stopping
    while (!signal.aborted) {
      if (this.#seekTo === undefined) {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        continue
      }
      const from = this.#seekTo
      this.#seekTo = undefined
      try {
        await this.#readFrom(from)
      } catch (error) {
        this.#handlers?.onFailed?.(unreadable(this.#options.path, error))
        return
      }
    }
  }

  async #readFrom(from: number): Promise<void> {
    const file = await openFile(this.#options.path)
    try {
      let offset = from
      for await (const lines of linesFrom(file, from, this.#options.maxBatchCount ?? MAX_BATCH_COUNT)) {
        const first = offset
        await this.#deliver(lines.map((value, index) => recordOf(first + index, value)))
        offset += lines.length
        if (this.#stopping.signal.aborted || this.#seekTo !== undefined || offset >= this.#end) return
      }
    } finally {
      await file.close()
    }
  }

  async #deliver(records: readonly SourceRecord[]): Promise<void> {
    const {signal} = this.#stopping
    while (!signal.aborted && this.#seekTo === undefined) {
      try {
        await this.#handlers?.onRecords(PARTITION, records, this.#end)
        return
      } catch (error) {
        this.#handlers?.onTrouble?.(`line ${(records[0]?.offset ?? 0) + 1}: ${messageOf(error)}`)
        await this.#options.clock.sleep(RETRY_DELAY_MS, signal)
      }
    }
  }
}

function recordOf(offset: number, value: Buffer): SourceRecord {
  return {partition: PARTITION, offset, timestampMs: 0, key: null, value, headers: {}}
}

/** Lines from number `from` on, in batches; an unfinished last line counts, an empty one is a record too. */
async function* linesFrom(file: FileHandle, from: number, maxBatchCount: number): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  let batch: Buffer[] = []
  const stream = file.createReadStream({autoClose: false, start: 0})
  for await (const chunk of stream) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let start = 0
    for (let end = bytes.indexOf(NEW_LINE); end >= 0; end = bytes.indexOf(NEW_LINE, start)) {
      if (number++ >= from) batch.push(bytes.subarray(start, end))
      start = end + 1
      if (batch.length >= maxBatchCount) {
        yield batch
        batch = []
      }
    }
    rest = bytes.subarray(start)
  }
  if (rest.length > 0 && number >= from) batch.push(rest)
  if (batch.length > 0) yield batch
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): EnvironmentError {
  return new EnvironmentError(`Cannot read ${path}: ${messageOf(error)}`, {
    code: 'P2PAY_FILE',
    suggestions: ['it has one payment a line, as p2pay generate --out FILE writes it'],
    cause: error,
  })
}
