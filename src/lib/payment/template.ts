/**
 * Templates for services that do not speak wire format v1: a text, or a structure of data that becomes JSON.
 * Compiled once, filled for each payment. In a text what is filled in is escaped as the text's format wants it, so
 * that no value can break out of its place.
 */
import {jsonOf, PLACEHOLDER, type Placeholder, parsePlaceholder, type TemplateSubject, textOf} from './placeholder.js'

export interface Template {
  /** Names that it asks for; empty for a constant. */
  readonly names: ReadonlySet<string>
  render(subject: TemplateSubject): string
}

export interface Compiled {
  /** Of use only without problems. */
  readonly template: Template
  readonly problems: readonly string[]
}

/**
 * How values are escaped. `json`: within quotes as string content, elsewhere as JSON values. `url`: percent-encoded,
 * also for forms. `header`: as they are, without what would end the line.
 */
export type TemplateFormat = 'json' | 'xml' | 'url' | 'header' | 'text'

/** The format of a body by its media type. */
export function formatOfContentType(contentType: string): TemplateFormat {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  if (type.endsWith('json')) return 'json'
  if (/[/+]xml$/.test(type)) return 'xml'
  return type === 'application/x-www-form-urlencoded' ? 'url' : 'text'
}

type Piece = string | {readonly placeholder: Placeholder; readonly fill: Fill}
type Fill = (placeholder: Placeholder, subject: TemplateSubject) => string

/** A text with placeholders. */
export function compileText(text: string, format: TemplateFormat): Compiled {
  const problems: string[] = []
  const names = new Set<string>()
  const pieces: Piece[] = []
  // Only for JSON: whether the place is within quotes.
  let isQuoted = false
  const addText = (literal: string): void => {
    if (literal === '') return
    if (literal.includes('{{')) problems.push(`"{{" without "}}" in ${excerpt(literal, literal.indexOf('{{'))}`)
    pieces.push(literal)
    if (format === 'json') isQuoted = endsQuoted(literal, isQuoted)
  }
  let from = 0
  for (const match of text.matchAll(PLACEHOLDER)) {
    addText(text.slice(from, match.index))
    from = match.index + match[0].length
    const placeholder = parsePlaceholder(match[1] ?? '')
    if (typeof placeholder === 'string') {
      problems.push(placeholder)
      continue
    }
    if (placeholder.isOmitted) problems.push(`{{${placeholder.name}|omit}} is for the members of a pipeline's payload`)
    names.add(placeholder.name)
    pieces.push({placeholder, fill: format === 'json' && !isQuoted ? jsonValue : FILLS[format]})
  }
  addText(text.slice(from))
  return {
    template: {
      names,
      render: subject => {
        let result = ''
        for (const piece of pieces) result += typeof piece === 'string' ? piece : piece.fill(piece.placeholder, subject)
        return result
      },
    },
    problems,
  }
}

/** A place in a structure, for messages. */
export type TemplatePath = readonly (string | number)[]

export interface StructureProblem {
  readonly path: TemplatePath
  readonly message: string
}

export interface CompiledStructure {
  readonly template: Template
  readonly problems: readonly StructureProblem[]
}

/** JSON text, or undefined for a member to leave out. */
type Node = (subject: TemplateSubject) => string | undefined

/**
 * Data with placeholders in its texts, rendered as JSON. A text that is nothing but one placeholder keeps the type of
 * its value (null when the payment lacks it, left out with `|omit`); others are texts with values in them.
 */
export function compileStructure(value: unknown): CompiledStructure {
  const problems: StructureProblem[] = []
  const names = new Set<string>()
  const root = nodeOf(value, [], {problems, names})
  return {template: {names, render: subject => root(subject) ?? 'null'}, problems}
}

interface Collected {
  readonly problems: StructureProblem[]
  readonly names: Set<string>
}

function nodeOf(value: unknown, path: TemplatePath, collected: Collected): Node {
  if (typeof value === 'string') return leafOf(value, path, collected)
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => nodeOf(item, [...path, index], collected))
    return subject => `[${present(items.map(item => item(subject))).join(',')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, inner]: [string, unknown]) => {
      // Unquoted {{x}} is YAML for a mapping within a mapping.
      if (/\{.*\}/.test(key)) {
        collected.problems.push({path: [...path, key], message: 'a placeholder needs quotes: "{{payment_id}}"'})
      }
      return {head: `${JSON.stringify(key)}:`, node: nodeOf(inner, [...path, key], collected)}
    })
    return subject =>
      `{${present(
        members.map(({head, node}) => {
          const text = node(subject)
          return text === undefined ? undefined : head + text
        }),
      ).join(',')}}`
  }
  const constant = JSON.stringify(value) ?? 'null'
  return () => constant
}

function leafOf(text: string, path: TemplatePath, {problems, names}: Collected): Node {
  const [only] = text.matchAll(PLACEHOLDER)
  if (only?.[0] === text) {
    const placeholder = parsePlaceholder(only[1] ?? '')
    if (typeof placeholder === 'string') {
      problems.push({path, message: placeholder})
      return () => undefined
    }
    names.add(placeholder.name)
    return subject => jsonOf(placeholder, subject) ?? (placeholder.isOmitted ? undefined : 'null')
  }
  const {template, problems: found} = compileText(text, 'text')
  for (const name of template.names) names.add(name)
  problems.push(...found.map(message => ({path, message})))
  return subject => JSON.stringify(template.render(subject))
}

function present(texts: readonly (string | undefined)[]): string[] {
  return texts.filter(text => text !== undefined)
}

const jsonValue: Fill = (placeholder, subject) => jsonOf(placeholder, subject) ?? 'null'

const FILLS: Readonly<Record<TemplateFormat, Fill>> = {
  json: (placeholder, subject) => JSON.stringify(textOf(placeholder, subject) ?? '').slice(1, -1),
  xml: (placeholder, subject) => (textOf(placeholder, subject) ?? '').replaceAll(/[&<>"']/g, xmlEntity),
  url: (placeholder, subject) => encodeURIComponent(textOf(placeholder, subject) ?? ''),
  header: (placeholder, subject) => (textOf(placeholder, subject) ?? '').replaceAll(/[^\x20-\x7e]/g, '?'),
  text: (placeholder, subject) => textOf(placeholder, subject) ?? '',
}

function xmlEntity(character: string): string {
  return `&#${character.charCodeAt(0)};`
}

/** Whether the text, begun within quotes or not, ends within them; a backslash takes the next character along. */
function endsQuoted(text: string, isQuoted: boolean): boolean {
  let quoted = isQuoted
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (quoted && character === '\\') at++
    else if (character === '"') quoted = !quoted
  }
  return quoted
}

function excerpt(text: string, at: number): string {
  const part = text.slice(at, at + 24)
  return JSON.stringify(part.length < text.length - at ? `${part}…` : part)
}
