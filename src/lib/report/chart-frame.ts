/** What the charts of the HTML report share: the size of the plot, scales, grid, ticks and legend. No scripts. */
import {formatMs} from './format.js'
import {type Content, html, type Markup} from './markup.js'

export const WIDTH = 900
export const LEFT = 56
export const RIGHT = 16
export const TOP = 12
export const PLOT_WIDTH = WIDTH - LEFT - RIGHT
/** Colours and dashes of lines in html-style.ts. */
export const SERIES_COUNT = 5

export type Scale = (value: number) => number

export interface Tick {
  readonly at: number
  readonly label: string
}

/** Lines across the plot with their labels on the left. */
export function horizontalGrid(ticks: readonly Tick[]): Content[] {
  return ticks.map(
    ({at, label}) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(at)}" y2="${px(at)}"/><text x="${LEFT - 8}" y="${px(at + 4)}" text-anchor="end">${label}</text>`,
  )
}

/** Lines down the plot with their labels below. */
export function verticalGrid(ticks: readonly Tick[], bottom: number): Content[] {
  return ticks.map(
    ({at, label}) =>
      html`<line class="grid" x1="${px(at)}" x2="${px(at)}" y1="${TOP}" y2="${bottom}"/><text x="${px(at)}" y="${bottom + 18}" text-anchor="middle">${label}</text>`,
  )
}

/** What the axes count, with the unit; the figures themselves are in the ticks. */
export function axisTitles({x, y, height}: {readonly x: string; readonly y: string; readonly height: number}): Markup {
  return html`<text class="axis" x="${WIDTH - RIGHT}" y="${height - 4}" text-anchor="end">${x}</text><text class="axis" x="${LEFT}" y="${height - 4}">${y}</text>`
}

/** A drawing that keeps its size where the page is narrower: it scrolls, so that its text stays readable. */
export function drawing(height: number, label: string, content: readonly Content[]): Markup {
  return html`<div class="scroll" tabindex="0"><svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${content}</svg></div>`
}

/** @param kinds `line s0`, `fill failed`: the class of the sample before each name */
export function legend(kinds: readonly (readonly [kind: string, name: string])[]): Markup {
  return html`<div class="legend">${kinds.map(
    ([kind, name]) =>
      html`<span><svg viewBox="0 0 24 8" aria-hidden="true">${
        kind.startsWith('fill')
          ? html`<rect class="${kind}" x="4" y="0" width="16" height="8"/>`
          : html`<path class="${kind}" d="M0 4H24"/>`
      }</svg>${name}</span>`,
  )}</div>`
}

/** Of latencies in µs: decades, because acks and rows may lie two orders apart. */
export function logarithmic({
  lowest,
  highest,
  bottom,
}: {
  readonly lowest: number
  readonly highest: number
  readonly bottom: number
}): Scale {
  const low = Math.log10(lowest)
  const high = Math.log10(highest)
  return us => bottom - ((Math.log10(Math.max(us, lowest)) - low) / (high - low)) * (bottom - TOP)
}

/** 1, 2 and 5 of each decade within, in µs; thinned when there are many. */
export function decades(lowestUs: number, highestUs: number): number[] {
  const factors = highestUs / lowestUs > 5000 ? [1] : [1, 2, 5]
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(lowestUs)); power <= Math.ceil(Math.log10(highestUs)); power++) {
    ticks.push(...factors.map(factor => factor * 10 ** power))
  }
  return ticks.filter(us => us >= lowestUs && us <= highestUs)
}

/** µs as ms: `0.5`, `20`, `1,000`. */
export function latencyTick(us: number): string {
  return us >= 1000 ? Math.round(us / 1000).toLocaleString('en-US') : formatMs(us).replace(/0+$/, '')
}

/** From 0 in steps of 1, 2 or 5 of a decade, five at most. */
export function quietTicks(most: number): number[] {
  const decade = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2, 5].map(factor => factor * decade).find(each => most / each < 5) ?? most
  return Array.from({length: Math.floor(most / step) + 1}, (_, index) => index * step)
}

export function px(value: number): string {
  return String(Number(value.toFixed(1)))
}
