/**
 * The members of a JSON object as they are written: JSON.parse forgets duplicate names, and rounds numbers that do not
 * fit a double. Only for text that JSON.parse has taken: nothing is checked again.
 */

export interface JsonMember {
  /** With its quotes, as written. */
  readonly rawName: string
  readonly rawValue: string
}

export interface JsonMembers {
  /** By name, in the order of their first mention; the last one of a name counts, as in JSON.parse. */
  readonly members: ReadonlyMap<string, JsonMember>
  readonly duplicates: readonly string[]
  /** Names of the members whose value is nested more than `maxDepth` levels deep. */
  readonly tooDeep: readonly string[]
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** @param text a JSON object @param maxDepth of arrays and objects within a member's value */
export function readMembers(text: string, maxDepth: number): JsonMembers {
  const members = new Map<string, JsonMember>()
  const duplicates: string[] = []
  const tooDeep: string[] = []
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = stringEnd(text, at)
    const rawName = text.slice(at, nameEnd)
    const valueStart = skipSpace(text, text.indexOf(':', nameEnd) + 1)
    const value = valueFrom(text, valueStart)
    const name = nameOf(rawName)
    if (members.has(name)) duplicates.push(name)
    if (value.depth > maxDepth) tooDeep.push(name)
    members.set(name, {rawName, rawValue: text.slice(valueStart, value.end)})
    at = skipSpace(text, value.end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return {members, duplicates, tooDeep}
}

function nameOf(rawName: string): string {
  return rawName.includes('\\') ? String(JSON.parse(rawName)) : rawName.slice(1, -1)
}

function skipSpace(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; ) {
    code = text.charCodeAt(++at)
  }
  return at
}

/** Past the closing quote of the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return end + 1
  }
  return text.length
}

function valueFrom(text: string, start: number): {readonly end: number; readonly depth: number} {
  let at = start
  let open = 0
  let depth = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = stringEnd(text, at)
      if (open === 0) return {end: at, depth}
      continue
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      open++
      if (open > depth) depth = open
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      // The brace of the object itself ends a number or a word.
      if (open === 0) return {end: at, depth}
      open--
      if (open === 0) return {end: at + 1, depth}
    } else if (open === 0 && (code === COMMA || code <= 0x20)) {
      return {end: at, depth}
    }
    at++
  }
  return {end: at, depth}
}
