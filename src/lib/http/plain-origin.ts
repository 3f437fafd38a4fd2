/** Connections without TLS to one host and port: the last used is used first, a new one is opened when none is free. */
import type {Clock} from '../base/clock.js'
import {type Exchange, failureOf, HTTP_CODES} from './exchange.js'
import {type ConnectionOwner, PlainConnection} from './plain-connection.js'

/** What carries exchanges to one origin. */
export interface Origin {
  /** Carries it, or settles it later, never within the call. */
  send(exchange: Exchange, nowUs: number): void
  /** What is under way fails. Resolves when every socket is closed. */
  close(): Promise<void>
}

export interface OriginOptions {
  readonly connections: number
  readonly keepAlive: boolean
  readonly maxBodyBytes: number
  readonly clock: Clock
}

/** How long an idle connection is trusted when the server does not say how long it keeps it; undici's figure. */
const IDLE_LIMIT_MS = 4000

export class PlainOrigin implements Origin, ConnectionOwner {
  readonly clock: Clock
  readonly keepAlive: boolean
  readonly maxBodyBytes: number
  readonly #connections: number
  /** Every connection that is not known to be closed. */
  readonly #open = new Set<PlainConnection>()
  /** The last one was used last. May hold some that have closed meanwhile: they are dropped when it is their turn. */
  readonly #idle: PlainConnection[] = []
  #busyCount = 0

  constructor(options: OriginOptions) {
    this.clock = options.clock
    this.keepAlive = options.keepAlive
    this.maxBodyBytes = options.maxBodyBytes
    this.#connections = options.connections
  }

  send(exchange: Exchange, nowUs: number): void {
    if (this.#busyCount >= this.#connections) {
      const message = `all ${this.#connections} connections to ${exchange.target.origin} are busy`
      queueMicrotask(() => exchange.fail({code: HTTP_CODES.tooMany, message}))
      return
    }
    this.#busyCount++
    this.#carry(exchange, nowUs)
  }

  onIdle(connection: PlainConnection): void {
    this.#busyCount--
    this.#idle.push(connection)
  }

  onLost(connection: PlainConnection): void {
    this.#busyCount--
    this.#open.delete(connection)
  }

  onStale(exchange: Exchange): void {
    this.#carry(exchange, this.clock.nowUs())
  }

  async close(): Promise<void> {
    const connections = [...this.#open]
    const closed = connections.map(connection => connection.whenClosed())
    for (const connection of connections) {
      const {exchange} = connection
      if (exchange === null) connection.destroy()
      else {
        connection.abandon(exchange)
        queueMicrotask(() => exchange.fail({code: HTTP_CODES.closed, message: 'the client was closed'}))
      }
    }
    this.#open.clear()
    this.#idle.length = 0
    await Promise.all(closed)
  }

  /** The slot is taken. */
  #carry(exchange: Exchange, nowUs: number): void {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isFresh(nowUs, IDLE_LIMIT_MS)) {
        idle.carry(exchange, nowUs)
        return
      }
      idle.destroy()
      this.#open.delete(idle)
    }
    try {
      this.#open.add(new PlainConnection(this, exchange))
    } catch (error) {
      this.#busyCount--
      queueMicrotask(() => exchange.fail(failureOf(error)))
    }
  }
}
