/** Inline SVG charts of the HTML report: latency by percentile, payments by second, shares with intervals. No scripts. */
import type {Proportion} from '../audit/proportion.js'
import {decodeHistogram} from '../metrics/histogram.js'
import type {LatencyHistogram} from '../metrics/metrics.js'
import {
  axisTitles,
  decades,
  drawing,
  horizontalGrid,
  LEFT,
  latencyTick,
  legend,
  logarithmic,
  PLOT_WIDTH,
  px,
  quietTicks,
  RIGHT,
  type Scale,
  SERIES_COUNT,
  TOP,
  verticalGrid,
  WIDTH,
} from './chart-frame.js'
import {formatCount, formatTps} from './format.js'
import {html, type Markup, NOTHING} from './markup.js'

/** A latency with the name that its legend shows. */
export interface NamedLatency {
  readonly name: string
  readonly hdr: string | null
  /** The class of its line, of html-style.ts; by default the next of the series. */
  readonly kind?: string
}

/**
 * Latency over percentile in the manner of HdrHistogram's plots: the x axis counts nines, log10(1 ÷ (1 − percentile)), so
 * that the tail has room. The y axis is logarithmic, because acks and rows may lie two orders apart.
 */
export function percentilePlot(latencies: readonly NamedLatency[]): Markup {
  const series = latencies
    .flatMap(({name, hdr, kind}) => {
      const histogram = readable(hdr)
      return histogram === null ? [] : [{name, histogram, kind}]
    })
    .map(({name, histogram, kind}, index) => ({name, histogram, kind: kind ?? `line s${index % SERIES_COUNT}`}))
  if (series.length === 0) return NOTHING
  const height = 320
  const bottom = height - 40
  // A histogram of n samples knows percentiles up to 1 − 1/n.
  const mostNines = Math.max(1, ...series.map(({histogram}) => Math.log10(histogram.count)))
  const lowestUs = Math.max(10, Math.min(...series.map(({histogram}) => histogram.percentileUs(0) ?? 10)))
  const highestUs = Math.max(lowestUs * 10, ...series.map(({histogram}) => histogram.maxUs ?? 0))
  const x: Scale = nines => LEFT + (nines / mostNines) * PLOT_WIDTH
  const y = logarithmic({lowest: lowestUs, highest: highestUs, bottom})
  const percentiles = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
    .map(share => ({nines: -Math.log10(1 - share), label: `${Number((share * 100).toFixed(4))} %`}))
    .filter(tick => tick.nines <= mostNines)
    .map(({nines, label}) => ({at: x(nines), label}))
  return html`${legend(series.map(({kind, name}) => [kind, name] as const))}
${drawing(height, 'Latency in milliseconds by percentile', [
  verticalGrid(percentiles, bottom),
  horizontalGrid(decades(lowestUs, highestUs).map(us => ({at: y(us), label: latencyTick(us)}))),
  // The first on top: it is the one that matters most.
  series.toReversed().map(({kind, histogram}) => html`<path class="${kind}" d="${path(histogram, mostNines, x, y)}"/>`),
  axisTitles({x: 'percentile', y: 'ms, logarithmic', height}),
])}`
}

/** Acked payments in each second, beside the mean rate that was asked. */
export function throughputChart(perSecond: readonly number[], requestedTps: number | null): Markup {
  if (perSecond.length === 0) return NOTHING
  const height = 170
  const bottom = height - 24
  const bars = grouped(perSecond, 300)
  const most = Math.max(1, requestedTps ?? 0, ...bars.map(bar => bar.mean)) * 1.05
  const step = PLOT_WIDTH / bars.length
  const y: Scale = tps => bottom - (tps / most) * (bottom - TOP)
  return drawing(height, 'Payments acknowledged in each second', [
    horizontalGrid(quietTicks(most).map(tps => ({at: y(tps), label: formatCount(tps)}))),
    bars.map(
      ({mean, from, to}, index) =>
        html`<rect class="bar" x="${px(LEFT + index * step + Math.min(1, step * 0.1))}" y="${px(y(mean))}" width="${px(Math.max(0.5, step - Math.min(2, step * 0.2)))}" height="${px(bottom - y(mean))}"><title>${to - from === 1 ? `second ${from + 1}` : `seconds ${from + 1} to ${to}`}: ${formatTps(mean)}</title></rect>`,
    ),
    requestedTps === null
      ? NOTHING
      : html`<line class="asked" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(requestedTps))}" y2="${px(y(requestedTps))}"><title>asked: ${formatTps(requestedTps)}</title></line>`,
    html`<text x="${LEFT}" y="${height - 6}">first second</text><text x="${WIDTH - RIGHT}" y="${height - 6}" text-anchor="end">second ${formatCount(perSecond.length)}</text>`,
  ])
}

/** A share as a dot on its 95 % interval, from 0 to 100 %. */
export function intervalBar({share, low, high}: Proportion): Markup {
  if (share === null || low === null || high === null) return NOTHING
  const x = (value: number): string => px(4 + value * 112)
  return html`<svg class="small" viewBox="0 0 120 10" aria-hidden="true"><line class="grid" x1="4" x2="116" y1="5" y2="5"/><line class="interval" x1="${x(low)}" x2="${x(high)}" y1="5" y2="5"/><circle class="share" cx="${x(share)}" cy="5" r="3.2"/></svg>`
}

function path(histogram: LatencyHistogram, mostNines: number, x: Scale, y: Scale): string {
  const points: string[] = []
  const ownNines = Math.log10(histogram.count)
  const steps = 240
  for (let step = 0; step <= steps; step++) {
    const nines = Math.min((step / steps) * mostNines, ownNines)
    const us = histogram.percentileUs(100 * (1 - 10 ** -nines)) ?? 0
    points.push(`${step === 0 ? 'M' : 'L'}${px(x(nines))} ${px(y(us))}`)
    if (nines >= ownNines) break
  }
  return points.join('')
}

/** A damaged histogram costs its line, not the report. */
function readable(hdr: string | null): LatencyHistogram | null {
  try {
    const histogram = decodeHistogram(hdr)
    return histogram.count === 0 ? null : histogram
  } catch {
    return null
  }
}

function grouped(perSecond: readonly number[], maxBars: number): {mean: number; from: number; to: number}[] {
  const size = Math.ceil(perSecond.length / maxBars)
  const bars: {mean: number; from: number; to: number}[] = []
  for (let from = 0; from < perSecond.length; from += size) {
    const part = perSecond.slice(from, from + size)
    bars.push({mean: part.reduce((sum, count) => sum + count, 0) / part.length, from, to: from + part.length})
  }
  return bars
}
