/** What a detector can be told; checked as a whole, with everything that is wrong in one error. */
import {UsageError} from '../base/errors.js'
import {nearest} from '../base/nearest.js'
import {RULES, ruleCatalogue} from './catalogue.js'

/** A scenario's detector section fits as it is. */
export interface DetectorOptions {
  /** Scores at or above are reviewed / blocked; in [0, 1], to four decimals, review ≤ block. */
  readonly reviewScore: number
  readonly blockScore: number
  /** By rule name and parameter, over the defaults of `ruleCatalogue`. */
  readonly rules: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Debtors remembered per input partition, about 1 kB each; beyond, the longest unseen is forgotten. */
  readonly maxDebtorsPerPartition?: number
  /** Creditors, and devices, and IPs, and cards that are remembered, 0.1 to 0.4 kB each. */
  readonly maxSharedEntities?: number
}

export const DEFAULT_DETECTOR_OPTIONS = {
  reviewScore: 0.5,
  blockScore: 0.8,
  rules: {},
  maxDebtorsPerPartition: 262_144,
  maxSharedEntities: 1_048_576,
} as const satisfies DetectorOptions

/** Scores are summed as integers of this many parts: 0.1 + 0.3 is 0.4. */
export const SCORE_PARTS = 10_000

export interface ResolvedOptions {
  /** In SCORE_PARTS. */
  readonly reviewParts: number
  readonly blockParts: number
  readonly maxDebtorsPerPartition: number
  readonly maxSharedEntities: number
  /** Every rule with every parameter, `score` among them. */
  readonly rules: ReadonlyMap<string, Readonly<Record<string, number>>>
}

/** @throws UsageError code P2PAY_DETECTOR_OPTIONS, naming all problems */
export function resolveOptions(options: DetectorOptions): ResolvedOptions {
  const problems: string[] = []
  checkScore('the review score', options.reviewScore, problems)
  checkScore('the block score', options.blockScore, problems)
  if (options.reviewScore > options.blockScore)
    problems.push(`the review score ${options.reviewScore} is above the block score ${options.blockScore}`)
  const maxDebtorsPerPartition = options.maxDebtorsPerPartition ?? DEFAULT_DETECTOR_OPTIONS.maxDebtorsPerPartition
  const maxSharedEntities = options.maxSharedEntities ?? DEFAULT_DETECTOR_OPTIONS.maxSharedEntities
  checkCount('maxDebtorsPerPartition', maxDebtorsPerPartition, 1 << 20, problems)
  checkCount('maxSharedEntities', maxSharedEntities, 1 << 22, problems)
  const rules = resolveRules(options.rules, problems)
  if (problems.length > 0) {
    throw new UsageError(`The detector cannot be set so: ${problems.join('; ')}`, {
      code: 'P2PAY_DETECTOR_OPTIONS',
      suggestions: [`rules are ${RULES.map(rule => rule.name).join(', ')}`],
    })
  }
  return {
    reviewParts: Math.round(options.reviewScore * SCORE_PARTS),
    blockParts: Math.round(options.blockScore * SCORE_PARTS),
    maxDebtorsPerPartition,
    maxSharedEntities,
    rules,
  }
}

function resolveRules(
  given: DetectorOptions['rules'],
  problems: string[],
): Map<string, Readonly<Record<string, number>>> {
  const names = ruleCatalogue.map(rule => rule.name)
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) problems.push(`there is no rule "${name}"${meaning(name, names)}`)
  }
  const resolved = new Map<string, Readonly<Record<string, number>>>()
  for (const rule of ruleCatalogue) {
    const values: Record<string, number> = {}
    for (const [name, parameter] of Object.entries(rule.parameters)) values[name] = parameter.default
    const settings = Object.hasOwn(given, rule.name) ? given[rule.name] : {}
    for (const [name, value] of Object.entries(settings)) {
      if (!Object.hasOwn(rule.parameters, name)) {
        problems.push(`rule ${rule.name} has no "${name}"${meaning(name, Object.keys(rule.parameters))}`)
        continue
      }
      const {min, max, whole} = rule.parameters[name]
      if (!(value >= min && value <= max))
        problems.push(`${rule.name}.${name} is ${value}; it must be from ${min} to ${max}`)
      else if (whole === true && !Number.isInteger(value))
        problems.push(`${rule.name}.${name} is ${value}; it must be a whole number`)
      else if (name === 'score' && !hasFourDecimals(value))
        problems.push(`${rule.name}.score is ${value}; scores have four decimals at most`)
      values[name] = value
    }
    resolved.set(rule.name, values)
  }
  const near = resolved.get('near-threshold-repeats')
  if (near !== undefined && near['fromShare'] > near['toShare'])
    problems.push('near-threshold-repeats.fromShare is above its toShare')
  return resolved
}

function meaning(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates)
  return near === undefined ? ` (there are ${candidates.join(', ')})` : `; did you mean "${near}"?`
}

function checkScore(what: string, value: number, problems: string[]): void {
  if (!(value >= 0 && value <= 1)) problems.push(`${what} is ${value}; it must be from 0 to 1`)
  else if (!hasFourDecimals(value)) problems.push(`${what} is ${value}; scores have four decimals at most`)
}

function checkCount(what: string, value: number, max: number, problems: string[]): void {
  if (!(Number.isInteger(value) && value >= 1 && value <= max))
    problems.push(`${what} is ${value}; it must be a whole number from 1 to ${max}`)
}

function hasFourDecimals(value: number): boolean {
  return Math.abs(value * SCORE_PARTS - Math.round(value * SCORE_PARTS)) < 1e-7
}
