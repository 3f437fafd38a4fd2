/** The house is in order (design, section 4), and the checker that says so catches what it should. */
import {readdirSync, readFileSync} from 'node:fs'
import {join, relative, sep} from 'node:path'
import {describe, expect, it} from 'vitest'
import {checkArchitecture, longFiles, MAX_LINES, type Violation} from './support/architecture.js'
import type {SourceFile} from './support/source-facts.js'

const SRC = join(import.meta.dirname, '..', 'src')

function readSources(): SourceFile[] {
  return readdirSync(SRC, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => ({path: relative(SRC, path).split(sep).join('/'), text: readFileSync(path, 'utf8')}))
}

/** Sources by path; files that are only there to be imported may be empty. */
function check(sources: Readonly<Record<string, string>>): Violation[] {
  return checkArchitecture(Object.entries(sources).map(([path, text]) => ({path, text})))
}

describe('the house', () => {
  it('keeps its rules', async ({annotate}) => {
    const sources = readSources()
    expect(sources.length).toBeGreaterThan(20)
    for (const hint of longFiles(sources)) await annotate(hint)
    const violations = checkArchitecture(sources).map(({at, message}) => `${at} ${message}`)
    expect(violations).toEqual([])
  })
})

describe('the checker, on imports', () => {
  it.each([
    ['a floor below', 'lib/run/a.ts', `import {b} from '../sink/b.js'`, 'lib/sink/b.ts'],
    ['the same room', 'lib/run/a.ts', `import {b} from './b.js'`, 'lib/run/b.ts'],
    ['a command every room', 'commands/a.ts', `const b = await import('../lib/run/b.js')`, 'lib/run/b.ts'],
    ['generate → population', 'lib/generate/a.ts', `import {b} from '../population/b.js'`, 'lib/population/b.ts'],
    ['train → detect', 'lib/train/a.ts', `import {b} from '../detect/b.js'`, 'lib/detect/b.ts'],
    ['report → audit', 'lib/report/a.ts', `import {b} from '../audit/b.js'`, 'lib/audit/b.ts'],
    ['sink/kafka → kafka', 'lib/sink/kafka-sink.ts', `import {b} from '../kafka/b.js'`, 'lib/kafka/b.ts'],
    ['types from pace → scenario', 'lib/pace/a.ts', `import type {B} from '../scenario/b.js'`, 'lib/scenario/b.ts'],
  ])('allows %s', (_name, path, text, target) => {
    expect(check({[path]: text, [target]: ''})).toEqual([])
  })

  it.each([
    ['a floor above', 'lib/sink/a.ts', `import {b} from '../run/b.js'`, 'lib/run/b.ts', 'a floor above'],
    ['a type from above', 'lib/sink/a.ts', `import type {B} from '../run/b.js'`, 'lib/run/b.ts', 'a floor above'],
    ['import() from above', 'lib/sink/a.ts', `await import('../run/b.js')`, 'lib/run/b.ts', 'a floor above'],
    [
      'a re-export from above',
      'lib/run/a.ts',
      `export const a = 1; export {b} from '../cli/b.js'`,
      'lib/cli/b.ts',
      'above',
    ],
    ['import("x").T', 'lib/run/a.ts', `type T = import('../cli/b.js').T`, 'lib/cli/b.ts', 'a floor above'],
    ['a worker above', 'lib/sink/a.ts', `workerUrl(import.meta.url, '../run/b.js')`, 'lib/run/b.ts', 'a floor above'],
    ['a command', 'lib/cli/a.ts', `import b from '../../commands/b.js'`, 'commands/b.ts', 'a floor above'],
    ['a room beside', 'lib/pace/a.ts', `import {b} from '../metrics/b.js'`, 'lib/metrics/b.ts', 'sideways'],
    ['against the arrow', 'lib/audit/a.ts', `import {b} from '../report/b.js'`, 'lib/report/b.ts', 'sideways'],
    ['sink → kafka', 'lib/sink/http.ts', `import {b} from '../kafka/b.js'`, 'lib/kafka/b.ts', 'sideways'],
    ['base → payment', 'lib/base/a.ts', `import {b} from '../payment/b.js'`, 'lib/payment/b.ts', 'sideways'],
    ['pace → scenario', 'lib/pace/a.ts', `import {b} from '../scenario/b.js'`, 'lib/scenario/b.ts', 'more than types'],
    ['what is not there', 'lib/run/a.ts', `import {b} from './c.js'`, 'lib/run/b.ts', 'no source file'],
    ['a path without .js', 'lib/run/a.ts', `import {b} from './b'`, 'lib/run/b.ts', 'no source file'],
    ['a computed path', 'lib/run/a.ts', 'await import(name)', 'lib/run/b.ts', 'cannot be known'],
  ])('refuses %s', (_name, path, text, target, message) => {
    expect(check({[path]: text, [target]: ''})).toEqual([{at: `${path}:1`, message: expect.stringContaining(message)}])
  })

  it('refuses a file in a room that the house does not have', () => {
    expect(check({'lib/misc/a.ts': '', 'helpers.ts': ''}).map(({at}) => at)).toEqual(['lib/misc/a.ts', 'helpers.ts'])
  })

  it('finds a circle, also of types', () => {
    const violations = check({
      'lib/run/a.ts': `import {b} from './b.js'`,
      'lib/run/b.ts': `import {c} from './c.js'`,
      'lib/run/c.ts': `import type {A} from './a.js'`,
    })
    expect(violations.map(({message}) => message)).toEqual([
      'is in a circle: lib/run/a.ts → lib/run/b.ts → lib/run/c.ts → lib/run/a.ts',
    ])
  })

  it('ignores imports in comments and strings', () => {
    const text = `// import {b} from '../run/b.js'\n/* process.exit() */ export const a = "import('../run/b.js'); Date.now()"`
    expect(check({'lib/sink/a.ts': text, 'lib/run/b.ts': ''})).toEqual([])
  })
})

describe('the checker, on who may know what', () => {
  it.each([
    ['the label', 'detect', 'payment/label'],
    ['the inside of an id', 'detect', 'payment/payment-id'],
    ['the generator', 'detect', 'generate/stream'],
    ['the population', 'detect', 'population/people'],
    ['the scenario', 'detect', 'scenario/plan'],
    ['the trainer', 'detect', 'train/trainer'],
    ['the detector', 'audit', 'detect/detector'],
    ['the generator', 'audit', 'generate/stream'],
  ])('keeps %s from %s, even as a type', (_name, room, target) => {
    const violations = check({
      [`lib/${room}/a.ts`]: `import type {B} from '../${target}.js'`,
      [`lib/${target}.ts`]: '',
    })
    expect(violations.map(({message}) => message)).toContainEqual(expect.stringMatching(/^reaches /))
  })

  it('sees through a file in between', () => {
    const violations = check({
      'lib/detect/a.ts': `import {b} from '../payment/b.js'`,
      'lib/payment/b.ts': `import {c} from './label.js'`,
      'lib/payment/label.ts': '',
    })
    expect(violations).toEqual([
      {at: 'lib/detect/a.ts', message: expect.stringContaining('lib/payment/b.ts → lib/payment/label.ts')},
    ])
  })
})

describe('the checker, on packages', () => {
  it.each([
    ['kafkajs', 'lib/kafka/a.ts', 'lib/sink/kafka.ts'],
    ['pg', 'lib/store/a.ts', 'lib/run/a.ts'],
    ['@electric-sql/pglite', 'lib/store/a.ts', 'lib/broker/a.ts'],
    ['@faker-js/faker', 'lib/population/a.ts', 'lib/generate/a.ts'],
    ['hdr-histogram-js', 'lib/metrics/a.ts', 'lib/report/a.ts'],
    ['cli-table3', 'lib/report/a.ts', 'lib/run/a.ts'],
    ['yaml', 'lib/scenario/a.ts', 'lib/run/a.ts'],
    ['zod', 'lib/scenario/a.ts', 'lib/detect/a.ts'],
    ['@oclif/core', 'lib/cli/a.ts', 'lib/run/a.ts'],
  ])('lets %s in by one door', (name, door, window) => {
    const text = `import thing from '${name}/deep/path.js'`
    expect(check({[door]: text})).toEqual([])
    expect(check({[window]: text})).toEqual([{at: `${window}:1`, message: expect.stringContaining('one door')}])
    expect(check({[window]: `import type {T} from '${name}'`})).toHaveLength(1)
  })

  it('refuses a package without a door, and leaves Node’s own alone', () => {
    expect(check({'lib/run/a.ts': `import _ from 'lodash'`})).toEqual([
      {at: 'lib/run/a.ts:1', message: expect.stringContaining('no door')},
    ])
    expect(check({'lib/run/a.ts': `import {join} from 'node:path'`})).toEqual([])
  })

  it('wants heavy packages loaded only by whom needs them', () => {
    const rooms = {
      'lib/run/detect.ts': `import {connect} from '../kafka/connection.js'`,
      'lib/kafka/connection.ts': `import {Kafka} from 'kafkajs'`,
    }
    expect(check({...rooms, 'commands/a.ts': `await import('../lib/run/detect.js')`})).toEqual([])
    expect(check({...rooms, 'commands/a.ts': `import type {D} from '../lib/run/detect.js'`})).toEqual([])
    expect(check({...rooms, 'commands/a.ts': `import {d} from '../lib/run/detect.js'`})).toEqual([
      {at: 'commands/a.ts', message: expect.stringContaining('lib/kafka/connection.ts → kafkajs')},
    ])
  })
})

describe('the checker, on habits', () => {
  it.each([
    ['Date.now()', 'const t = () => Date.now()'],
    ['Date.now passed on', 'const t = {now: Date.now}'],
    ['new Date()', 'const t = () => new Date()'],
    ['performance.now()', 'const t = () => performance.now()'],
    ['Math.random()', 'const t = () => Math.random()'],
    ['setTimeout', 'const t = () => setTimeout(() => {}, 1)'],
    ['setInterval', 'const t = () => setInterval(() => {}, 1)'],
    ['globalThis.setTimeout', 'const t = () => globalThis.setTimeout(() => {}, 1)'],
    ['AbortSignal.timeout', 'const t = () => AbortSignal.timeout(1)'],
    ['timers of node:timers/promises', `import {setTimeout as delay} from 'node:timers/promises'`],
    ['process', 'const t = () => process.exit(1)'],
    ['console', `const t = () => console.log('x')`],
  ])('refuses %s, save at a process edge', (_name, text) => {
    expect(check({'lib/run/a.ts': text})).toHaveLength(1)
    for (const edge of ['lib/base/clock.ts', 'lib/cli/a.ts', 'commands/a.ts', 'lib/broker/broker-worker.ts']) {
      expect(check({[edge]: text})).toEqual([])
    }
  })

  it.each([
    ['a date made from a number', 'const t = new Date(0)'],
    ['a socket’s own timeout', 'const t = (s: {setTimeout(ms: number): void}) => s.setTimeout(1)'],
    ['the type NodeJS.Process', 'type T = NodeJS.Process'],
    ['a property called process', 'const t = {process: 1}; export const u = t.process'],
    ['Math and Date otherwise', 'const t = Math.max(1, Date.parse("2026-01-01"))'],
    ['a constant table', `const t = new Map([['a', 1]])`],
    ['a set inside of a function', 'const t = () => new Set()'],
    ['the word any', 'const any = "any"'],
  ])('allows %s', (_name, text) => {
    expect(check({'lib/run/a.ts': text})).toEqual([])
  })

  it.each([
    ['any', 'const t: any = 1'],
    ['any as an assertion', 'const t = 1 as any'],
    ['a non-null assertion', 'const t = (a?: string) => a!.length'],
    ['a double assertion', 'const t = 1 as unknown as string'],
    ['let at the top of a module', 'let count = 0'],
    ['an exported let', 'export let count = 0'],
    ['an empty collection at the top of a module', 'const cache = new Map<string, number>()'],
    ['export *', `export const a = 1\nexport * from './b.js'`],
  ])('refuses %s', (_name, text) => {
    expect(check({'lib/run/a.ts': text, 'lib/run/b.ts': ''})).toHaveLength(1)
  })

  it('refuses barrels: an index that re-exports, and a file that does nothing else', () => {
    const others = {'lib/run/b.ts': ''}
    expect(check({...others, 'lib/run/index.ts': `export const a = 1\nexport {b} from './b.js'`})).toHaveLength(1)
    expect(check({...others, 'lib/run/all.ts': `export {b} from './b.js'`})).toHaveLength(1)
    expect(check({...others, 'commands/topics/index.ts': 'export default class Topics {}'})).toEqual([])
  })

  it('refuses a file that is too long, and reports what does not parse', () => {
    expect(check({'lib/run/a.ts': '\n'.repeat(MAX_LINES)})).toEqual([])
    expect(check({'lib/run/a.ts': '\n'.repeat(MAX_LINES + 1)})).toHaveLength(1)
    expect(longFiles([{path: 'lib/run/a.ts', text: '\n'.repeat(301)}])).toEqual([expect.stringContaining('301 lines')])
    expect(() => check({'lib/run/a.ts': 'const = 1'})).toThrow('lib/run/a.ts')
  })
})
