/** Scenario files and flags → plan. Reading a file costs the import of `yaml` and `zod`; flags alone do not. */
import {basename, extname} from 'node:path'
import type {PipelineMap} from '../payment/pipeline-map.js'
import {buildPlan} from './build.js'
import type {Environment} from './document.js'
import type {PlanOverrides} from './overrides.js'
import type {LoadedPlan} from './plan.js'
import {planDigest} from './plan-digest.js'
import {type Problem, problemsError} from './problem.js'
import {readTextFile} from './read-text.js'

export type {LoadedPlan}

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
  const text = await readTextFile(path, {
    what: 'scenario',
    code: 'P2PAY_SCENARIO_FILE',
    suggestion: 'name a YAML file, such as scenarios/smoke.yaml',
  })
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

/**
 * Reads and validates a pipeline map.
 *
 * @param env values for `${VAR}`
 * @throws UsageError code P2PAY_PIPELINE with every problem, each with line and column; P2PAY_PIPELINE_FILE
 */
export async function loadPipeline(path: string, env: Environment): Promise<PipelineMap> {
  const text = await readTextFile(path, {
    what: 'pipeline map',
    code: 'P2PAY_PIPELINE_FILE',
    suggestion: 'name a YAML file; docs/pipeline-v1.schema.json lists what it may say',
  })
  const {readPipeline} = await import('./pipeline-file.js')
  const {pipeline, problems} = readPipeline(text, {name: basename(path, extname(path)), env})
  if (pipeline === undefined) throw problemsError(path, problems, 'pipeline')
  return pipeline
}
