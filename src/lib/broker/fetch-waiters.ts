/** Fetches that wait for data: woken by the append that completes their minimum, or when their time is over. */
import type {Clock} from '../base/clock.js'
import type {PartitionLog} from './partition-log.js'
import {after} from './timer.js'

interface Waiter {
  missingBytes: number
  readonly wake: () => void
}

export class FetchWaiters {
  readonly #clock: Clock
  readonly #waitersOf = new Map<PartitionLog, Set<Waiter>>()
  readonly #ready = new Set<Waiter>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when `missingBytes` more were appended to the logs, after `maxWaitMs`, or when the client is gone. */
  wait(options: {
    logs: readonly PartitionLog[]
    missingBytes: number
    maxWaitMs: number
    gone: AbortSignal
  }): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        cancelTimer()
        options.gone.removeEventListener('abort', done)
        this.#ready.delete(waiter)
        for (const log of options.logs) {
          const waiters = this.#waitersOf.get(log)
          waiters?.delete(waiter)
          if (waiters?.size === 0) this.#waitersOf.delete(log)
        }
        resolve()
      }
      const waiter: Waiter = {missingBytes: options.missingBytes, wake: done}
      const cancelTimer = after(this.#clock, options.maxWaitMs, done)
      options.gone.addEventListener('abort', done, {once: true})
      for (const log of options.logs) {
        let waiters = this.#waitersOf.get(log)
        if (waiters === undefined) this.#waitersOf.set(log, (waiters = new Set()))
        waiters.add(waiter)
      }
    })
  }

  appended(log: PartitionLog, byteCount: number): void {
    const waiters = this.#waitersOf.get(log)
    if (waiters === undefined) return
    for (const waiter of waiters) {
      waiter.missingBytes -= byteCount
      if (waiter.missingBytes <= 0) this.#wakeSoon(waiter)
    }
  }

  /** The log is going away: whoever waits for it should look again. */
  gone(log: PartitionLog): void {
    for (const waiter of this.#waitersOf.get(log) ?? []) this.#wakeSoon(waiter)
  }

  // After the current request, so that a produce to six partitions is fetched as one, not as its first sixth.
  #wakeSoon(waiter: Waiter): void {
    if (this.#ready.size === 0) {
      queueMicrotask(() => {
        for (const ready of [...this.#ready]) ready.wake()
      })
    }
    this.#ready.add(waiter)
  }
}
