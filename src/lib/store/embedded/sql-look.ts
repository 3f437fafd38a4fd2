/**
 * A look at SQL text without parsing it: where statements begin, and which few of them the wire server has to treat
 * itself. Strings, quoted names, dollar quotes and (nested) comments are stepped over as in PostgreSQL's lexer.
 */

export interface SqlFacts {
  /** COPY … FROM STDIN, as text or binary; the engine has to get its data together with the statement. */
  readonly copyIn: 'text' | 'binary' | undefined
  readonly copyInCount: number
  /** SET, RESET, DISCARD or set_config: the settings of the session may differ afterwards. */
  readonly touchesSettings: boolean
  /** Makes a temporary table, which belongs to the session. */
  readonly usesTemporary: boolean
  readonly listens: boolean
  /** DEALLOCATE ALL or DISCARD ALL, which would reach into other clients' statements. */
  readonly dropsEverything: boolean
  /** Where SQL-level PREPARE, EXECUTE and DEALLOCATE name a statement. */
  readonly names: readonly {readonly start: number; readonly end: number; readonly name: string}[]
}

// Order matters: E'' strings have backslash escapes, plain ones do not; a dollar quote ends with its own tag.
const TOKEN =
  /(?<space>\s+|--[^\n]*)|(?<comment>\/\*)|[eE]'(?:\\[\s\S]|''|[^'\\])*'?|'(?:''|[^'])*'?|(?<quoted>"(?:""|[^"])*"?)|\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?(?:\$\k<tag>\$|$)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<end>;)|[\s\S]/gy

export function lookAt(sql: string): SqlFacts {
  const names: {start: number; end: number; name: string}[] = []
  const facts = {touchesSettings: false, usesTemporary: false, listens: false, dropsEverything: false}
  let copyIn: 'text' | 'binary' | undefined
  let copyInCount = 0
  let position = 0
  let first = ''
  let previous = ''
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(sql); match !== null; match = TOKEN.exec(sql)) {
    const {space, comment, quoted, word, end} = match.groups ?? {}
    if (space !== undefined) continue
    if (comment !== undefined) {
      TOKEN.lastIndex = endOfComment(sql, match.index)
      continue
    }
    if (end !== undefined) {
      position = 0
      first = previous = ''
      continue
    }
    const text = word?.toUpperCase() ?? ''
    if (position === 0) {
      first = text
      if (SETTING_WORDS.has(first)) facts.touchesSettings = true
      if (first === 'LISTEN') facts.listens = true
    } else if (NAMING_WORDS.has(first) && isName(first, text, previous, position, word ?? quoted)) {
      const name = quoted === undefined ? (word ?? '').toLowerCase() : quoted.slice(1, -1).replaceAll('""', '"')
      names.push({start: match.index, end: TOKEN.lastIndex, name})
    }
    if (text === 'ALL' && position === 1 && (first === 'DEALLOCATE' || first === 'DISCARD'))
      facts.dropsEverything = true
    if (text === 'SET_CONFIG') facts.touchesSettings = true
    if (text === 'TEMP' || text === 'TEMPORARY') facts.usesTemporary = true
    if (first === 'COPY' && previous === 'FROM' && text === 'STDIN') {
      copyIn = 'text'
      copyInCount++
    }
    if (first === 'COPY' && text === 'BINARY' && copyIn !== undefined) copyIn = 'binary'
    previous = text
    position++
  }
  return {...facts, copyIn, copyInCount, names}
}

/** Gives every name that the text uses for a prepared statement the prefix, quoted. */
export function prefixNames(sql: string, facts: SqlFacts, prefix: string): string {
  let text = ''
  let from = 0
  for (const {start, end, name} of facts.names) {
    text += `${sql.slice(from, start)}"${(prefix + name).replaceAll('"', '""')}"`
    from = end
  }
  return text + sql.slice(from)
}

const SETTING_WORDS: ReadonlySet<string> = new Set(['SET', 'RESET', 'DISCARD'])
const NAMING_WORDS: ReadonlySet<string> = new Set(['PREPARE', 'EXECUTE', 'DEALLOCATE'])

/** PREPARE name, EXECUTE name, DEALLOCATE [PREPARE] name; not PREPARE TRANSACTION, not DEALLOCATE ALL. */
function isName(first: string, text: string, previous: string, position: number, token: string | undefined): boolean {
  if (token === undefined) return false
  if (first !== 'DEALLOCATE') return position === 1 && text !== 'TRANSACTION'
  if (text === 'ALL' || (text === 'PREPARE' && position === 1)) return false
  return position === 1 || (position === 2 && previous === 'PREPARE')
}

function endOfComment(sql: string, start: number): number {
  let depth = 0
  for (let at = start; at < sql.length - 1; at++) {
    if (sql[at] === '/' && sql[at + 1] === '*') {
      depth++
      at++
    } else if (sql[at] === '*' && sql[at + 1] === '/') {
      depth--
      at++
      if (depth === 0) return at + 1
    }
  }
  return sql.length
}
