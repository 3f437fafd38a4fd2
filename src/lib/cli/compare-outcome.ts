/** Reads two stored results and holds the new one against the base. */
import {basename} from 'node:path'
import {UsageError} from '../base/errors.js'
import type {Comparison} from '../report/comparison.js'
import {writeText} from './artefacts.js'
import {readResult} from './result-file.js'

export interface CompareFlags {
  readonly base: string
  readonly new: string
  readonly noise: string
  readonly force: boolean
  readonly markdown?: string | undefined
  readonly junit?: string | undefined
}

/**
 * @throws UsageError P2PAY_NOISE; P2PAY_RESULT_FILE, P2PAY_RESULT of either file; P2PAY_UNLIKE with every reason, unless
 * forced
 * @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK
 */
export async function compareOutcome(flags: CompareFlags): Promise<Comparison> {
  const noise = parseNoise(flags.noise)
  const [base, next, {compareResults}, {unlikenessText}] = await Promise.all([
    readResult(flags.base),
    readResult(flags.new),
    import('../report/compare.js'),
    import('../report/compare-likeness.js'),
  ])
  const comparison = compareResults(base, next, {noise, files: namesOf(flags)})
  if (comparison.verdict === 'unlike' && !flags.force) {
    throw new UsageError(
      [
        `${flags.base} and ${flags.new} are not alike`,
        ...comparison.unlike.map(each => `  ${unlikenessText(each)}`),
      ].join('\n'),
      {
        code: 'P2PAY_UNLIKE',
        suggestions: [`BASE was made by: ${base.run.command}`, '--force shows them side by side, without a verdict'],
      },
    )
  }
  await writeForms(comparison, flags)
  return comparison
}

/**
 * A share as `5%` or `0.05`. A bare 5 could be either, and is refused.
 *
 * @throws UsageError P2PAY_NOISE
 */
export function parseNoise(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(%)?$/.exec(text.trim())
  const value = Number(match?.[1] ?? Number.NaN)
  const share = match?.[2] === undefined ? value : value / 100
  if (share >= 0 && share <= 1) return share
  throw new UsageError(`--noise: "${text}" is no share between 0 and 1`, {
    code: 'P2PAY_NOISE',
    suggestions: [
      match !== null && value > 1 && value <= 100
        ? `write ${text}% or ${value / 100}`
        : 'write a share such as 5% or 0.05',
    ],
  })
}

/** File names alone where they tell the two apart. */
function namesOf(flags: CompareFlags): {readonly base: string; readonly new: string} {
  const [base, next] = [basename(flags.base), basename(flags.new)]
  return base === next ? {base: flags.base, new: flags.new} : {base, new: next}
}

async function writeForms(comparison: Comparison, {markdown, junit}: CompareFlags): Promise<void> {
  if (markdown !== undefined) {
    const {renderComparisonMarkdown} = await import('../report/compare-markdown.js')
    await writeText(markdown, async () => renderComparisonMarkdown(comparison))
  }
  if (junit !== undefined) {
    const {renderComparisonJunit} = await import('../report/compare-junit.js')
    await writeText(junit, async () => renderComparisonJunit(comparison))
  }
}
