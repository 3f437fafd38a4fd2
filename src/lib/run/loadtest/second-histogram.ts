/**
 * A small histogram that is used again for every second of a load test: 128 linear steps in each power of two, so
 * values come back within 0.8 %, and emptying it costs as much as it was used. 15 KB; the histograms of the whole run
 * are HDR with three digits (metrics/histogram.ts).
 */
const STEP_BITS = 7
const STEPS = 1 << STEP_BITS
/** About an hour and ten minutes; what takes longer counts as that in percentiles. */
const HIGHEST_US = 2 ** 32 - 1
const BUCKETS = STEPS * (32 - STEP_BITS + 1)

export class SecondHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #usedTo = 0
  #count = 0
  #maxUs = 0

  recordUs(valueUs: number): void {
    const value = valueUs <= 0 ? 0 : valueUs >= HIGHEST_US ? HIGHEST_US : Math.round(valueUs)
    const bucket = bucketOf(value)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count++
    if (bucket >= this.#usedTo) this.#usedTo = bucket + 1
    if (value > this.#maxUs) this.#maxUs = value
  }

  get maxUs(): number | null {
    return this.#count === 0 ? null : this.#maxUs
  }

  /** @returns the end of the step in which the percentile lies, but never more than the maximum; null when empty */
  percentileUs(percentile: number): number | null {
    if (this.#count === 0) return null
    const wanted = Math.max(1, Math.ceil((percentile / 100) * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#usedTo; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= wanted) return Math.min(this.#maxUs, endOf(bucket))
    }
    return this.#maxUs
  }

  reset(): void {
    this.#counts.fill(0, 0, this.#usedTo)
    this.#usedTo = 0
    this.#count = 0
    this.#maxUs = 0
  }
}

/** Below 256 one step a µs; above, the seven bits after the leading one. */
function bucketOf(value: number): number {
  const shift = Math.max(0, 32 - Math.clz32(value) - STEP_BITS - 1)
  return shift * STEPS + (value >>> shift)
}

/** The highest value that falls into a bucket. */
function endOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / STEPS) - 1)
  return (bucket - shift * STEPS + 1) * 2 ** shift - 1
}
