/**
 * Which request goes next, and when: the two load models. The closed one has no clock of its own, the open one never
 * looks at answers; both hand out ascending sequence numbers, each once.
 */
import type {LoadModel} from './options.js'
import {SequenceQueue} from './queue.js'

export interface Release {
  /** Takes over what has come due. @param freeCount how many of it can go at once */
  admit(nowUs: number, freeCount: number): void
  /** The next request that may go now; −1 when there is none. */
  take(nowUs: number): number
  /** Wall clock µs at which a request was due: now, where nothing but an answer calls for it. */
  dueUs(sequence: number, nowUs: number): number
  /** When there will be something new to admit, or to end; Infinity when only outcomes bring it. */
  nextUs(): number
  /** Nothing goes any more: the plan is played, and nobody waits. */
  isWhole(nowUs: number): boolean
  /** Due and waiting. */
  readonly queued: number
  readonly longestQueue: number
  /** Due so far: sent, dropped or waiting. */
  readonly due: number
}

export function createRelease(
  model: LoadModel,
  startUs: number,
  onDropped: (count: number, nowUs: number) => void,
): Release {
  return model.kind === 'open' ? new OpenRelease(model, startUs, onDropped) : new ClosedRelease(model, startUs)
}

/** A shared counter: whoever is free takes the next number, until the count or the time is used up. */
class ClosedRelease implements Release {
  readonly queued = 0
  readonly longestQueue = 0
  readonly #requestCount: number
  readonly #endUs: number
  #begun = 0

  constructor(model: LoadModel & {readonly kind: 'closed'}, startUs: number) {
    this.#requestCount = model.requestCount
    this.#endUs = startUs + model.durationMs * 1000
  }

  admit(): void {}

  take(nowUs: number): number {
    return this.isWhole(nowUs) ? -1 : this.#begun++
  }

  dueUs(_: number, nowUs: number): number {
    return nowUs
  }

  nextUs(): number {
    return this.#endUs
  }

  isWhole(nowUs: number): boolean {
    return this.#begun >= this.#requestCount || nowUs >= this.#endUs
  }

  get due(): number {
    return this.#begun
  }
}

/** By the schedule; what cannot go at once waits in a bounded queue, and past that the newest are dropped. */
class OpenRelease implements Release {
  readonly #model: LoadModel & {readonly kind: 'open'}
  readonly #startUs: number
  readonly #onDropped: (count: number, nowUs: number) => void
  readonly #queue = new SequenceQueue()
  #due = 0
  #longestQueue = 0

  constructor(
    model: LoadModel & {readonly kind: 'open'},
    startUs: number,
    onDropped: (count: number, nowUs: number) => void,
  ) {
    this.#model = model
    this.#startUs = startUs
    this.#onDropped = onDropped
  }

  admit(nowUs: number, freeCount: number): void {
    // From the clock, not from ticks: a timer that comes late finds everything that came due meanwhile.
    const due = this.#model.schedule.countDue(nowUs - this.#startUs)
    const freshCount = due - this.#due
    if (freshCount <= 0) return
    const roomCount = this.#model.queueCount + freeCount - this.#queue.count
    const takenCount = Math.max(0, Math.min(freshCount, roomCount))
    this.#queue.push(this.#due, this.#due + takenCount)
    this.#due = due
    this.#longestQueue = Math.max(this.#longestQueue, this.#queue.count - freeCount)
    if (takenCount < freshCount) this.#onDropped(freshCount - takenCount, nowUs)
  }

  take(): number {
    return this.#queue.shift()
  }

  dueUs(sequence: number): number {
    return this.#startUs + this.#model.schedule.dueUs(sequence)
  }

  nextUs(): number {
    const {schedule} = this.#model
    return this.#due < schedule.totalCount ? this.#startUs + schedule.dueUs(this.#due) : Number.POSITIVE_INFINITY
  }

  isWhole(): boolean {
    return this.#due >= this.#model.schedule.totalCount && this.#queue.count === 0
  }

  get queued(): number {
    return this.#queue.count
  }

  get longestQueue(): number {
    return this.#longestQueue
  }

  get due(): number {
    return this.#due
  }
}
