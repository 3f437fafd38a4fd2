/** The whole API over ports in memory, asked by `inject` or through real sockets. */
import {connect, type Socket} from 'node:net'
import {onTestFinished} from 'vitest'
import {API_LIMITS, type ApiLimits, type ApiOptions} from '../../src/lib/api/ports.js'
import {type BuiltApi, buildApi} from '../../src/lib/api/server.js'
import {systemClock} from '../../src/lib/base/clock.js'
import {BreakableClaims} from './intake-world.js'
import {MemoryIngest} from './memory-ingest.js'

export interface ServingWorld {
  readonly api: BuiltApi
  readonly ingest: MemoryIngest
  readonly claims: BreakableClaims
  readonly notes: string[]
  post(body: string | Buffer | object, headers?: Record<string, string>, path?: string): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  readonly text: string
  /** Of JSON and problem documents; undefined otherwise. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

export const LEAST_PAYMENT = {debtor_id: 'alice', creditor_id: 'bob', amount: '12.50', currency: 'EUR'}

/** Closed when the running test has finished. */
export async function servingWorld(
  limits: Partial<ApiLimits> = {},
  overrides: Partial<ApiOptions> = {},
): Promise<ServingWorld> {
  const ingest = new MemoryIngest(systemClock)
  const claims = new BreakableClaims({clock: systemClock})
  const notes: string[] = []
  const api = await buildApi({
    clock: systemClock,
    version: '0.0.0-test',
    ingest,
    claims,
    queries: null,
    scorer: null,
    detector: null,
    lag: async () => new Map(),
    troubles: async () => [],
    limits: {...API_LIMITS, ...limits},
    apiKey: undefined,
    onNote: note => notes.push(note),
    ...overrides,
  })
  onTestFinished(() => api.close())
  const post: ServingWorld['post'] = async (body, headers = {}, path = '/api/v1/payments') => {
    const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const {
      statusCode,
      headers: answered,
      body: text,
    } = await api.app.inject({
      method: 'POST',
      url: path,
      headers: {'content-type': 'application/json', ...headers},
      payload,
    })
    return {status: statusCode, headers: answered, text, json: jsonOf(text, answered['content-type'])}
  }
  return {api, ingest, claims, notes, post}
}

function jsonOf(text: string, type: unknown): Answer['json'] {
  return /json/.test(String(type)) && !/ndjson/.test(String(type)) ? JSON.parse(text) : undefined
}

/** Each is asked to listen once, by whoever comes first. */
const LISTENING = new WeakMap<BuiltApi, Promise<unknown>>()

/** A client that is no HTTP client: what it writes is what is sent. */
export class RawClient {
  readonly socket: Socket
  text = ''
  /** When the other side has ended or broken the connection. */
  readonly closed: Promise<void>

  /** Connected to a listening API. */
  static async to(api: BuiltApi): Promise<RawClient> {
    let listening = LISTENING.get(api)
    if (listening === undefined) LISTENING.set(api, (listening = api.app.listen({host: '127.0.0.1', port: 0})))
    await listening
    const address = api.app.server.address()
    if (typeof address !== 'object' || address === null) throw new Error('it listens nowhere')
    return new RawClient(connect(address.port, '127.0.0.1'))
  }

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      this.text += chunk
    })
    socket.on('error', () => {})
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
    onTestFinished(() => void socket.destroy())
  }

  /** Resolves when the bytes are with the system, or the connection is gone. */
  write(data: string | Buffer): Promise<void> {
    return new Promise(resolve => this.socket.write(data, () => resolve()))
  }

  /** Waits until the text that came matches; what comes is looked at as it comes. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.text)}`)
      await new Promise<void>(resolve => {
        this.socket.once('data', () => resolve())
        this.socket.once('close', () => resolve())
      })
    }
    return this.text
  }
}

/** The head of a POST of a payment, with its blank line. */
export function head(headers: Record<string, string | number>, path = '/api/v1/payments'): string {
  const lines = Object.entries({host: 'x', 'content-type': 'application/json', ...headers})
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}
