/** The embedded database on a loopback port: takes connections, keeps their number bounded, and keeps house. */
import {randomInt} from 'node:crypto'
import {createServer, type Server, type Socket} from 'node:net'
import type {Clock} from '../../base/clock.js'
import {EnvironmentError} from '../../base/errors.js'
import {Connection} from './connection.js'
import {Session} from './session.js'
import {ClientProblem, problemMessage} from './wire.js'

const HOST = '127.0.0.1'
const MAX_CONNECTIONS = 64
const HOUSEKEEPING_MS = 1000

export interface DatabaseServerOptions {
  /** PostgreSQL's data directory, which exists. */
  readonly directory: string
  /** 0 = any free one. */
  readonly port: number
  readonly clock: Clock
  readonly log: (line: string) => void
}

export class DatabaseServer {
  readonly #server: Server
  readonly #session: Session
  readonly #clock: Clock
  readonly #connections = new Map<Connection, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #housekeeping: Promise<void>
  #lastId = 0

  private constructor(parts: {server: Server; session: Session; clock: Clock; early: readonly Socket[]}) {
    this.#server = parts.server
    this.#session = parts.session
    this.#clock = parts.clock
    this.#server.on('connection', socket => this.#welcome(socket))
    for (const socket of parts.early) this.#welcome(socket)
    this.#housekeeping = this.#keepHouse()
  }

  /** @throws EnvironmentError P2PAY_DATABASE_START when the port is taken; EngineCrash when the files do not open */
  static async start(options: DatabaseServerOptions): Promise<DatabaseServer> {
    const server = createServer({noDelay: true})
    // The port first: it is quickly said when it is taken, and clients that are early wait for the engine.
    await listen(server, options.port)
    const early: Socket[] = []
    const keep = (socket: Socket): void => void early.push(socket)
    server.on('connection', keep)
    const session = new Session(options)
    try {
      await session.open()
    } catch (error) {
      for (const socket of early) socket.destroy()
      server.close()
      throw error
    }
    server.off('connection', keep)
    return new DatabaseServer({server, session, clock: options.clock, early})
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Ends every connection, rolls back what is open, and shuts the engine down with a checkpoint. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#server.close()
    const problem = new ClientProblem('FATAL', '57P01', 'terminating connection because the database is stopped')
    for (const connection of this.#connections.keys()) connection.evict(problem)
    await Promise.all([...this.#connections.values(), this.#housekeeping])
    await this.#session.close()
  }

  #welcome(socket: Socket): void {
    // A client that breaks off is found by the reader; the event must not end the process.
    socket.on('error', () => {})
    if (this.#connections.size >= MAX_CONNECTIONS || this.#stopping.signal.aborted) {
      socket.end(problemMessage(new ClientProblem('FATAL', '53300', 'sorry, too many clients already')))
      return
    }
    const id = ++this.#lastId
    const secret = randomInt(0x7fffffff)
    const nowUs = this.#clock.nowUs()
    const connection = new Connection({socket, session: this.#session, id, secret, nowUs})
    const served = connection.serve().finally(() => this.#connections.delete(connection))
    this.#connections.set(connection, served)
  }

  async #keepHouse(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#clock.sleep(HOUSEKEEPING_MS, this.#stopping.signal)
      for (const connection of this.#connections.keys()) connection.evictIfSilent(this.#clock.nowUs())
      this.#session.evictIdleHolder()
      this.#session.maintain()
    }
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => {
      reject(
        new EnvironmentError(`The embedded database cannot listen on ${HOST}:${port}: ${cause.message}`, {
          code: 'P2PAY_DATABASE_START',
          suggestions: ['name another port', 'or stop what has it'],
          cause,
        }),
      )
    })
    server.listen({host: HOST, port}, resolve)
  })
}
