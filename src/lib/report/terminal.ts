/** Lines, columns, bars and colours of the terminal report; the one door to cli-table3. */
import Table from 'cli-table3'
import {plainText} from './format.js'
import type {Mark} from './view.js'

export interface RenderOptions {
  /** ANSI colours. */
  readonly color: boolean
  /** Columns of the terminal; 60 at least, 100 at most are used. */
  readonly width: number
}

export type Paint = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow', (text: string) => string>>
export type Align = 'left' | 'right'

export interface Page {
  readonly paint: Paint
  readonly width: number
}

export const INDENT = '  '
const MIN_WIDTH = 60
const MAX_WIDTH = 100
export function pageOf({color, width}: RenderOptions): Page {
  return {paint: paintOf(color), width: Math.max(MIN_WIDTH, Math.min(width, MAX_WIDTH))}
}

/** A title on a rule, and its lines; nothing without lines. */
export function section(title: string, lines: readonly string[], {paint, width}: Page): string[] {
  if (lines.length === 0) return []
  return [`${paint.bold(title)} ${paint.dim('─'.repeat(width - title.length - 1))}`, ...lines]
}

/** Columns without borders, two spaces apart. */
export function tabulated(rows: readonly (readonly string[])[], aligns: readonly Align[]): string[] {
  if (rows.length === 0) return []
  const none = ''
  const table = new Table({
    chars: {
      ...{top: none, 'top-mid': none, 'top-left': none, 'top-right': none},
      ...{bottom: none, 'bottom-mid': none, 'bottom-left': none, 'bottom-right': none},
      ...{left: INDENT, 'left-mid': none, mid: none, 'mid-mid': none, right: none, 'right-mid': none, middle: INDENT},
    },
    style: {'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true},
    colAligns: [...aligns],
  })
  table.push(...rows.map(row => [...row]))
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
}

/** Words that fit the page, the first line behind a sign. */
export function wrapped(text: string, {width}: Page, sign: string): string[] {
  const room = width - INDENT.length - 2
  const lines: string[] = []
  let line = ''
  for (const word of plainText(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines.map((each, index) => `${INDENT}${index === 0 ? sign : INDENT}${each}`)
}

const BARS = [...'▁▂▃▄▅▆▇█']
const MAX_BARS = 40

/**
 * Figures by second as bars from 0 to the most; a blank where nothing was measured. Long runs are put together into forty
 * bars: by their mean, or by the highest of each.
 */
export function sparkline(perSecond: readonly (number | null)[], together: 'mean' | 'highest' = 'mean'): string {
  const groupSize = Math.ceil(perSecond.length / MAX_BARS)
  const bars: (number | null)[] = []
  for (let at = 0; at < perSecond.length; at += groupSize) {
    const group = perSecond.slice(at, at + groupSize).filter(value => value !== null)
    const sum = group.reduce((total, value) => total + value, 0)
    bars.push(group.length === 0 ? null : together === 'mean' ? sum / group.length : Math.max(...group))
  }
  const most = Math.max(...bars.map(bar => bar ?? 0))
  return bars
    .map(bar => (bar === null ? ' ' : (BARS[most === 0 ? 0 : Math.round((bar / most) * (BARS.length - 1))] ?? '')))
    .join('')
}

export function marked(mark: Mark, paint: Paint): string {
  return toned(mark, paint)(SIGNS[mark])
}

const SIGNS: Readonly<Record<Mark, string>> = {pass: '✓', fail: '✗', warn: '!'}

/** `name value   name value`. */
export function factsLine(pairs: readonly (readonly [name: string, value: string])[], paint: Paint): string {
  return pairs.map(([name, value]) => `${paint.dim(name)} ${value}`).join('   ')
}

export function toned(mark: Mark, paint: Paint): (text: string) => string {
  return mark === 'pass' ? paint.green : mark === 'warn' ? paint.yellow : paint.red
}

const ESCAPE = '\u001b'

function paintOf(color: boolean): Paint {
  const code = (on: number, off: number) => (text: string) =>
    color && text !== '' ? `${ESCAPE}[${on}m${text}${ESCAPE}[${off}m` : text
  return {bold: code(1, 22), dim: code(2, 22), red: code(31, 39), green: code(32, 39), yellow: code(33, 39)}
}
