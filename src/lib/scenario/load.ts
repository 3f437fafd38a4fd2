/** Scenario files and flags → plan. Reading a file costs the import of `yaml` and `zod`; flags alone do not. */
import {readFile, stat} from 'node:fs/promises'
import {messageOf, UsageError} from '../base/errors.js'
import {buildPlan} from './build.js'
import type {Environment} from './document.js'
import type {PlanOverrides} from './overrides.js'
import type {LoadedPlan} from './plan.js'
import {planDigest} from './plan-digest.js'
import {type Problem, problemsError} from './problem.js'

export type {LoadedPlan}

/** A scenario is written by hand; what is longer is another file. */
const MAX_FILE_BYTES = 1_000_000

/**
 * Reads and validates a scenario file, flags over it.
 *
 * @param env values for `${VAR}`
 * @param flagProblems what is wrong with the flags already, to be told together with the rest
 * @throws UsageError code P2PAY_SCENARIO with every problem, each with line and column
 */
export async function loadPlan(
  path: string,
  overrides: PlanOverrides,
  env: Environment,
  flagProblems: readonly Problem[] = [],
): Promise<LoadedPlan> {
  const text = await readScenario(path)
  const {validateScenario} = await import('./validate-scenario.js')
  const {loaded, problems} = validateScenario(text, {file: path, overrides, env})
  const all = [...flagProblems, ...problems]
  if (loaded === undefined || all.length > 0) throw problemsError(path, all)
  return loaded
}

/**
 * A plan from flags alone; without a rate, as many payments as asked as fast as they are taken.
 *
 * @throws UsageError code P2PAY_LOAD with every problem
 */
export function planFromFlags(overrides: PlanOverrides, flagProblems: readonly Problem[] = []): LoadedPlan {
  const problems = [...flagProblems]
  const plan = buildPlan(undefined, 'flags', overrides, (where, message) =>
    problems.push({where: String(where), message}),
  )
  if (problems.length > 0) throw problemsError(undefined, problems)
  return {plan, sha256: planDigest(plan), description: null}
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
