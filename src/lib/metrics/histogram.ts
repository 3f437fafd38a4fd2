/**
 * Latency histograms in µs on HdrHistogram: constant memory, 3 significant digits from 1 µs to 1 h, mergeable, and
 * encodable in the format that other HDR tools read. The plain JS implementation with int32 counts is used: 31 ns a
 * sample, no set-up; its WebAssembly twin saves 13 ns and would need freeing by hand.
 */
import {decodeFromCompressedBase64, encodeIntoCompressedBase64, Int32Histogram, JsHistogram} from 'hdr-histogram-js'
import {assert} from '../base/assert.js'
import {UsageError} from '../base/errors.js'
import type {LatencyHistogram} from './metrics.js'

/** One hour. */
export const HIGHEST_LATENCY_US = 3_600_000_000
const SIGNIFICANT_DIGITS = 3

export function createHistogram(): LatencyHistogram {
  return new HdrLatencyHistogram(emptyHdr(), Number.POSITIVE_INFINITY, 0)
}

/**
 * Reads `encode()`'s text. Minimum and maximum come back with the histogram's precision of 3 digits.
 *
 * @param base64 compressed V2 encoding; null (nothing was recorded) gives an empty histogram
 * @throws UsageError when it is no such encoding
 */
export function decodeHistogram(base64: string | null): LatencyHistogram {
  if (base64 === null) return createHistogram()
  const hdr = emptyHdr()
  try {
    const decoded = decodeFromCompressedBase64(base64, 32, false)
    assert(decoded instanceof JsHistogram, 'it was decoded without WebAssembly')
    hdr.add(decoded)
  } catch (cause) {
    throw new UsageError('the latency histogram cannot be read', {
      code: 'P2PAY_HISTOGRAM',
      suggestions: ['a histogram is the base64 text of HdrHistogram’s compressed V2 encoding'],
      cause,
    })
  }
  return new HdrLatencyHistogram(hdr, hdr.totalCount === 0 ? Number.POSITIVE_INFINITY : lowest(hdr), hdr.maxValue)
}

/** One histogram with the samples of all. */
export function mergeHistograms(histograms: Iterable<LatencyHistogram>): LatencyHistogram {
  const merged = createHistogram()
  for (const histogram of histograms) merged.add(histogram)
  return merged
}

class HdrLatencyHistogram implements LatencyHistogram {
  readonly #hdr: Int32Histogram
  // Kept beside the buckets, which would round them to 3 digits.
  #minUs: number
  #maxUs: number

  constructor(hdr: Int32Histogram, minUs: number, maxUs: number) {
    this.#hdr = hdr
    this.#minUs = minUs
    this.#maxUs = maxUs
  }

  recordUs(valueUs: number): void {
    assert(!Number.isNaN(valueUs), 'a latency is a number of microseconds, not NaN')
    const clampedUs = valueUs <= 0 ? 0 : valueUs >= HIGHEST_LATENCY_US ? HIGHEST_LATENCY_US : Math.round(valueUs)
    this.#hdr.recordValue(clampedUs)
    if (clampedUs < this.#minUs) this.#minUs = clampedUs
    if (clampedUs > this.#maxUs) this.#maxUs = clampedUs
  }

  add(other: LatencyHistogram): void {
    if (other.count === 0) return
    if (!(other instanceof HdrLatencyHistogram)) {
      this.add(decodeHistogram(other.encode()))
      return
    }
    this.#hdr.add(other.#hdr)
    this.#minUs = Math.min(this.#minUs, other.#minUs)
    this.#maxUs = Math.max(this.#maxUs, other.#maxUs)
  }

  get count(): number {
    return this.#hdr.totalCount
  }

  percentileUs(percentile: number): number | null {
    assert(percentile >= 0 && percentile <= 100, `a percentile lies in [0, 100], not ${percentile}`)
    if (this.count === 0) return null
    // HDR answers with the end of the bucket, which may lie above the largest sample.
    return Math.max(this.#minUs, Math.min(this.#hdr.getValueAtPercentile(percentile), this.#maxUs))
  }

  get minUs(): number | null {
    return this.count === 0 ? null : this.#minUs
  }

  get maxUs(): number | null {
    return this.count === 0 ? null : this.#maxUs
  }

  get meanUs(): number | null {
    return this.count === 0 ? null : meanOf(this.#hdr)
  }

  encode(): string | null {
    return this.count === 0 ? null : encodeIntoCompressedBase64(this.#hdr)
  }
}

function emptyHdr(): Int32Histogram {
  return new Int32Histogram(1, HIGHEST_LATENCY_US, SIGNIFICANT_DIGITS)
}

/** The same number as HDR's own `mean`, which takes milliseconds for it: it looks at the empty buckets as well. */
function meanOf(hdr: Int32Histogram): number {
  let totalUs = 0
  let seenCount = 0
  for (let index = 0; seenCount < hdr.totalCount; index++) {
    const count = hdr.getCountAtIndex(index)
    if (count === 0) continue
    seenCount += count
    totalUs += hdr.medianEquivalentValue(hdr.valueFromIndex(index)) * count
  }
  return totalUs / hdr.totalCount
}

// `minNonZeroValue` skips zeros, which are samples too.
function lowest(hdr: Int32Histogram): number {
  return Math.min(hdr.getValueAtPercentile(0), hdr.minNonZeroValue)
}
