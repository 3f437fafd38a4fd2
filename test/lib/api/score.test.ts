import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {ApiOptions} from '../../../src/lib/api/ports.js'
import type {Clock} from '../../../src/lib/base/clock.js'
import {EnvironmentError} from '../../../src/lib/base/errors.js'
import {createDetector} from '../../../src/lib/detect/create.js'
import type {Look} from '../../../src/lib/detect/detector.js'
import {DEFAULT_DETECTOR_OPTIONS} from '../../../src/lib/detect/options.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import type {Payment} from '../../../src/lib/payment/payment.js'
import {type ApiWorld, apiWorld} from '../../support/api-world.js'
import {anyPayment, paymentWith, testPaymentId} from '../../support/payments.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const LOOK: Look = {
  decision: {kind: 'review', score: 0.6, reasons: ['amount', 'ip-velocity']},
  factors: [
    {rule: 'amount', impact: 0.4, description: 'much money'},
    {rule: 'ip-velocity', impact: 0.2, description: 'many from one address'},
  ],
}
const SMALLEST = {debtor_id: 'a', creditor_id: 'b', amount: '12.50', currency: 'EUR'}

interface Scored {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says; each test expects what it wants
  readonly body: any
}

async function withWorld<T>(overrides: Partial<ApiOptions>, run: (world: ApiWorld) => Promise<T>): Promise<T> {
  const world = await apiWorld(overrides)
  try {
    return await run(world)
  } finally {
    await world.close()
  }
}

/** Asks for a score, and holds the answer to the document. */
async function score({app, documented}: ApiWorld, body: string | Buffer | object): Promise<Scored> {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const headers = {'content-type': 'application/json'}
  const response = await app.inject({method: 'POST', url: '/api/v1/score', headers, payload})
  expect(documented.problems('scorePayment', response)).toEqual([])
  return {status: response.statusCode, headers: response.headers, body: response.json()}
}

describe('POST /api/v1/score', () => {
  it('answers decision, score, reasons, top factors, and what it took of its budget', async () => {
    await withWorld({scorer: {look: () => LOOK}}, async world => {
      const {status, body} = await score(world, encodePayment(paymentWith()))
      expect(status).toBe(200)
      expect(body).toEqual({
        payment_id: paymentWith().paymentId,
        ...{decision: 'review', score: 0.6, reasons: ['amount', 'ip-velocity'], top_factors: LOOK.factors},
        ...{elapsed_ms: 0, budget_ms: 100},
      })
    })
  })

  it('shows the detector a payment as POST /payments would have made it', async () => {
    const seen: Payment[] = []
    const look = (payment: Payment): Look => {
      seen.push(payment)
      return LOOK
    }
    await withWorld({scorer: {look}}, async world => {
      const {body} = await score(world, SMALLEST)
      expect(seen).toEqual([
        expect.objectContaining({
          ...{paymentId: body.payment_id, debtorId: 'a', creditorId: 'b', amountMinor: 1250, currency: 'EUR'},
          ...{paymentType: 'transfer', method: 'bank_transfer', channel: 'api', country: 'ZZ', deviceId: 'api-a'},
          ...{createdAtMs: world.clock.nowUs() / 1000, ipAddress: '127.0.0.1'},
        }),
      ])
    })
  })

  it('names five factors at most, the strongest', async () => {
    const factors = Array.from({length: 8}, (_, index) => ({rule: `rule-${index}`, impact: 0.5, description: 'x'}))
    await withWorld({scorer: {look: () => ({...LOOK, factors})}}, async world => {
      const {body} = await score(world, SMALLEST)
      expect(body.top_factors).toEqual(factors.slice(0, 5))
    })
  })

  it('moves no window: a thousand questions about one debtor change no answer', async () => {
    const detector = createDetector(DEFAULT_DETECTOR_OPTIONS)
    await withWorld({scorer: {look: payment => detector.look(payment, 0)}}, async world => {
      const payment = encodePayment(paymentWith({amountMinor: 5}))
      const first = (await score(world, payment)).body
      for (let count = 0; count < 1000; count++) detector.look(paymentWith({paymentId: testPaymentId(count)}), 0)
      const last = (await score(world, payment)).body
      expect({...last, elapsed_ms: 0}).toEqual({...first, elapsed_ms: 0})
      expect(detector.nextOffset(0)).toEqual({debtor: undefined, shared: undefined})
    })
  })

  it('sends nothing and claims nothing', async () => {
    await withWorld({scorer: {look: () => LOOK}}, async world => {
      await score(world, encodePayment(paymentWith()))
      expect(world.claims.count).toBe(0)
      expect((await world.app.inject({url: '/metrics'})).body).toContain('producer_messages_sent_total 0')
    })
  })

  it('has no answer without a detector', async () => {
    await withWorld({scorer: null}, async world => {
      expect(await score(world, SMALLEST)).toMatchObject({status: 503, body: {code: 'NO_DETECTOR'}})
    })
  })

  it('has no answer while the detector reads its state', async () => {
    const look = (): Look => {
      throw new EnvironmentError('it joins its group', {code: 'P2PAY_DETECTOR_AWAY'})
    }
    await withWorld({scorer: {look}}, async world => {
      const {status, body, headers} = await score(world, SMALLEST)
      expect({status, code: body.code, retryAfter: headers['retry-after']}).toEqual({
        ...{status: 503, code: 'UNAVAILABLE', retryAfter: '1'},
      })
    })
  })

  it.each([
    [99, 200],
    [100, 200],
    [101, 503],
  ])('when the decision took %i ms of 100 answers %i', async (tookMs, status) => {
    let nowUs = 1_700_000_000_000_000
    const idle = new VirtualClock()
    const clock: Clock = {nowUs: () => nowUs, sleep: (ms, signal) => idle.sleep(ms, signal)}
    const look = (): Look => {
      nowUs += tookMs * 1000
      return LOOK
    }
    await withWorld({clock, scorer: {look}}, async world => {
      const answer = await score(world, SMALLEST)
      expect(answer.status).toBe(status)
      if (status === 200) expect(answer.body.elapsed_ms).toBe(tookMs)
      else expect(answer.body.code).toBe('SCORE_TIMEOUT')
    })
  })

  it.each([
    ['nothing', '', 400, 'EMPTY_VALUE', []],
    ['half a payment', '{"debtor_id":', 400, 'MALFORMED_JSON', []],
    ['a list', '[]', 400, 'NOT_AN_OBJECT', []],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 400, 'INVALID_UTF8', []],
    ['another version', {...SMALLEST, schema_version: 2}, 422, 'UNKNOWN_VERSION', ['schema_version']],
    ['a negative amount', {...SMALLEST, amount: '-1'}, 422, 'INVALID_FIELD', ['amount']],
    ['half a cent', {...SMALLEST, amount: '0.005'}, 422, 'INVALID_FIELD', ['amount']],
    ['no such currency', {...SMALLEST, currency: 'XYZ'}, 422, 'INVALID_FIELD', ['currency']],
    ['a NUL', {...SMALLEST, debtor_id: 'a\0'}, 422, 'INVALID_FIELD', ['debtor_id']],
    ['an empty object', {}, 422, 'INVALID_FIELD', ['debtor_id', 'creditor_id', 'currency', 'amount_minor']],
  ])('refuses %s as POST /payments does, naming each field', async (_, body, status, code, fields) => {
    await withWorld({scorer: {look: () => LOOK}}, async world => {
      const answer = await score(world, body)
      expect({status: answer.status, code: answer.body.code}).toEqual({status, code})
      const named = (answer.body.errors ?? []).map(({field}: {field: string}) => field)
      expect(named).toEqual(expect.arrayContaining([...fields]))
    })
  })

  it('answers as documented for any payment', async () => {
    const detector = createDetector(DEFAULT_DETECTOR_OPTIONS)
    await withWorld({scorer: {look: payment => detector.look(payment, 0)}}, async world => {
      await fc.assert(
        fc.asyncProperty(anyPayment, async payment => {
          const {status, body} = await score(world, encodePayment(payment))
          expect({status, id: body.payment_id}).toEqual({status: 200, id: payment.paymentId})
        }),
        {numRuns: 50},
      )
    })
  })
})
