/**
 * The one door to time and timers. Use cases take a Clock, so that tests can run them in virtual time
 * (see VirtualClock in test/support).
 */
// Imported, since the global of this name is a getter that costs more than the reading itself.
import {performance} from 'node:perf_hooks'

export interface Clock {
  /** Wall clock, microseconds since the Unix epoch, monotonic within a process. */
  nowUs(): number
  /** Resolves after `ms` milliseconds, or at once when the signal aborts (never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

// Anchored once: performance.now() is monotonic, so latencies never go negative when NTP steps the wall clock.
const originUs = performance.timeOrigin * 1000

export const systemClock: Clock = {
  nowUs: () => Math.round(originUs + performance.now() * 1000),
  sleep: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, {once: true})
    }),
}

export function nowMs(clock: Clock): number {
  return Math.floor(clock.nowUs() / 1000)
}
