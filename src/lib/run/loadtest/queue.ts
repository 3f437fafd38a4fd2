/**
 * Requests that are due and wait for a connection, as ranges of sequence numbers: a request is made when it goes, so
 * that a queue of ten seconds costs a few numbers. What was dropped leaves a gap between two ranges.
 */
export class SequenceQueue {
  // Beginnings and ends of ranges, alternating; used up in front of `#head`.
  #bounds: number[] = []
  #head = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** @param from not below anything that was pushed before */
  push(from: number, to: number): void {
    if (to <= from) return
    this.#count += to - from
    const last = this.#bounds.length - 1
    if (last > this.#head && this.#bounds[last] === from) this.#bounds[last] = to
    else this.#bounds.push(from, to)
  }

  /** The oldest one; −1 when nobody waits. */
  shift(): number {
    const sequence = this.#bounds[this.#head]
    if (sequence === undefined) return -1
    this.#count--
    if (sequence + 1 < (this.#bounds[this.#head + 1] ?? 0)) this.#bounds[this.#head] = sequence + 1
    else this.#skipRange()
    return sequence
  }

  #skipRange(): void {
    this.#head += 2
    // Moved together when half of it is used up: each bound is copied once at most, on average.
    if (this.#head * 2 < this.#bounds.length) return
    this.#bounds = this.#bounds.slice(this.#head)
    this.#head = 0
  }
}
