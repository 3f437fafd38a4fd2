import {BugError} from './errors.js'

/**
 * States what must be true if our own code is right; stays on in production.
 *
 * @throws BugError with the message when the condition is false
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(message)
}

/** Returns the value, or throws a BugError naming what was missing. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new BugError(`${what} is missing`)
  return value
}
