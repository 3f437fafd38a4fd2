/**
 * Waiting for infrastructure: what fails because a broker or a database is away is tried again with bounded exponential
 * backoff until it works or nobody wants it any more. Trouble and its end are reported once each.
 */
import type {Clock} from '../../base/clock.js'
import {EnvironmentError, messageOf} from '../../base/errors.js'
import {isRecordError} from './refusal.js'

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 5000

/** Trouble with the surroundings, or its end. */
export interface DetectTrouble {
  /** What was tried: `storing rows`, `publishing`, `committing`, … */
  readonly activity: string
  readonly message: string
  readonly recovered: boolean
  /** How long it lasted; 0 at its beginning. */
  readonly lastedMs: number
}

/** Thrown to whoever waits when the wait was given up. Not an error: it ends a task that nobody wants any more. */
export class Abandoned extends Error {
  constructor(activity: string) {
    super(`${activity} was given up`)
    this.name = 'Abandoned'
  }
}

/** @param failures how often it failed so far, from 1 */
export function backoffMs(failures: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 30))
}

/** Infrastructure that is away: worth waiting for. Everything else is a record's or a snapshot's fault, or a bug. */
export function isTrouble(error: unknown): error is EnvironmentError {
  return error instanceof EnvironmentError && !isRecordError(error) && !isUnusable(error)
}

/** A snapshot that is damaged or does not fit: it will not get better. */
export function isUnusable(error: unknown): boolean {
  return error instanceof EnvironmentError && error.code === 'P2PAY_SNAPSHOT'
}

/** Reports the beginning and the end of one kind of trouble, once each. */
export class TroubleLine {
  readonly #activity: string
  readonly #clock: Clock
  readonly #report: (trouble: DetectTrouble) => void
  #sinceUs: number | undefined
  #failures = 0

  constructor(activity: string, clock: Clock, report: (trouble: DetectTrouble) => void) {
    this.#activity = activity
    this.#clock = clock
    this.#report = report
  }

  /** @returns how long to wait before the next attempt, ms */
  failed(error: unknown): number {
    this.#failures += 1
    if (this.#sinceUs === undefined) {
      this.#sinceUs = this.#clock.nowUs()
      this.#report({activity: this.#activity, message: messageOf(error), recovered: false, lastedMs: 0})
    }
    return backoffMs(this.#failures)
  }

  succeeded(): void {
    if (this.#sinceUs === undefined) return
    const lastedMs = (this.#clock.nowUs() - this.#sinceUs) / 1000
    this.#sinceUs = undefined
    this.#failures = 0
    this.#report({activity: this.#activity, message: `${this.#activity} works again`, recovered: true, lastedMs})
  }
}

/** Runs attempts for as long as they fail for want of infrastructure. */
export class Patience {
  readonly #activity: string
  readonly #clock: Clock
  readonly #line: TroubleLine

  constructor(activity: string, clock: Clock, report: (trouble: DetectTrouble) => void) {
    this.#activity = activity
    this.#clock = clock
    this.#line = new TroubleLine(activity, clock, report)
  }

  /**
   * @param signal gives up; an attempt that is under way is not interrupted
   * @throws Abandoned when given up; whatever the attempt throws that waiting does not cure
   */
  async untilDone<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      if (signal.aborted) throw new Abandoned(this.#activity)
      try {
        const result = await attempt()
        this.#line.succeeded()
        return result
      } catch (error) {
        if (!isTrouble(error)) {
          // It answered, even if with a refusal: the infrastructure is there.
          if (isRecordError(error)) this.#line.succeeded()
          throw error
        }
        await this.#clock.sleep(this.#line.failed(error), signal)
      }
    }
  }
}
