/**
 * Payments to a stream such as stdout. A slow reader makes `send` wait; a reader that goes away (`| head`) ends the
 * run quietly through `ended`.
 */
import type {Writable} from 'node:stream'
import type {Clock} from '../base/clock.js'
import {codeOf, diskError} from '../base/disk.js'
import type {EnvironmentError} from '../base/errors.js'
import {paymentText, type TextFormat, textHeader} from './payment-text.js'
import type {OutcomeListener, OutgoingPayments, PaymentSink} from './sink.js'

export interface StreamSinkOptions {
  /** Not ended by the sink: it belongs to whoever gives it. */
  readonly stream: Writable
  readonly format: TextFormat
  readonly clock: Clock
}

const READER_GONE: readonly string[] = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ECONNRESET']

export function openStdoutSink(options: StreamSinkOptions, onOutcome: OutcomeListener): PaymentSink {
  return new StreamSink(options, onOutcome)
}

class StreamSink implements PaymentSink {
  readonly description: string
  readonly #options: StreamSinkOptions
  readonly #onOutcome: OutcomeListener
  readonly #ended = new AbortController()
  readonly #waiting: (() => void)[] = []
  /** Settles a write that has no outcome yet. */
  readonly #pending = new Set<(error: Error) => void>()
  readonly #onError = (error: Error): void => this.#fail(error)
  #isFull = false
  #failure: EnvironmentError | undefined

  constructor(options: StreamSinkOptions, onOutcome: OutcomeListener) {
    this.description = `stdout (${options.format})`
    this.#options = options
    this.#onOutcome = onOutcome
    // Without a listener a broken pipe would end the process with a stack.
    options.stream.on('error', this.#onError)
    const header = textHeader(options.format)
    if (header.length > 0) options.stream.write(header)
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  send(payments: OutgoingPayments): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure
    const {stream, clock, format} = this.#options
    const sequences = payments.block.sequences.slice(payments.from, payments.to)
    const sentUs = clock.nowUs()
    const settle = (error?: Error | null): void => {
      // A stream that is destroyed forgets the callback of the write under way: #fail settles it then.
      if (!this.#pending.delete(settle)) return
      this.#onOutcome({
        state: error ? 'unknown' : 'acked',
        sequences,
        sentUs,
        settledUs: clock.nowUs(),
        partition: -1,
        baseOffset: -1,
        ...(error ? {errorCode: codeOf(error) ?? 'STREAM', errorMessage: error.message} : {}),
      })
      if (error) this.#fail(error)
      this.#wake()
    }
    this.#pending.add(settle)
    const hasRoom = stream.write(paymentText(payments, format), settle)
    if (hasRoom) return undefined
    if (!this.#isFull) {
      this.#isFull = true
      stream.once('drain', () => {
        this.#isFull = false
        this.#wake()
      })
    }
    return this.#until(() => !this.#isFull || this.#isOver())
  }

  async flush(): Promise<void> {
    await this.#until(() => this.#pending.size === 0)
    if (this.#failure !== undefined) throw this.#failure
  }

  async close(): Promise<void> {
    await this.#until(() => this.#pending.size === 0)
    // A late EPIPE must still find a listener: the stream outlives the sink.
  }

  #fail(error: Error): void {
    if (READER_GONE.includes(codeOf(error) ?? '')) this.#ended.abort()
    else this.#failure ??= diskError(error, 'stdout')
    for (const settle of [...this.#pending]) settle(error)
    this.#wake()
  }

  #isOver(): boolean {
    return this.#ended.signal.aborted || this.#failure !== undefined
  }

  #wake(): void {
    for (const check of this.#waiting.splice(0)) check()
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}
