import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {SecondHistogram} from '../../../../src/lib/run/loadtest/second-histogram.js'

/** By definition: the smallest value that so many percent of all do not exceed. */
function percentileOf(values: readonly number[], percentile: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(1, Math.ceil((percentile / 100) * sorted.length)) - 1] ?? 0
}

describe('the histogram of a second', () => {
  it('agrees with sorted values within 0.8 %, also when it is used again', () => {
    const histogram = new SecondHistogram()
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(300), fc.nat(100_000), fc.nat(2 ** 32 - 1)), {minLength: 1, maxLength: 300}),
        fc.constantFrom(0, 50, 95, 99, 100),
        (values, percentile) => {
          histogram.reset()
          for (const value of values) histogram.recordUs(value)
          const exact = percentileOf(values, percentile)
          const actual = histogram.percentileUs(percentile) ?? -1
          expect(actual).toBeGreaterThanOrEqual(exact)
          expect(actual).toBeLessThanOrEqual(Math.max(...values))
          expect(actual - exact).toBeLessThanOrEqual(exact * 0.008)
          expect(histogram.maxUs).toBe(Math.max(...values))
        },
      ),
    )
  })

  it('is null when empty, and again after a reset', () => {
    const histogram = new SecondHistogram()
    expect([histogram.percentileUs(99), histogram.maxUs]).toEqual([null, null])
    histogram.recordUs(5)
    histogram.reset()
    expect([histogram.percentileUs(99), histogram.maxUs]).toEqual([null, null])
  })

  it.each([
    ['below 0', -5, 0],
    ['above an hour and a bit', 1e12, 2 ** 32 - 1],
  ])('counts a value %s as the end of its range', (_, value, counted) => {
    const histogram = new SecondHistogram()
    histogram.recordUs(value)
    expect(histogram.maxUs).toBe(counted)
    expect(histogram.percentileUs(50)).toBe(counted)
  })
})
