/**
 * One request and what becomes of it: stamps as they come, and one outcome at the end, whoever ends it first (the
 * answer, the deadline, an error, the client's closing).
 */
import type {Clock} from '../base/clock.js'
import {messageOf} from '../base/errors.js'
import type {Deadline, Deadlines} from './deadlines.js'
import type {HttpOutcome, HttpOutcomeKind} from './http-client.js'
import type {PreparedTarget} from './prepared-target.js'

/** Codes of what no library has a code for. */
export const HTTP_CODES = {
  timeout: 'HTTP_TIMEOUT',
  connectTimeout: 'HTTP_CONNECT_TIMEOUT',
  badRequest: 'HTTP_BAD_REQUEST',
  badResponse: 'HTTP_BAD_RESPONSE',
  tooMany: 'HTTP_TOO_MANY_REQUESTS_UNDER_WAY',
  closed: 'HTTP_CLIENT_CLOSED',
  /** undici's word for a connection that ended too early. */
  socket: 'UND_ERR_SOCKET',
} as const

export interface Answer {
  readonly status: number
  readonly receivedBytes: number
  readonly body: Buffer | null
}

export interface Failure {
  readonly code: string
  readonly message: string
}

/** Who carries an exchange and can drop it. */
export interface Carrier {
  /** Bytes of the answer's body that have come so far. */
  readonly receivedBytes: number
  /** Nothing of it is wanted any more; what it held is free for the next. Settles nothing. */
  abandon(exchange: Exchange): void
}

export class Exchange implements Deadline {
  readonly target: PreparedTarget
  readonly body: Buffer | null
  /** Headers of this request alone, names and values alternating. */
  readonly extraHeaders: readonly string[]
  readonly #onOutcome: (outcome: HttpOutcome) => void
  readonly #deadlines: Deadlines
  readonly #timeoutMs: number
  readonly #clock: Clock
  #isSettled = false

  carrier: Carrier | null = null
  sentUs = 0
  firstByteUs = 0

  deadlineUs = 0
  previous: Deadline | null = null
  next: Deadline | null = null

  constructor(
    request: {readonly target: PreparedTarget; readonly body: Buffer | null; readonly extraHeaders: readonly string[]},
    client: {readonly deadlines: Deadlines; readonly timeoutMs: number; readonly clock: Clock},
    onOutcome: (outcome: HttpOutcome) => void,
  ) {
    this.target = request.target
    this.body = request.body
    this.extraHeaders = request.extraHeaders
    this.#deadlines = client.deadlines
    this.#timeoutMs = client.timeoutMs
    this.#clock = client.clock
    this.#onOutcome = onOutcome
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** @param settledUs when the last byte came */
  succeed(answer: Answer, settledUs: number): void {
    this.#settle({
      kind: 'response',
      status: answer.status,
      sentUs: this.sentUs,
      firstByteUs: this.firstByteUs,
      settledUs,
      receivedBytes: answer.receivedBytes,
      body: answer.body,
      errorCode: null,
      errorMessage: null,
    })
  }

  /** Refused as long as nothing has left us, broken from then on. */
  fail(failure: Failure, receivedBytes = 0): void {
    this.#fail(this.sentUs === 0 ? 'refused' : 'broken', failure, receivedBytes)
  }

  expire(): void {
    const receivedBytes = this.carrier?.receivedBytes ?? 0
    // First gives the connection up, so that whoever hears of the outcome may send the next request at once.
    this.carrier?.abandon(this)
    if (this.sentUs === 0) {
      const message = `no connection to ${this.target.origin} within ${this.#timeoutMs} ms`
      this.fail({code: HTTP_CODES.connectTimeout, message})
    } else {
      const message = `no whole answer within ${this.#timeoutMs} ms`
      this.#fail('timeout', {code: HTTP_CODES.timeout, message}, receivedBytes)
    }
  }

  #fail(kind: HttpOutcomeKind, {code, message}: Failure, receivedBytes: number): void {
    this.#settle({
      kind,
      status: 0,
      sentUs: this.sentUs,
      firstByteUs: this.firstByteUs,
      settledUs: this.#clock.nowUs(),
      receivedBytes,
      body: null,
      errorCode: code,
      errorMessage: message,
    })
  }

  #settle(outcome: HttpOutcome): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#deadlines.remove(this)
    this.#onOutcome(outcome)
  }
}

/** Of an error from a socket or a library. Several addresses tried at once fail as several errors in one. */
export function failureOf(error: unknown): Failure {
  const code =
    typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
      ? error.code
      : HTTP_CODES.socket
  const parts = error instanceof AggregateError ? error.errors.map(messageOf) : [messageOf(error)]
  const message = parts.filter(part => part !== '').join('; ')
  return {code, message: message === '' ? code : message}
}
