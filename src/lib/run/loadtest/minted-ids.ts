/**
 * Ids that a service minted, beside the journal: `minted-ids.ndjson`, one `{"sequence":12,"id":"…"}` a line, appended
 * in blocks. With it an audit finds payments that a service renamed. There is no file when there was no such id.
 */
import {createReadStream} from 'node:fs'
import {type FileHandle, open} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {createInterface} from 'node:readline'
import {codeOf, diskError} from '../../base/disk.js'
import {EnvironmentError} from '../../base/errors.js'
import {makeDirectory} from '../../base/make-directory.js'

export interface MintedIds {
  record(sequence: number, id: string): void
  /** Undefined while the buffer has room, else a promise of it. @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
  room(): Promise<void> | undefined
  /** Resolves when everything recorded is on disk. @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
  close(): Promise<void>
}

export interface MintedId {
  readonly sequence: number
  readonly id: string
}

/** Written as one; about a thousand lines. */
const BLOCK_CHARACTERS = 64 * 1024
/** Full blocks above which `room` says wait. */
const MAX_WAITING = 4
/** A service's answer is not trusted: a longer id is no id, and is cut. */
const MAX_ID_CHARACTERS = 1024

/** Where a run keeps them. @param runDirectory as `runPaths` names it */
export function mintedIdsPath(runDirectory: string): string {
  return join(runDirectory, 'minted-ids.ndjson')
}

/** The file is made when the first id comes, and replaces an older one. */
export function openMintedIds(path: string): MintedIds {
  return new MintedIdsFile(path)
}

class MintedIdsFile implements MintedIds {
  readonly #path: string
  #file: FileHandle | undefined
  #block = ''
  #waitingCount = 0
  #writing: Promise<void> = Promise.resolve()
  #failure: EnvironmentError | undefined

  constructor(path: string) {
    this.#path = path
  }

  record(sequence: number, id: string): void {
    this.#block += `${JSON.stringify({sequence, id: id.slice(0, MAX_ID_CHARACTERS)})}\n`
    if (this.#block.length >= BLOCK_CHARACTERS) this.#write()
  }

  room(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#waitingCount < MAX_WAITING ? undefined : this.#settled()
  }

  async close(): Promise<void> {
    if (this.#block !== '') this.#write()
    try {
      await this.#settled()
      await this.#file?.sync()
    } catch (error) {
      throw error instanceof EnvironmentError ? error : diskError(error, this.#path)
    } finally {
      await this.#file?.close()
      this.#file = undefined
    }
  }

  #write(): void {
    const block = this.#block
    this.#block = ''
    this.#waitingCount++
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#failure !== undefined) return
        this.#file ??= await this.#open()
        await this.#file.appendFile(block)
      } catch (error) {
        this.#failure = diskError(error, this.#path)
      } finally {
        this.#waitingCount--
      }
    })
  }

  async #open(): Promise<FileHandle> {
    makeDirectory(dirname(this.#path))
    return open(this.#path, 'w')
  }

  async #settled(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }
}

/**
 * The ids in the order in which their answers came; nothing when there is no file. A last line that a crash has cut is
 * left out.
 *
 * @throws EnvironmentError P2PAY_MINTED_IDS when a line is no such record, or the file cannot be read
 */
export async function* readMintedIds(path: string): AsyncGenerator<MintedId> {
  const lines = createInterface({input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY})
  let number = 0
  let torn: string | undefined
  try {
    for await (const line of lines) {
      if (torn !== undefined) throw damaged(path, `line ${number} is no record`)
      number++
      const record = parse(line)
      if (record === undefined) torn = line
      else yield record
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error instanceof EnvironmentError ? error : damaged(path, 'it cannot be read', error)
  } finally {
    lines.close()
  }
}

function parse(line: string): MintedId | undefined {
  try {
    const record: unknown = JSON.parse(line)
    if (typeof record !== 'object' || record === null) return undefined
    const {sequence, id}: {sequence?: unknown; id?: unknown} = record
    return typeof sequence === 'number' && Number.isSafeInteger(sequence) && sequence >= 0 && typeof id === 'string'
      ? {sequence, id}
      : undefined
  } catch {
    return undefined
  }
}

function damaged(path: string, what: string, cause?: unknown): EnvironmentError {
  return new EnvironmentError(`${path} is damaged: ${what}`, {
    code: 'P2PAY_MINTED_IDS',
    suggestions: ['remove the file to audit without it: payments that the service renamed then count as lost'],
    cause,
  })
}
