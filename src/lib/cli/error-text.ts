/**
 * Errors as a user reads them, on stderr or as JSON: what happened, its code, what to do next. What oclif says about
 * flags and arguments is put into the same words, without its dump of the whole command.
 */
import {stripVTControlCharacters} from 'node:util'
import {BugError, EXIT, isP2payError, messageOf, UsageError} from '../base/errors.js'
import {nearest} from '../base/nearest.js'

export interface ErrorReport {
  readonly code: string
  readonly message: string
  readonly suggestions: readonly string[]
  /** Exit code of the process. */
  readonly exit: number
  /** Messages of what caused it, nearest first, where they say more. */
  readonly causes: readonly string[]
}

/** The command that an error belongs to. */
export interface ErrorContext {
  /** As it is typed: `p2pay topics list`. */
  readonly command: string
  /** Names of its flags, without dashes. */
  readonly flags: readonly string[]
}

const MAX_CAUSES = 5

export function reportOf(error: unknown, context: ErrorContext): ErrorReport {
  const known = isP2payError(error) ? error : isOclifError(error) ? usageErrorOf(error, context) : bugOf(error)
  return {
    code: known.code,
    message: known.message,
    suggestions: known.suggestions,
    exit: known.oclif.exit,
    causes: causesOf(known),
  }
}

/** For stderr. Lines are not wrapped: a terminal does that, and a log is searched. */
export function renderReport(report: ErrorReport, stack: string | undefined): string {
  const [first = '', ...rest] = report.message.split('\n')
  return [
    `Error: ${first}`,
    ...rest,
    `Code: ${report.code}`,
    ...(report.suggestions.length === 0 ? [] : ['Try this:', ...report.suggestions.map(step => `  * ${step}`)]),
    ...report.causes.map(cause => `Caused by: ${cause}`),
    // Only a bug is worth a stack: everything else is told in words.
    ...(report.exit === EXIT.bug && stack !== undefined ? [stack] : []),
    '',
  ].join('\n')
}

interface OclifError extends Error {
  readonly oclif: {readonly exit?: number}
  /** Of flags that do not exist. */
  readonly flags?: unknown
  /** Of arguments that are missing. */
  readonly args?: unknown
}

function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error
}

function usageErrorOf(error: OclifError, {command, flags}: ErrorContext): UsageError {
  const suggestions = [`${command} --help shows its flags and arguments`]
  const unknown = Array.isArray(error.flags) ? error.flags.map(String) : []
  if (unknown.length > 0) {
    const lines = unknown.map(flag => {
      const near = flag.startsWith('--') ? nearest(flag.slice(2), flags) : undefined
      return `unknown flag ${flag}${near === undefined ? '' : `; did you mean --${near}?`}`
    })
    return new UsageError(lines.join('\n'), {code: 'P2PAY_FLAGS', suggestions})
  }
  const missing = Array.isArray(error.args) ? error.args.filter(isNamed) : []
  if (error.message.startsWith('Missing') && missing.length > 0) {
    const lines = missing.map(({name}) => `the argument ${name.toUpperCase()} is missing`)
    return new UsageError(lines.join('\n'), {code: 'P2PAY_ARGUMENTS', suggestions})
  }
  const lines = stripVTControlCharacters(error.message)
    .replace(/^Parsing (--\S+)\s+/, '$1: ')
    .split('\n')
    .map(line => line.trim())
    .filter(
      line => line !== '' && line !== 'See more help with --help' && !/^The following errors? occurred:$/.test(line),
    )
  return new UsageError(lines.join('\n'), {code: 'P2PAY_FLAGS', suggestions})
}

function isNamed(value: unknown): value is {readonly name: string} {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
}

function bugOf(error: unknown): BugError {
  return new BugError(messageOf(error), {suggestions: ['this is a bug of p2pay: please report it with these lines']})
}

function causesOf(error: Error): string[] {
  const causes: string[] = []
  let said = error.message
  let current: unknown = error.cause
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    const message = messageOf(current)
    if (message !== '' && !said.includes(message)) {
      causes.push(message)
      said += message
    }
    current = current.cause
  }
  return causes
}
