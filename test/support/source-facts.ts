/**
 * What the architecture test wants to know of a source file, read from its syntax tree and not by pattern, so that
 * comments and strings never count.
 */
import {parseSync, Visitor} from 'vite'

export interface SourceFile {
  /** Relative to `src/`, for example `lib/detect/rules/amount.ts`. */
  readonly path: string
  readonly text: string
}

/** `worker`: a module that is not imported but started, by `workerUrl(import.meta.url, './x.js')`. */
export type ImportKind = 'static' | 'dynamic' | 'type' | 're-export' | 'worker'

export interface ImportFact {
  /** As written; null when it is computed and so cannot be checked. */
  readonly specifier: string | null
  readonly kind: ImportKind
  readonly line: number
}

export type Habit =
  | 'any'
  | 'non-null assertion'
  | 'double assertion'
  | 'export *'
  | 'module state'
  | 'ambient clock, chance, timer, process or console'

export interface HabitFact {
  readonly habit: Habit
  /** The thing found, as a reader would write it. */
  readonly what: string
  readonly line: number
}

export interface SourceFacts {
  readonly path: string
  readonly imports: readonly ImportFact[]
  readonly habits: readonly HabitFact[]
  readonly lineCount: number
  /** Has nothing but imports and re-exports. */
  readonly isOnlyReExports: boolean
}

type Program = ReturnType<typeof parseSync>['program']
type Expression = Extract<Program['body'][number], {type: 'ExpressionStatement'}>['expression']

/** Members that reach around an injected port; `*` is all of them. */
const AMBIENT_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Date: ['now'],
  Math: ['random'],
  performance: ['now'],
  AbortSignal: ['timeout'],
  process: ['*'],
  console: ['*'],
}
const AMBIENT_CALLS = new Set(['setTimeout', 'setInterval'])
const AMBIENT_MODULES = new Set(['node:process', 'node:console', 'node:timers', 'node:timers/promises'])
const EMPTY_COLLECTIONS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet'])

/** @throws Error when the file does not parse */
export function readFacts(file: SourceFile): SourceFacts {
  const {program, errors} = parseSync(file.path, file.text)
  if (errors.length > 0) throw new Error(`${file.path}: ${errors.map(error => error.message).join('; ')}`)
  const lineAt = lineFinder(file.text)
  const imports: ImportFact[] = []
  const habits: HabitFact[] = []
  const addImport = (kind: ImportKind, source: unknown, at: number): void => {
    const specifier = literal(source)
    imports.push({kind, specifier, line: lineAt(at)})
    if (specifier !== null && AMBIENT_MODULES.has(specifier)) addAmbient(`import of ${specifier}`, at)
  }
  const addHabit = (habit: Habit, what: string, at: number): void => {
    habits.push({habit, what, line: lineAt(at)})
  }
  const addAmbient = (what: string, at: number): void =>
    addHabit('ambient clock, chance, timer, process or console', what, at)

  new Visitor({
    ImportDeclaration(node) {
      const isTyped = node.importKind === 'type' || (node.specifiers.length > 0 && node.specifiers.every(isTypeOnly))
      addImport(isTyped ? 'type' : 'static', node.source, node.start)
    },
    ExportNamedDeclaration(node) {
      if (node.source !== null) addImport(node.exportKind === 'type' ? 'type' : 're-export', node.source, node.start)
    },
    ExportAllDeclaration(node) {
      addImport(node.exportKind === 'type' ? 'type' : 're-export', node.source, node.start)
      addHabit('export *', `export * from '${node.source.value}'`, node.start)
    },
    ImportExpression(node) {
      addImport('dynamic', node.source, node.start)
    },
    TSImportType(node) {
      addImport('type', node.source, node.start)
    },
    TSImportEqualsDeclaration(node) {
      const reference = node.moduleReference
      if (reference.type === 'TSExternalModuleReference') addImport('static', reference.expression, node.start)
    },
    CallExpression(node) {
      if (node.callee.type !== 'Identifier') return
      if (node.callee.name === 'workerUrl') addImport('worker', node.arguments[1], node.start)
      if (AMBIENT_CALLS.has(node.callee.name)) addAmbient(node.callee.name, node.start)
    },
    NewExpression(node) {
      if (isNamed(node.callee, 'Date') && node.arguments.length === 0) addAmbient('new Date()', node.start)
    },
    MemberExpression(node) {
      if (node.computed || node.property.type !== 'Identifier') return
      const name = node.property.name
      if (isNamed(node.object, 'globalThis') && (AMBIENT_CALLS.has(name) || name in AMBIENT_MEMBERS)) {
        return addAmbient(`globalThis.${name}`, node.start)
      }
      if (node.object.type !== 'Identifier') return
      const members = Object.hasOwn(AMBIENT_MEMBERS, node.object.name) ? AMBIENT_MEMBERS[node.object.name] : undefined
      if (members?.includes('*') || members?.includes(name)) addAmbient(`${node.object.name}.${name}`, node.start)
    },
    TSAnyKeyword(node) {
      addHabit('any', 'any', node.start)
    },
    TSNonNullExpression(node) {
      addHabit('non-null assertion', file.text.slice(node.start, node.end), node.start)
    },
    TSAsExpression(node) {
      const inner = node.expression
      if (inner.type === 'TSAsExpression' && inner.typeAnnotation.type === 'TSUnknownKeyword') {
        addHabit('double assertion', 'as unknown as', node.start)
      }
    },
  }).visit(program)

  for (const statement of program.body) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declaration?.type !== 'VariableDeclaration') continue
    for (const {id, init} of declaration.declarations) {
      const name = file.text.slice(id.start, id.end)
      if (declaration.kind !== 'const') addHabit('module state', `${declaration.kind} ${name}`, declaration.start)
      if (isEmptyCollection(init)) addHabit('module state', `an empty collection, ${name}`, declaration.start)
    }
  }
  return {
    path: file.path,
    imports,
    habits: habits.toSorted((a, b) => a.line - b.line),
    lineCount: file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0),
    isOnlyReExports: isOnlyReExports(program),
  }
}

function literal(node: unknown): string | null {
  const {type, value} = (node ?? {}) as {readonly type?: unknown; readonly value?: unknown}
  return type === 'Literal' && typeof value === 'string' ? value : null
}

function isNamed(node: Expression, name: string): boolean {
  return node.type === 'Identifier' && node.name === name
}

function isTypeOnly(specifier: {readonly type: string; readonly importKind?: string}): boolean {
  return specifier.type === 'ImportSpecifier' && specifier.importKind === 'type'
}

/** Nothing can be looked up in it unless something is put in later: that is state. */
function isEmptyCollection(init: Expression | null): boolean {
  return (
    init?.type === 'NewExpression' &&
    init.callee.type === 'Identifier' &&
    EMPTY_COLLECTIONS.has(init.callee.name) &&
    init.arguments.length === 0
  )
}

function isOnlyReExports(program: Program): boolean {
  const isExport = (statement: Program['body'][number]): boolean =>
    statement.type === 'ExportAllDeclaration' ||
    (statement.type === 'ExportNamedDeclaration' && statement.declaration === null)
  return (
    program.body.some(isExport) &&
    program.body.every(statement => statement.type === 'ImportDeclaration' || isExport(statement))
  )
}

function lineFinder(text: string): (offset: number) => number {
  return offset => text.slice(0, offset).split('\n').length
}
