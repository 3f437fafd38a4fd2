/**
 * Where a text stops being JSON, for whoever has to mend it: JSON.parse says so in words that differ from one version
 * of Node to the next, and often without a place. Only asked about text that JSON.parse has refused.
 */

/** `end`: it is JSON as far as it goes. `at`: in UTF-16 units from the start. */
export type JsonFault = {readonly kind: 'end'} | {readonly kind: 'character'; readonly at: number}

const SPACE = /[ \t\n\r]*/y
/** Without its closing quote. */
const STRING_START = /"(?:[^"\\\p{Cc}]+|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/uy
/** The rest of a text that ends within an escape. */
const OPEN_ESCAPE = /^\\(?:u[0-9a-fA-F]{0,3})?$/
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const WORD = /true|false|null/y
const WORDS = ['true', 'false', 'null']

/** What may come next. `first…`: or the end of an empty one. */
type Expected = 'value' | 'firstElement' | 'name' | 'firstName' | 'colon' | 'more'

export function findJsonFault(text: string): JsonFault {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value' as Expected
  let at = 0
  for (;;) {
    at = endOf(SPACE, text, at) ?? at
    if (at >= text.length) return {kind: 'end'}
    const inner = open.at(-1)
    const character = text[at]
    if (expected === 'more' && inner === undefined) return {kind: 'character', at}
    if (isClosing(character, inner, expected)) {
      open.pop()
      expected = 'more'
      at++
    } else if (expected === 'colon' || expected === 'more') {
      if (character !== (expected === 'colon' ? ':' : ',')) return {kind: 'character', at}
      expected = expected === 'more' && inner === '{' ? 'name' : 'value'
      at++
    } else if (character === '"') {
      const end = endOf(STRING_START, text, at) ?? at
      if (end >= text.length || OPEN_ESCAPE.test(text.slice(end, end + 6))) return {kind: 'end'}
      if (text[end] !== '"') return {kind: 'character', at: end}
      expected = expected === 'name' || expected === 'firstName' ? 'colon' : 'more'
      at = end + 1
    } else if (expected === 'name' || expected === 'firstName') {
      return {kind: 'character', at}
    } else if (character === '{' || character === '[') {
      open.push(character)
      expected = character === '{' ? 'firstName' : 'firstElement'
      at++
    } else {
      const end = endOf(WORD, text, at) ?? endOf(NUMBER, text, at)
      if (end === undefined) return isCutOff(text.slice(at)) ? {kind: 'end'} : {kind: 'character', at}
      expected = 'more'
      at = end
    }
  }
}

function isClosing(character: string | undefined, inner: '{' | '[' | undefined, expected: Expected): boolean {
  if (character === '}') return inner === '{' && (expected === 'more' || expected === 'firstName')
  return character === ']' && inner === '[' && (expected === 'more' || expected === 'firstElement')
}

function isCutOff(rest: string): boolean {
  return rest === '-' || WORDS.some(word => word.startsWith(rest))
}

/** Where the match from `at` on ends. @param pattern sticky */
function endOf(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}
