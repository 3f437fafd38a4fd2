/**
 * Answers that are due: one timer for all of them, since all may take equally long. A timer for each request would
 * cost more than the rest of its bookkeeping.
 */
import type {Clock} from '../base/clock.js'

export interface Deadline {
  /** It was answered in time. */
  meet(): void
}

interface Entry extends Deadline {
  readonly atUs: number
  late: (() => void) | undefined
}

export class Deadlines {
  readonly #clock: Clock
  readonly #stop = new AbortController()
  /** Sorted: by the order of `add`. Those that were met wait for those before them. */
  #entries: Entry[] = []
  #head = 0
  #isWatching = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param atUs not earlier than that of the call before @param late is called when nobody has met it by then */
  add(atUs: number, late: () => void): Deadline {
    const entry: Entry = {
      atUs,
      late,
      meet: () => {
        entry.late = undefined
        this.#drop()
      },
    }
    this.#entries.push(entry)
    if (!this.#isWatching) void this.#watch()
    return entry
  }

  /** Nothing is late any more. */
  close(): void {
    this.#stop.abort()
  }

  /** What is met at the front is gone at once. */
  #drop(): void {
    while (this.#head < this.#entries.length && this.#entries[this.#head]?.late === undefined) this.#head++
    if (this.#head === this.#entries.length) {
      this.#entries = []
      this.#head = 0
    } else if (this.#head > 1024) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  async #watch(): Promise<void> {
    this.#isWatching = true
    const {signal} = this.#stop
    for (let next = this.#entries[this.#head]; next !== undefined && !signal.aborted; ) {
      const leftMs = (next.atUs - this.#clock.nowUs()) / 1000
      if (leftMs > 0) {
        // One that was met meanwhile is not waited for again.
        await this.#clock.sleep(leftMs, signal)
      } else {
        const {late} = next
        next.late = undefined
        this.#drop()
        late?.()
      }
      next = this.#entries[this.#head]
    }
    this.#isWatching = false
  }
}
