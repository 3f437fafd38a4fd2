/** Scenario files and flags → plan. Reading a file costs the import of `yaml` and `zod`; flags alone do not. */
import {open, stat} from 'node:fs/promises'
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
  try {
    const info = await stat(path)
    if (info.isDirectory()) throw refuse('it is a directory')
    // A device or a pipe may have no end, or nobody at the other one.
    if (!info.isFile()) throw refuse('it is no regular file')
    const bytes = await readBounded(path, MAX_FILE_BYTES + 1)
    if (bytes.length > MAX_FILE_BYTES) throw refuse(`it has more than ${MAX_FILE_BYTES.toLocaleString('en-US')} bytes`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw refuse(messageOf(error), error)
  }
}

/** The first bytes of a file, whatever it says of its size. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const buffer = Buffer.alloc(maxBytes)
    let length = 0
    for (;;) {
      const {bytesRead} = await file.read(buffer, length, maxBytes - length, null)
      length += bytesRead
      if (bytesRead === 0 || length === maxBytes) return buffer.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}
