/** The `.hgrm` text, read back by a parser of HdrHistogram's format and held against the histogram that it came from. */
import {assert as holds, integer, property, array as some} from 'fast-check'
import {describe, expect, it} from 'vitest'
import {percentileDistribution} from '../../../src/lib/metrics/hgrm.js'
import {createHistogram} from '../../../src/lib/metrics/histogram.js'
import type {LatencyHistogram} from '../../../src/lib/metrics/metrics.js'
import {parseHgrm} from '../../support/hgrm.js'

function histogramOf(valuesUs: readonly number[]): LatencyHistogram {
  const histogram = createHistogram()
  for (const valueUs of valuesUs) histogram.recordUs(valueUs)
  return histogram
}

const latencies = some(integer({min: 0, max: 3_600_000_000}), {minLength: 1, maxLength: 300})

describe('a percentile distribution', () => {
  it('is what HdrHistogram prints', () => {
    const text = percentileDistribution(histogramOf([1000, 2000, 3000, 4000]).encode(), 'service, sent → last byte')
    expect(text).toBe(`       Value     Percentile TotalCount 1/(1-Percentile)

       1.000 0.000000000000          1           1.00
       1.000 0.100000000000          1           1.11
       1.000 0.200000000000          1           1.25
       2.000 0.300000000000          2           1.43
       2.000 0.400000000000          2           1.67
       2.000 0.500000000000          2           2.00
       3.001 0.550000000000          3           2.22
       3.001 0.600000000000          3           2.50
       3.001 0.650000000000          3           2.86
       3.001 0.700000000000          3           3.33
       3.001 0.750000000000          3           4.00
       4.001 0.775000000000          4           4.44
       4.001 1.000000000000          4
#[Mean    =        2.501, StdDeviation   =        1.118]
#[Max     =        4.001, Total count    =            4]
#[Buckets =           22, SubBuckets     =         2048]
#[Latency = service, sent → last byte, in ms]
`)
  })

  it('counts every sample of the histogram, and ends with all of them', () => {
    holds(
      property(latencies, valuesUs => {
        const {rows, totalCount} = parseHgrm(percentileDistribution(histogramOf(valuesUs).encode(), 'x'))
        expect(totalCount).toBe(valuesUs.length)
        expect(rows.at(-1)).toMatchObject({percentile: 1, count: valuesUs.length})
      }),
      {numRuns: 30},
    )
  })

  it('rises: values, percentiles and counts never fall from line to line', () => {
    holds(
      property(latencies, valuesUs => {
        const {rows} = parseHgrm(percentileDistribution(histogramOf(valuesUs).encode(), 'x'))
        for (const [at, row] of rows.slice(1).entries()) {
          const before = rows[at]
          expect(row.valueMs).toBeGreaterThanOrEqual(before?.valueMs ?? 0)
          expect(row.percentile).toBeGreaterThanOrEqual(before?.percentile ?? 0)
          expect(row.count).toBeGreaterThanOrEqual(before?.count ?? 0)
        }
      }),
      {numRuns: 30},
    )
  })

  it('agrees with sorted samples to three digits: so many lie at or below each value', () => {
    holds(
      property(latencies, valuesUs => {
        const {rows} = parseHgrm(percentileDistribution(histogramOf(valuesUs).encode(), 'x'))
        const sorted = valuesUs.toSorted((a, b) => a - b)
        for (const {valueMs, count} of rows) {
          const sampleMs = (sorted[count - 1] ?? 0) / 1000
          expect(Math.abs(valueMs - sampleMs)).toBeLessThanOrEqual(Math.max(0.001, sampleMs * 0.001))
        }
      }),
      {numRuns: 30},
    )
  })

  it('has no lines and no figures when nothing was recorded', () => {
    const {rows, totalCount, meanMs, maxMs} = parseHgrm(percentileDistribution(createHistogram().encode(), 'service'))
    expect([rows, totalCount, meanMs, maxMs]).toEqual([[], 0, Number.NaN, Number.NaN])
  })

  it('is refused of a text that is no histogram', () => {
    expect(() => percentileDistribution('bm9wZQ==', 'service')).toThrow(
      expect.objectContaining({code: 'P2PAY_HISTOGRAM'}),
    )
  })
})
