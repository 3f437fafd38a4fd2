/** A scenario's text → every problem, or its plan. Imports `yaml` and `zod`, which take tens of milliseconds. */
import {basename, extname} from 'node:path'
import {buildPlan} from './build.js'
import {type Environment, readDocument} from './document.js'
import type {PlanOverrides} from './overrides.js'
import type {LoadedPlan} from './plan.js'
import {planDigest} from './plan-digest.js'
import type {Problem} from './problem.js'
import {checkShape, problemAt} from './validate.js'

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

function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}
