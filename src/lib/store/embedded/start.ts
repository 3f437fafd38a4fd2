/**
 * Hosts the embedded database: PGlite in a worker thread, its files under a directory, served to everybody on this
 * machine by the PostgreSQL protocol on a loopback port.
 *
 * What differs from a server: one session is shared, transaction by transaction. So a long statement makes everybody
 * wait; a client that is silent within a transaction while others wait is ended after ten seconds; session-level
 * advisory locks do not exclude; temporary tables are seen by all; settings with a dot in their name are not private;
 * LISTEN is refused; statements cannot be cancelled, nor timed out on the server's side; answers are built in memory.
 */
import {existsSync} from 'node:fs'
import {rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {Worker} from 'node:worker_threads'
import {systemClock} from '../../base/clock.js'
import {type DirectoryLock, lockDirectory} from '../../base/directory-lock.js'
import {EnvironmentError, isP2payError, messageOf} from '../../base/errors.js'
import {makeDirectory} from '../../base/make-directory.js'
import {workerUrl} from '../../base/worker-url.js'
import type {FromWorker, Task, ToWorker} from './worker-messages.js'

export interface EmbeddedDatabaseOptions {
  /** Where the files live, such as `.p2pay/database`; made when missing, opened again after a stop or crash. */
  readonly directory: string
  /** 0 or nothing = any free one. */
  readonly port?: number
  /** Told what a user may want to know: a crash and the way back. */
  readonly log?: (line: string) => void
}

export interface EmbeddedDatabase {
  readonly url: string
  /** Resolves when it has ended: undefined after `stop`, else why. Never rejects. */
  readonly closed: Promise<EnvironmentError | undefined>
  /** Ends connections, checkpoints, and frees port and directory; may be called again. */
  stop(): Promise<void>
}

const START = 'P2PAY_DATABASE_START'
/** A statement that is running is waited for, but not longer. */
const MAX_STOP_MS = 15_000
/** Making a directory takes two seconds, recovering one after a crash about as long; a slow disk may need more. */
const MAX_START_MS = 120_000

/**
 * @throws EnvironmentError P2PAY_DATABASE_START when the port is taken, the directory is in use by another live
 *   process or not writable, or the disk is full
 */
export async function startEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const lock = takeDirectory(options.directory)
  let thread: DatabaseThread | undefined
  try {
    const directory = await prepareFiles(options.directory)
    const serving = new DatabaseThread({kind: 'serve', directory, port: options.port ?? 0}, options.log)
    thread = serving
    const port = await serving.within(MAX_START_MS, serving.started)
    // The lock lives as long as the thread, however that ends.
    const closed = serving.closed.then(failure => {
      lock.release()
      return failure
    })
    let stopped: Promise<void> | undefined
    return {
      url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
      closed,
      stop: () => {
        stopped ??= serving.stop().then(async () => void (await closed))
        return stopped
      },
    }
  } catch (error) {
    await thread?.closed
    lock.release()
    throw startFailure(error, options.directory)
  }
}

function takeDirectory(directory: string): DirectoryLock {
  let lock: ReturnType<typeof lockDirectory>
  try {
    makeDirectory(directory)
    lock = lockDirectory(directory)
  } catch (error) {
    throw startFailure(error, directory)
  }
  if ('release' in lock) return lock
  throw new EnvironmentError(`${directory} is in use by the database of process ${lock.heldBy}`, {
    code: START,
    suggestions: ['use that database (its address is in .p2pay/up.json)', 'or stop that process'],
  })
}

/** PostgreSQL's data directory. A fresh one is made aside and moved: half of one is never taken for a whole. */
async function prepareFiles(directory: string): Promise<string> {
  const data = join(directory, 'data')
  if (existsSync(join(data, 'PG_VERSION'))) return data
  const fresh = join(directory, 'data.new')
  await rm(fresh, {recursive: true, force: true})
  const thread = new DatabaseThread({kind: 'initialise', directory: fresh})
  try {
    await thread.within(MAX_START_MS, thread.finished)
  } catch (error) {
    await thread.closed
    await rm(fresh, {recursive: true, force: true})
    throw error
  }
  await thread.closed
  await rename(fresh, data)
  return data
}

/** The parent's end of a worker. */
class DatabaseThread {
  readonly started: Promise<number>
  /** The work is done; rejects when it failed. */
  readonly finished: Promise<void>
  readonly closed: Promise<EnvironmentError | undefined>
  readonly #worker: Worker
  #isStopping = false

  constructor(task: Task, log: (line: string) => void = () => {}) {
    const worker = new Worker(workerUrl(import.meta.url, './worker.js'), {workerData: task})
    this.#worker = worker
    const failed = new Promise<never>((_, reject) => {
      worker.on('error', reject)
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'log') log(message.line)
        if (message.kind === 'failed') reject(failureOf(message))
      })
      worker.on('exit', () => reject(new Error('the thread of the embedded database ended')))
    })
    const told = (kind: 'started' | 'done'): Promise<number> =>
      new Promise(resolve => {
        worker.on('message', (message: FromWorker) => {
          if (message.kind === kind) resolve(message.kind === 'started' ? message.port : 0)
        })
      })
    this.started = Promise.race([told('started'), failed])
    this.finished = Promise.race([told('done'), failed]).then(() => {})
    const exited = new Promise<void>(resolve => worker.on('exit', () => resolve()))
    this.closed = Promise.race([exited.then(() => undefined), failed.catch((error: unknown) => error)]).then(
      async error => {
        await exited
        return this.#isStopping ? undefined : failedEmbedded(error)
      },
    )
    // Each is awaited by some callers only.
    this.started.catch(() => {})
    this.finished.catch(() => {})
  }

  /** What `work` gives, unless it takes too long; then the thread is ended. */
  async within<T>(limitMs: number, work: Promise<T>): Promise<T> {
    const timer = new AbortController()
    const isLate = systemClock.sleep(limitMs, timer.signal).then(() => !timer.signal.aborted)
    try {
      const first = await Promise.race([work.then(value => ({value})), isLate])
      if (typeof first === 'object') return first.value
      await this.#worker.terminate()
      throw new Error(`no answer within ${limitMs / 1000} s`)
    } finally {
      timer.abort()
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    const stop: ToWorker = 'stop'
    this.#worker.postMessage(stop)
    // Ended by force, the files are as after a kill, which the next start recovers from.
    await this.within(MAX_STOP_MS, this.closed).catch(() => {})
  }
}

function failureOf(message: FromWorker & {kind: 'failed'}): Error {
  if (message.code === undefined) return new Error(message.message)
  return new EnvironmentError(message.message, {code: message.code, suggestions: message.suggestions ?? []})
}

function startFailure(error: unknown, directory: string): Error {
  if (isP2payError(error)) return error
  const message = messageOf(error)
  const isFull = /ENOSPC|no space left/i.test(message)
  return new EnvironmentError(`The embedded database cannot start in ${directory}: ${message}`, {
    code: START,
    suggestions: isFull
      ? ['make room on the disk']
      : ['name a writable directory', `or remove ${directory} to begin with an empty database`],
    cause: error,
  })
}

function failedEmbedded(error: unknown): EnvironmentError {
  return new EnvironmentError(`The embedded database failed: ${messageOf(error)}`, {
    code: 'P2PAY_DATABASE_FAILED',
    cause: error,
  })
}
