/** Inline SVG charts of the HTML report: latency by percentile, payments by second, shares with intervals. No scripts. */
import type {Proportion} from '../audit/proportion.js'
import {decodeHistogram} from '../metrics/histogram.js'
import type {LatencyHistogram} from '../metrics/metrics.js'
import {formatCount, formatMs, formatTps} from './format.js'
import {type Content, html, type Markup, NOTHING} from './markup.js'
import type {LatencySummary} from './result.js'

const WIDTH = 900
const LEFT = 56
const RIGHT = 16
const PLOT_WIDTH = WIDTH - LEFT - RIGHT

interface Series {
  readonly name: string
  readonly histogram: LatencyHistogram
}

/**
 * Latency over percentile in the manner of HdrHistogram's plots: the x axis counts nines, so that the tail has room.
 * The y axis is logarithmic, because acks and rows may lie two orders apart.
 */
export function percentilePlot(latencies: readonly LatencySummary[]): Markup {
  const series = latencies.flatMap(({basis, hdr}): Series[] => {
    const histogram = readable(hdr)
    return histogram === null ? [] : [{name: basis, histogram}]
  })
  if (series.length === 0) return NOTHING
  const height = 320
  const top = 12
  const bottom = height - 40
  // A histogram of n samples knows percentiles up to 1 − 1/n.
  const mostNines = Math.max(1, ...series.map(({histogram}) => Math.log10(histogram.count)))
  const lowestUs = Math.max(10, Math.min(...series.map(({histogram}) => histogram.percentileUs(0) ?? 10)))
  const highestUs = Math.max(lowestUs * 10, ...series.map(({histogram}) => histogram.maxUs ?? 0))
  const low = Math.log10(lowestUs)
  const high = Math.log10(highestUs)
  const x = (nines: number): number => LEFT + (nines / mostNines) * PLOT_WIDTH
  const y = (us: number): number =>
    bottom - ((Math.log10(Math.max(us, lowestUs)) - low) / (high - low)) * (bottom - top)

  const xTicks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
    .map(share => ({nines: -Math.log10(1 - share), label: `${Number((share * 100).toFixed(4))} %`}))
    .filter(tick => tick.nines <= mostNines)
  const grid: Content[] = [
    ...xTicks.map(
      ({nines, label}) =>
        html`<line class="grid" x1="${px(x(nines))}" x2="${px(x(nines))}" y1="${top}" y2="${bottom}"/><text x="${px(x(nines))}" y="${bottom + 18}" text-anchor="middle">${label}</text>`,
    ),
    ...decades(lowestUs, highestUs).map(
      us =>
        html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(us))}" y2="${px(y(us))}"/><text x="${LEFT - 8}" y="${px(y(us) + 4)}" text-anchor="end">${formatTick(us)}</text>`,
    ),
  ]
  const lines = series.map(
    ({histogram}, index) => html`<path class="line s${index % 4}" d="${path(histogram, mostNines, x, y)}"/>`,
  )
  return html`<div class="legend">${series.map(
    ({name}, index) =>
      html`<span><svg viewBox="0 0 24 4" aria-hidden="true"><path class="line s${index % 4}" d="M0 2H24"/></svg>${name}</span>`,
  )}</div>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Latency in milliseconds by percentile">${grid}${lines}<text x="${WIDTH - RIGHT}" y="${height - 4}" text-anchor="end">percentile</text><text x="${LEFT}" y="${height - 4}">ms, logarithmic</text></svg>`
}

/** Acked payments in each second, beside the mean rate that was asked. */
export function throughputChart(perSecond: readonly number[], requestedTps: number | null): Markup {
  if (perSecond.length === 0) return NOTHING
  const height = 170
  const top = 12
  const bottom = height - 24
  const bars = grouped(perSecond, 300)
  const most = Math.max(1, requestedTps ?? 0, ...bars.map(bar => bar.mean)) * 1.05
  const step = PLOT_WIDTH / bars.length
  const y = (tps: number): number => bottom - (tps / most) * (bottom - top)
  const ticks = quietTicks(most)
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Payments acknowledged in each second">${ticks.map(
    tps =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(tps))}" y2="${px(y(tps))}"/><text x="${LEFT - 8}" y="${px(y(tps) + 4)}" text-anchor="end">${formatCount(tps)}</text>`,
  )}${bars.map(
    ({mean, from, to}, index) =>
      html`<rect class="bar" x="${px(LEFT + index * step + Math.min(1, step * 0.1))}" y="${px(y(mean))}" width="${px(Math.max(0.5, step - Math.min(2, step * 0.2)))}" height="${px(bottom - y(mean))}"><title>${to - from === 1 ? `second ${from + 1}` : `seconds ${from + 1} to ${to}`}: ${formatTps(mean)}</title></rect>`,
  )}${
    requestedTps === null
      ? NOTHING
      : html`<line class="asked" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(requestedTps))}" y2="${px(y(requestedTps))}"><title>asked: ${formatTps(requestedTps)}</title></line>`
  }<text x="${LEFT}" y="${height - 6}">first second</text><text x="${WIDTH - RIGHT}" y="${height - 6}" text-anchor="end">second ${formatCount(perSecond.length)}</text></svg>`
}

/** A share as a dot on its 95 % interval, from 0 to 100 %. */
export function intervalBar({share, low, high}: Proportion): Markup {
  if (share === null || low === null || high === null) return NOTHING
  const x = (value: number): string => px(4 + value * 112)
  return html`<svg class="small" viewBox="0 0 120 10" aria-hidden="true"><line class="grid" x1="4" x2="116" y1="5" y2="5"/><line class="interval" x1="${x(low)}" x2="${x(high)}" y1="5" y2="5"/><circle class="share" cx="${x(share)}" cy="5" r="3.2"/></svg>`
}

function path(
  histogram: LatencyHistogram,
  mostNines: number,
  x: (nines: number) => number,
  y: (us: number) => number,
): string {
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

/** 1, 2 and 5 of each decade within, in µs; thinned when there are many. */
function decades(lowestUs: number, highestUs: number): number[] {
  const factors = highestUs / lowestUs > 5000 ? [1] : [1, 2, 5]
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(lowestUs)); power <= Math.ceil(Math.log10(highestUs)); power++) {
    ticks.push(...factors.map(factor => factor * 10 ** power))
  }
  return ticks.filter(us => us >= lowestUs && us <= highestUs)
}

function formatTick(us: number): string {
  return us >= 1000 ? formatCount(us / 1000) : formatMs(us).replace(/0+$/, '')
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

/** From 0 in steps of 1, 2 or 5 of a decade, five at most. */
function quietTicks(most: number): number[] {
  const decade = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2, 5].map(factor => factor * decade).find(each => most / each < 5) ?? most
  return Array.from({length: Math.floor(most / step) + 1}, (_, index) => index * step)
}

function px(value: number): string {
  return String(Number(value.toFixed(1)))
}
