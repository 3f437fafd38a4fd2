/** `p2pay compare` and the files of `p2pay report`, as a shell and a CI job see them: exit codes, stdout, files. */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {parseNoise} from '../../src/lib/cli/compare-outcome.js'
import {comparisonSchema} from '../../src/lib/report/compare-schema.js'
import type {RunResult} from '../../src/lib/report/result.js'
import {parseHgrm} from '../support/hgrm.js'
import {type Finished, run} from '../support/p2pay.js'
import {emptyResult, loadtestResult} from '../support/sample-result.js'
import {withTemporaryDirectory} from '../support/temp.js'

const OPEN = loadtestResult('open')

function timesFive(result: RunResult): RunResult {
  const slow = (us: number | null): number | null => (us === null ? null : us * 5)
  return {
    ...result,
    latencies: result.latencies.map(each => ({...each, p50: slow(each.p50), p95: slow(each.p95), p99: slow(each.p99)})),
  }
}

const RESULTS: Readonly<Record<string, RunResult>> = {
  'base.json': OPEN,
  'same.json': {...OPEN, run: {...OPEN.run, tag: 'ba9876543210'}},
  'slow.json': timesFive(OPEN),
  'seed.json': {...OPEN, run: {...OPEN.run, seed: 7}},
  'empty.json': emptyResult(),
}

interface Outcome extends Finished {
  readonly files: Readonly<Record<string, string>>
}

function outcomeOf(args: readonly string[], files: readonly string[] = []): Promise<Outcome> {
  return withTemporaryDirectory(async cwd => {
    await Promise.all(
      Object.entries(RESULTS).map(([name, result]) => writeFile(join(cwd, name), JSON.stringify(result))),
    )
    const finished = await run(args, {cwd})
    const texts = await Promise.all(files.map(async name => [name, await readFile(join(cwd, name), 'utf8')] as const))
    return {...finished, files: Object.fromEntries(texts)}
  })
}

describe.concurrent('p2pay compare', () => {
  it.each<[string, readonly string[], number, RegExp]>([
    ['the same', ['same.json', '--fail-on-regression'], 0, /^= SAME {2}base\.json → same\.json/],
    ['worse, when nobody asked to fail', ['slow.json'], 0, /^✗ WORSE/],
    ['worse, when it may not be', ['slow.json', '--fail-on-regression'], 99, /^✗ WORSE/],
    [
      'unlike, shown by force',
      ['seed.json', '--force', '--fail-on-regression'],
      0,
      /^! UNLIKE[\s\S]*! seed: 42 in BASE, 7 in NEW/,
    ],
  ])('exits by its verdict: %s', async (_, args, exit, text) => {
    const {exitCode, stdout, stderr} = await outcomeOf(['compare', 'base.json', ...args])
    expect([exitCode, stderr]).toEqual([exit, ''])
    expect(stdout).toMatch(text)
  })

  it('refuses runs that are not alike, with the reasons', async () => {
    const {exitCode, stdout, stderr} = await outcomeOf(['compare', 'base.json', 'seed.json'])
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toContain('base.json and seed.json are not alike\n  seed: 42 in BASE, 7 in NEW\nCode: P2PAY_UNLIKE')
  })

  it('prints the published shape with --json, and writes its files', async () => {
    const {exitCode, stdout, stderr, files} = await outcomeOf(
      ['compare', 'base.json', 'slow.json', '--json', '--noise', '0.1', '--markdown', 'out/c.md', '--junit', 'c.xml'],
      ['out/c.md', 'c.xml'],
    )
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(comparisonSchema.parse(JSON.parse(stdout))).toMatchObject({verdict: 'worse', noise: 0.1, unlike: []})
    expect(files['out/c.md']).toMatch(/^## ❌ WORSE/)
    expect(files['c.xml']).toMatch(/<failure message="worse: /)
  })
})

describe('--noise', () => {
  it.each([
    ['5%', 0.05],
    ['0.05', 0.05],
    ['.1', 0.1],
    ['0', 0],
    ['12.5%', 0.125],
    [' 100% ', 1],
    ['1', 1],
  ])('%s is %d', (text, share) => {
    expect(parseNoise(text)).toBeCloseTo(share, 12)
  })

  it.each([
    ['5', 'write 5% or 0.05'],
    ['200%', 'write a share such as 5% or 0.05'],
    ['-5%', 'write a share such as 5% or 0.05'],
    ['five', 'write a share such as 5% or 0.05'],
    ['', 'write a share such as 5% or 0.05'],
    ['5%%', 'write a share such as 5% or 0.05'],
    ['Infinity', 'write a share such as 5% or 0.05'],
  ])('"%s" is refused', (text, suggestion) => {
    expect(() => parseNoise(text)).toThrow(expect.objectContaining({code: 'P2PAY_NOISE', suggestions: [suggestion]}))
  })
})

describe.concurrent('p2pay report of a stored load test', () => {
  it('writes distributions and seconds from the file alone', async () => {
    const names = ['out/x.hgrm', 'out/x.planned.hgrm', 'y.csv']
    const {exitCode, stdout, stderr, files} = await outcomeOf(
      ['report', 'base.json', '--hgrm', 'out/x.hgrm', '--csv', 'y.csv'],
      names,
    )
    expect([exitCode, stdout, stderr]).toEqual([0, '', ''])
    const [service, planned] = names.slice(0, 2).map(name => parseHgrm(files[name] ?? ''))
    const {http, latencies} = OPEN
    expect(service).toMatchObject({totalCount: http?.succeeded, title: 'service, sent → last byte, in ms'})
    expect(planned).toMatchObject({totalCount: http?.succeeded, title: 'planned, due → last byte, in ms'})
    const p99 = service?.rows.find(({percentile}) => percentile >= 0.99)
    const measured = latencies.find(({metric}) => metric === 'http.response_time')
    expect(p99?.valueMs).toBeGreaterThanOrEqual((measured?.p99 ?? 0) / 1000)
    const lines = files['y.csv']?.split('\r\n') ?? []
    expect(lines.length).toBe(1 + (http?.per_second.length ?? 0) + 1)
    expect(new Set(lines.slice(0, -1).map(line => line.split(',').length))).toEqual(new Set([15]))
  })

  it('refuses what the result has no figures for, and writes the rest', async () => {
    const {exitCode, stderr, files} = await outcomeOf(
      ['report', 'empty.json', '--hgrm', 'x.hgrm', '--csv', 'y.csv', '--html', 'z.html'],
      ['z.html'],
    )
    expect(files['z.html']).toContain('<h1>')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--csv: the result has no figures by second\n--hgrm: the result has no latency histogram')
    expect(stderr).toContain('Code: P2PAY_NO_FIGURES')
  })
})
