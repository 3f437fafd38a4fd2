/**
 * Payments to a file, as NDJSON or CSV. The file appears whole, under its name, when the sink is closed; until then
 * it is `<name>.partial`. What is no ordinary file (a pipe, /dev/null) is written directly.
 */
import {type FileHandle, open, rename, stat} from 'node:fs/promises'
import type {Clock} from '../base/clock.js'
import {codeOf, diskError} from '../base/disk.js'
import type {EnvironmentError} from '../base/errors.js'
import {paymentText, type TextFormat, textHeader} from './payment-text.js'
import type {OutcomeListener, OutgoingPayments, PaymentSink} from './sink.js'

export interface FileSinkOptions {
  readonly path: string
  readonly format: TextFormat
  readonly clock: Clock
}

/** Text handed over and not yet written above which `send` waits. */
const MAX_PENDING_BYTES = 4_194_304

interface Piece {
  readonly text: Buffer
  readonly sequences: Float64Array
  readonly sentUs: number
}

/** @throws EnvironmentError P2PAY_DISK, P2PAY_DISK_FULL */
export async function openFileSink(options: FileSinkOptions, onOutcome: OutcomeListener): Promise<PaymentSink> {
  const {path, format} = options
  let file: FileHandle | undefined
  try {
    const isSpecial = await stat(path).then(
      found => !found.isFile(),
      () => false,
    )
    const draft = isSpecial ? path : `${path}.partial`
    file = await open(draft, 'w')
    await file.writeFile(textHeader(format))
    return new FileSink(options, {file, draft}, onOutcome)
  } catch (error) {
    await file?.close()
    throw diskError(error, path)
  }
}

class FileSink implements PaymentSink {
  readonly description: string
  readonly #options: FileSinkOptions
  readonly #file: FileHandle
  readonly #draft: string
  readonly #onOutcome: OutcomeListener
  #pending: Piece[] = []
  #pendingBytes = 0
  #writing: Promise<void> | undefined
  #failure: EnvironmentError | undefined
  #isClosed = false

  constructor(
    options: FileSinkOptions,
    {file, draft}: {readonly file: FileHandle; readonly draft: string},
    onOutcome: OutcomeListener,
  ) {
    this.description = `file ${options.path} (${options.format})`
    this.#options = options
    this.#file = file
    this.#draft = draft
    this.#onOutcome = onOutcome
  }

  send(payments: OutgoingPayments): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure
    const {block, from, to} = payments
    const text = paymentText(payments, this.#options.format)
    const sentUs = this.#options.clock.nowUs()
    this.#pending.push({text, sequences: block.sequences.slice(from, to), sentUs})
    this.#pendingBytes += text.length
    this.#writing ??= this.#write()
    return this.#pendingBytes < MAX_PENDING_BYTES ? undefined : this.#written()
  }

  async flush(): Promise<void> {
    await this.#written()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      await this.#written()
      // Devices and pipes cannot be synced; what can fails with a reason.
      await this.#file.sync().catch(error => {
        if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error
      })
    } catch (error) {
      throw this.#failure ?? diskError(error, this.#options.path)
    } finally {
      await this.#file.close()
    }
    if (this.#draft !== this.#options.path) {
      await rename(this.#draft, this.#options.path).catch(error => {
        throw diskError(error, this.#options.path)
      })
    }
  }

  async #written(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Writes until nothing is pending; what cannot be written is failed or, if it was begun, unknown. */
  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const pieces = this.#pending
      this.#pending = []
      try {
        if (this.#failure === undefined) await this.#file.writeFile(Buffer.concat(pieces.map(piece => piece.text)))
      } catch (error) {
        this.#failure = diskError(error, this.#options.path)
      }
      const settledUs = this.#options.clock.nowUs()
      for (const {text, sequences, sentUs} of pieces) {
        this.#pendingBytes -= text.length
        this.#onOutcome({
          state: this.#failure === undefined ? 'acked' : 'unknown',
          sequences,
          sentUs,
          settledUs,
          partition: -1,
          baseOffset: -1,
          ...(this.#failure === undefined ? {} : {errorCode: this.#failure.code, errorMessage: this.#failure.message}),
        })
      }
    }
    this.#writing = undefined
  }
}
