/**
 * A YAML 1.2 text with its positions: variables filled in from the environment, and the way back from a path to line
 * and column.
 */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parse,
  parseDocument,
  visit,
} from 'yaml'
import {messageOf} from '../base/errors.js'
import type {Problem} from './problem.js'

export type Environment = Readonly<Record<string, string | undefined>>
export type Path = readonly PropertyKey[]

export interface ScenarioDocument {
  /** Plain data; undefined when the text is no YAML. */
  readonly value: unknown
  readonly problems: readonly Problem[]
  /** Where the value at the path begins, or what of the path exists; with `key` the key itself. */
  positionOf(path: Path, of?: 'value' | 'key'): {readonly line: number; readonly column: number}
}

const MAX_ALIASES = 100
/** `$${` is a literal `${`. */
const VARIABLE = /\$\$\{|\$\{([^{}]*)\}/g
const VARIABLE_BODY = /^([A-Za-z_]\w*)(?::-(.*))?$/s

/**
 * Reads a text and fills in `${VAR}` and `${VAR:-default}` (default when unset or empty) in values.
 * An unquoted value is typed after that: `rate: ${RATE:-500}` is a number. So is one that is nothing but one quoted
 * variable and reads as a number, because flow style needs the quotes.
 */
export function readDocument(text: string, env: Environment): ScenarioDocument {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    lineCounter,
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    prettyErrors: false,
    // Odd keys are told as unknown ones, not by a warning of the process.
    logLevel: 'error',
    merge: false,
  })
  const at = (offset: number): {line: number; column: number} => {
    const {line, col} = lineCounter.linePos(offset)
    return {line: Math.max(1, line), column: Math.max(1, col)}
  }
  const problems: Problem[] = document.errors.map(error => ({
    ...at(error.pos[0]),
    where: '',
    message: error.code === 'MULTIPLE_DOCS' ? 'one document is expected, not several' : error.message,
  }))

  visit(document, {
    Scalar: (role, node) => {
      if (role === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const missing = new Set<string>()
      const source = node.value
      const filled = fill(source, env, missing)
      for (const message of missing) problems.push({...at(node.range?.[0] ?? 0), where: '', message})
      const isPlain = node.type === 'PLAIN'
      const isWhole = source.startsWith('${') && source.indexOf('}') === source.length - 1
      node.value = isPlain ? typed(filled) : isWhole && isNumeric(filled) ? Number(filled) : filled
    },
  })

  let value: unknown
  if (document.errors.length === 0) {
    try {
      value = document.toJS({maxAliasCount: MAX_ALIASES})
    } catch (error) {
      problems.push({line: 1, column: 1, where: '', message: messageOf(error)})
    }
  }

  return {
    value,
    problems,
    positionOf(path, of = 'value') {
      let node: unknown = document.contents
      let offset = 0
      path.forEach((step, depth) => {
        if (isAlias(node)) node = node.resolve(document)
        if (isMap(node)) {
          const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === String(step))
          const isLast = depth === path.length - 1
          const target = pair === undefined ? undefined : isLast && of === 'key' ? pair.key : (pair.value ?? pair.key)
          node = isPair(pair) ? pair.value : undefined
          offset = startOf(target) ?? offset
        } else {
          node = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined
          offset = startOf(node) ?? offset
        }
      })
      return at(path.length === 0 ? (startOf(document.contents) ?? 0) : offset)
    },
  }
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined
}

function fill(source: string, env: Environment, missing: Set<string>): string {
  return source.replaceAll(VARIABLE, (whole: string, body: string | undefined) => {
    if (body === undefined) return '${'
    const match = VARIABLE_BODY.exec(body)
    if (match === null) {
      missing.add(`${whole} is no variable: write \${NAME} or \${NAME:-default}`)
      return ''
    }
    const [, name = '', fallback] = match
    const value = env[name]
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined) missing.add(`the variable ${name} is not set: set it, or write \${${name}:-default}`)
    return value ?? ''
  })
}

/** As YAML types an unquoted scalar; what would be a structure stays text, so that no variable can inject one. */
function typed(text: string): unknown {
  if (!/^[\w.+-]+$/.test(text)) return text
  const value: unknown = parse(text, {version: '1.2', schema: 'core'})
  return typeof value === 'object' && value !== null ? text : value
}

function isNumeric(text: string): boolean {
  return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)
}
