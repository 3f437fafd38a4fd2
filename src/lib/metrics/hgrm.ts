/**
 * HdrHistogram's percentile distribution as text (`.hgrm`), in ms: what wrk2 prints and HdrHistogram's plotter reads
 * (https://hdrhistogram.github.io/HdrHistogram/plotFiles.html). Made from an encoded histogram alone, so that a stored
 * result is enough.
 */
import {decodeFromCompressedBase64} from 'hdr-histogram-js'
import {UsageError} from '../base/errors.js'

/** As wrk2 and HdrHistogram's own tools: five lines for each halving of what remains above. */
const TICKS_PER_HALF_DISTANCE = 5
const US_PER_MS = 1000
const HEAD = '       Value     Percentile TotalCount 1/(1-Percentile)\n\n'

/**
 * @param base64 compressed V2 encoding of latencies in µs; null (nothing was recorded) gives a distribution without
 * lines, whose figures read `n/a`
 * @param title goes into a comment at the end: what was measured
 * @throws UsageError when it is no such encoding
 */
export function percentileDistribution(base64: string | null, title: string): string {
  return `${base64 === null ? EMPTY : distributionOf(base64)}#[Latency = ${title}, in ms]\n`
}

const EMPTY = `${HEAD}#[Mean    = ${absent()}, StdDeviation   = ${absent()}]
#[Max     = ${absent()}, Total count    = ${'0'.padStart(12)}]
`

function absent(): string {
  return 'n/a'.padStart(12)
}

function distributionOf(base64: string): string {
  try {
    return decodeFromCompressedBase64(base64, 32, false).outputPercentileDistribution(
      TICKS_PER_HALF_DISTANCE,
      US_PER_MS,
      false,
    )
  } catch (cause) {
    throw new UsageError('the latency histogram cannot be read', {
      code: 'P2PAY_HISTOGRAM',
      suggestions: ['a histogram is the base64 text of HdrHistogram’s compressed V2 encoding'],
      cause,
    })
  }
}
