/** Figures for people. What was not measured is null and reads `n/a`, never 0. */
import type {Proportion} from '../audit/proportion.js'
import {isMetricName, METRICS, type MetricUnit} from '../metrics/catalogue.js'
import {parseThreshold} from '../metrics/threshold.js'

export const NOT_MEASURED = 'n/a'

/** `12345` → `12,345`. */
export function formatCount(count: number | null): string {
  return count === null ? NOT_MEASURED : grouped(count, 0)
}

/** Rates: `500/s`, `499.87/s`. */
export function formatTps(tps: number | null): string {
  return tps === null ? NOT_MEASURED : `${grouped(tps, tps < 1000 ? 2 : 0)}/s`
}

/** µs as ms with two or three significant digits, without the unit: `0.41`, `3.21`, `24.5`, `132`, `1,234`. */
export function formatMs(us: number | null): string {
  if (us === null) return NOT_MEASURED
  const ms = us / 1000
  if (ms === 0) return '0'
  if (ms >= 100) return grouped(ms, 0)
  const decimals = ms >= 10 ? 1 : ms >= 0.1 ? 2 : 3
  return ms.toFixed(decimals)
}

/** A share in percent: `99.98 %`. Never rounded up to a whole: 99.9996 % reads so, and 100 % means all. */
export function formatShare(share: number | null): string {
  return share === null ? NOT_MEASURED : `${percent(share)} %`
}

/** `93.8 [79.9–98.3]`: percent with its 95 % interval. */
export function formatInterval({share, low, high}: Proportion): string {
  if (share === null || low === null || high === null) return NOT_MEASURED
  const of = (value: number): string => (value * 100).toFixed(1)
  return `${of(share)} [${of(low)}–${of(high)}]`
}

/** Seconds: `0.25 s`, `20.1 s`, `1 m 30 s`, `3 h 12 m`, `2 d 5 h`. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) return NOT_MEASURED
  if (seconds < 60) return `${trimmed(seconds, seconds < 10 ? 2 : 1)} s`
  const two = (larger: number, largerUnit: string, smaller: number, smallerUnit: string): string =>
    smaller === 0 ? `${larger} ${largerUnit}` : `${larger} ${largerUnit} ${smaller} ${smallerUnit}`
  const whole = Math.round(seconds)
  if (whole < 3600) return two(Math.floor(whole / 60), 'm', whole % 60, 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'm')
  const hours = Math.round(seconds / 3600)
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

/**
 * The actual value of a threshold in the unit that its expression speaks of; with as many digits as tell it from the
 * limit, so that no line reads `✗ >=0.99 99 %`.
 */
export function formatActual(metric: string, expression: string, actual: number | null): string {
  if (actual === null) return NOT_MEASURED
  const {unit, limit} = limitOf(metric, expression)
  const text = formatIn(unit, actual)
  const isAmbiguous = limit !== null && actual !== limit && text === formatIn(unit, limit)
  return isAmbiguous ? preciselyIn(unit, actual) : text
}

/** Decimal units: `980 B`, `4.12 MB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return NOT_MEASURED
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  // What would be rounded to a thousand is one of the next unit.
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes * 1.0005) / 3))
  const value = bytes / 1000 ** power
  return `${trimmed(value, power === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${units[power]}`
}

/** `speed_up` 576.4 → `576×`. */
export function formatSpeedUp(speedUp: number | null): string {
  return speedUp === null ? NOT_MEASURED : `${grouped(speedUp, speedUp < 10 ? 1 : 0)}×`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** With a capital and a full stop. */
export function sentence(text: string): string {
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** On one line, without control characters. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim()
}

function formatIn(unit: MetricUnit | null, value: number): string {
  switch (unit) {
    case 'us':
      return `${formatMs(value)} ms`
    case 'share':
      return formatShare(value)
    case 'tps':
      return formatTps(value)
    case 'payments':
      return formatCount(value)
    case null:
      return String(value)
  }
}

function preciselyIn(unit: MetricUnit | null, value: number): string {
  switch (unit) {
    case 'us':
      return `${grouped(value / 1000, 6)} ms`
    case 'share':
      return `${trimmed(value * 100, 9)} %`
    case 'tps':
      return `${grouped(value, 9)}/s`
    default:
      return String(value)
  }
}

// A result may come from another version, with metrics and a syntax that this one does not know.
function limitOf(metric: string, expression: string): {unit: MetricUnit | null; limit: number | null} {
  try {
    return parseThreshold(metric, expression)
  } catch {
    return {unit: isMetricName(metric) ? METRICS[metric].unit : null, limit: null}
  }
}

function percent(share: number): string {
  const value = share * 100
  for (const decimals of [2, 3, 4, 6]) {
    const text = trimmed(value, decimals)
    const isRoundedToEnd = (text === '100' && share !== 1) || (text === '0' && share !== 0)
    if (!isRoundedToEnd) return text
  }
  return String(value)
}

function trimmed(value: number, decimals: number): string {
  const text = value.toFixed(decimals)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function grouped(value: number, decimals: number): string {
  const [whole = '', fraction] = trimmed(value, decimals).split('.')
  const withCommas = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  return fraction === undefined ? withCommas : `${withCommas}.${fraction}`
}
