import {UsageError} from './errors.js'

const UNIT_MS: Readonly<Record<string, number>> = {us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000}

/**
 * Parses `250ms`, `5s`, `1m30s`, `2h`. A bare number is refused: its unit would be a guess.
 *
 * @returns milliseconds, > 0
 * @throws UsageError naming the text
 */
export function parseDurationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)]
  const consumed = parts.map(part => part[0]).join('')
  const totalMs = parts.reduce((sum, part) => sum + Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? Number.NaN), 0)
  if (consumed !== text || parts.length === 0 || !(totalMs > 0) || !Number.isFinite(totalMs)) {
    throw new UsageError(`"${text}" is not a duration`, {
      code: 'P2PAY_DURATION',
      suggestions: ['write a number with a unit, such as 250ms, 30s, 5m or 1h30m'],
    })
  }
  return totalMs
}
