/**
 * One alarm for all requests under way. They all have the same time, so they fall due in the order in which they
 * began: a linked list, and one sleeper that wakes for its head. Cost per request: two pointers in, two pointers out.
 */
import type {Clock} from '../base/clock.js'

/** An element of the list; belongs to one list at most. */
export interface Deadline {
  deadlineUs: number
  previous: Deadline | null
  next: Deadline | null
  /** Its time is over. Called once, after it has left the list. */
  expire(): void
}

/** Timers overflow after 24 days. */
const MAX_SLEEP_MS = 3_600_000

export class Deadlines {
  readonly #clock: Clock
  readonly #timeoutUs: number
  readonly #stop = new AbortController()
  #first: Deadline | null = null
  #last: Deadline | null = null
  #isAwake = false

  /** @param timeoutMs Infinity for none */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutUs = timeoutMs * 1000
  }

  add(deadline: Deadline, nowUs = this.#clock.nowUs()): void {
    if (this.#timeoutUs === Number.POSITIVE_INFINITY) return
    deadline.deadlineUs = nowUs + this.#timeoutUs
    deadline.previous = this.#last
    deadline.next = null
    if (this.#last === null) this.#first = deadline
    else this.#last.next = deadline
    this.#last = deadline
    if (!this.#isAwake) void this.#watch()
  }

  /** Nothing happens when it is not in the list. */
  remove(deadline: Deadline): void {
    if (deadline.previous === null && this.#first !== deadline) return
    if (deadline.previous === null) this.#first = deadline.next
    else deadline.previous.next = deadline.next
    if (deadline.next === null) this.#last = deadline.previous
    else deadline.next.previous = deadline.previous
    deadline.previous = null
    deadline.next = null
  }

  /** Nothing expires any more. */
  close(): void {
    this.#stop.abort()
  }

  async #watch(): Promise<void> {
    const {signal} = this.#stop
    this.#isAwake = true
    for (let first = this.#first; first !== null && !signal.aborted; first = this.#first) {
      const nowUs = this.#clock.nowUs()
      if (first.deadlineUs <= nowUs) {
        this.remove(first)
        first.expire()
      } else {
        // By then the head is mostly another one, that has its time before it: the sleeper wakes rarely.
        await this.#clock.sleep(Math.min(MAX_SLEEP_MS, Math.ceil((first.deadlineUs - nowUs) / 1000)), signal)
      }
    }
    this.#isAwake = false
  }
}
