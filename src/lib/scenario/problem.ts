/** What is wrong with a scenario, where. Problems are collected, so that one look shows them all. */
import {UsageError} from '../base/errors.js'

export interface Problem {
  /** Counted from 1; undefined for a flag. */
  readonly line?: number
  readonly column?: number
  /** `load.rate` in a file, `--tps` for a flag; empty for the whole file. */
  readonly where: string
  readonly message: string
}

/** Takes a problem at a path of the file, or at a flag (`--tps`). */
export type Report = (where: readonly PropertyKey[] | string, message: string) => void

/** `scenarios/smoke.yaml:12:3 load.ratee: unknown key; did you mean "rate"?` */
export function renderProblem(file: string | undefined, problem: Problem): string {
  const place = file === undefined || problem.line === undefined ? '' : `${file}:${problem.line}:${problem.column} `
  return `${place}${problem.where === '' ? '' : `${problem.where}: `}${problem.message}`
}

/** One error for all of them; code P2PAY_SCENARIO or P2PAY_PIPELINE for a file, P2PAY_LOAD for flags alone. */
export function problemsError(
  file: string | undefined,
  problems: readonly Problem[],
  kind: 'scenario' | 'pipeline' = 'scenario',
): UsageError {
  const lines = problems.map(problem => renderProblem(file, problem))
  const [only] = lines
  const message =
    lines.length === 1 && only !== undefined
      ? only
      : [`${file ?? 'the flags'}: ${lines.length} problems`, ...lines.map(line => `  ${line}`)].join('\n')
  return new UsageError(message, {
    code: file === undefined ? 'P2PAY_LOAD' : `P2PAY_${kind.toUpperCase()}`,
    suggestions: file === undefined ? [] : [`docs/${kind}-v1.schema.json lists every key, for editors too`],
  })
}

/** Short and on one line, for a message. */
export function quoted(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number') return String(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
