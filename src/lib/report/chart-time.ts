/**
 * Two charts of a load test over the same seconds, one above the other: what became of the requests, and how long they
 * took. Long runs are put together into at most 300 steps: rates by their mean, latencies by the highest of each step.
 */
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
  type Scale,
  type Tick,
  TOP,
  verticalGrid,
} from './chart-frame.js'
import {formatCount, formatMs, formatTps} from './format.js'
import {html, type Markup, NOTHING} from './markup.js'
import type {HttpSecond} from './result.js'

const MAX_STEPS = 300
const MAX_X_TICKS = 10
const X_STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400]

interface Step {
  readonly fromS: number
  /** Exclusive. */
  readonly toS: number
  readonly seconds: readonly HttpSecond[]
}

/** Requests/s by what became of them, with the lines of what was due and what was sent. */
export function requestsChart(seconds: readonly HttpSecond[]): Markup {
  if (seconds.length === 0) return NOTHING
  const height = 230
  const bottom = height - 40
  const steps = stepsOf(seconds)
  const bars = steps.map(step => ({
    step,
    ...{due: mean(step, each => each.due), sent: mean(step, each => each.sent) ?? 0},
    parts: [
      {kind: 'succeeded', rate: mean(step, each => each.succeeded) ?? 0},
      {kind: 'failed', rate: mean(step, each => each.failed + each.timeouts + each.errors) ?? 0},
      {kind: 'dropped', rate: mean(step, each => each.dropped) ?? 0},
    ],
  }))
  const dueRates = bars.map(({step, due}) => ({step, value: due}))
  const sentRates = bars.map(({step, sent}) => ({step, value: sent}))
  const isOpen = bars.some(({due}) => due !== null)
  const totals = bars.map(({parts}) => parts.reduce((sum, {rate}) => sum + rate, 0))
  const most = Math.max(1, ...totals, ...bars.flatMap(({due, sent}) => [due ?? 0, sent])) * 1.05
  const x = secondScale(seconds.length)
  const y: Scale = rate => bottom - (rate / most) * (bottom - TOP)
  const rects = bars.flatMap(({step, parts}) => {
    let below = 0
    return parts.map(({kind, rate}) => {
      const from = below
      below += rate
      if (rate === 0) return NOTHING
      const width = Math.max(0.5, (x(step.toS) - x(step.fromS)) * 0.84)
      const left = (x(step.fromS) + x(step.toS) - width) / 2
      return html`<rect class="fill ${kind}" x="${px(left)}" y="${px(y(below))}" width="${px(width)}" height="${px(Math.max(0.5, y(from) - y(below)))}"/>`
    })
  })
  const titles = bars.map(
    ({step, due, sent, parts}) =>
      html`<rect class="hover" x="${px(x(step.fromS))}" y="${TOP}" width="${px(x(step.toS) - x(step.fromS))}" height="${bottom - TOP}"><title>${stepName(step)}: ${[
        ...(due === null ? [] : [`due ${formatTps(due)}`]),
        `sent ${formatTps(sent)}`,
        ...parts
          .filter(({kind, rate}) => rate > 0 || kind === 'succeeded')
          .map(({kind, rate}) => `${kind} ${formatTps(rate)}`),
      ].join(', ')}</title></rect>`,
  )
  return html`${legend([
    ['fill succeeded', 'succeeded'],
    ['fill failed', 'failed, timed out or broken'],
    ...(isOpen ? [['fill dropped', 'dropped'] as const, ['line due', 'due'] as const] : []),
    ['line sent', 'sent'],
  ])}
${drawing(
  height,
  `Requests per second over time: ${isOpen ? 'due, sent, succeeded, failed, dropped' : 'sent, succeeded, failed'}`,
  [
    verticalGrid(secondTicks(seconds.length, x), bottom),
    horizontalGrid(quietTicks(most).map(rate => ({at: y(rate), label: formatCount(rate)}))),
    rects,
    isOpen ? html`<path class="line due" d="${stairs(dueRates, x, y)}"/>` : NOTHING,
    html`<path class="line sent" d="${stairs(sentRates, x, y)}"/>`,
    titles,
    axisTitles({x: 'seconds since the start', y: 'requests/s', height}),
  ],
)}`
}

const LATENCY_LINES = [
  {kind: 'line planned', name: 'planned p99', of: (each: HttpSecond) => each.planned_p99},
  {kind: 'line s0', name: 'service p99', of: (each: HttpSecond) => each.response_p99},
  {kind: 'line s3', name: 'service p95', of: (each: HttpSecond) => each.response_p95},
  {kind: 'line s2', name: 'service p50', of: (each: HttpSecond) => each.response_p50},
] as const

/** Latencies of the successes that came back in each second; a gap where none did. */
export function latencyChart(seconds: readonly HttpSecond[]): Markup {
  const steps = stepsOf(seconds)
  const lines = LATENCY_LINES.map(({kind, name, of}) => ({
    kind,
    name,
    values: steps.map(step => ({step, us: highest(step, of)})),
  })).filter(({values}) => values.some(({us}) => us !== null))
  const all = lines.flatMap(({values}) => values.flatMap(({us}) => (us === null ? [] : [us])))
  if (all.length === 0) return NOTHING
  const height = 270
  const bottom = height - 40
  const lowestUs = Math.max(10, Math.min(...all))
  const highestUs = Math.max(lowestUs * 10, ...all)
  const x = secondScale(seconds.length)
  const y = logarithmic({lowest: lowestUs, highest: highestUs, bottom})
  const titles = steps.map(
    (step, index) =>
      html`<rect class="hover" x="${px(x(step.fromS))}" y="${TOP}" width="${px(x(step.toS) - x(step.fromS))}" height="${bottom - TOP}"><title>${stepName(step)}: ${lines
        .map(({name, values}) => `${name} ${formatMs(values[index]?.us ?? null)} ms`)
        .join(', ')}</title></rect>`,
  )
  return html`${legend(lines.map(({kind, name}) => [kind, name] as const))}
${drawing(height, 'Latency in milliseconds over time', [
  verticalGrid(secondTicks(seconds.length, x), bottom),
  horizontalGrid(decades(lowestUs, highestUs).map(us => ({at: y(us), label: latencyTick(us)}))),
  lines.map(({kind, values}) => html`<path class="${kind}" d="${joined(values, x, y)}"/>`),
  titles,
  axisTitles({x: 'seconds since the start', y: 'ms, logarithmic', height}),
])}`
}

/** What one step of the charts is, when it is no second; else empty. */
export function stepText(seconds: readonly HttpSecond[]): string {
  const size = Math.ceil(seconds.length / MAX_STEPS)
  return size <= 1 ? '' : `one step is ${size} seconds: rates are their mean, latencies the highest of their seconds`
}

function stepsOf(seconds: readonly HttpSecond[]): Step[] {
  const size = Math.ceil(seconds.length / MAX_STEPS)
  const steps: Step[] = []
  for (let from = 0; from < seconds.length; from += size) {
    const part = seconds.slice(from, from + size)
    steps.push({fromS: from, toS: from + part.length, seconds: part})
  }
  return steps
}

function mean(step: Step, of: (second: HttpSecond) => number | null): number | null {
  const values = step.seconds.map(of).filter(value => value !== null)
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / step.seconds.length
}

function highest(step: Step, of: (second: HttpSecond) => number | null): number | null {
  const values = step.seconds.map(of).filter(value => value !== null)
  return values.length === 0 ? null : Math.max(...values)
}

function stepName({fromS, toS}: Step): string {
  return toS - fromS === 1 ? `second ${fromS + 1}` : `seconds ${fromS + 1} to ${toS}`
}

function secondScale(seconds: number): Scale {
  return second => LEFT + (second / seconds) * PLOT_WIDTH
}

function secondTicks(seconds: number, x: Scale): Tick[] {
  const step = X_STEPS_S.find(each => seconds / each <= MAX_X_TICKS) ?? seconds
  return Array.from({length: Math.floor(seconds / step) + 1}, (_, index) => ({
    at: x(index * step),
    label: formatCount(index * step),
  }))
}

/** A rate holds for its whole second. */
function stairs(values: readonly {readonly step: Step; readonly value: number | null}[], x: Scale, y: Scale): string {
  let pen: 'M' | 'L' = 'M'
  return values
    .map(({step, value}) => {
      if (value === null) {
        pen = 'M'
        return ''
      }
      const drawn = `${pen}${px(x(step.fromS))} ${px(y(value))}H${px(x(step.toS))}`
      pen = 'L'
      return drawn
    })
    .join('')
}

/** Through the middle of each second; one that stands alone is a dot, by its round end. */
function joined(values: readonly {readonly step: Step; readonly us: number | null}[], x: Scale, y: Scale): string {
  return values
    .map(({step, us}, index) => {
      if (us === null) return ''
      const point = `${px((x(step.fromS) + x(step.toS)) / 2)} ${px(y(us))}`
      const before = values[index - 1]?.us ?? null
      const after = values[index + 1]?.us ?? null
      if (before !== null) return `L${point}`
      return after === null ? `M${point}L${point}` : `M${point}`
    })
    .join('')
}
