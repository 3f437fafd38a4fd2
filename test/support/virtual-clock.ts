import type {Clock} from '../../src/lib/base/clock.js'

const MAX_IO_TURNS = 10_000

/**
 * A clock that stands still until it is told to move. Sleepers wake in the order of their times, and everything that a
 * sleeper starts runs before the next one wakes, so a test of a minute takes milliseconds and always goes the same way.
 */
export class VirtualClock implements Clock {
  #nowUs: number
  #order = 0
  readonly #sleepers: {atUs: number; order: number; wake: () => void}[] = []

  constructor(startUs = 1_700_000_000_000_000) {
    this.#nowUs = startUs
  }

  nowUs(): number {
    return this.#nowUs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const wake = (): void => {
        const at = this.#sleepers.indexOf(sleeper)
        if (at >= 0) this.#sleepers.splice(at, 1)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const sleeper = {atUs: this.#nowUs + Math.max(0, ms) * 1000, order: this.#order++, wake}
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', wake, {once: true})
    })
  }

  /** Moves time by `ms`, waking everybody on the way. */
  async advance(ms: number): Promise<void> {
    const untilUs = this.#nowUs + ms * 1000
    await settle()
    for (let next = this.#next(); next !== undefined && next.atUs <= untilUs; next = this.#next()) {
      this.#nowUs = Math.max(this.#nowUs, next.atUs)
      next.wake()
      await settle()
    }
    this.#nowUs = untilUs
  }

  /** Moves time until the promise settles, and answers with it; `maxMs` of virtual time at most. */
  async until<T>(promise: Promise<T>, maxMs = 3_600_000): Promise<T> {
    const untilUs = this.#nowUs + maxMs * 1000
    let pending = true
    const done = (): void => {
      pending = false
    }
    promise.then(done, done)
    await settle()
    while (pending) {
      let next = this.#next()
      // Nobody sleeps: real I/O (a file) is under way.
      for (let turns = 0; next === undefined && pending && turns < MAX_IO_TURNS; turns++) {
        await new Promise(resolve => setTimeout(resolve, 1))
        next = this.#next()
      }
      if (!pending) break
      if (next === undefined || next.atUs > untilUs) throw new Error(`nothing happened within ${maxMs} virtual ms`)
      this.#nowUs = Math.max(this.#nowUs, next.atUs)
      next.wake()
      await settle()
    }
    return promise
  }

  /** A stall of the whole process: time passes, nobody wakes until the next move. */
  freeze(ms: number): void {
    this.#nowUs += ms * 1000
  }

  #next(): {atUs: number; order: number; wake: () => void} | undefined {
    return this.#sleepers.reduce<{atUs: number; order: number; wake: () => void} | undefined>(
      (best, one) =>
        best === undefined || one.atUs < best.atUs || (one.atUs === best.atUs && one.order < best.order) ? one : best,
      undefined,
    )
  }
}

/** Lets everything that is runnable now run: a turn of the event loop drains all microtasks. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
