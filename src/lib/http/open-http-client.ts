/**
 * The load client: HTTP/1.1 with one request per connection, without redirects, retries, cookies or proxies from the
 * environment. Plain HTTP goes over sockets and a response reader of our own, since undici's dispatch costs more CPU per
 * request than the peers that p2pay is measured against (bench/http-client.mjs has the figures); HTTPS goes through
 * undici.
 */
import type {Clock} from '../base/clock.js'
import {Deadlines} from './deadlines.js'
import {Exchange, HTTP_CODES} from './exchange.js'
import type {HttpClient, HttpClientOptions, HttpOutcome, HttpRequest, HttpTarget} from './http-client.js'
import {type Origin, PlainOrigin} from './plain-origin.js'
import {type PreparedTarget, prepareTarget, problemsOfHeaders, problemsOfTarget} from './prepared-target.js'
import {TlsOrigin} from './tls-origin.js'

const NO_HEADERS: readonly string[] = []

/** Nothing is connected before the first request. Close it: open sockets keep the process alive. */
export function openHttpClient(options: HttpClientOptions, clock: Clock): HttpClient {
  return new LoadClient(options, clock)
}

interface Route {
  readonly target: PreparedTarget
  readonly origin: Origin
}

class LoadClient implements HttpClient {
  readonly description: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly #options: HttpClientOptions
  readonly #origins = new Map<string, Origin>()
  /** By target: its route, or what is wrong with it. */
  readonly #routes = new WeakMap<HttpTarget, Route | string>()
  #isClosed = false

  constructor(options: HttpClientOptions, clock: Clock) {
    this.#options = options
    this.clock = clock
    this.timeoutMs = options.timeoutMs
    this.deadlines = new Deadlines(clock, options.timeoutMs)
    this.description = describe(options)
  }

  send(request: HttpRequest, onOutcome: (outcome: HttpOutcome) => void): void {
    const route = this.#isClosed ? 'the client is closed' : this.#routeOf(request.target)
    if (typeof route === 'string') {
      const code = this.#isClosed ? HTTP_CODES.closed : HTTP_CODES.badRequest
      this.#refuse(onOutcome, code, route)
      return
    }
    const extraHeaders = request.headers ?? NO_HEADERS
    if (extraHeaders.length > 0) {
      const problems = problemsOfHeaders(extraHeaders)
      if (problems.length > 0) {
        this.#refuse(onOutcome, HTTP_CODES.badRequest, problems.join('; '))
        return
      }
    }
    const exchange = new Exchange({target: route.target, body: request.body, extraHeaders}, this, onOutcome)
    // Read once for all that is asked of it on the way to the socket.
    const nowUs = this.clock.nowUs()
    this.deadlines.add(exchange, nowUs)
    route.origin.send(exchange, nowUs)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.deadlines.close()
    await Promise.all([...this.#origins.values()].map(origin => origin.close()))
  }

  #routeOf(target: HttpTarget): Route | string {
    const known = this.#routes.get(target)
    if (known !== undefined) return known
    const problems = problemsOfTarget(target)
    const route = problems.length > 0 ? problems.join('; ') : this.#prepare(target)
    this.#routes.set(target, route)
    return route
  }

  #prepare(target: HttpTarget): Route {
    const prepared = prepareTarget(target, this.#options)
    let origin = this.#origins.get(prepared.origin)
    if (origin === undefined) {
      const options = {...this.#options, clock: this.clock}
      origin = prepared.isSecure ? new TlsOrigin(prepared.origin, options) : new PlainOrigin(options)
      this.#origins.set(prepared.origin, origin)
    }
    return {target: prepared, origin}
  }

  #refuse(onOutcome: (outcome: HttpOutcome) => void, errorCode: string, errorMessage: string): void {
    const settledUs = this.clock.nowUs()
    queueMicrotask(() =>
      onOutcome({
        kind: 'refused',
        status: 0,
        sentUs: 0,
        firstByteUs: 0,
        settledUs,
        receivedBytes: 0,
        body: null,
        errorCode,
        errorMessage,
      }),
    )
  }
}

function describe({connections, timeoutMs, keepAlive, tls}: HttpClientOptions): string {
  const parts = [
    keepAlive ? 'keep-alive' : 'a new connection for each request',
    `${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    Number.isFinite(timeoutMs)
      ? `timeout ${timeoutMs % 1000 === 0 ? `${timeoutMs / 1000} s` : `${timeoutMs} ms`}`
      : 'no timeout',
    ...(tls.verify ? [] : ['certificates not verified']),
  ]
  return parts.join(', ')
}
