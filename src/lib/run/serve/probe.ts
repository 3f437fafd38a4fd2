/** Questions to a broker or a database that may not answer: asked seldom, waited for shortly, told in one word. */
import type {Clock} from '../../base/clock.js'
import {messageOf} from '../../base/errors.js'

/** What the promise gives, or undefined when the time is up or the signal aborts first. Rejects as the promise does. */
export async function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const over = new AbortController()
  const giveUp = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
  try {
    return await Promise.race([promise, clock.sleep(ms, giveUp).then(() => undefined)])
  } finally {
    over.abort()
    // Whatever it says later is nobody's business any more.
    promise.catch(() => {})
  }
}

export interface ProbeOptions {
  readonly clock: Clock
  /** An answer is good for so long. */
  readonly maxAgeMs: number
  /** Later than this there is none. */
  readonly timeoutMs: number
}

/** One question at a time, whoever asks: many who look at a service must not become a load on its broker. */
export class Probe<T> {
  readonly #options: ProbeOptions
  readonly #ask: () => Promise<T>
  /** Asked and not answered, also when nobody waits any more. */
  #asked: Promise<T> | undefined
  #current: Promise<T | undefined> | undefined
  #untilUs = 0
  #reason = ''

  constructor(options: ProbeOptions, ask: () => Promise<T>) {
    this.#options = options
    this.#ask = ask
  }

  /** Why there was no answer; empty after one. */
  get reason(): string {
    return this.#reason
  }

  /** Undefined when there was no answer in time. */
  value(): Promise<T | undefined> {
    const {clock, maxAgeMs} = this.#options
    if (this.#current === undefined || clock.nowUs() >= this.#untilUs) {
      this.#untilUs = Number.POSITIVE_INFINITY
      this.#current = this.#look().finally(() => {
        this.#untilUs = clock.nowUs() + maxAgeMs * 1000
      })
    }
    return this.#current
  }

  async #look(): Promise<T | undefined> {
    const {clock, timeoutMs} = this.#options
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined
    })
    try {
      const answer = await within(clock, timeoutMs, this.#asked)
      this.#reason = answer === undefined ? `no answer within ${timeoutMs / 1000} s` : ''
      return answer
    } catch (error) {
      this.#reason = messageOf(error)
      return undefined
    }
  }
}
