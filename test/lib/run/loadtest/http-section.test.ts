import {describe, expect, it} from 'vitest'
import {metricSetOf, summarizeLatencies} from '../../../../src/lib/report/assemble.js'
import {
  type HttpFacts,
  httpHistograms,
  httpLoad,
  httpNotes,
  httpSection,
} from '../../../../src/lib/run/loadtest/http-section.js'
import type {LoadtestSummary} from '../../../../src/lib/run/loadtest/options.js'
import {type FakeAnswer, type FakeServer, stalling, steady} from '../../../support/fake-http-client.js'
import {closedModel, type GivenLoad, loaded, loading, openModel} from '../../../support/load.js'

const FACTS: HttpFacts = {
  target: 'http://127.0.0.1:8000/api/v1/payments',
  method: 'POST',
  concurrency: 200,
  keepAlive: true,
  timeoutMs: 10_000,
  success: 'status 2xx',
  queueCount: 5000,
}
const CLOSED_FACTS: HttpFacts = {...FACTS, concurrency: 10, queueCount: null, timeoutMs: Number.POSITIVE_INFINITY}

async function summaryOf(given: GivenLoad): Promise<LoadtestSummary> {
  return (await loaded(given)).result
}

/** Every tenth is busy, every hundredth does not come back. */
const troubled: FakeServer = index =>
  index % 100 === 0
    ? {afterMs: 100, kind: 'timeout', errorCode: 'TIMEOUT'}
    : index % 10 === 0
      ? {afterMs: 2, status: 503}
      : {afterMs: 2}

describe('the HTTP section of an open model', () => {
  it('has the books of the run: due = sent + dropped + unsent, sent = succeeded + failed + timeouts + errors', async () => {
    const summary = await summaryOf({model: openModel(), server: troubled})
    const http = httpSection(summary, FACTS)
    expect(http).toMatchObject({
      ...{target: FACTS.target, method: 'POST', model: 'open', concurrency: 200, keep_alive: true, timeout_ms: 10_000},
      ...{planned: 1000, due: 1000, sent: 1000, dropped: 0, unsent: 0},
      ...{succeeded: 900, failed: 90, timeouts: 10, errors: 0, error_rate: 0.1},
      statuses: {202: 900, 503: 90},
      queue: {limit: 5000, longest: 0},
    })
    expect(http.groups.map(({outcome, success, count}) => [outcome, success, count])).toEqual([
      ['2xx', true, 900],
      ['5xx', false, 90],
      ['timeout', false, 10],
    ])
    expect(http.groups.every(group => group.planned?.basis === 'due → last byte')).toBe(true)
    // Those of the last milliseconds come back in a third second.
    expect(http.per_second.map(second => second.due)).toEqual([500, 500, 0])
    expect(http.requests_per_s).toBeCloseTo(900 / (summary.wallUs / 1e6), 6)
  })

  it('tells the same run in payments', async () => {
    const summary = await summaryOf({model: openModel(), server: troubled})
    const load = httpLoad(summary)
    expect(load).toMatchObject({
      ...{planned: 1000, sent: 1000, acked: 900, failed: 0, unknown: 100, shortfall: 0},
      ...{requested_tps: 500, simulated_s: 999, warmup_count: 0},
      description: '500 requests/s for 2 s, at most 200 at once (open model)',
    })
    expect(load.per_second.reduce((sum, count) => sum + count, 0)).toBe(900)
    expect(load.errors).toEqual([
      {code: 'HTTP 503', count: 90, example: 'Service Unavailable; success is status 2xx'},
      {code: 'TIMEOUT', count: 10, example: 'the request was timeout'},
    ])
  })

  it('gives latencies by their basis, and metrics for thresholds', async () => {
    const summary = await summaryOf({model: openModel()})
    const histograms = httpHistograms(summary)
    expect(summarizeLatencies(histograms).map(({metric, basis, count}) => [metric, basis, count])).toEqual([
      ['produce.lateness', 'due → sent', 1000],
      ['http.first_byte_time', 'sent → first byte', 1000],
      ['http.response_time', 'sent → last byte', 1000],
      ['http.planned_time', 'due → last byte', 1000],
    ])
    const http = httpSection(summary, FACTS)
    const metrics = metricSetOf({load: httpLoad(summary), histograms, ladder: null, detection: null, http})
    expect(metrics.get('http.error_rate')).toEqual({kind: 'rate', value: 0})
    expect(metrics.get('http.dropped')).toMatchObject({kind: 'counter', value: 0})
  })

  it('explains planned latency that is far above service latency by the queue', async () => {
    const summary = await summaryOf({
      model: openModel({rateTps: 2000, concurrency: 20}),
      server: stalling(1, 500, 1000),
    })
    const [note, ...others] = httpNotes(summary, {...FACTS, concurrency: 20})
    expect(note).toMatch(
      /^planned p99 is \d+ ms and service p99 1\.00 ms: the rest is the wait for one of 20 connections, of up to 9\d\d requests in the queue$/,
    )
    expect(others).toEqual([])
  })

  it('says nothing when there is nothing to explain', async () => {
    expect(httpNotes(await summaryOf({model: openModel()}), FACTS)).toEqual([])
  })

  it('says that requests were dropped, and what bounded them', async () => {
    const summary = await summaryOf({
      model: openModel({concurrency: 10, queueCount: 50}),
      server: steady(100),
    })
    expect(httpNotes(summary, {...FACTS, concurrency: 10, queueCount: 50})).toContain(
      `${summary.dropped} requests were dropped: 50 were waiting already; at most 10 at once did not carry the rate`,
    )
  })

  it('names what failed most when latencies leave it out', async () => {
    const summary = await summaryOf({model: openModel(), server: troubled, warmupCount: 100})
    expect(httpNotes(summary, FACTS)).toEqual([
      'latencies are those of successes; 100 others are apart, by outcome: 90 HTTP 503, 10 TIMEOUT',
      'latencies leave out the first 100 requests (warm-up)',
    ])
  })
})

describe('the HTTP section of a closed model', () => {
  it('has no planned latency, no drops, no queue and no due times', async () => {
    const summary = await summaryOf({model: closedModel({requestCount: 1000})})
    const http = httpSection(summary, CLOSED_FACTS)
    expect(http).toMatchObject({model: 'closed', planned: 1000, due: 1000, sent: 1000, dropped: null, queue: null})
    expect(http.timeout_ms).toBeNull()
    expect(http.groups.map(group => group.planned)).toEqual([null])
    expect(
      http.per_second.every(({due, dropped, planned_p99: p99}) => due === null && dropped === null && p99 === null),
    ).toBe(true)
    expect(Object.keys(httpHistograms(summary))).toEqual(['http.first_byte_time', 'http.response_time'])
    expect(httpLoad(summary)).toMatchObject({requested_tps: null, achieved_ratio: null, shortfall: 0})
  })

  it('is null where only time bounds', async () => {
    const summary = await summaryOf({model: closedModel({durationMs: 1000})})
    expect(httpSection(summary, CLOSED_FACTS).planned).toBeNull()
  })

  it('says what its latencies leave out', async () => {
    const [note] = httpNotes(await summaryOf({model: closedModel({requestCount: 100})}), CLOSED_FACTS)
    expect(note).toMatch(/^the latencies of a closed model leave out the wait of those who could not be sent/)
  })
})

describe('trouble that has a known remedy', () => {
  it.each([
    ['HTTP 401', /^HTTP 401: --api-key-env NAME sends a key/],
    ['ECONNREFUSED', /^ECONNREFUSED: nothing listens there: is the service running/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /: nobody vouches for the certificate: --cacert FILE .*--insecure/],
  ])('%s is noted with it', async (code, note) => {
    const summary = await summaryOf({model: openModel(), server: troubled})
    const errorKinds = [{code, count: 100, example: ''}]
    expect(httpNotes({...summary, errorKinds}, FACTS)).toContainEqual(expect.stringMatching(note))
  })
})

describe('the example of a trouble', () => {
  it('has the detail of a problem document', async () => {
    const body = Buffer.from('{"title":"No key","detail":"the header X-API-Key is missing"}')
    const summary = await summaryOf({model: openModel(), server: () => ({afterMs: 1, status: 401, body})})
    expect(summary.errorKinds).toEqual([
      {code: 'HTTP 401', count: 1000, example: 'Unauthorized: the header X-API-Key is missing; success is status 2xx'},
    ])
  })

  it.each(['[]', 'null', '{"detail":5}', '<html>'])('does without where the body is %s', async text => {
    const server = (): FakeAnswer => ({afterMs: 1, status: 401, body: Buffer.from(text)})
    const summary = await summaryOf({model: openModel(), server})
    expect(summary.errorKinds[0]?.example).toBe('Unauthorized; success is status 2xx')
  })
})

describe('the error rate', () => {
  it('is of what was tried: what waited when a signal came is no part of it', async () => {
    const summary = await summaryOf({model: openModel(), server: troubled})
    const cut = {
      ...summary,
      due: 237,
      sent: 100,
      unsent: 137,
      succeeded: 0,
      failed: 0,
      timeouts: 100,
      interrupted: true,
    }
    expect(httpSection(cut, FACTS)).toMatchObject({unsent: 137, error_rate: 1})
    const dropping = {...cut, due: 262, dropped: 25, succeeded: 75, timeouts: 25}
    expect(httpSection(dropping, FACTS)).toMatchObject({error_rate: 50 / 125})
  })
})

describe('a load test without a success', () => {
  const refused: FakeServer = () => ({afterMs: 1, kind: 'refused', errorCode: 'ECONNREFUSED', errorMessage: 'refused'})

  it('achieved 0, and has empty histograms, never NaN', async () => {
    const summary = await summaryOf({model: openModel(), server: refused})
    const http = httpSection(summary, FACTS)
    expect(http).toMatchObject({succeeded: 0, errors: 1000, error_rate: 1, requests_per_s: 0, statuses: {}})
    expect(httpLoad(summary)).toMatchObject({achieved_tps: 0, achieved_ratio: 0, failed: 1000, unknown: 0, acked: 0})
    expect(JSON.stringify([http, httpLoad(summary), summarizeLatencies(httpHistograms(summary))])).not.toContain('NaN')
    expect(httpNotes(summary, FACTS)).toEqual([
      'not one request succeeded (1,000 ECONNREFUSED): there are no latencies of successes',
      'ECONNREFUSED: nothing listens there: is the service running, and is the port right?',
    ])
  })

  it('has no figures at all when it was interrupted before it began', async () => {
    const {summary, abort, clock} = loading({model: openModel()})
    abort.abort()
    const http = httpSection(await clock.until(summary), FACTS)
    expect(http).toMatchObject({sent: 0, error_rate: null, requests_per_s: null})
  })
})
