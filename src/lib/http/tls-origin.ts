/**
 * HTTPS to one host and port, by undici's pool: one request per connection, its own timers off (the exchange has its
 * deadline), and no second try of anything that was once written. undici is loaded when the first request needs it.
 */
import type {Dispatcher, Pool} from 'undici'
import type {Clock} from '../base/clock.js'
import {type Carrier, type Exchange, type Failure, failureOf, HTTP_CODES} from './exchange.js'
import type {TlsOptions} from './http-client.js'
import type {Origin, OriginOptions} from './plain-origin.js'

export interface TlsOriginOptions extends OriginOptions {
  readonly timeoutMs: number
  readonly tls: TlsOptions
}

export class TlsOrigin implements Origin {
  readonly #url: string
  readonly #options: TlsOriginOptions
  readonly #busy = new Set<TlsExchange>()
  #pool: Pool | null = null
  #opening: Promise<Pool> | null = null

  constructor(url: string, options: TlsOriginOptions) {
    this.#url = url
    this.#options = options
  }

  send(exchange: Exchange): void {
    if (this.#busy.size >= this.#options.connections) {
      const message = `all ${this.#options.connections} connections to ${this.#url} are busy`
      queueMicrotask(() => exchange.fail({code: HTTP_CODES.tooMany, message}))
      return
    }
    const carried = new TlsExchange(exchange, this.#options, () => this.#busy.delete(carried))
    this.#busy.add(carried)
    // Never within the call: undici may refuse a request on the spot.
    if (this.#pool !== null) {
      const pool = this.#pool
      queueMicrotask(() => this.#dispatch(pool, carried))
      return
    }
    this.#opening ??= this.#open()
    this.#opening.then(
      pool => this.#dispatch(pool, carried),
      error => carried.lose(failureOf(error)),
    )
  }

  async close(): Promise<void> {
    for (const carried of [...this.#busy]) {
      queueMicrotask(() => carried.lose({code: HTTP_CODES.closed, message: 'the client was closed'}))
    }
    const pool = this.#pool ?? (await this.#opening?.catch(() => null)) ?? null
    await pool?.destroy()
  }

  async #open(): Promise<Pool> {
    const {connections, keepAlive, timeoutMs, tls} = this.#options
    const {Pool} = await import('undici')
    this.#pool = new Pool(this.#url, {
      connections,
      pipelining: keepAlive ? 1 : 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: {
        // 0 is none.
        timeout: Number.isFinite(timeoutMs) ? timeoutMs : 0,
        rejectUnauthorized: tls.verify,
        noDelay: true,
        ...(tls.ca === undefined ? {} : {ca: tls.ca}),
        ...(tls.certificate === undefined ? {} : {cert: tls.certificate}),
        ...(tls.key === undefined ? {} : {key: tls.key}),
        ...(tls.serverName === undefined ? {} : {servername: tls.serverName}),
      },
    })
    return this.#pool
  }

  #dispatch(pool: Pool, carried: TlsExchange): void {
    const {target, body, extraHeaders, isSettled} = carried.exchange
    if (isSettled) return
    const {serverName} = this.#options.tls
    const options: Dispatcher.DispatchOptions & {readonly servername?: string} = {
      path: target.path,
      method: target.method,
      headers: [...target.headers, ...extraHeaders],
      body,
      ...(serverName === undefined ? {} : {servername: serverName}),
    }
    pool.dispatch(options, carried)
  }
}

/** undici's handler of one request. */
class TlsExchange implements Dispatcher.DispatchHandler, Carrier {
  readonly exchange: Exchange
  readonly #clock: Clock
  readonly #maxBodyBytes: number
  readonly #release: () => void
  readonly #pieces: Buffer[] = []
  #controller: Dispatcher.DispatchController | null = null
  #isOver = false
  #status = 0
  #receivedBytes = 0
  #collectedBytes = 0

  constructor(exchange: Exchange, {clock, maxBodyBytes}: OriginOptions, release: () => void) {
    this.exchange = exchange
    this.#clock = clock
    this.#maxBodyBytes = maxBodyBytes
    this.#release = release
    exchange.carrier = this
  }

  /** undici has a connection and writes the request in this same turn. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver || this.exchange.sentUs !== 0) {
      // Too late, or a second time: what was written once may have been worked on.
      controller.abort(new Error('the request is over'))
      return
    }
    this.#controller = controller
    this.exchange.sentUs = this.#clock.nowUs()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode < 200) return
    this.exchange.firstByteUs = this.#clock.nowUs()
    this.#status = statusCode
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receivedBytes += chunk.length
    const room = this.#maxBodyBytes - this.#collectedBytes
    if (room <= 0) return
    // A copy: the chunk is a view of what the socket has read.
    const piece = Buffer.from(chunk.subarray(0, room))
    this.#pieces.push(piece)
    this.#collectedBytes += piece.length
  }

  onResponseEnd(): void {
    if (!this.#end()) return
    const body = this.#maxBodyBytes > 0 ? Buffer.concat(this.#pieces) : null
    this.exchange.succeed({status: this.#status, receivedBytes: this.#receivedBytes, body}, this.#clock.nowUs())
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.lose(failureOf(error))
  }

  lose(failure: Failure): void {
    const receivedBytes = this.#receivedBytes
    if (!this.#end()) return
    this.exchange.fail(failure, receivedBytes)
    this.#controller?.abort(new Error(failure.message))
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  abandon(): void {
    if (this.#end()) this.#controller?.abort(new Error('the request is over'))
  }

  #end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#release()
    return true
  }
}
