/** All forms of the report against golden files, and against results that try to break out of them. */
import {readFile, writeFile} from 'node:fs/promises'
import {describe, expect, it} from 'vitest'
import {renderCsv} from '../../../src/lib/report/csv.js'
import {distributionsOf} from '../../../src/lib/report/distribution.js'
import {renderHtml} from '../../../src/lib/report/html.js'
import {renderJunit} from '../../../src/lib/report/junit.js'
import {renderMarkdown} from '../../../src/lib/report/markdown.js'
import type {RunResult} from '../../../src/lib/report/result.js'
import {renderResult} from '../../../src/lib/report/table.js'
import {emptyResult, loadtestResult, sampleResult} from '../../support/sample-result.js'

const CLOSED = loadtestResult('closed')
const OPEN = loadtestResult('open')

const FORMS: Readonly<Record<string, (result: RunResult) => string>> = {
  txt: result => renderResult(result, {color: false, width: 100}),
  'ansi.txt': result => renderResult(result, {color: true, width: 100}),
  html: renderHtml,
  'junit.xml': renderJunit,
  md: renderMarkdown,
  csv: renderCsv,
  hgrm: result =>
    distributionsOf(result)
      .map(({suffix, text}) => `${suffix}\n${text}`)
      .join(''),
}
const RESULTS = {
  report: sampleResult,
  'report-empty': emptyResult,
  'report-closed': () => CLOSED,
  'report-open': () => OPEN,
}

describe.each(Object.entries(FORMS))('the report as %s', (extension, render) => {
  it.each(Object.entries(RESULTS))('is the golden %s (UPDATE_GOLDEN=1 writes it)', async (name, make) => {
    const file = new URL(`../../golden/${name}.${extension}`, import.meta.url)
    const text = render(make())
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
    expect(text).toBe(await readFile(file, 'utf8'))
  })

  it('prints no null, undefined or NaN, whatever was not measured', () => {
    const {load, latencies} = sampleResult()
    const text = render({
      ...sampleResult(),
      load: {...load, requested_tps: null, achieved_tps: null, achieved_ratio: null, speed_up: null},
      latencies: latencies.map(each => ({
        ...each,
        ...{
          count: 0,
          min: null,
          mean: null,
          p50: null,
          p90: null,
          p95: null,
          p99: null,
          p999: null,
          p9999: null,
          max: null,
          hdr: null,
        },
      })),
    })
    expect(text).not.toMatch(/\b(null|undefined|NaN|Infinity)\b/)
  })
})

describe('the result of an interrupted run', () => {
  const interrupted = (verdict: RunResult['verdict'], acked = 9998): RunResult => {
    const result = sampleResult()
    return {...result, verdict, run: {...result.run, interrupted: true}, load: {...result.load, acked}}
  }

  it.each(['txt', 'html', 'md'])('says so in the title of %s', form => {
    expect(FORMS[form]?.(interrupted('inconclusive'))).toContain('INTERRUPTED')
    expect(FORMS[form]?.(interrupted('failed'))).toContain('FAILED, INTERRUPTED')
  })

  it.each(['inconclusive', 'failed'] as const)('is no full pass to a CI server, being %s', verdict => {
    expect(renderJunit(interrupted(verdict))).toContain('<error message="run was interrupted: ')
  })

  it('says that nothing had begun rather than that thresholds failed', () => {
    const text = renderResult(interrupted('inconclusive', 0), {color: false, width: 100})
    expect(text.split('\n')[0]).toMatch(/^! INTERRUPTED {2}\S+ {2}interrupted before any payment was acknowledged$/)
  })
})

describe('payments by second', () => {
  it('are as many bars as the schedule has seconds, though the last acks came just after it', () => {
    const result = sampleResult()
    const load = {...result.load, per_second: [...Array<number>(20).fill(300), 2], wall_s: 20.01}
    expect(renderHtml({...result, load}).match(/<rect class="bar"/g)).toHaveLength(20)
    expect(renderResult({...result, load}, {color: false, width: 100})).toMatch(/by second {2}\S{20} {2}least/)
  })

  it('have an empty second among them, and leave the last one out of the least when it is no whole second', () => {
    const result = sampleResult()
    const least = (per_second: readonly number[], wall_s: number): string | undefined =>
      /least [\d,]+/.exec(
        renderResult({...result, load: {...result.load, per_second, wall_s}}, {color: false, width: 100}),
      )?.[0]
    expect(least([300, 0, 300], 3)).toBe('least 0')
    expect(least(Array(20).fill(0), 20)).toBe('least 0')
    expect(least([300, 299, 300, 2], 3.01)).toBe('least 299')
  })
})

const ESCAPE = String.fromCharCode(27)
const EVIL = `<script>alert("1")</script>'"&\`|*_]]>\u0007\u001b[31m\u0000\nnew line \ud800`

/** A result whose every text is hostile. */
function evilResult(): RunResult {
  const {run, load, ladder, latencies, detection, ...rest} = sampleResult()
  return {
    ...rest,
    run: {
      ...run,
      ...{tag: EVIL, scenario: EVIL, scenario_sha256: EVIL, command: EVIL, broker: EVIL, cluster: EVIL, database: EVIL},
      ...{started_at: EVIL, finished_at: EVIL, versions: {p2pay: EVIL, node: EVIL}, machine: {cpus: 1, platform: EVIL}},
    },
    load: {...load, description: EVIL, errors: [{code: EVIL, count: 1, example: EVIL}]},
    ladder:
      ladder === null ? null : {...ladder, anomalies: ladder.anomalies.map(each => ({...each, examples: [EVIL]}))},
    latencies: latencies.map(each => ({...each, basis: EVIL, hdr: EVIL})),
    detection:
      detection === null
        ? null
        : {...detection, typologies: detection.typologies.map(each => ({...each, typology: EVIL}))},
    thresholds: [{metric: EVIL, expression: EVIL, severity: 'fail', actual: 1, passed: false, reason: EVIL}],
    notes: [EVIL],
  }
}

describe('a hostile result', () => {
  it('puts no markup into HTML', () => {
    const text = renderHtml(evilResult())
    expect(text).not.toContain('<script')
    expect(text).not.toContain('alert("1")')
    expect(tagsOf(text)).toEqual(new Set([...tagsOf(renderHtml(sampleResult()))].filter(tag => tagsOf(text).has(tag))))
  })

  it('leaves JUnit well-formed', () => {
    const text = renderJunit(evilResult())
    expect(wellFormedness(text)).toBe('well-formed')
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}]/u)
  })

  it('cannot colour, clear or break the terminal’s lines', () => {
    const text = renderResult(evilResult(), {color: false, width: 100})
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}]/u)
    expect(text.split('\n').length).toBeLessThan(90)
  })

  it('starts no markup in markdown', () => {
    const text = renderMarkdown(evilResult())
    // Within code nothing is markup.
    expect(text.replaceAll(/```[\s\S]*?```|`[^`]*`/g, '')).not.toContain('<')
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    const tables = text.split('\n').filter(line => line.startsWith('|'))
    for (const line of tables) expect(line).toMatch(/\|$/)
  })
})

describe('the HTML report', () => {
  it('loads nothing and runs nothing', () => {
    const text = renderHtml(sampleResult())
    expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(text).not.toMatch(/<(script|link|img|iframe|object)\b|\bon\w+=|url\(|@import|https?:/)
  })

  it('is well-formed, so that any browser shows the same', () => {
    const asXml = renderHtml(sampleResult())
      .replace('<!doctype html>', '')
      .replaceAll(/<(meta|br)\b([^>]*)>/g, '<$1$2/>')
    expect(wellFormedness(asXml)).toBe('well-formed')
  })
})

describe('the terminal report', () => {
  it('is the same without colour, but for the colour', () => {
    const colored = renderResult(sampleResult(), {color: true, width: 100})
    expect(colored.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '')).toBe(
      renderResult(sampleResult(), {color: false, width: 100}),
    )
  })

  it('is at most 100 columns wide', () => {
    const lines = renderResult(sampleResult(), {color: false, width: 240}).split('\n')
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(100)
  })

  it('says so when there are too few frauds for a verdict', () => {
    const {detection} = sampleResult()
    if (detection === null) throw new Error('the sample has a grade')
    const result = {...sampleResult(), detection: {...detection, frauds: 37, enough_frauds: false}}
    for (const render of [FORMS['txt'], FORMS['html'], FORMS['md']]) {
      expect(render?.(result)).toContain(
        '37 frauds graded, fewer than 100: figures are shown, no verdict rests on them',
      )
    }
  })
})

function tagsOf(text: string): Set<string> {
  return new Set([...text.matchAll(/<([a-z!/][^\s>]*)/gi)].map(match => match[1] ?? ''))
}

/** `well-formed`, or the first thing that no XML parser would take. */
function wellFormedness(xml: string): string {
  const open: string[] = []
  const rest = xml
    .replace(/^<\?xml[^?]*\?>/, '')
    .replaceAll(
      /<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>/g,
      (_, close: string, name: string, __, empty: string) => {
        if (close !== '') {
          const last = open.pop()
          if (last !== name) open.push(`${last} closed by ${name}`)
        } else if (empty === '') {
          open.push(name)
        }
        return ''
      },
    )
  if (open.length > 0) return `left open: ${open.join(', ')}`
  const stray = /<|&(?!(amp|lt|gt|quot|apos|#\d+);)/.exec(rest.replace(/:root[\s\S]*?@media print.*/, ''))
  return stray === null ? 'well-formed' : `stray markup: ${rest.slice(stray.index, stray.index + 60)}`
}
