/** Scenario data against its shape: every problem, each with its place and what was expected instead. */
import type {z} from 'zod'
import {messageOf} from '../base/errors.js'
import {nearest} from '../base/nearest.js'
import {parseThreshold} from '../metrics/threshold.js'
import type {Path, ScenarioDocument} from './document.js'
import {type Problem, quoted} from './problem.js'
import {type JsonSchema, loosePhaseSchema, type ScenarioFile, scenarioJsonSchema, scenarioSchema} from './schema.js'

export function checkShape(document: ScenarioDocument): {file: ScenarioFile | undefined; problems: Problem[]} {
  const parsed = scenarioSchema.safeParse(document.value)
  // Read from the raw data, so that a slip elsewhere does not hide those in thresholds.
  const problems = thresholdProblems(document)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap(issue => problemsOf(issue, document)))
  return {file: parsed.success && problems.length === 0 ? parsed.data : undefined, problems}
}

/** A problem at a path of the document, as semantic checks find them. */
export function problemAt(document: ScenarioDocument, path: Path, message: string): Problem {
  return {...document.positionOf(path), where: pathText(path), message}
}

function thresholdProblems(document: ScenarioDocument): Problem[] {
  const thresholds = valueAt(document.value, ['thresholds'])
  if (typeof thresholds !== 'object' || thresholds === null || Array.isArray(thresholds)) return []
  return Object.entries(thresholds).flatMap(([metric, given]) => {
    const isList = Array.isArray(given)
    return (isList ? given : [given]).flatMap((each, index) => {
      const path = ['thresholds', metric, ...(isList ? [index] : []), ...(typeof each === 'string' ? [] : ['expr'])]
      const expression = typeof each === 'string' ? each : valueAt(each, ['expr'])
      if (typeof expression !== 'string') return []
      try {
        parseThreshold(metric, expression)
        return []
      } catch (error) {
        return [problemAt(document, path, messageOf(error))]
      }
    })
  })
}

function problemsOf(issue: z.core.$ZodIssue, document: ScenarioDocument): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => {
      const path = [...issue.path, key]
      const known = keysAt(scenarioJsonSchema(), document.value, issue.path)
      const meant = nearest(key, known)
      const hint = meant === undefined ? `expected ${known.join(', ')}` : `did you mean "${meant}"?`
      return {...document.positionOf(path, 'key'), where: pathText(path), message: `unknown key; ${hint}`}
    })
  }
  // A union whose alternatives all fail: the one that got furthest knows best what is wrong.
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const furthest = issue.errors.find(alternative => alternative.some(isInside))
    if (furthest !== undefined) {
      return furthest.flatMap(inner => problemsOf({...inner, path: [...issue.path, ...inner.path]}, document))
    }
  }
  const value = valueAt(document.value, issue.path)
  if (issue.path.length === 0 && (value ?? null) === null) {
    return [problemAt(document, issue.path, `the file is empty; expected ${issue.message}`)]
  }
  const message =
    value === undefined && issue.path.length > 0
      ? `is missing; expected ${issue.message}`
      : `${quoted(value ?? null)} is not ${issue.message}`
  const isUnknownExecutor = issue.code === 'invalid_union' && issue.path.at(-1) === 'executor'
  return [
    problemAt(document, issue.path, message),
    ...(isUnknownExecutor ? problemsOfPhase(issue.path.slice(0, -1), document) : []),
  ]
}

/** What is wrong with a phase beside its executor: keys that none has, values that none takes. */
function problemsOfPhase(path: Path, document: ScenarioDocument): Problem[] {
  const {error} = loosePhaseSchema.safeParse(valueAt(document.value, path))
  return (error?.issues ?? []).flatMap(issue => problemsOf({...issue, path: [...path, ...issue.path]}, document))
}

/** Whether the issue lies within a value of the right kind, not in its kind. */
function isInside(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0 || issue.code === 'unrecognized_keys') return true
  return issue.code === 'invalid_union' && issue.errors.some(alternative => alternative.some(isInside))
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = Object.entries(current).find(([key]) => key === String(step))?.[1]
  }
  return current
}

/** The keys that may stand at a path; of alternatives, those of the executor that the data names. */
function keysAt(schema: JsonSchema, value: unknown, path: Path): string[] {
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives !== undefined) {
    const executor = valueAt(value, ['executor'])
    const named = alternatives.filter(each => each.properties?.['executor']?.const === executor)
    return [...new Set((named.length > 0 ? named : alternatives).flatMap(each => keysAt(each, value, path)))]
  }
  const [step, ...rest] = path
  if (step === undefined) {
    return schema.properties === undefined
      ? (schema.propertyNames?.enum ?? []).map(String)
      : Object.keys(schema.properties)
  }
  const next =
    typeof step === 'number'
      ? schema.items
      : (schema.properties?.[String(step)] ??
        (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined))
  return next === undefined ? [] : keysAt(next, valueAt(value, [step]), rest)
}

/** `load[1].rate`; metrics keep their dots: `thresholds["audit.lost"]`. */
function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    const name = String(step)
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`
    return text === '' ? name : `${text}.${name}`
  }, '')
}
