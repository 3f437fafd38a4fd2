/**
 * Errors by who has to act. Each carries a stable code, the exit code of the process and next steps,
 * in the shape that oclif prints as "message / Try this / Caused by" (no oclif import needed here).
 * A failed verdict is a result, never an error.
 */

export interface P2payErrorOptions {
  /** Stable, machine-readable, `P2PAY_…`. */
  readonly code: string
  /** What the reader can do next, one step per line. */
  readonly suggestions?: readonly string[]
  readonly cause?: unknown
}

abstract class P2payError extends Error {
  readonly code: string
  readonly suggestions: string[]
  readonly oclif: {readonly exit: number}

  constructor(message: string, exitCode: number, options: P2payErrorOptions) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause})
    this.name = new.target.name
    this.code = options.code
    this.suggestions = [...(options.suggestions ?? [])]
    this.oclif = {exit: exitCode}
  }
}

/** The user's input is wrong: flags, scenario or account file. Exit 2. */
export class UsageError extends P2payError {
  constructor(message: string, options: P2payErrorOptions) {
    super(message, EXIT.usage, options)
  }
}

/** The surroundings are not as needed: broker, database, target, disk. Exit 3. */
export class EnvironmentError extends P2payError {
  constructor(message: string, options: P2payErrorOptions) {
    super(message, EXIT.environment, options)
  }
}

/** A bug of ours: an assertion failed. Exit 1. */
export class BugError extends P2payError {
  constructor(message: string, options: Partial<P2payErrorOptions> = {}) {
    super(message, EXIT.bug, {code: 'P2PAY_BUG', ...options})
  }
}

/** A signal came before there was anything to finish. Exit 130, or 143 after SIGTERM. */
export class InterruptedError extends P2payError {
  constructor(message: string) {
    super(message, EXIT.interrupted, {code: 'P2PAY_INTERRUPTED'})
  }
}

/** Exit codes of the process (design, section 6). */
export const EXIT = {
  passed: 0,
  bug: 1,
  usage: 2,
  environment: 3,
  inconclusive: 4,
  failed: 99,
  interrupted: 130,
  terminated: 143,
} as const

/** When several exit codes apply, the first of these. */
export const EXIT_PRECEDENCE: readonly number[] = [
  ...[EXIT.bug, EXIT.usage, EXIT.environment, EXIT.interrupted, EXIT.terminated, EXIT.failed, EXIT.inconclusive],
]

export function isP2payError(error: unknown): error is P2payError {
  return error instanceof P2payError
}

/** The message of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
