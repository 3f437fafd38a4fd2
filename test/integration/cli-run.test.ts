/** `p2pay run`, whole: its exit codes, and artefacts on success, on failure and on interruption. */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {TOPICS} from '../../src/lib/payment/topics.js'
import {parseResult} from '../../src/lib/report/parse.js'
import type {RunResult} from '../../src/lib/report/result.js'
import {start} from '../support/p2pay.js'
import {until} from '../support/pipeline.js'
import {sharedUp} from '../support/shared-up.js'
import {temporaryDirectory} from '../support/temp.js'

const up = sharedUp()

const SCENARIO = `version: 1
name: short
seed: 3
population: {accounts: 200}
load: {executor: constant-arrival-rate, rate: 300, duration: 1s}
thresholds:
  audit.lost: '==0'
  audit.unbalanced: '==0'
`
const UNREACHABLE = SCENARIO.replace("'==0'\n", "'==0'\n  produce.ack_time: p(50)<0ms\n")

beforeAll(async () => {
  await writeFile(join(up().cwd, 'short.yaml'), SCENARIO)
  await writeFile(join(up().cwd, 'unreachable.yaml'), UNREACHABLE)
})

interface Artefacts {
  readonly flags: readonly string[]
  /** Reads all of them and looks that each is what it should be. */
  read(): Promise<RunResult>
}

async function artefacts(): Promise<Artefacts> {
  const directory = join(await temporaryDirectory(), 'made/by/the/run')
  const path = (name: string): string => join(directory, name)
  return {
    flags: ['out:result.json', 'html:report.html', 'junit:report.xml', 'markdown:report.md'].flatMap(one => {
      const [flag, name = ''] = one.split(':')
      return [`--${flag}`, path(name)]
    }),
    read: async () => {
      const [json = '', html, junit, markdown] = await Promise.all(
        ['result.json', 'report.html', 'report.xml', 'report.md'].map(name => readFile(path(name), 'utf8')),
      )
      const {result, problems} = parseResult(json)
      expect(problems).toEqual([])
      if (result === undefined) throw new Error('no result')
      expect(html).toMatch(/^<!doctype html>/i)
      expect(junit).toContain('<testsuites')
      for (const text of [html, junit, markdown]) expect(text).toContain(result.run.scenario)
      return result
    },
  }
}

/** What was sent is on every step of the ladder, and nothing is missing or too much. */
function expectBalanced({load: {sent}, ladder}: RunResult): void {
  expect(ladder).toMatchObject({sent, acked: sent, failed: 0, unknown: 0, onRaw: sent, dlq: 0, rows: sent})
  expect((ladder?.legit ?? 0) + (ladder?.fraud ?? 0)).toBe(sent)
  expect(ladder).toMatchObject({alerts: ladder?.fraud, balanced: true, anomalies: []})
}

async function recordsOnRaw(): Promise<number> {
  const connection = await connectKafka({brokers: up().brokers})
  try {
    const ends = await connection.admin.endOffsets(TOPICS.raw)
    return [...ends.values()].reduce((sum, end) => sum + end, 0)
  } finally {
    await connection.close()
  }
}

describe('a run', () => {
  it('that passes exits 0, and report shows the same table', async () => {
    const {flags, read} = await artefacts()
    const {exitCode, stdout, stderr} = await up().run(['run', 'short.yaml', ...flags])
    expect(exitCode, stdout + stderr).toBe(0)
    const result = await read()
    expect(result).toMatchObject({verdict: 'passed', load: {sent: 300, acked: 300}, run: {interrupted: false}})
    expectBalanced(result)
    expect(stdout).toMatch(/^✓ PASSED {2}short/)
    const report = await up().run(['report', String(flags[1])])
    expect(report).toMatchObject({exitCode: 0, stderr: '', stdout})
  })

  it('goes a second time in the same place, and with --json prints its result alone', async () => {
    const {flags, read} = await artefacts()
    const {exitCode, stdout, stderr} = await up().run(['run', 'short.yaml', '--json', ...flags])
    expect([exitCode, stderr]).toEqual([0, ''])
    const {result, problems} = parseResult(stdout)
    expect(problems).toEqual([])
    expect(result).toEqual(await read())
    expect(result).toMatchObject({verdict: 'passed', load: {sent: 300}})
  })
})

describe('a run that does not pass', () => {
  it('exits 99 for a threshold, with all artefacts', async () => {
    const {flags, read} = await artefacts()
    const {exitCode, stdout} = await up().run(['run', 'unreachable.yaml', ...flags])
    expect(exitCode).toBe(99)
    expect(stdout).toMatch(/^✗ FAILED {2}short/)
    const result = await read()
    expect(result.verdict).toBe('failed')
    expect(result.thresholds.filter(one => !one.passed).map(one => one.metric)).toEqual(['produce.ack_time'])
    expectBalanced(result)
    const junit = await readFile(String(flags[5]), 'utf8')
    expect(junit).toMatch(/failures="1"/)
  })

  it('exits 3 when an artefact cannot be written, and still shows its result', async () => {
    const html = join(await temporaryDirectory(), 'report.html')
    const args = ['run', 'short.yaml', '--out', '/dev/full', '--html', html]
    const {exitCode, stdout, stderr} = await up().run(args)
    expect([exitCode, stderr]).toEqual([3, expect.stringContaining('Code: P2PAY_DISK_FULL')])
    expect(stdout).toMatch(/^✓ PASSED {2}short/)
    expect(await readFile(html, 'utf8')).toContain('short')
  })

  it('exits 3 when a topic has fewer partitions than asked', async () => {
    const {exitCode, stderr} = await up().run(['run', 'short.yaml', '--partitions', '12'])
    expect(exitCode).toBe(3)
    expect(stderr).toMatch(/12 partitions are asked for, but .*payments\.raw has 6.*\nCode: P2PAY_TOPIC_PARTITIONS/)
  })
})

describe('a run that is interrupted', {timeout: 60_000}, () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s exits %i with what it has: all that was sent is balanced', async (signal, code) => {
    const {flags, read} = await artefacts()
    const before = await recordsOnRaw()
    const run = start(['run', 'short.yaml', '--duration', '60s', ...flags], {cwd: up().cwd})
    await until('payments', async () => ((await recordsOnRaw()) > before + 100 ? true : undefined))
    run.kill(signal)
    const {exitCode, stdout, stderr} = await run.finished
    expect(exitCode, stderr).toBe(code)
    expect(stderr).toContain('stopping: draining what is on its way; once more to leave at once')
    const result = await read()
    expect(result.run.interrupted).toBe(true)
    expect(result.load.sent).toBeGreaterThan(0)
    expect(result.load.sent).toBeLessThan(18_000)
    expectBalanced(result)
    expect(stdout).toMatch(/interrupted/i)
  })
})
