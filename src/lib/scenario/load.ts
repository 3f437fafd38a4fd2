/** Scenario files and flags → plan. The only door to `yaml` and `zod` of this room for the floors above. */
import {createHash} from 'node:crypto'
import {readFile, stat} from 'node:fs/promises'
import {basename, extname} from 'node:path'
import {messageOf, UsageError} from '../base/errors.js'
import {buildPlan} from './build.js'
import {type Environment, readDocument} from './document.js'
import type {PlanOverrides} from './overrides.js'
import type {Plan} from './plan.js'
import {type Problem, problemsError} from './problem.js'
import {checkShape, problemAt} from './validate.js'

/** A scenario is written by hand; what is longer is another file. */
const MAX_FILE_BYTES = 1_000_000

export interface LoadedPlan {
  readonly plan: Plan
  /** Of the effective plan's canonical JSON, flags included: equal digests plan equal runs. */
  readonly sha256: string
  readonly description: string | null
}

/**
 * Reads and validates a scenario file, flags over it.
 *
 * @param env values for `${VAR}`
 * @throws UsageError code P2PAY_SCENARIO with every problem, each with line and column
 */
export async function loadPlan(path: string, overrides: PlanOverrides, env: Environment): Promise<LoadedPlan> {
  const {loaded, problems} = validateScenario(await readScenario(path), {file: path, overrides, env})
  if (loaded === undefined || problems.length > 0) throw problemsError(path, problems)
  return loaded
}

/**
 * A plan from flags alone; without a rate, as many payments as asked as fast as they are taken.
 *
 * @throws UsageError code P2PAY_LOAD with every problem
 */
export function planFromFlags(overrides: PlanOverrides): LoadedPlan {
  const problems: Problem[] = []
  const plan = buildPlan(undefined, 'flags', overrides, (where, message) =>
    problems.push({where: String(where), message}),
  )
  if (problems.length > 0) throw problemsError(undefined, problems)
  return {plan, sha256: planDigest(plan), description: null}
}

/** Every problem of a scenario's text, or its plan. */
export function validateScenario(
  text: string,
  {file, overrides = {}, env}: {readonly file: string; readonly overrides?: PlanOverrides; readonly env: Environment},
): {readonly loaded: LoadedPlan | undefined; readonly problems: readonly Problem[]} {
  const document = readDocument(text, env)
  if (document.problems.length > 0) return {loaded: undefined, problems: document.problems}
  const shape = checkShape(document)
  if (shape.file === undefined) return {loaded: undefined, problems: inOrder(shape.problems)}
  const problems: Problem[] = []
  const plan = buildPlan(shape.file, basename(file, extname(file)), overrides, (where, message) =>
    problems.push(typeof where === 'string' ? {where, message} : problemAt(document, where, message)),
  )
  if (problems.length > 0) return {loaded: undefined, problems: inOrder(problems)}
  return {loaded: {plan, sha256: planDigest(plan), description: shape.file.description ?? null}, problems}
}

/** SHA-256, hex, of the plan as JSON with sorted keys. */
export function planDigest(plan: Plan): string {
  return createHash('sha256').update(canonicalJson(plan)).digest('hex')
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}

async function readScenario(path: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): UsageError =>
    new UsageError(`the scenario ${path} cannot be read: ${why}`, {
      code: 'P2PAY_SCENARIO_FILE',
      suggestions: ['name a YAML file, such as scenarios/smoke.yaml'],
      cause,
    })
  let text: string
  try {
    const {size} = await stat(path)
    if (size > MAX_FILE_BYTES) throw refuse(`it has ${size} bytes, a scenario has at most ${MAX_FILE_BYTES}`)
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw refuse(messageOf(error), error)
  }
  return text
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === Number.POSITIVE_INFINITY) return 'forever'
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
