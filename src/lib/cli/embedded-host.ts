/**
 * Hosts the embedded broker and database in this process. One process per directory does: it holds the directory's
 * lock from before the start to after the stop, and announces itself in between, so that others find it or wait for it.
 */
import {join} from 'node:path'
import {type Clock, nowMs} from '../base/clock.js'
import {type DirectoryLock, lockDirectory} from '../base/directory-lock.js'
import {diskError} from '../base/disk.js'
import {EnvironmentError, InterruptedError, isP2payError} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {EmbeddedBroker} from '../broker/broker.js'
import type {EmbeddedDatabase} from '../store/embedded/start.js'
import {
  type Announcement,
  findAnnouncement,
  removeAnnouncement,
  staleAddresses,
  writeAnnouncement,
} from './announcement.js'

export interface EmbeddedServices {
  readonly brokers: string
  readonly databaseUrl: string
  readonly broker: EmbeddedBroker
  /** Resolves with the reason when one of them has ended by itself, which it should not. */
  readonly failed: Promise<EnvironmentError>
  stop(): Promise<void>
}

export interface HostOptions {
  readonly directory: string
  readonly clock: Clock
  readonly note: (text: string) => void
  /** 0 = the port of the last time when it is free, else any. */
  readonly port: number
  readonly databasePort: number
}

/** The first start of a database takes seconds, on a busy machine many. */
const MAX_OTHER_START_MS = 120_000
const STEP_MS = 200

/**
 * The right to host in this directory, or the services that run there. While another process is starting or stopping
 * them, waits for how that ends.
 *
 * @throws EnvironmentError P2PAY_DIRECTORY, P2PAY_EMBEDDED_STARTING
 * @throws InterruptedError when the signal aborts the wait
 */
export async function claimOrFind(options: {
  readonly directory: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}): Promise<DirectoryLock | Announcement> {
  const {directory, clock, signal, note} = options
  const untilMs = nowMs(clock) + MAX_OTHER_START_MS
  for (let isNoted = false; ; isNoted = true) {
    const running = await findAnnouncement(directory)
    if (running !== undefined) return running
    const lock = takeLock(directory)
    if ('release' in lock) return lock
    if (!isNoted) note(`process ${lock.heldBy} is starting or stopping the embedded services: waiting for it`)
    if (signal.aborted) throw new InterruptedError('stopped while waiting for the embedded services')
    if (nowMs(clock) >= untilMs) {
      throw new EnvironmentError(`Process ${lock.heldBy} has ${directory} locked, and its services do not answer`, {
        code: 'P2PAY_EMBEDDED_STARTING',
        suggestions: [`look what process ${lock.heldBy} is doing`, 'or use another directory with --dir or P2PAY_DIR'],
      })
    }
    await clock.sleep(STEP_MS, signal)
  }
}

function takeLock(directory: string): ReturnType<typeof lockDirectory> {
  try {
    makeDirectory(directory)
    return lockDirectory(directory)
  } catch (error) {
    const cause = diskError(error, directory)
    if (cause.code === 'P2PAY_DISK_FULL') throw cause
    throw new EnvironmentError(`The directory ${directory} cannot be used`, {
      code: 'P2PAY_DIRECTORY',
      suggestions: ['name a writable one with --dir or P2PAY_DIR'],
      cause: error,
    })
  }
}

/** Starts both and announces them. The lock is released when they have stopped, or did not start. */
export async function hostEmbedded(lock: DirectoryLock, options: HostOptions): Promise<EmbeddedServices> {
  try {
    return await start(lock, options)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function start(lock: DirectoryLock, options: HostOptions): Promise<EmbeddedServices> {
  const {directory, clock} = options
  const [{startEmbeddedBroker}, {startEmbeddedDatabase}, {migrate}] = await Promise.all([
    import('../broker/start.js'),
    import('../store/embedded/start.js'),
    import('../store/migrate.js'),
  ])
  const logAs =
    (service: string) =>
    (line: string): void =>
      options.note(`! embedded ${service}: ${line}`)
  const last = await staleAddresses(directory)
  // One after the other: a port that is taken shows at once, not after the database has been made.
  const broker = await onPort([options.port || last.brokerPort, options.port], port =>
    startEmbeddedBroker({directory: join(directory, 'broker'), port, log: logAs('broker')}),
  )
  let database: EmbeddedDatabase | undefined
  try {
    database = await onPort([options.databasePort || last.databasePort, options.databasePort], port =>
      startEmbeddedDatabase({directory: join(directory, 'database'), port, log: logAs('database')}),
    )
    await migrate(database.url)
    await writeAnnouncement(directory, {
      pid: process.pid,
      brokers: broker.address,
      database_url: database.url,
      started_at: new Date(nowMs(clock)).toISOString(),
    })
  } catch (error) {
    await Promise.allSettled([broker.stop(), database?.stop()])
    throw error
  }
  const {url, closed, stop} = database
  options.note(`embedded broker ${broker.address}, embedded database ${url}, files in ${directory}`)
  return {
    brokers: broker.address,
    databaseUrl: url,
    broker,
    failed: new Promise(resolve => {
      for (const ended of [broker.closed, closed]) {
        void ended.then(failure => {
          if (failure !== undefined) resolve(failure)
        })
      }
    }),
    stop: async () => {
      await removeAnnouncement(directory, process.pid)
      await Promise.allSettled([broker.stop(), stop()])
      lock.release()
    },
  }
}

/** Tries the preferred port first: clients that know it find the broker again after a crash of its host. */
async function onPort<T>(ports: readonly [number, number], begin: (port: number) => Promise<T>): Promise<T> {
  const [preferred, asked] = ports
  try {
    return await begin(preferred)
  } catch (error) {
    if (preferred === asked || !isP2payError(error)) throw error
    return begin(asked)
  }
}
