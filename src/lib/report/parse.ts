/** A stored result, read back: `p2pay report RESULT.json`. */
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
  const version =
    typeof value === 'object' && value !== null && 'schema_version' in value ? value.schema_version : undefined
  if (typeof version === 'number' && version !== RESULT_SCHEMA_VERSION) {
    return refuse(`its schema_version is ${version}, this p2pay reads ${RESULT_SCHEMA_VERSION}`)
  }
  const parsed = resultSchema.safeParse(value)
  if (parsed.success) return {result: parsed.data, problems: []}
  return refuse(
    ...parsed.error.issues
      .slice(0, MAX_PROBLEMS)
      .map(({path, message}) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`)),
  )
}
