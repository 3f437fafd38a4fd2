import fc from 'fast-check'
import {decodeFromCompressedBase64} from 'hdr-histogram-js'
import {describe, expect, it} from 'vitest'
import {
  createHistogram,
  decodeHistogram,
  HIGHEST_LATENCY_US,
  mergeHistograms,
} from '../../../src/lib/metrics/histogram.js'
import type {LatencyHistogram} from '../../../src/lib/metrics/metrics.js'

function of(...valuesUs: number[]): LatencyHistogram {
  const histogram = createHistogram()
  for (const valueUs of valuesUs) histogram.recordUs(valueUs)
  return histogram
}

/** Nearest-rank percentile over all samples: slow and obvious. */
function reference(valuesUs: readonly number[], percentile: number): number {
  const sorted = [...valuesUs].sort((a, b) => a - b)
  const rank = Math.max(1, Math.ceil((percentile / 100) * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}

describe('a latency histogram', () => {
  it('says null, not 0, while it is empty', () => {
    const empty = createHistogram()
    expect([empty.count, empty.minUs, empty.maxUs, empty.meanUs, empty.percentileUs(99), empty.encode()]).toEqual([
      0,
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it.each([
    ['a negative value counts as 0', -5, 0],
    ['a fraction is rounded', 1.6, 2],
    ['a value above the range counts as its end', 2 * HIGHEST_LATENCY_US, HIGHEST_LATENCY_US],
    ['infinity counts as the end of the range', Number.POSITIVE_INFINITY, HIGHEST_LATENCY_US],
  ])('%s', (_, valueUs, expectedUs) => {
    const histogram = of(valueUs)
    expect([histogram.minUs, histogram.percentileUs(50), histogram.maxUs]).toEqual([expectedUs, expectedUs, expectedUs])
  })

  it('refuses NaN as a bug of the caller', () => {
    expect(() => of(Number.NaN)).toThrow(/NaN/)
  })

  it('keeps the exact maximum where buckets are wider than 1 µs', () => {
    expect(of(1_000_001).percentileUs(100)).toBe(1_000_001)
  })

  it('has the mean that other HDR tools take of its buckets (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: 0, max: HIGHEST_LATENCY_US}), {minLength: 1}), valuesUs => {
        const histogram = of(...valuesUs)
        const base64 = histogram.encode() ?? ''
        expect(histogram.meanUs).toBe(decodeFromCompressedBase64(base64, 32, false).mean)
      }),
      {numRuns: 30},
    )
  })

  it('agrees with sorting all samples to 3 digits, for any samples and percentile', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({min: 0, max: 5000}), fc.integer({min: 0, max: HIGHEST_LATENCY_US})), {
          minLength: 1,
          maxLength: 200,
        }),
        fc.constantFrom(1, 25, 50, 90, 95, 99, 99.9, 100),
        (valuesUs, percentile) => {
          const exactUs = reference(valuesUs, percentile)
          const actualUs = of(...valuesUs).percentileUs(percentile) ?? Number.NaN
          expect(Math.abs(actualUs - exactUs)).toBeLessThanOrEqual(exactUs / 1000)
        },
      ),
      {numRuns: 200},
    )
  })

  it('survives encoding, and merging parts equals recording all in one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({min: 0, max: 100_000_000}), {maxLength: 30}), {minLength: 1, maxLength: 4}),
        parts => {
          const whole = of(...parts.flat())
          const merged = mergeHistograms(parts.map(part => decodeHistogram(of(...part).encode())))
          expect(merged.count).toBe(whole.count)
          expect(merged.encode()).toBe(whole.encode())
          for (const percentile of [50, 99]) {
            const wholeUs = whole.percentileUs(percentile)
            expect(Math.abs((merged.percentileUs(percentile) ?? 0) - (wholeUs ?? 0))).toBeLessThanOrEqual(
              (wholeUs ?? 0) / 1000,
            )
          }
        },
      ),
      {numRuns: 50},
    )
  })

  it('counts zeros in the minimum of a decoded histogram', () => {
    expect(decodeHistogram(of(0, 7).encode()).minUs).toBe(0)
  })

  it.each([['no base64 at all: §'], ['AAAA'], ['']])('refuses %j as an encoding', text => {
    expect(() => decodeHistogram(text)).toThrow(expect.objectContaining({code: 'P2PAY_HISTOGRAM'}))
  })
})
