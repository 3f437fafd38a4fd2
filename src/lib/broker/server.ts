/**
 * The broker in this thread: opens the directory, listens on 127.0.0.1, answers until stopped. start.ts runs it in a
 * worker thread of its own; tests run it directly.
 */
import {createServer, type Server} from 'node:net'
import {type Clock, systemClock} from '../base/clock.js'
import type {DirectoryLock} from '../base/directory-lock.js'
import {EnvironmentError, isP2payError, messageOf} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {BrokerState} from './api.js'
import type {BrokerOptions, EmbeddedBroker} from './broker.js'
import {Connection} from './connection.js'
import {Coordinator} from './coordinator.js'
import type {Fault} from './fault.js'
import {FaultPlan} from './fault-plan.js'
import {FetchWaiters} from './fetch-waiters.js'
import type {WriteAt} from './files.js'
import {lockBrokerDirectory} from './lock.js'
import {OffsetStore} from './offset-store.js'
import {Quota} from './quota.js'
import {RequestLoop} from './request-loop.js'
import {Storage} from './storage.js'
import {DEFAULT_MAX_MESSAGE_BYTES} from './topic-config.js'

const HOST = '127.0.0.1'
const DEFAULT_QUOTA_BYTES = 4 * 1024 * 1024 * 1024
const DEFAULT_PARTITIONS = 6
const DEFAULT_SYNC_INTERVAL_MS = 1000
const CONNECTIONS_MAX = 1000
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024
const SEGMENT_BYTES_MIN = 64 * 1024
/** Retention works by whole segments, so that one is a small part of the quota. */
const SEGMENTS_PER_QUOTA = 64

export interface BrokerServerOptions extends BrokerOptions {
  readonly clock?: Clock
  readonly segmentBytes?: number
  readonly maxMessageBytes?: number
  /** How log bytes reach a file; tests fill the disk here. */
  readonly write?: WriteAt
}

export class BrokerServer implements EmbeddedBroker {
  readonly address: string
  readonly clusterId: string
  readonly closed: Promise<undefined>
  readonly #server: Server
  readonly #state: BrokerState
  readonly #loop: RequestLoop
  readonly #lock: DirectoryLock
  readonly #connections = new Set<Connection>()
  readonly #stopping = new AbortController()
  readonly #syncing: Promise<void>
  #tellClosed: (value: undefined) => void = () => {}
  #stopped: Promise<void> | undefined

  private constructor(opened: {
    server: Server
    state: BrokerState
    lock: DirectoryLock
    syncIntervalMs: number
  }) {
    this.#server = opened.server
    this.#state = opened.state
    this.#lock = opened.lock
    this.#loop = new RequestLoop(opened.state, new FaultPlan())
    this.address = `${HOST}:${opened.state.port}`
    this.clusterId = opened.state.storage.clusterId
    this.closed = new Promise(resolve => {
      this.#tellClosed = resolve
    })
    this.#server.maxConnections = CONNECTIONS_MAX
    this.#server.on('connection', socket => {
      const connection: Connection = new Connection({
        socket,
        answer: (frame, peer) => this.#loop.answer(frame, peer),
        log: opened.state.log,
        onClose: () => this.#connections.delete(connection),
      })
      this.#connections.add(connection)
    })
    this.#syncing = this.#syncRegularly(opened.syncIntervalMs)
  }

  /** @throws EnvironmentError P2PAY_BROKER_START when the port, the directory or the disk does not allow it */
  static async start(options: BrokerServerOptions): Promise<BrokerServer> {
    const clock = options.clock ?? systemClock
    const log = options.log ?? (() => {})
    const quotaBytes = options.quotaBytes ?? DEFAULT_QUOTA_BYTES
    const segmentBytes =
      options.segmentBytes ??
      Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, Math.floor(quotaBytes / SEGMENTS_PER_QUOTA)))
    const seam = options.write === undefined ? {} : {write: options.write}
    // The port before the files: a second broker fails on it without having touched anything.
    const server = await listen(options.port ?? 0)
    let lock: DirectoryLock | undefined
    try {
      makeDirectory(options.directory)
      lock = lockBrokerDirectory(options.directory)
      const storage = new Storage({directory: options.directory, segmentBytes, log, ...seam})
      const offsets = new OffsetStore(options.directory, options.write)
      offsets.keepTopics(new Set(storage.topics().map(topic => topic.name)))
      const state: BrokerState = {
        host: HOST,
        port: portOf(server),
        clock,
        storage,
        coordinator: new Coordinator(clock, offsets),
        quota: new Quota(quotaBytes, storage, offsets),
        waiters: new FetchWaiters(clock),
        defaultPartitions: options.partitions ?? DEFAULT_PARTITIONS,
        maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
        log,
      }
      return new BrokerServer({
        server,
        state,
        lock,
        syncIntervalMs: options.syncIntervalMs ?? DEFAULT_SYNC_INTERVAL_MS,
      })
    } catch (error) {
      lock?.release()
      server.close()
      throw cannotOpen(options.directory, error)
    }
  }

  async #syncRegularly(intervalMs: number): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#state.clock.sleep(intervalMs, this.#stopping.signal)
      await this.#sync()
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#state.storage.sync()
      await this.#state.coordinator.offsets.sync()
    } catch (error) {
      this.#state.log(`fsync failed: ${messageOf(error)}`)
    }
  }

  async injectFaults(faults: readonly Fault[]): Promise<void> {
    this.#loop.setFaults(new FaultPlan(faults))
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close(async () => {
      await this.#sync()
      await this.#state.storage.close()
    })
    return this.#stopped
  }

  /** Ends as a killed process would: nothing is flushed, closed properly or answered. For tests. */
  kill(): Promise<void> {
    this.#stopped ??= this.#close(() => this.#state.storage.abandon())
    return this.#stopped
  }

  async #close(closeLogs: () => void | Promise<void>): Promise<void> {
    this.#stopping.abort()
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.destroy()
    this.#state.coordinator.close()
    await closed
    await this.#syncing
    try {
      await closeLogs()
    } finally {
      this.#state.coordinator.offsets.close()
      this.#lock.release()
      this.#tellClosed(undefined)
    }
  }
}

function listen(port: number): Promise<Server> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', cause =>
      reject(
        new EnvironmentError(`the embedded broker cannot listen on ${HOST}:${port}: ${cause.message}`, {
          code: 'P2PAY_BROKER_START',
          suggestions: ['stop what uses the port, or choose another one (0 = any free one)'],
          cause,
        }),
      ),
    )
    server.listen({host: HOST, port}, () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function cannotOpen(directory: string, cause: unknown): Error {
  if (isP2payError(cause)) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const suggestions: Record<string, string> = {
    ENOSPC: 'make room on the disk',
    EACCES: 'make the directory writable, or name another one',
    EROFS: 'name a directory on a writable disk',
    ENOTDIR: 'remove the file of that name, or name another directory',
    EEXIST: 'remove the file of that name, or name another directory',
  }
  return new EnvironmentError(`the embedded broker cannot use ${directory}: ${messageOf(cause)}`, {
    code: 'P2PAY_BROKER_START',
    suggestions: [suggestions[String(code)] ?? 'name another directory, or move this one away to begin anew'],
    cause,
  })
}
