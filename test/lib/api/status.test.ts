import {afterEach, describe, expect, it} from 'vitest'
import {ApiMetrics, CLAIM_OUTCOMES, MAX_ERROR_CODES, MAX_ROUTES, METRICS} from '../../../src/lib/api/metrics.js'
import type {ApiOptions, DetectorFigures} from '../../../src/lib/api/ports.js'
import {EnvironmentError} from '../../../src/lib/base/errors.js'
import type {IngestOutcome, IngestSink} from '../../../src/lib/sink/ingest-sink.js'
import {type ApiWorld, apiWorld, instantIngest, NO_FIGURES} from '../../support/api-world.js'
import {paymentWith, testPaymentId} from '../../support/payments.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const open: ApiWorld[] = []
afterEach(async () => {
  for (const world of open.splice(0)) await world.close()
})

async function worldWith(overrides: Partial<ApiOptions> = {}): Promise<ApiWorld> {
  const world = await apiWorld(overrides)
  open.push(world)
  return world
}

/** Asks, and holds the answer to the document. */
async function ask({app, documented}: ApiWorld, operationId: string, url: string) {
  const response = await app.inject({url})
  expect(documented.problems(operationId, response)).toEqual([])
  return response
}

/** Samples by name and labels, as they are written. */
async function samples(metrics: Pick<ApiMetrics, 'text'>): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

function metricsOver(overrides: Partial<ApiOptions> = {}): ApiMetrics {
  const clock = new VirtualClock()
  const ingest = instantIngest(clock)
  return new ApiMetrics({clock, version: '1.2.3', ingest, detector: null, lag: async () => new Map(), ...overrides})
}

/** An ingest with these outcomes, one after the other. */
function firstOf(states: readonly IngestOutcome['state'][]): IngestSink {
  const next = states.values()
  return {
    ...instantIngest(new VirtualClock()),
    offer: async () => {
      const state = next.next().value ?? 'unknown'
      if (state === 'acked') return {state, partition: 0, offset: 0, settledUs: 0}
      return {state, code: 'REQUEST_TIMED_OUT', message: 'no answer'}
    },
  }
}

describe('/healthz', () => {
  it('is well while the process lives, whatever is wrong around it', async () => {
    const world = await worldWith({
      queries: null,
      troubles: () => Promise.reject(new Error('everything is gone')),
    })
    const response = await ask(world, 'getHealth', '/healthz')
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({status: 'ok', version: '0.0.0-test'})
  })
})

describe('/readyz', () => {
  it('is ready without troubles', async () => {
    const response = await ask(await worldWith(), 'getReadiness', '/readyz')
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({status: 'ready'})
  })

  it('says everything that is wrong, and when to ask again', async () => {
    const troubles = ['the broker does not answer', 'the database does not answer']
    const response = await ask(await worldWith({troubles: async () => troubles}), 'getReadiness', '/readyz')
    expect(response.statusCode).toBe(503)
    expect(response.json()).toMatchObject({code: 'NOT_READY', troubles})
    expect(response.headers['retry-after']).toBe('1')
  })

  it('is not ready when nobody can even be asked', async () => {
    const world = await worldWith({troubles: () => Promise.reject(new Error('no socket left'))})
    expect((await ask(world, 'getReadiness', '/readyz')).json()).toMatchObject({
      status: 503,
      troubles: ['no socket left'],
    })
  })
})

describe('/api/v1/stats', () => {
  it('counts decisions and money, and what this server has taken in', async () => {
    const world = await worldWith({
      ingest: firstOf(['acked', 'acked', 'failed']),
      lag: async () =>
        new Map([
          [0, 2],
          [1, 3],
        ]),
    })
    const nowUs = world.clock.nowUs()
    world.queries.nowUs = nowUs
    const rows = [
      {kind: 'approve', currency: 'EUR', decidedUs: nowUs - 1},
      {kind: 'review', currency: 'EUR', decidedUs: nowUs - 2},
      {kind: 'block', currency: 'EUR', decidedUs: nowUs - 3},
      {kind: 'block', currency: 'EUR', decidedUs: nowUs - 120_000_000},
      {kind: 'block', currency: 'KWD', decidedUs: nowUs - 120_000_000},
    ] as const
    for (const [number, {kind, currency, decidedUs}] of rows.entries())
      world.queries.rows.push({
        payment: paymentWith({paymentId: testPaymentId(number), currency, amountMinor: Number.MAX_SAFE_INTEGER}),
        decision: {kind, score: 0.5, reasons: []},
        ...{decidedUs, persistedUs: decidedUs, partition: 0, offset: number},
      })
    for (const status of [202, 202, 503]) {
      const payload = {debtor_id: 'a', creditor_id: 'b', amount: '1', currency: 'EUR'}
      expect((await world.app.inject({method: 'POST', url: '/api/v1/payments', payload})).statusCode).toBe(status)
    }
    await world.clock.advance(1500)
    expect((await ask(world, 'getStats', '/api/v1/stats')).json()).toEqual({
      ...{is_exact: true, payment_count: 5, decisions: {approve: 1, review: 1, block: 3}},
      blocked_amounts: [
        {currency: 'EUR', count: 2, sum_minor: '18014398509481982', sum: '180143985094819.82'},
        {currency: 'KWD', count: 1, sum_minor: '9007199254740991', sum: '9007199254740.991'},
      ],
      last_minute: {count: 3, per_second: 0.05},
      last_decided_at: '2023-11-14T22:13:19.999999Z',
      uptime_s: 1.5,
      ingest: {acked_count: 2, error_count: 1, pending_count: 0, pending_bytes: 0},
      lag: 5,
    })
  })

  it('does not claim a lag that nobody knows', async () => {
    const world = await worldWith({lag: () => Promise.reject(new EnvironmentError('gone', {code: 'P2PAY_BROKER'}))})
    expect((await ask(world, 'getStats', '/api/v1/stats')).json()).toMatchObject({lag: null})
  })
})

describe('/metrics', () => {
  it('is text of Prometheus', async () => {
    const response = await ask(await worldWith(), 'getMetrics', '/metrics')
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    for (const line of response.body.split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) .+|[a-z_0-9]+(\{[^}]*\})? (-?[0-9.e+-]+|nan|[+-]Inf))?$/i)
  })

  it('has every metric that the description tells of', async () => {
    const world = await worldWith({detector: () => NO_FIGURES})
    const {body} = await ask(world, 'getMetrics', '/metrics')
    for (const {name, help} of Object.values(METRICS)) expect(body).toContain(`# HELP ${name} ${help}\n`)
    const described = world.documented.operation('getMetrics')['description']
    for (const {name} of Object.values(METRICS)) expect(described).toContain(`\`${name}\``)
  })

  it('counts what was sent and how long it took, and errors by code', async () => {
    const metrics = metricsOver()
    metrics.sent(0.004)
    metrics.sent(0.2)
    metrics.sendError('MESSAGE_TOO_LARGE')
    const found = await samples(metrics)
    expect(found.get('producer_messages_sent_total')).toBe(2)
    expect(found.get('producer_send_latency_seconds_bucket{le="0.005"}')).toBe(1)
    expect(found.get('producer_send_latency_seconds_bucket{le="0.25"}')).toBe(2)
    expect(found.get('producer_send_latency_seconds_sum')).toBeCloseTo(0.204)
    expect(found.get('producer_send_errors_total{code="MESSAGE_TOO_LARGE"}')).toBe(1)
  })

  it('counts requests by method, pattern and status', async () => {
    const metrics = metricsOver()
    metrics.request('GET /api/v1/payments/:id', 200, 0.003)
    metrics.request('GET /api/v1/payments/:id', 404, 0.001)
    const found = await samples(metrics)
    const labels = 'method="GET",route="/api/v1/payments/:id"'
    expect(found.get(`http_requests_total{${labels},status="200"}`)).toBe(1)
    expect(found.get(`http_requests_total{${labels},status="404"}`)).toBe(1)
    expect(found.get(`http_request_duration_seconds_count{${labels}}`)).toBe(2)
  })

  it('counts claims by what came of them, from nothing', async () => {
    const metrics = metricsOver()
    metrics.claim('new', 3)
    metrics.claim('conflict')
    const found = await samples(metrics)
    const counts = CLAIM_OUTCOMES.map(outcome => [outcome, found.get(`claims_total{outcome="${outcome}"}`)])
    expect(Object.fromEntries(counts)).toEqual({
      ...{new: 3, replayed: 0, joined: 0, busy: 0, taken_over: 0, conflict: 1},
    })
  })

  it('does not grow with what clients send', async () => {
    const metrics = metricsOver()
    for (let number = 0; number < 1000; number++) {
      metrics.sendError(`CODE_${number}`)
      metrics.request(`GET /${number}`, 404, 0.001)
    }
    const names = [...(await samples(metrics)).keys()]
    expect(names.filter(name => name.startsWith('producer_send_errors_total'))).toHaveLength(MAX_ERROR_CODES + 1)
    expect(names.filter(name => name.startsWith('http_requests_total'))).toHaveLength(MAX_ROUTES + 1)
    expect((await samples(metrics)).get('producer_send_errors_total{code="other"}')).toBe(1000 - MAX_ERROR_CODES)
  })

  it('shows what is under way', async () => {
    const ingest = {...instantIngest(new VirtualClock()), pendingCount: 7, pendingBytes: 2800}
    const found = await samples(metricsOver({ingest}))
    expect(found.get('ingest_pending')).toBe(7)
    expect(found.get('ingest_pending_bytes')).toBe(2800)
  })

  it('shows the figures of the detector as they are at each scrape', async () => {
    let figures: DetectorFigures = NO_FIGURES
    const metrics = metricsOver({detector: () => figures})
    expect((await samples(metrics)).get('decisions_total{decision="block"}')).toBe(0)
    figures = {decided: 6, approve: 3, review: 2, block: 1, deadLettered: 4, storedRows: 5, outboxCount: 8}
    for (let scrape = 0; scrape < 2; scrape++) {
      const found = await samples(metrics)
      const decisions = ['approve', 'review', 'block'].map(kind => found.get(`decisions_total{decision="${kind}"}`))
      expect(decisions).toEqual([3, 2, 1])
      expect(found.get('dead_letters_total')).toBe(4)
      expect(found.get('stored_rows_total')).toBe(5)
      expect(found.get('detector_outbox')).toBe(8)
    }
  })

  it('measures due → decided of the detector in this process', async () => {
    let tell: (latencyUs: number) => void = () => {}
    const watchDecisions = (onDecided: (latencyUs: number) => void): void => {
      tell = onDecided
    }
    const metrics = metricsOver({detector: () => NO_FIGURES, watchDecisions})
    tell(24_000)
    tell(60_000)
    const found = await samples(metrics)
    expect(found.get('decision_latency_seconds_bucket{le="0.025"}')).toBe(1)
    expect(found.get('decision_latency_seconds_bucket{le="0.075"}')).toBe(2)
    expect(found.get('decision_latency_seconds_sum')).toBeCloseTo(0.084)
  })

  it('has no figures of a detector where none runs', async () => {
    const names = [...(await samples(metricsOver())).keys()]
    expect(names.filter(name => /^(decision|detector|dead|stored)/.test(name))).toEqual([])
  })

  it('keeps two servers in one process apart', async () => {
    const [one, other] = [metricsOver(), metricsOver()]
    one.sent(0.001)
    expect((await samples(other)).get('producer_messages_sent_total')).toBe(0)
  })
})

describe('consumer lag', () => {
  it('is by partition, and asked of the broker once a second at most', async () => {
    const clock = new VirtualClock()
    let askedCount = 0
    const lag = async () =>
      new Map([
        [0, ++askedCount],
        [5, 100],
      ])
    const metrics = metricsOver({clock, lag})
    await Promise.all([metrics.text(), metrics.text(), metrics.lag()])
    await clock.advance(999)
    expect((await samples(metrics)).get('consumer_lag{partition="0"}')).toBe(1)
    await clock.advance(1)
    const found = await samples(metrics)
    expect(found.get('consumer_lag{partition="0"}')).toBe(2)
    expect(found.get('consumer_lag{partition="5"}')).toBe(100)
    expect(askedCount).toBe(2)
  })

  it.each([
    ['nobody knows', async () => null],
    ['the broker is gone', () => Promise.reject(new Error('gone'))],
  ])('has no sample while %s, and the rest is there', async (_, failing) => {
    const clock = new VirtualClock()
    let lag: ApiOptions['lag'] = async () => new Map([[0, 1]])
    const metrics = metricsOver({clock, lag: () => lag()})
    expect((await samples(metrics)).get('consumer_lag{partition="0"}')).toBe(1)
    lag = failing
    await clock.advance(1000)
    const found = await samples(metrics)
    expect([...found.keys()].filter(name => name.startsWith('consumer_lag'))).toEqual([])
    expect(found.get('ingest_pending')).toBe(0)
  })
})
