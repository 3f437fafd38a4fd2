/**
 * PGlite as an engine for raw protocol messages, with what it lacks for that: it notices when the engine has died
 * (PANIC on a full disk, a FATAL error), where PGlite itself would try for ever. The way back is a new engine on the
 * same directory, which recovers from the write-ahead log like PostgreSQL after a crash.
 *
 * Durability: a commit has handed its log to the operating system before it is answered, so a killed process loses no
 * committed row. fsync is off (PGlite's default): a power failure may cost the last seconds, or need a fresh directory.
 */
import {PGlite} from '@electric-sql/pglite'
import {messageOf} from '../../base/errors.js'

/** The engine's memory is gone; its files are fine. */
export class EngineCrash extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, {cause})
    this.name = 'EngineCrash'
  }
}

// A quarter of PGlite's shared buffers is as fast here and keeps checkpoints short. JIT does not exist in WebAssembly.
const START_PARAMETERS = ['shared_buffers=32MB', 'max_wal_size=128MB', 'min_wal_size=32MB', 'jit=off']

/** What PostgresMainLoopOnce throws for an ordinary error, after which PGlite goes on (its POSTGRES_MAIN_LONGJMP). */
const ORDINARY_ERROR_STATUS = 100

export class Engine {
  readonly #database: PGlite
  readonly #lastWords: string[]
  #crash: unknown

  private constructor(database: PGlite, lastWords: string[]) {
    this.#database = database
    this.#lastWords = lastWords
    this.#watch()
  }

  /** Opens the data directory, or makes one when there is none; recovers after a crash. */
  static async open(directory: string): Promise<Engine> {
    const lastWords: string[] = []
    try {
      const database = await PGlite.create({
        dataDir: directory,
        relaxedDurability: false,
        // fsync is off for the server as well; without this the first start alone takes a second longer.
        initDbStartParams: ['--no-sync'],
        startParams: [...PGlite.defaultStartParams, ...START_PARAMETERS.flatMap(setting => ['-c', setting])],
        onStderr: line => {
          remember(lastWords, line)
          return false
        },
      })
      return new Engine(database, lastWords)
    } catch (cause) {
      throw new EngineCrash(reasonIn(lastWords) ?? describe(cause), cause)
    }
  }

  /**
   * Runs whole protocol messages and returns all that the engine answers.
   *
   * @throws EngineCrash when the engine has died; it cannot be used afterwards
   */
  async run(messages: Buffer): Promise<Buffer> {
    const answers: Buffer[] = []
    await this.#guard(() =>
      this.#database.execProtocolRawStream(messages, {onRawData: bytes => void answers.push(Buffer.from(bytes))}),
    )
    return answers.length === 1 && answers[0] !== undefined ? answers[0] : Buffer.concat(answers)
  }

  /** Runs statements of our own; the rows of the last one, as text. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const results = await this.#guard(() => this.#database.exec(sql))
    return (results.at(-1)?.rows ?? []) as Record<string, unknown>[]
  }

  /** Shuts down with a checkpoint: the next start needs no recovery. */
  async close(): Promise<void> {
    if (this.#crash === undefined) await this.#database.close()
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      if (this.#crash === undefined) return result
    } catch (error) {
      if (this.#crash === undefined) throw error
    }
    throw new EngineCrash(reasonIn(this.#lastWords) ?? describe(this.#crash), this.#crash)
  }

  /**
   * PGlite runs the engine's main loop until the input is used up and swallows what it throws, so a dead engine would
   * spin. Ordinary errors pass; after any other one the next step of PGlite's error handling throws it out of the loop.
   */
  #watch(): void {
    const engine = this.#database.Module
    const runOnce = engine._PostgresMainLoopOnce
    const restoreStack = engine.stackRestore
    engine._PostgresMainLoopOnce = () => {
      try {
        runOnce()
      } catch (error) {
        if (!isOrdinary(error)) this.#crash ??= error
        throw error
      }
    }
    engine.stackRestore = pointer => {
      if (this.#crash !== undefined) throw this.#crash
      return restoreStack(pointer)
    }
  }
}

function isOrdinary(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === ORDINARY_ERROR_STATUS
}

/** WASI's numbers of the errors that a user can do something about. */
const FILE_ERRORS: Readonly<Record<number, string>> = {
  2: 'permission denied (EACCES)',
  51: 'no space left on device (ENOSPC)',
  63: 'operation not permitted (EPERM)',
  69: 'read-only file system (EROFS)',
}

/** The engine's file system throws objects with a number, which are no errors. */
function describe(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'errno' in thrown) {
    return FILE_ERRORS[Number(thrown.errno)] ?? `file system error ${String(thrown.errno)}`
  }
  return messageOf(thrown)
}

const MAX_LAST_WORDS = 20

function remember(lines: string[], line: string): void {
  lines.push(line)
  if (lines.length > MAX_LAST_WORDS) lines.shift()
}

/** The first PANIC or FATAL that the engine wrote to its log. */
function reasonIn(lines: readonly string[]): string | undefined {
  const line = lines.find(text => /\b(PANIC|FATAL):/.test(text))
  return line?.replace(/^.*\b(?:PANIC|FATAL):\s*/, '')
}
