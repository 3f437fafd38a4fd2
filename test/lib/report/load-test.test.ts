/** What reports say of a load test: which model ran, what became of the requests, and what waiting cost. */
import {describe, expect, it} from 'vitest'
import {latencyChart, requestsChart, stepText} from '../../../src/lib/report/chart-time.js'
import {distributionsOf} from '../../../src/lib/report/distribution.js'
import {renderHtml} from '../../../src/lib/report/html.js'
import {renderJunit} from '../../../src/lib/report/junit.js'
import {renderMarkdown} from '../../../src/lib/report/markdown.js'
import type {HttpSecond, HttpSection, LatencySummary, RunResult} from '../../../src/lib/report/result.js'
import {renderResult} from '../../../src/lib/report/table.js'
import {sparkline} from '../../../src/lib/report/terminal.js'
import {
  ackedName,
  gapText,
  groupRows,
  latencyRows,
  queueText,
  requestsText,
  statusFacts,
  targetText,
} from '../../../src/lib/report/view-http.js'
import {loadtestResult, sampleResult} from '../../support/sample-result.js'

const OPEN = loadtestResult('open')
const CLOSED = loadtestResult('closed')

function httpOf({http}: RunResult): HttpSection {
  if (http === null) throw new Error('not a load test')
  return http
}
const open = (change: Partial<HttpSection> = {}): HttpSection => ({...httpOf(OPEN), ...change})
const closed = (change: Partial<HttpSection> = {}): HttpSection => ({...httpOf(CLOSED), ...change})
const terminal = (result: RunResult): string => renderResult(result, {color: false, width: 100})

describe('the requests of a load test', () => {
  it.each([
    ['planned = sent + dropped', open(), '10,000 planned = 9,947 sent + 53 dropped'],
    ['nothing dropped', open({sent: 10_000, dropped: 0}), '10,000 planned = 10,000 sent + 0 dropped'],
    [
      'cut short, with some in the queue',
      open({due: 4000, sent: 3900, dropped: 20, unsent: 80}),
      '4,000 due of 10,000 planned = 3,900 sent + 20 dropped + 80 still waiting',
    ],
    ['until stopped', open({planned: null, due: 50, sent: 50, dropped: 0}), '50 planned = 50 sent + 0 dropped'],
    ['closed, all of a count', closed(), '10,000 sent of 10,000 planned'],
    ['closed, for a time', closed({planned: null, sent: 12_345}), '12,345 sent'],
  ])('%s', (_, http, text) => {
    expect(requestsText(http)).toBe(text)
  })

  it('waited in a queue of known length, in the open model alone', () => {
    expect(queueText(open())).toBe('at most 600 of 600')
    expect(queueText(closed())).toBe('')
  })

  it('have their statuses by how often they came', () => {
    expect(statusFacts(open({statuses: {'202': 5, '429': 1200, '503': 7}}))).toEqual([
      ['429', '1,200'],
      ['503', '7'],
      ['202', '5'],
    ])
  })

  it('tell how they were sent', () => {
    expect(targetText(open())).toBe(
      'POST http://127.0.0.1:8000/api/v1/payments · success is status 2xx · keep-alive · timeout 2 s',
    )
    expect(targetText(open({keep_alive: false, timeout_ms: null}))).toMatch(
      /· a connection for each request · no timeout$/,
    )
  })
})

describe('the latencies of a load test', () => {
  it('stand side by side, planned also where there is none', () => {
    expect(latencyRows(OPEN).map(({name, basis}) => `${name}: ${basis}`)).toEqual([
      'service: sent → last byte',
      'first byte: sent → first byte',
      'planned: due → last byte',
    ])
    expect(latencyRows(CLOSED).map(({name, latency}) => [name, latency === null])).toEqual([
      ['service', false],
      ['first byte', false],
      ['planned', true],
      ['decided', false],
      ['persisted', false],
    ])
    expect(terminal(CLOSED)).toMatch(/planned {5}due → last byte( +n\/a){8}\n/)
  })

  const samplesOf = (p50: number, p90: number, p95: number, p99: number, p999: number): Partial<LatencySummary> => {
    return {p50, p90, p95, p99, p999}
  }
  const lasting = (service: Partial<LatencySummary>, planned: Partial<LatencySummary>): RunResult => ({
    ...OPEN,
    latencies: OPEN.latencies.map(each => ({
      ...each,
      ...(each.metric === 'http.response_time' ? service : each.metric === 'http.planned_time' ? planned : {}),
    })),
  })
  const calm = samplesOf(1000, 2000, 3000, 4000, 5000)

  it.each<[string, RunResult, string]>([
    ['at p99', OPEN, 'p99 is 1,197 ms planned, 28.7 ms service: the wait to be sent shows in planned alone'],
    [
      'at p95, where a long stall moves p99 of both',
      lasting(
        samplesOf(1000, 2000, 3000, 3_281_000, 3_348_000),
        samplesOf(1000, 2000, 1_776_000, 3_324_000, 3_377_000),
      ),
      'p95 is 1,776 ms planned, 3.00 ms service: the wait to be sent shows in planned alone',
    ],
    [
      'within a tenth everywhere',
      lasting(
        samplesOf(100_000, 200_000, 300_000, 400_000, 500_000),
        samplesOf(104_000, 206_000, 310_000, 420_000, 549_000),
      ),
      'planned and service agree up to p99.9: requests left when they were due',
    ],
    [
      'a trifle apart',
      lasting(calm, samplesOf(1900, 2900, 3900, 4900, 5900)),
      'planned and service agree up to p99.9: requests left when they were due',
    ],
    ['no success', {...OPEN, latencies: []}, ''],
  ])('are explained by one line: %s', (_, result, text) => {
    expect(gapText(result, httpOf(result))).toBe(text)
  })

  it('say of the closed model that it has no planned time', () => {
    expect(gapText(CLOSED, closed())).toBe(
      'no planned time in a closed model: requests wait for an answer, not for a schedule',
    )
  })

  it('are split by scenario and outcome only where that splits anything', () => {
    expect(groupRows(open({groups: httpOf(OPEN).groups.slice(0, 1)}))).toEqual([])
    expect(groupRows(closed()).map(({scenario, outcome}) => [scenario, outcome])).toEqual([
      ['', '2xx'],
      ['', 'timeout'],
      ['', 'error'],
    ])
    expect(groupRows(open()).map(({scenario}) => scenario)).toEqual(['warm', 'steady', 'steady', 'steady', 'steady'])
  })

  it('tell a 2xx that is no success from one that is', () => {
    const [first] = closed().groups
    if (first === undefined) throw new Error('the sample has groups')
    const groups = [first, {...first, success: false}]
    expect(groupRows(closed({groups})).map(({outcome}) => outcome)).toEqual(['2xx', '2xx, unwanted'])
  })

  it('go to one file in the closed model, and to two in the open one', () => {
    expect(distributionsOf(CLOSED).map(({suffix}) => suffix)).toEqual([''])
    expect(distributionsOf(OPEN).map(({suffix}) => suffix)).toEqual(['', 'planned'])
    expect(distributionsOf(sampleResult()).map(({text}) => /#\[Latency = (.*)\]/.exec(text)?.[1])).toEqual([
      'decided, due → decided, in ms',
    ])
  })
})

describe('the ladder of a load test', () => {
  it('names the status of what was acknowledged, when it was one', () => {
    expect(ackedName(CLOSED)).toBe('acked (202)')
    expect(ackedName({...CLOSED, http: closed({statuses: {'200': 5000, '202': 4995}})})).toBe('acked')
    expect(ackedName(sampleResult())).toBe('acked')
    expect(terminal(CLOSED)).toContain('acked (202)')
  })

  it('is not spoken of when nobody looked', () => {
    expect(terminal(OPEN)).not.toMatch(/LADDER|DETECTION/)
    expect(renderHtml(OPEN)).not.toMatch(/<h2>(Ladder|Detection)/)
    expect(renderMarkdown(OPEN)).not.toMatch(/### (Ladder|Detection)/)
    expect(renderJunit(OPEN)).not.toContain('p2pay.ladder')
  })
})

describe('the terminal report of a load test', () => {
  it.each([
    ['open', OPEN],
    ['closed', CLOSED],
    ['of millions', {...OPEN, latencies: OPEN.latencies.map(each => ({...each, count: 12_345_678}))}],
    [
      'with a long name',
      {...OPEN, http: open({groups: open().groups.map(each => ({...each, scenario: 'x'.repeat(80)}))})},
    ],
  ])('is at most 100 columns wide: %s', (_, result) => {
    const lines = terminal(result).split('AGAIN')[0]?.split('\n') ?? []
    expect(lines.filter(line => line.length > 100)).toEqual([])
  })

  it('fits on a screen when all went well', () => {
    const fine: RunResult = {...OPEN, http: open({groups: open().groups.slice(0, 1)}), load: {...OPEN.load, errors: []}}
    expect(terminal(fine).split('\n').length).toBeLessThanOrEqual(36)
  })

  it('leaves a blank where a second had no success', () => {
    expect(sparkline([10, null, 10])).toBe('█ █')
    expect(sparkline([null, null])).toBe('  ')
    expect(terminal(OPEN)).toMatch(/\n {2}p99 {8}▁{8} █▁{10} {2}least 7\.81 ms {3}most 1,393 ms\n/)
  })

  it('keeps the highest of what is put together, where that is asked', () => {
    const calm = Array<number>(400).fill(1)
    const line = sparkline(calm.with(205, 100), 'highest')
    expect(line).toHaveLength(40)
    expect(line[20]).toBe('█')
    expect(line.replaceAll('▁', '')).toBe('█')
  })
})

describe('the charts over time', () => {
  const second = (at: number, change: Partial<HttpSecond> = {}): HttpSecond => ({
    second: at,
    ...{due: 100, sent: 100, succeeded: 100, failed: 0, timeouts: 0, errors: 0, dropped: 0, in_flight: 1, queued: 0},
    ...{response_p50: 1000, response_p95: 2000, response_p99: 3000, response_max: 4000, planned_p99: 3100},
    ...change,
  })
  const silent = {response_p50: null, response_p95: null, response_p99: null, response_max: null, planned_p99: null}

  it('draw a bar for each outcome that came, and lines for due and sent', () => {
    const text = requestsChart([second(0), second(1, {succeeded: 40, failed: 30, timeouts: 10, dropped: 20})]).text
    expect(text.match(/<rect class="fill succeeded" x="[^"]*" y/g)).toHaveLength(1 + 2)
    expect(text.match(/<rect class="fill failed" x="[^"]*" y/g)).toHaveLength(1 + 1)
    expect(text.match(/<rect class="fill dropped" x="[^"]*" y/g)).toHaveLength(1 + 1)
    expect(text).toContain('second 2: due 100/s, sent 100/s, succeeded 40/s, failed 40/s, dropped 20/s')
    expect(text).toMatch(/<path class="line due" d="M/)
    expect(text).toMatch(/<path class="line sent" d="M/)
  })

  it('have no due line and no dropped requests in the closed model', () => {
    const text = requestsChart([second(0, {due: null, dropped: null}), second(1, {due: null, dropped: null})]).text
    expect(text).not.toMatch(/due|dropped/)
  })

  it('break the line where no request came back, and show a second that stands alone', () => {
    const pathOf = (seconds: readonly HttpSecond[]): string =>
      /<path class="line s0" d="([^"]*)"\/>(?!<\/svg>)/.exec(latencyChart(seconds).text)?.[1] ?? ''
    const moves = (seconds: readonly HttpSecond[]): number => pathOf(seconds).match(/M/g)?.length ?? 0
    expect(moves([0, 1, 2, 3].map(at => second(at)))).toBe(1)
    expect(moves([second(0), second(1), second(2, silent), second(3)])).toBe(2)
    expect(pathOf([second(0, silent), second(1), second(2, silent)])).toMatch(/^M(\S+ \S+)L\1$/)
  })

  it('are nothing when nothing came back', () => {
    expect(latencyChart([second(0, silent), second(1, silent)]).text).toBe('')
    expect(requestsChart([]).text).toBe('')
  })

  it('put long runs together: the mean of rates, the highest of latencies', () => {
    const hour = Array.from({length: 3600}, (_, at) =>
      second(at, at === 1234 ? {response_p99: 900_000, succeeded: 0} : {}),
    )
    expect(stepText(hour)).toBe('one step is 12 seconds: rates are their mean, latencies the highest of their seconds')
    expect(latencyChart(hour).text).toContain('seconds 1225 to 1236: planned p99 3.10 ms, service p99 900 ms')
    expect(requestsChart(hour).text).toContain('succeeded 91.67/s')
    expect(requestsChart(hour).text.length).toBeLessThan(150_000)
    expect(stepText(hour.slice(0, 300))).toBe('')
  })
})

const EVIL = `<script>alert("1")</script>'"&\`|*_]]>\u0007\u001b[31m\u0000\nnew line \ud800`

describe('a hostile load test', () => {
  const evil: RunResult = {
    ...OPEN,
    http: open({
      ...{target: EVIL, method: EVIL, success: EVIL, statuses: {[EVIL]: 1}},
      groups: open().groups.map(each => ({...each, scenario: EVIL})),
    }),
    load: {...OPEN.load, description: EVIL, errors: [{code: EVIL, count: 1, example: EVIL}]},
    latencies: OPEN.latencies.map(each => ({...each, basis: EVIL, hdr: EVIL})),
  }

  it('puts no markup into HTML, markdown or JUnit', () => {
    expect(renderHtml(evil)).not.toMatch(/<script|alert\("1"\)/)
    expect(renderMarkdown(evil).replaceAll(/```[\s\S]*?```|`[^`]*`/g, '')).not.toContain('<')
    for (const line of renderMarkdown(evil)
      .split('\n')
      .filter(each => each.startsWith('|')))
      expect(line).toMatch(/\|$/)
    expect(renderJunit(evil)).not.toContain('<script')
  })

  it('cannot colour, clear or break the terminal’s lines', () => {
    expect(terminal(evil).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}]/u)
  })
})

describe('a load test in which nothing succeeded', () => {
  const nothing: RunResult = {
    ...OPEN,
    load: {...OPEN.load, achieved_tps: 0, achieved_ratio: 0, acked: 0},
    latencies: [],
    http: open({
      ...{succeeded: 0, requests_per_s: 0, error_rate: 1, statuses: {}, groups: []},
      per_second: open().per_second.map(each => ({
        ...each,
        succeeded: 0,
        response_p50: null,
        response_p95: null,
        response_p99: null,
        response_max: null,
        planned_p99: null,
      })),
    }),
  }

  it.each<[string, (result: RunResult) => string]>([
    ['terminal', terminal],
    ['HTML', renderHtml],
    ['markdown', renderMarkdown],
    ['JUnit', renderJunit],
  ])('has n/a for latencies in %s, and no null, undefined or NaN', (_, render) => {
    expect(render(nothing)).toContain('n/a')
    expect(render(nothing)).not.toMatch(/\b(null|undefined|NaN|Infinity)\b/)
  })
})

describe('the verdict of a load test that nothing judged', () => {
  const unjudged = (change: Partial<HttpSection>): RunResult => ({
    ...OPEN,
    ...{thresholds: [], verdict: 'passed', http: open({sent: 40, due: 40, dropped: 0, timeouts: 0, ...change})},
  })
  const SPOILT = unjudged({succeeded: 10, failed: 30, errors: 0})

  it.each([
    ['some failed', {succeeded: 10, failed: 28, errors: 2}, '! FINISHED', '30 of 40 requests failed'],
    [
      'some were dropped',
      {sent: 376, due: 1200, succeeded: 376, failed: 0, errors: 0, dropped: 824},
      '! FINISHED',
      '824 of 1,200 were dropped',
    ],
    ['nothing failed', {succeeded: 40, failed: 0, errors: 0}, '· FINISHED', 'all 40 requests succeeded'],
  ])('is that it finished: %s', (_, change, title, reason) => {
    const [first] = terminal(unjudged(change)).split('\n')
    expect(first).toBe(`${title}  loadtest  no thresholds judged it; ${reason}`)
  })

  it('is doubtful in HTML and markdown as well when something failed', () => {
    expect(renderHtml(SPOILT)).toContain('<header class="doubtful">\n<h1>FINISHED: loadtest</h1>')
    expect(renderMarkdown(SPOILT)).toMatch(/^## ⚠️ FINISHED: loadtest\n\nNo thresholds judged it; 30 of 40 requests/)
  })

  it('is PASSED with a threshold that held, and with books that balance', () => {
    const held = OPEN.thresholds.slice(0, 1).map(each => ({...each, passed: true}))
    expect(terminal({...SPOILT, thresholds: held})).toMatch(/^✓ PASSED {2}loadtest {2}1 threshold held\n/)
    expect(terminal({...SPOILT, ladder: CLOSED.ladder})).toMatch(/^✓ PASSED {2}loadtest {2}the books balance\n/)
  })

  it('says why it failed when no threshold does', () => {
    const errors = [{code: 'ECONNREFUSED', count: 40, example: 'connect ECONNREFUSED'}]
    const hopeless = unjudged({succeeded: 0, failed: 0, errors: 40})
    expect(terminal({...hopeless, verdict: 'failed', load: {...OPEN.load, errors}})).toMatch(
      /^✗ FAILED {2}loadtest {2}none of 40 requests succeeded \(40 ECONNREFUSED\)\n/,
    )
    expect(terminal({...SPOILT, verdict: 'failed', ladder: CLOSED.ladder})).toMatch(
      /^✗ FAILED {2}loadtest {2}the books balance, 30 of 40 requests failed\n/,
    )
  })
})
