/** Two results side by side: what is better, what is noise, and which runs may not be compared at all. */
import {readFile, writeFile} from 'node:fs/promises'
import {constantFrom, double, assert as holds, property, record} from 'fast-check'
import {describe, expect, it} from 'vitest'
import {METRICS} from '../../../src/lib/metrics/catalogue.js'
import {compareResults, judgeChange} from '../../../src/lib/report/compare.js'
import {renderComparisonJunit} from '../../../src/lib/report/compare-junit.js'
import {unlikenessText} from '../../../src/lib/report/compare-likeness.js'
import {renderComparisonMarkdown} from '../../../src/lib/report/compare-markdown.js'
import {comparisonJsonSchema, comparisonSchema} from '../../../src/lib/report/compare-schema.js'
import {renderComparison} from '../../../src/lib/report/compare-table.js'
import type {Comparison, ComparisonRow} from '../../../src/lib/report/comparison.js'
import type {HttpSection, LatencySummary, RunResult} from '../../../src/lib/report/result.js'
import {emptyResult, loadtestResult, sampleResult} from '../../support/sample-result.js'

const RUN = sampleResult()
const OPEN = loadtestResult('open')
const CLOSED = loadtestResult('closed')
const FILES = {base: 'base.json', new: 'new.json'}

function compare(base: RunResult, next: RunResult, noise = 0.05): Comparison {
  return compareResults(base, next, {noise, files: FILES})
}

function withHttp(result: RunResult, change: Partial<HttpSection>): RunResult {
  if (result.http === null) throw new Error('not a load test')
  return {...result, http: {...result.http, ...change}}
}

/** One latency's figures times a factor. */
function slower(result: RunResult, metric: LatencySummary['metric'], factor: number): RunResult {
  const times = (us: number | null): number | null => (us === null ? null : us * factor)
  return {
    ...result,
    latencies: result.latencies.map(each =>
      each.metric === metric
        ? {...each, p50: times(each.p50), p95: times(each.p95), p99: times(each.p99), max: times(each.max)}
        : each,
    ),
  }
}

function row(comparison: Comparison, metric: string, statistic: string | null = null): ComparisonRow | undefined {
  return comparison.rows.find(each => each.metric === metric && each.statistic === statistic)
}

describe('a change', () => {
  it.each<[string, Parameters<typeof judgeChange>[0], string]>([
    ['a latency 4 % up', {base: 10_000, next: 10_400, better: 'lower', noise: 0.05, floor: 100}, 'same'],
    ['a latency just at the noise', {base: 10_000, next: 10_500, better: 'lower', noise: 0.05, floor: 100}, 'same'],
    ['a latency 6 % up', {base: 10_000, next: 10_600, better: 'lower', noise: 0.05, floor: 100}, 'worse'],
    ['a latency 6 % down', {base: 10_600, next: 10_000, better: 'lower', noise: 0.05, floor: 100}, 'better'],
    ['a rate 6 % down', {base: 1060, next: 1000, better: 'higher', noise: 0.05, floor: 0}, 'worse'],
    ['a rate 6 % up', {base: 1000, next: 1060, better: 'higher', noise: 0.05, floor: 0}, 'better'],
    ['twice a tiny latency', {base: 80, next: 160, better: 'lower', noise: 0.05, floor: 100}, 'same'],
    ['a tiny latency past the floor', {base: 80, next: 181, better: 'lower', noise: 0.05, floor: 100}, 'worse'],
    ['an error where there was none', {base: 0, next: 1, better: 'lower', noise: 0, floor: 0}, 'worse'],
    [
      'one failed request in ten thousand',
      {base: 0, next: 0.0001, better: 'lower', noise: 0.05, floor: 0.0001},
      'same',
    ],
    ['two in ten thousand', {base: 0, next: 0.0002, better: 'lower', noise: 0.05, floor: 0.0001}, 'worse'],
    ['nothing at all', {base: 0, next: 0, better: 'higher', noise: 0, floor: 0}, 'same'],
  ])('%s', (_, change, verdict) => {
    expect(judgeChange(change)).toBe(verdict)
  })

  const MIRROR = {better: 'worse', worse: 'better', same: 'same'} as const

  it('swaps its verdict when the two are swapped', () => {
    const value = double({min: 0, max: 1e9, noNaN: true})
    const change = record({
      ...{base: value, next: value, better: constantFrom<'lower' | 'higher'>('lower', 'higher')},
      ...{noise: double({min: 0, max: 1, noNaN: true}), floor: double({min: 0, max: 1000, noNaN: true})},
    })
    holds(
      property(change, given => {
        expect(judgeChange({...given, base: given.next, next: given.base})).toBe(MIRROR[judgeChange(given)])
      }),
    )
  })
})

describe('the direction of a metric', () => {
  it('is up for rates, recall and precision, and down for all else', () => {
    const up = Object.entries(METRICS).flatMap(([name, info]) => ('better' in info ? [name] : []))
    expect(up.toSorted()).toEqual([
      'detect.precision',
      'detect.recall',
      'http.requests_per_s',
      'rate.achieved_ratio',
      'rate.achieved_tps',
    ])
  })
})

describe.each([
  ['a run', RUN],
  ['a load test of the open model', OPEN],
  ['a load test of the closed model', CLOSED],
])('%s against itself', (_, result) => {
  it('is the same in every row', () => {
    const comparison = compare(result, result, 0)
    expect(comparison).toMatchObject({verdict: 'same', unlike: []})
    expect(comparison.rows.map(({verdict, ratio}) => [verdict, ratio])).toEqual(comparison.rows.map(() => ['same', 1]))
  })

  it('has the published shape', () => {
    const comparison = compare(result, result)
    expect(comparisonSchema.parse(JSON.parse(JSON.stringify(comparison)))).toEqual(comparison)
  })
})

describe('a comparison', () => {
  it('has a row for rate, errors, each percentile, books and detection', () => {
    const rowsOf = (result: RunResult): string[] =>
      compare(result, result).rows.map(({metric, statistic}) => `${metric} ${statistic ?? ''}`.trim())
    const four = (metric: string): string[] => ['p50', 'p95', 'p99', 'max'].map(statistic => `${metric} ${statistic}`)
    expect(rowsOf(RUN)).toEqual([
      ...['rate.achieved_tps', 'produce.error_rate'],
      ...['produce.lateness', 'produce.ack_time', 'detect.decision_time', 'persist.row_time'].flatMap(four),
      ...['audit.unbalanced', 'detect.recall', 'detect.precision', 'detect.fpr'],
    ])
    expect(rowsOf(OPEN)).toEqual([
      ...['http.requests_per_s', 'http.error_rate'],
      ...['produce.lateness', 'http.first_byte_time', 'http.response_time', 'http.planned_time'].flatMap(four),
    ])
  })

  it('is worse when a percentile is, and better the other way round', () => {
    const slow = slower(OPEN, 'http.planned_time', 1.2)
    expect(compare(OPEN, slow).verdict).toBe('worse')
    expect(row(compare(OPEN, slow), 'http.planned_time', 'p99')).toMatchObject({
      verdict: 'worse',
      decides: true,
      ratio: expect.closeTo(1.2),
    })
    expect(compare(slow, OPEN).verdict).toBe('better')
    expect(compare(OPEN, slow, 0.25).verdict).toBe('same')
  })

  it('is worse when anything is, whatever got better', () => {
    const mixed = slower(slower(OPEN, 'http.planned_time', 1.2), 'http.response_time', 0.5)
    expect(compare(OPEN, mixed).verdict).toBe('worse')
  })

  it('does not rest on a maximum, which is one sample', () => {
    const {latencies} = OPEN
    const odd = {...OPEN, latencies: latencies.map(each => ({...each, max: (each.max ?? 0) * 10}))}
    const comparison = compare(OPEN, odd)
    expect(comparison.verdict).toBe('same')
    expect(row(comparison, 'http.response_time', 'max')).toMatchObject({verdict: 'worse', decides: false})
  })

  it.each([
    [1000, true],
    [999, false],
  ])('rests on a p99 of %i samples: %s', (count, decides) => {
    const few = {...OPEN, latencies: OPEN.latencies.map(each => ({...each, count}))}
    expect(row(compare(few, OPEN), 'http.response_time', 'p99')?.decides).toBe(decides)
    expect(row(compare(OPEN, few), 'http.response_time', 'p99')?.decides).toBe(decides)
  })

  it.each([
    ['in NEW', RUN, {...RUN, latencies: RUN.latencies.filter(({metric}) => metric !== 'persist.row_time')}],
    ['in BASE', {...RUN, latencies: RUN.latencies.filter(({metric}) => metric !== 'persist.row_time')}, RUN],
  ])('says of what was not measured %s that it was not, and does not judge it', (side, base, next) => {
    const comparison = compare(base, next)
    expect(comparison.verdict).toBe('same')
    expect(row(comparison, 'persist.row_time', 'p99')).toMatchObject({verdict: null, ratio: null, decides: false})
    expect(renderComparison(comparison, {color: false, width: 100})).toMatch(
      new RegExp(`persisted, ms +p50 .*n/a +· +not measured ${side}`),
    )
  })

  it('counts broken books without noise', () => {
    const {ladder} = RUN
    if (ladder === null) throw new Error('the sample has books')
    const twice = {
      ...RUN,
      ladder: {...ladder, anomalies: ladder.anomalies.map(each => ({...each, count: each.count + 1}))},
    }
    expect(row(compare(RUN, twice, 1), 'audit.unbalanced')).toMatchObject({base: 1, new: 2, verdict: 'worse'})
  })

  it('leaves detection out when too few frauds were graded', () => {
    const {detection} = RUN
    if (detection === null) throw new Error('the sample has a grade')
    const few = {...RUN, detection: {...detection, enough_frauds: false}}
    expect(row(compare(few, few), 'detect.recall')).toBeUndefined()
  })
})

describe('runs that are not alike', () => {
  const withRun = (result: RunResult, change: Partial<RunResult['run']>): RunResult => ({
    ...result,
    run: {...result.run, ...change},
  })
  const withLoad = (result: RunResult, change: Partial<RunResult['load']>): RunResult => ({
    ...result,
    load: {...result.load, ...change},
  })

  it.each<[RunResult, RunResult, string]>([
    [OPEN, withLoad(OPEN, {requested_tps: 1000}), 'rate: 500/s in BASE, 1,000/s in NEW'],
    [OPEN, withHttp(OPEN, {planned: 20_000}), 'planned: 10,000 in BASE, 20,000 in NEW'],
    [CLOSED, withHttp(CLOSED, {planned: null}), 'planned: 10,000 in BASE, as many as the time allows in NEW'],
    [RUN, withLoad(RUN, {planned: 9000}), 'planned: 10,000 in BASE, 9,000 in NEW'],
    [OPEN, withHttp(OPEN, {concurrency: 200}), 'concurrency: 50 in BASE, 200 in NEW'],
    [OPEN, withHttp(OPEN, {queue: {limit: 5000, longest: 0}}), 'queue: 600 in BASE, 5,000 in NEW'],
    [OPEN, withLoad(OPEN, {warmup_count: 100}), 'warm-up: 0 in BASE, 100 in NEW'],
    [OPEN, withLoad(OPEN, {description: 'a ramp'}), `load: ${OPEN.load.description} in BASE, a ramp in NEW`],
    [OPEN, withRun(OPEN, {seed: 7}), 'seed: 42 in BASE, 7 in NEW'],
    [
      OPEN,
      withRun(OPEN, {scenario_sha256: 'f'.repeat(64)}),
      'scenario digest: e055f7c4a0c5 in BASE, ffffffffffff in NEW',
    ],
    [
      OPEN,
      withHttp(OPEN, {target: 'http://127.0.0.1:8000/api/v1/score'}),
      'path: /api/v1/payments in BASE, /api/v1/score in NEW',
    ],
    [OPEN, withHttp(OPEN, {method: 'PUT'}), 'method: POST in BASE, PUT in NEW'],
    [OPEN, withHttp(OPEN, {sent_bytes: 100 * 9947}), 'body: 412 bytes in BASE, 100 bytes in NEW'],
    [OPEN, withHttp(OPEN, {success: 'status 202'}), 'success rule: status 2xx in BASE, status 202 in NEW'],
    [OPEN, withHttp(OPEN, {keep_alive: false}), 'keep-alive: yes in BASE, no in NEW'],
    [OPEN, withHttp(OPEN, {timeout_ms: null}), 'timeout: 2 s in BASE, none in NEW'],
    [OPEN, withRun(OPEN, {machine: {cpus: 8, platform: 'linux x64'}}), 'cores: 2 in BASE, 8 in NEW'],
    [OPEN, withRun(OPEN, {machine: {cpus: 2, platform: 'darwin'}}), 'platform: linux x64 in BASE, darwin in NEW'],
    [OPEN, withRun(OPEN, {versions: {p2pay: '0.2.0', node: '20.20.2'}}), 'p2pay: 0.1 in BASE, 0.2 in NEW'],
    [OPEN, withRun(OPEN, {interrupted: true}), 'outcome: failed in BASE, interrupted in NEW'],
    [OPEN, {...OPEN, verdict: 'inconclusive'}, 'outcome: failed in BASE, inconclusive in NEW'],
  ])('differ: %#', (base, next, reason) => {
    const comparison = compare(base, next)
    expect(comparison.unlike.map(unlikenessText)).toEqual([reason])
    expect(comparison.verdict).toBe('unlike')
    expect(comparison.rows.every(({verdict, decides}) => verdict === null && !decides)).toBe(true)
    expect(compare(next, base).unlike).toHaveLength(1)
  })

  it('are told by every reason', () => {
    expect(compare(RUN, OPEN).unlike.map(({what}) => what)).toEqual(['kind', 'warm-up'])
    expect(compare(OPEN, CLOSED).unlike.map(({what}) => what)).toEqual(['rate', 'model', 'concurrency', 'queue'])
    expect(compare(OPEN, withRun(withHttp(OPEN, {method: 'PUT'}), {seed: 7})).unlike.map(({what}) => what)).toEqual([
      'seed',
      'method',
    ])
  })

  it('are not those that differ in host, tag, time, patch version or bytes by a few', () => {
    const later = withRun(
      withHttp(OPEN, {target: 'https://staging.example:8443/api/v1/payments', sent_bytes: 410 * 9947}),
      {tag: 'ba9876543210', started_at: '2026-01-06T09:00:00.000Z', versions: {p2pay: '0.1.9', node: '22.1.0'}},
    )
    expect(compare(OPEN, later)).toMatchObject({verdict: 'same', unlike: []})
  })

  it('are shown all the same, without a verdict', () => {
    const text = renderComparison(compare(OPEN, slower(withRun(OPEN, {seed: 7}), 'http.response_time', 9)), {
      color: false,
      width: 100,
    })
    expect(text).toMatch(/^! UNLIKE {2}base\.json → new\.json {2}no verdict: they differ in 1 respect\n/)
    expect(text).toContain('! seed: 42 in BASE, 7 in NEW')
    expect(text).toContain('9.00×')
    expect(text).not.toContain('worse')
  })
})

const FORMS: Readonly<Record<string, (comparison: Comparison) => string>> = {
  txt: comparison => renderComparison(comparison, {color: false, width: 100}),
  'ansi.txt': comparison => renderComparison(comparison, {color: true, width: 100}),
  md: renderComparisonMarkdown,
  'junit.xml': renderComparisonJunit,
}
const worse = withHttp(slower(slower(OPEN, 'http.planned_time', 1.31), 'http.first_byte_time', 0.82), {
  requests_per_s: 488.02,
  error_rate: 0.0214,
})
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  'compare-worse': compare(OPEN, {
    ...worse,
    latencies: worse.latencies.filter(({metric}) => metric !== 'produce.lateness'),
  }),
  'compare-same': compare(RUN, RUN),
  'compare-unlike': compare(RUN, CLOSED),
}

describe.each(Object.entries(FORMS))('a comparison as %s', (extension, render) => {
  it.each(Object.entries(COMPARISONS))('is the golden %s (UPDATE_GOLDEN=1 writes it)', async (name, comparison) => {
    const file = new URL(`../../golden/${name}.${extension}`, import.meta.url)
    const text = render(comparison)
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
    expect(text).toBe(await readFile(file, 'utf8'))
  })

  it('prints no null, undefined or NaN of results that measured nothing', () => {
    expect(render(compare(emptyResult(), RUN))).not.toMatch(/\b(null|undefined|NaN|Infinity)\b/)
    expect(render(compare(emptyResult(), emptyResult()))).not.toMatch(/\b(null|undefined|NaN|Infinity)\b/)
  })

  it('cannot be broken out of by names from a file', () => {
    const evil = `<script>alert(1)</script>"'\`|\u001b[31m\u0000\nline`
    const text = render(
      compareResults({...OPEN, run: {...OPEN.run, tag: evil, started_at: evil}}, OPEN, {
        noise: 0.05,
        files: {base: evil, new: evil},
      }),
    )
    if (extension === 'md' || extension === 'junit.xml')
      expect(text.replaceAll(/`[^`]*`/g, '')).not.toContain('<script')
    if (extension !== 'ansi.txt') expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })
})

describe('a comparison for the terminal', () => {
  it('is at most 100 columns wide, but for names', () => {
    for (const comparison of Object.values(COMPARISONS)) {
      const lines = renderComparison(comparison, {color: false, width: 200}).split('\n')
      expect(Math.max(...lines.slice(5).map(line => line.length))).toBeLessThanOrEqual(100)
    }
  })
})

describe('docs/compare-v1.schema.json', () => {
  it('is what the schema in the code says (UPDATE_GOLDEN=1 writes it)', async () => {
    const file = new URL('../../../docs/compare-v1.schema.json', import.meta.url)
    const text = `${JSON.stringify(comparisonJsonSchema(), null, 2)}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
    expect(await readFile(file, 'utf8')).toBe(text)
  })
})
