/**
 * The rules of the house (design, section 4) as a function from sources to violations: which room may import which,
 * one door per package, no way around the injected clock, and habits that the style guide forbids.
 */
import {type ImportFact, readFacts, type SourceFacts, type SourceFile} from './source-facts.js'

export interface Violation {
  /** `path:line`, or the path alone when it is about the whole file. */
  readonly at: string
  readonly message: string
}

/** Over this, a file gets a hint to look for a second noun; over `MAX_LINES` it fails. */
export const HINT_LINES = 300
export const MAX_LINES = 450

const FLOORS: Readonly<Record<string, number>> = {
  ...{payment: 0, base: 0},
  ...{scenario: 1, population: 1, generate: 1, pace: 1, detect: 1, train: 1, metrics: 1, audit: 1, report: 1},
  ...{sink: 2, source: 2, kafka: 2, http: 2, api: 2, store: 2, broker: 2},
  ...{run: 3, cli: 4, commands: 5},
}

interface Arrow {
  readonly from: RegExp
  readonly to: RegExp
  readonly isTypeOnly?: true
}

/** The only imports between rooms of one floor. */
const SIDEWAYS: readonly Arrow[] = [
  {from: /^lib\/payment\//, to: /^lib\/base\//},
  {from: /^lib\/generate\//, to: /^lib\/(population|scenario)\//},
  {from: /^lib\/population\//, to: /^lib\/scenario\//},
  // The schedule is made from the plan's stages, which are plain data.
  {from: /^lib\/pace\//, to: /^lib\/scenario\//, isTypeOnly: true},
  // A scenario's thresholds are checked by the grammar of the room that judges them.
  {from: /^lib\/scenario\//, to: /^lib\/metrics\/threshold\.ts$/},
  {from: /^lib\/train\//, to: /^lib\/detect\//},
  {from: /^lib\/report\//, to: /^lib\/(audit|metrics)\//},
  {from: /^lib\/(sink|source)\/(ingest-)?kafka/, to: /^lib\/kafka\//},
  // As kafkajs, undici has one room, and the sink that needs it goes through that.
  {from: /^lib\/sink\/http/, to: /^lib\/http\//},
  {from: /^lib\/api\//, to: /^lib\/(sink|store)\//},
]

interface Ban {
  readonly from: RegExp
  readonly to: RegExp
  readonly why: string
}

/** Not even by way of another file. */
const BANS: readonly Ban[] = [
  {
    from: /^lib\/detect\//,
    to: /^lib\/(generate|population|scenario|train)\/|^lib\/payment\/label\.ts$/,
    why: 'a detector never sees the truth or whoever knows it',
  },
  {from: /^lib\/detect\//, to: /^lib\/payment\/payment-id\.ts$/, why: 'ids are opaque to a detector'},
  {from: /^lib\/audit\//, to: /^lib\/(detect|generate)\//, why: 'the judge is neither player'},
]

/** Which files may import a package. A package that is not here has no door yet: give it one. */
const DOORS: Readonly<Record<string, RegExp>> = {
  '@oclif/core': /^(commands|lib\/cli)\//,
  kafkajs: /^lib\/kafka\//,
  pg: /^lib\/store\//,
  '@electric-sql/pglite': /^lib\/store\//,
  '@faker-js/faker': /^lib\/population\//,
  'hdr-histogram-js': /^lib\/metrics\//,
  'cli-table3': /^lib\/report\//,
  // A small pure tool: wherever a bounded set is worked off.
  'p-limit': /^(commands|lib\/(cli|run|kafka))\//,
  undici: /^lib\/http\//,
  fastify: /^lib\/api\//,
  '@fastify/swagger': /^lib\/api\//,
  '@fastify/swagger-ui': /^lib\/api\//,
  'prom-client': /^lib\/api\//,
  yaml: /^lib\/scenario\//,
  zod: /^lib\/(scenario|report)\//,
}

/** Packages that cost tens of milliseconds to import: a command that does not need one must not pay for it. */
const HEAVY = new Set([
  ...['kafkajs', 'pg', '@electric-sql/pglite', '@faker-js/faker', 'hdr-histogram-js'],
  ...['cli-table3', 'undici', 'yaml', 'zod', 'fastify', '@fastify/swagger', '@fastify/swagger-ui', 'prom-client'],
])

/** Where the process begins and ends, and so may be touched. */
const PROCESS_EDGES: readonly {readonly path: RegExp; readonly why: string}[] = [
  {path: /^lib\/base\/clock\.ts$/, why: 'the one door to time'},
  {path: /^(commands|lib\/cli)\//, why: 'flags, signals, exit codes and the terminal'},
  {path: /worker\.ts$/, why: 'the entry of a worker thread'},
  {
    path: /^lib\/(base\/directory-lock|broker\/lock)\.ts$/,
    why: 'asks the system whether the process that holds the lock still lives',
  },
]

/** All that is wrong with the sources, by file and line; empty when the house is in order. */
export function checkArchitecture(files: readonly SourceFile[]): Violation[] {
  const facts = files.map(readFacts)
  const graph = resolveGraph(facts)
  return [
    ...facts.flatMap(file => checkPlace(file)),
    ...facts.flatMap(file => checkImports(file, graph)),
    ...facts.flatMap(file => checkHabits(file)),
    ...checkBans(graph),
    ...checkLaziness(graph),
    ...checkCircles(graph),
  ]
}

/** Files that have grown past the hint but not past the limit. */
export function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .map(readFacts)
    .filter(file => file.lineCount > HINT_LINES && file.lineCount <= MAX_LINES)
    .map(file => `${file.path} has ${file.lineCount} lines: is there a second noun in it?`)
}

interface Edge extends ImportFact {
  readonly from: string
  /** The path of a source file, or null when it is a package's or cannot be found. */
  readonly to: string | null
  readonly package: string | null
}

type Graph = ReadonlyMap<string, readonly Edge[]>

function resolveGraph(facts: readonly SourceFacts[]): Graph {
  const paths = new Set(facts.map(file => file.path))
  const resolve = (from: string, fact: ImportFact): Edge => {
    const {specifier} = fact
    if (specifier === null || specifier.startsWith('node:')) return {...fact, from, to: null, package: null}
    if (!specifier.startsWith('.')) return {...fact, from, to: null, package: packageOf(specifier)}
    const target = joinPath(from, specifier).replace(/\.js$/, '.ts')
    return {...fact, from, to: paths.has(target) ? target : null, package: null}
  }
  return new Map(facts.map(file => [file.path, file.imports.map(fact => resolve(file.path, fact))]))
}

function checkPlace(file: SourceFacts): Violation[] {
  const violations: Violation[] = []
  if (floorOf(file.path) === null) {
    violations.push({at: file.path, message: 'is in no room of the house'})
  }
  if (file.lineCount > MAX_LINES) {
    violations.push({at: file.path, message: `has ${file.lineCount} lines, more than ${MAX_LINES}`})
  }
  const isBarrel = file.isOnlyReExports || (isIndex(file.path) && file.imports.some(fact => fact.kind === 're-export'))
  if (isBarrel) violations.push({at: file.path, message: 'is a barrel: import from the files themselves'})
  return violations
}

function checkImports(file: SourceFacts, graph: Graph): Violation[] {
  return (graph.get(file.path) ?? []).flatMap(edge => {
    const message = problemOf(edge)
    return message === null ? [] : [{at: `${edge.from}:${edge.line}`, message}]
  })
}

function problemOf(edge: Edge): string | null {
  const {from, to, specifier} = edge
  if (specifier === null) return 'imports what cannot be known from the source'
  if (edge.package !== null) {
    const door = DOORS[edge.package]
    if (door === undefined) return `imports ${edge.package}, which has no door: name its one room in DOORS`
    return door.test(from) ? null : `imports ${edge.package}, whose one door is ${door.source}`
  }
  if (to === null) return specifier.startsWith('node:') ? null : `imports ${specifier}, which is no source file`
  const [fromFloor, toFloor] = [floorOf(from), floorOf(to)]
  if (fromFloor === null || toFloor === null || roomOf(from) === roomOf(to) || toFloor < fromFloor) return null
  if (toFloor > fromFloor) return `imports ${to}, which is a floor above`
  const arrow = SIDEWAYS.find(candidate => candidate.from.test(from) && candidate.to.test(to))
  if (arrow === undefined) return `imports ${to} sideways`
  return arrow.isTypeOnly && edge.kind !== 'type' ? `imports more than types from ${to}` : null
}

function checkHabits(file: SourceFacts): Violation[] {
  const isEdge = PROCESS_EDGES.some(edge => edge.path.test(file.path))
  return file.habits.flatMap(({habit, what, line}) => {
    const isAllowed =
      isEdge && (habit === 'module state' || habit === 'ambient clock, chance, timer, process or console')
    return isAllowed ? [] : [{at: `${file.path}:${line}`, message: `${habit}: ${what}`}]
  })
}

/** Direct imports of any kind count, and whatever a value import brings along. */
function checkBans(graph: Graph): Violation[] {
  return BANS.flatMap(ban =>
    [...graph.keys()]
      .filter(path => ban.from.test(path))
      .flatMap(path => {
        const chain = findChain(graph, path, {isGoal: edge => edge.to !== null && ban.to.test(edge.to)})
        return chain === null ? [] : [{at: path, message: `reaches ${chain.join(' → ')}: ${ban.why}`}]
      }),
  )
}

function checkLaziness(graph: Graph): Violation[] {
  return [...graph.keys()]
    .filter(path => /^(commands|lib\/cli)\//.test(path))
    .flatMap(path => {
      const isGoal = (edge: Edge): boolean => edge.kind !== 'type' && edge.package !== null && HEAVY.has(edge.package)
      const chain = findChain(graph, path, {isGoal, isLazyAllowed: true})
      return chain === null ? [] : [{at: path, message: `loads ${chain.join(' → ')} before it is needed: import() it`}]
    })
}

/**
 * The shortest chain of imports from a file to an edge that is the goal, without the file itself. Type imports are
 * looked at but not followed: they vanish when compiled.
 */
function findChain(
  graph: Graph,
  start: string,
  options: {readonly isGoal: (edge: Edge) => boolean; readonly isLazyAllowed?: boolean},
): string[] | null {
  const seen = new Set([start])
  const queue: {readonly path: string; readonly chain: readonly string[]}[] = [{path: start, chain: []}]
  for (const {path, chain} of queue) {
    for (const edge of graph.get(path) ?? []) {
      if (options.isLazyAllowed && (edge.kind === 'dynamic' || edge.kind === 'worker')) continue
      // Another file's type import says nothing of what this one can see.
      if (edge.kind === 'type' && path !== start) continue
      const step = edge.to ?? edge.package
      if (step !== null && options.isGoal(edge)) return [...chain, step]
      if (edge.to === null || edge.kind === 'type' || seen.has(edge.to)) continue
      seen.add(edge.to)
      queue.push({path: edge.to, chain: [...chain, edge.to]})
    }
  }
  return null
}

/** One violation for each circle, found by depth-first search; types count, since they too tie two files together. */
function checkCircles(graph: Graph): Violation[] {
  const violations: Violation[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      const circle = [...trail.slice(start), path]
      violations.push({at: path, message: `is in a circle: ${circle.join(' → ')}`})
      return
    }
    if (done.has(path)) return
    for (const edge of graph.get(path) ?? []) {
      if (edge.to !== null && edge.kind !== 'worker') visit(edge.to, [...trail, path])
    }
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return violations
}

function roomOf(path: string): string {
  const [top = '', room = ''] = path.split('/')
  return top === 'lib' ? room : top
}

function floorOf(path: string): number | null {
  const room = roomOf(path)
  return Object.hasOwn(FLOORS, room) ? (FLOORS[room] ?? null) : null
}

function isIndex(path: string): boolean {
  return path === 'index.ts' || path.endsWith('/index.ts')
}

/** `@scope/name/deep` → `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function joinPath(from: string, relative: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of relative.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
