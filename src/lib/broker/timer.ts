import type {Clock} from '../base/clock.js'

/** Runs `action` once after `delayMs`, on the given clock. @returns how to call it off */
export function after(clock: Clock, delayMs: number, action: () => void): () => void {
  const controller = new AbortController()
  void clock.sleep(delayMs, controller.signal).then(() => {
    if (!controller.signal.aborted) action()
  })
  return () => controller.abort()
}
