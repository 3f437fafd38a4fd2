/**
 * Tells the table of claims which payments the broker has acknowledged, in batches and off the way of the answer.
 * Until the table has heard of one, it is known here. What the table never hears stays pending there: a retry then
 * sends the same bytes once more.
 */
import type {Clock} from '../base/clock.js'
import {messageOf} from '../base/errors.js'
import type {ClaimTable} from '../store/claims.js'

export const ACCEPT_BATCH_COUNT = 1000
/** A batch gathers for so long; the database has other work. */
export const ACCEPT_PAUSE_MS = 50
/** After an error. */
const RETRY_PAUSE_MS = 1000
/** Beyond it the oldest are forgotten. */
export const MAX_UNTOLD_COUNT = 100_000

export interface AcceptancesOptions {
  readonly clock: Clock
  readonly claims: Pick<ClaimTable, 'accept'>
  /** Resolves when no answer is on its way that the table gave before it was told. */
  readonly settled: () => Promise<void>
  readonly onNote: (text: string) => void
}

export class Acceptances {
  readonly #options: AcceptancesOptions
  readonly #stop = new AbortController()
  /** Digests by payment id, oldest first. */
  readonly #untold = new Map<string, Buffer>()
  #working: Promise<void> | undefined
  #isTrouble = false

  constructor(options: AcceptancesOptions) {
    this.#options = options
  }

  /** Acknowledged, and the table may not know. */
  has(paymentId: string): boolean {
    return this.#untold.has(paymentId)
  }

  /** With which content, as far as the table may not know. */
  digestOf(paymentId: string): Buffer | undefined {
    return this.#untold.get(paymentId)
  }

  add(paymentId: string, digest: Buffer): void {
    this.#untold.set(paymentId, digest)
    if (this.#untold.size > MAX_UNTOLD_COUNT) {
      for (const oldest of this.#untold.keys()) {
        this.#untold.delete(oldest)
        break
      }
    }
    this.#working ??= this.#work()
  }

  /** Tells what is left, one attempt a batch, and ends. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#working
    while (this.#untold.size > 0 && (await this.#tell())) {}
  }

  async #work(): Promise<void> {
    const {clock} = this.#options
    const {signal} = this.#stop
    await clock.sleep(ACCEPT_PAUSE_MS, signal)
    while (this.#untold.size > 0 && !signal.aborted) {
      const isTold = await this.#tell()
      await clock.sleep(isTold ? ACCEPT_PAUSE_MS : RETRY_PAUSE_MS, signal)
    }
    this.#working = undefined
  }

  async #tell(): Promise<boolean> {
    const batch: string[] = []
    for (const paymentId of this.#untold.keys()) {
      if (batch.push(paymentId) >= ACCEPT_BATCH_COUNT) break
    }
    try {
      await this.#options.claims.accept(batch)
      await this.#options.settled()
      for (const paymentId of batch) this.#untold.delete(paymentId)
      this.#isTrouble = false
      return true
    } catch (error) {
      if (!this.#isTrouble) this.#options.onNote(`! accepted payments could not be marked yet: ${messageOf(error)}`)
      this.#isTrouble = true
      return false
    }
  }
}
