/** Kafka's rule for topic names, checked before anything is asked of a broker. */
import {UsageError} from '../base/errors.js'

const MAX_LENGTH = 249

/** @throws UsageError P2PAY_TOPIC_NAME, naming every name that cannot be one */
export function checkTopicNames(names: readonly string[]): void {
  const wrong = names.flatMap(name => {
    const problem = problemOf(name)
    return problem === undefined ? [] : [`${quoted(name)} ${problem}`]
  })
  if (wrong.length === 0) return
  throw new UsageError(`Not a topic name: ${wrong.join('; ')}`, {
    code: 'P2PAY_TOPIC_NAME',
    suggestions: [
      `use 1 to ${MAX_LENGTH} of the characters a-z, A-Z, 0-9, ".", "_" and "-", but not "." or ".." alone`,
    ],
  })
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name === '.' || name === '..') return 'is reserved'
  if (name.length > MAX_LENGTH) return `has ${name.length} characters, more than ${MAX_LENGTH}`
  const strange = [...new Set(name)].filter(character => !/[\w.-]/.test(character))
  if (strange.length === 0) return undefined
  return `contains ${strange.map(character => JSON.stringify(character)).join(', ')}`
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)
}
