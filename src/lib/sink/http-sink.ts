/**
 * Payments over HTTP, one request each, the wire bytes as they are: acknowledged by a 2xx. A fixed number of requests is
 * under way at once; what is due beyond waits here, bounded, and above the bound `send` makes the caller wait. Nothing is
 * sent twice.
 */
import type {Clock} from '../base/clock.js'
import type {HttpClient, HttpOutcome, HttpTarget, TlsOptions} from '../http/http-client.js'
import {openHttpClient} from '../http/open-http-client.js'
import type {OutcomeListener, OutgoingPayments, PaymentSink, SendOutcome, SendState} from './sink.js'

export interface HttpSinkOptions {
  /** Where each payment is posted to. */
  readonly url: URL
  /** Beside Content-Type: names and values alternating. A Content-Type among them replaces application/json. */
  readonly headers?: readonly string[]
  /** Requests under way at once; default 100. */
  readonly concurrency?: number
  /** From the beginning of a request to the last byte of its answer; default 10 s. */
  readonly timeoutMs?: number
  readonly tls?: TlsOptions
  /** Payments that wait for a free connection, above which `send` waits; default 10,000. */
  readonly maxWaitingCount?: number
  /**
   * How long a payment may wait here before it is given up unsent, so that a service that stalls does not hold the end
   * up for ever; default 30 s.
   */
  readonly maxWaitMs?: number
  readonly clock: Clock
}

const CONCURRENCY = 100
const TIMEOUT_MS = 10_000
const MAX_WAITING_COUNT = 10_000
const MAX_WAIT_MS = 30_000
/** Of an answer, to tell why it was refused. */
const MAX_BODY_BYTES = 512
const MAX_EXAMPLE_LENGTH = 200

export function openHttpSink(options: HttpSinkOptions, onOutcome: OutcomeListener): PaymentSink {
  return new HttpSink(options, onOutcome)
}

/** Payments of one `send` that have not all left yet. */
interface Waiting {
  readonly payments: OutgoingPayments
  readonly sinceUs: number
  nextRow: number
}

class HttpSink implements PaymentSink {
  readonly description: string
  readonly #clock: Clock
  readonly #client: HttpClient
  readonly #target: HttpTarget
  readonly #onOutcome: OutcomeListener
  readonly #concurrency: number
  readonly #maxWaitingCount: number
  readonly #maxWaitUs: number
  readonly #waiting: Waiting[] = []
  readonly #watchers: (() => void)[] = []
  #waitingCount = 0
  #underWayCount = 0

  constructor(options: HttpSinkOptions, onOutcome: OutcomeListener) {
    const {url, clock} = options
    const headers = [...(options.headers ?? [])]
    if (!headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type')) {
      headers.push('Content-Type', 'application/json')
    }
    this.#clock = clock
    this.#onOutcome = onOutcome
    this.#concurrency = options.concurrency ?? CONCURRENCY
    this.#maxWaitingCount = options.maxWaitingCount ?? MAX_WAITING_COUNT
    this.#maxWaitUs = (options.maxWaitMs ?? MAX_WAIT_MS) * 1000
    this.#target = {method: 'POST', url, headers}
    this.#client = openHttpClient(
      {
        connections: this.#concurrency,
        timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
        keepAlive: true,
        maxBodyBytes: MAX_BODY_BYTES,
        tls: options.tls ?? {verify: true},
      },
      clock,
    )
    // Without a user or a query: either may hold a secret.
    this.description = `${url.origin}${url.pathname} (${this.#client.description})`
  }

  send(payments: OutgoingPayments): Promise<void> | undefined {
    if (payments.to > payments.from) {
      this.#waiting.push({payments, sinceUs: this.#clock.nowUs(), nextRow: payments.from})
      this.#waitingCount += payments.to - payments.from
      this.#pump()
    }
    return this.#hasRoom() ? undefined : this.#until(() => this.#hasRoom())
  }

  flush(): Promise<void> {
    return this.#until(() => this.#waitingCount === 0 && this.#underWayCount === 0)
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#client.close()
  }

  #hasRoom(): boolean {
    return this.#waitingCount < this.#maxWaitingCount
  }

  #pump(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const isTooOld = this.#clock.nowUs() - first.sinceUs > this.#maxWaitUs
      while (first.nextRow < first.payments.to) {
        if (isTooOld) this.#giveUp(first.payments, first.nextRow++)
        else if (this.#underWayCount < this.#concurrency) this.#post(first.payments, first.nextRow++)
        else return
        this.#waitingCount--
      }
      this.#waiting.shift()
    }
  }

  #post({block}: OutgoingPayments, row: number): void {
    const sequence = block.sequences[row] ?? 0
    this.#underWayCount++
    const body = block.bytes.subarray(block.offsets[row], block.offsets[row + 1])
    this.#client.send({target: this.#target, body}, outcome => {
      this.#underWayCount--
      this.#settle(sequence, stateOf(outcome), outcome)
      this.#pump()
      this.#notify()
    })
  }

  #giveUp({block}: OutgoingPayments, row: number): void {
    const errorMessage = `no connection was free within ${this.#maxWaitUs / 1e6} s`
    const settledUs = this.#clock.nowUs()
    this.#onOutcome({
      state: 'failed',
      sequences: Float64Array.of(block.sequences[row] ?? 0),
      sentUs: 0,
      settledUs,
      partition: -1,
      baseOffset: -1,
      errorCode: 'HTTP_NOT_SENT',
      errorMessage,
    })
  }

  #settle(sequence: number, state: SendState, outcome: HttpOutcome): void {
    const {sentUs, settledUs} = outcome
    const told: SendOutcome = {
      state,
      sequences: Float64Array.of(sequence),
      sentUs,
      settledUs,
      partition: -1,
      baseOffset: -1,
    }
    this.#onOutcome(state === 'acked' ? told : {...told, ...troubleOf(outcome)})
  }

  #notify(): void {
    if (this.#watchers.length > 0) for (const look of this.#watchers.splice(0)) look()
  }

  /** Looks again after each outcome. */
  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) await new Promise<void>(resolve => this.#watchers.push(resolve))
  }
}

/** Only what nobody can have taken has failed: nothing left us, or the service said no. */
function stateOf({kind, status, sentUs}: HttpOutcome): SendState {
  if (kind !== 'response') return kind === 'refused' || sentUs === 0 ? 'failed' : 'unknown'
  if (status >= 200 && status < 300) return 'acked'
  return status >= 300 && status < 500 ? 'failed' : 'unknown'
}

function troubleOf(outcome: HttpOutcome): {errorCode: string; errorMessage: string} {
  const {kind, status, errorCode, errorMessage, body} = outcome
  if (kind !== 'response') return {errorCode: errorCode ?? 'HTTP', errorMessage: errorMessage ?? kind}
  const text = (body?.toString('utf8') ?? '').replaceAll(/\s+/g, ' ').trim()
  const example = text.length > MAX_EXAMPLE_LENGTH ? `${text.slice(0, MAX_EXAMPLE_LENGTH)}…` : text
  return {errorCode: `HTTP_${status}`, errorMessage: example === '' ? `status ${status}` : example}
}
