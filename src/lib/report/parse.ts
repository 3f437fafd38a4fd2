/** A stored result, read back: `p2pay report RESULT.json`. */
import type {z} from 'zod'
import {messageOf} from '../base/errors.js'
import {RESULT_SCHEMA_VERSION, type RunResult} from './result.js'
import {resultSchema} from './result-schema.js'

const MAX_PROBLEMS = 20

/** The result of a text, or what is wrong with it: the first twenty problems, each with its path. */
export function parseResult(text: string): {
  readonly result: RunResult | undefined
  readonly problems: readonly string[]
} {
  const refuse = (...problems: string[]) => ({result: undefined, problems})
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refuse(`it is not JSON (${messageOf(error)})`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(`it holds ${inWords(value)}, and a result is an object`)
  }
  if (!('schema_version' in value)) return refuse('it has no schema_version, so it is JSON of another kind')
  const version = value.schema_version
  if (typeof version === 'number' && version !== RESULT_SCHEMA_VERSION) {
    return refuse(`its schema_version is ${version}, this p2pay reads ${RESULT_SCHEMA_VERSION}`)
  }
  const parsed = resultSchema.safeParse(value)
  if (parsed.success) return {result: parsed.data, problems: []}
  return refuse(...parsed.error.issues.slice(0, MAX_PROBLEMS).map(issue => problemOf(issue, value)))
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

function problemOf(issue: z.core.$ZodIssue, root: unknown): string {
  const path = issue.path.map(String).join('.')
  const value = valueAt(root, issue.path)
  switch (issue.code) {
    case 'invalid_type': {
      const expected = KINDS[issue.expected] ?? issue.expected
      return value === undefined
        ? `${path} is missing; expected ${expected}`
        : `${path} is ${inWords(value)}; expected ${expected}`
    }
    case 'invalid_value': {
      const expected = `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`
      return value === undefined
        ? `${path} is missing; expected ${expected}`
        : `${path} is ${inWords(value)}; expected ${expected}`
    }
    case 'too_small':
      return `${path} is ${inWords(value)}; expected ${issue.minimum} at least`
    case 'too_big':
      return `${path} is ${inWords(value)}; expected ${issue.maximum} at most`
    default:
      return `${path}: ${issue.message}`
  }
}

/** What a JSON value is, short. */
function inWords(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let current = root
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = Object.entries(current).find(([key]) => key === String(step))?.[1]
  }
  return current
}
