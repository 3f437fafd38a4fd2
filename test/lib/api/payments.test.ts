/** POST /payments and /payments/batch: what is answered, and what is on the topic then. */
import {describe, expect, it} from 'vitest'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {MemoryQueries} from '../../support/memory-queries.js'
import {paymentWith, testPaymentId} from '../../support/payments.js'
import {LEAST_PAYMENT, servingWorld} from '../../support/serving-world.js'

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const NDJSON = {'content-type': 'application/x-ndjson'}
const BATCH = '/api/v1/payments/batch'

describe('a payment', () => {
  it('is 202 with its id and where to look it up, and its bytes are on the topic', async () => {
    const {post, ingest} = await servingWorld()
    const text = JSON.stringify(JSON.parse(encodePayment(paymentWith())), null, 2)
    const answer = await post(text)
    expect(answer).toMatchObject({
      status: 202,
      json: {payment_id: paymentWith().paymentId, status: 'accepted'},
      headers: {location: `/api/v1/payments/${paymentWith().paymentId}`},
    })
    expect(answer.headers).not.toHaveProperty('idempotent-replayed')
    expect(ingest.topic.map(({key, value}) => [key.toString(), value.toString()])).toEqual([['debtor-1', text]])
  })

  it('can be looked up from its 202 on, and not before', async () => {
    const {post, api, ingest} = await servingWorld({}, {queries: new MemoryQueries()})
    const look = () => api.app.inject({method: 'GET', url: `/api/v1/payments/${paymentWith().paymentId}`})
    ingest.fate = () => 'hold'
    const answer = post(encodePayment(paymentWith()))
    while (ingest.heldCount === 0) await new Promise(resolve => setImmediate(resolve))
    expect((await look()).statusCode).toBe(404)
    ingest.settle('ack')
    expect(await answer).toMatchObject({status: 202})
    expect((await look()).json()).toMatchObject({status: 'accepted', decision: null})
  })

  it('without an id gets one, and the rest filled in', async () => {
    const {post, ingest} = await servingWorld()
    const {json, status} = await post(LEAST_PAYMENT, {'content-type': 'application/json; charset=UTF-8'})
    expect(status).toBe(202)
    expect(json?.['payment_id']).toMatch(UUID_7)
    const sent = JSON.parse(ingest.topic[0]?.value.toString() ?? '')
    expect(sent).toMatchObject({payment_id: json?.['payment_id'], amount_minor: 1250, ip_address: '127.0.0.1'})
  })

  it('is due when it came, or when a load tester says', async () => {
    const {post, ingest} = await servingWorld()
    const before = Date.now() * 1000
    await post(LEAST_PAYMENT)
    const dueUs = before - 60_000_000
    await post(LEAST_PAYMENT, {'p2pay-due-us': String(dueUs)})
    for (const header of ['0', 'soon', '1e15', '9007199254740991', '1700000000000000', '-1', '']) {
      await post(LEAST_PAYMENT, {'p2pay-due-us': header})
    }
    const [first, second, ...others] = ingest.topic.map(record => record.dueUs)
    expect(first).toBeGreaterThan(before - 1_000_000)
    expect(second).toBe(dueUs)
    expect(others).toHaveLength(7)
    for (const other of others) expect(other).toBeGreaterThan(before - 1_000_000)
  })

  it('sent again says so', async () => {
    const {post, ingest} = await servingWorld()
    const key = {'idempotency-key': 'order 4711 ~'}
    const first = await post(LEAST_PAYMENT, key)
    const again = await post({...LEAST_PAYMENT, amount: 12.5}, key)
    expect(again).toMatchObject({status: 202, json: first.json, headers: {'idempotent-replayed': 'true'}})
    expect(await post({...LEAST_PAYMENT, amount: 13}, key)).toMatchObject({
      status: 409,
      json: {code: 'IDEMPOTENCY_KEY_CONFLICT'},
    })
    const whole = encodePayment(paymentWith())
    await post(whole)
    expect(await post(whole.replace('2500', '2501'))).toMatchObject({status: 409, json: {code: 'PAYMENT_ID_CONFLICT'}})
    expect(ingest.topic).toHaveLength(2)
  })

  it.each(['', 'ü', 'a\tb', 'x'.repeat(256)])('has no Idempotency-Key such as %j', async key => {
    const {post, ingest} = await servingWorld()
    expect(await post(LEAST_PAYMENT, {'idempotency-key': key})).toMatchObject({
      status: 400,
      json: {code: 'INVALID_IDEMPOTENCY_KEY', errors: [{field: 'Idempotency-Key'}]},
    })
    expect(ingest.topic).toHaveLength(0)
  })
})

describe('what cannot be answered now', () => {
  it('is 503 with Retry-After', async () => {
    const {post, ingest, claims} = await servingWorld({retryAfterS: 3})
    ingest.fate = () => 'fail'
    const later = {
      status: 503,
      headers: {'retry-after': '3', 'content-type': expect.stringMatching(/^application\/problem\+json/)},
    }
    expect(await post(LEAST_PAYMENT)).toMatchObject({...later, json: {code: 'BROKER_REFUSED'}})
    ingest.fate = () => 'lose'
    expect(await post(LEAST_PAYMENT)).toMatchObject({...later, json: {code: 'OUTCOME_UNKNOWN'}})
    ingest.fate = () => 'full'
    expect(await post(LEAST_PAYMENT)).toMatchObject({...later, json: {code: 'QUEUE_FULL'}})
    claims.isDown = true
    expect(await post(LEAST_PAYMENT)).toMatchObject({...later, json: {code: 'DATABASE_UNAVAILABLE'}})
  })

  it('names the id to retry with, when it may have been sent: three attempts, one record', async () => {
    const {post, ingest} = await servingWorld({ackTimeoutMs: 20})
    ingest.fate = () => 'hold'
    const first = await post(LEAST_PAYMENT)
    expect(first).toMatchObject({status: 503, json: {code: 'ACK_TIMEOUT', payment_id: expect.stringMatching(UUID_7)}})
    await ingest.held(1)
    const retry = {...LEAST_PAYMENT, payment_id: first.json?.['payment_id']}
    expect(await post(retry)).toMatchObject({status: 503, json: {payment_id: retry.payment_id}})
    ingest.settle('ack')
    expect(await post(retry)).toMatchObject({status: 202, headers: {'idempotent-replayed': 'true'}})
    expect(ingest.topic).toHaveLength(1)
    ingest.fate = () => 'lose'
    const {text} = await post(JSON.stringify(LEAST_PAYMENT), NDJSON, BATCH)
    expect(JSON.parse(text)).toMatchObject({status: 'unknown', payment_id: expect.stringMatching(UUID_7)})
  })

  it('after the time for an acknowledgement too', async () => {
    const {post, ingest} = await servingWorld({ackTimeoutMs: 20})
    ingest.fate = () => 'hold'
    expect(await post(LEAST_PAYMENT)).toMatchObject({status: 503, json: {code: 'ACK_TIMEOUT'}})
    await ingest.held(1)
    ingest.settle('ack')
  })
})

describe('a batch', () => {
  it('answers each line as if it had come alone, in order', async () => {
    const {post, ingest, claims} = await servingWorld()
    const id = testPaymentId(1)
    await post({...LEAST_PAYMENT, payment_id: testPaymentId(9)})
    const lines = [
      JSON.stringify({...LEAST_PAYMENT, payment_id: id}),
      '',
      '{"debtor_id":"alice"}',
      ' \t\r',
      `${JSON.stringify({...LEAST_PAYMENT, payment_id: id.toUpperCase()})}\r`,
      JSON.stringify({...LEAST_PAYMENT, payment_id: id, amount: 1}),
      'nonsense',
      JSON.stringify({...LEAST_PAYMENT, payment_id: testPaymentId(9)}),
      JSON.stringify({...LEAST_PAYMENT, reference: 'x'.repeat(70_000)}),
      JSON.stringify(LEAST_PAYMENT),
    ]
    const callsBefore = claims.claimCalls.length
    const {status, headers, text} = await post(lines.join('\n'), NDJSON, BATCH)
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson; charset=utf-8'])
    expect(text.endsWith('\n')).toBe(true)
    const answers = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(answers).toMatchObject([
      {line: 1, status: 'accepted', payment_id: id},
      {line: 3, status: 'refused', problem: {status: 422, code: 'INVALID_FIELD'}},
      {line: 5, status: 'accepted', payment_id: id, replayed: true},
      {line: 6, status: 'refused', payment_id: id, problem: {status: 409, code: 'PAYMENT_ID_CONFLICT'}},
      {line: 7, status: 'refused', problem: {status: 400, code: 'MALFORMED_JSON'}},
      {line: 8, status: 'accepted', payment_id: testPaymentId(9), replayed: true},
      {line: 9, status: 'refused', problem: {status: 413, code: 'TOO_LARGE'}},
      {line: 10, status: 'accepted', payment_id: expect.stringMatching(UUID_7)},
    ])
    expect(claims.claimCalls.slice(callsBefore)).toEqual([5])
    expect(ingest.topic).toHaveLength(3)
  })

  it('tells what is refused from what nobody knows', async () => {
    const {post, ingest} = await servingWorld()
    const fates = ['fail', 'lose', 'ack'] as const
    let offered = 0
    ingest.fate = () => fates[offered++] ?? 'ack'
    const {text} = await post(Array(3).fill(JSON.stringify(LEAST_PAYMENT)).join('\n'), NDJSON, BATCH)
    const answers = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(answers).toMatchObject([
      {status: 'refused', problem: {code: 'BROKER_REFUSED'}},
      {status: 'unknown', problem: {code: 'OUTCOME_UNKNOWN'}},
      {status: 'accepted'},
    ])
  })

  it('of thousands of lines is all there, and past the room for pending ones the rest is refused', async () => {
    const {post, ingest} = await servingWorld({pendingCount: 2000, batchCount: 3000})
    const lines = Array.from({length: 3000}, (_, number) => JSON.stringify({...LEAST_PAYMENT, reference: `r${number}`}))
    ingest.fate = () => 'hold'
    const answer = post(lines.join('\n'), NDJSON, BATCH)
    while (ingest.heldCount < 1900) await new Promise(resolve => setImmediate(resolve))
    ingest.fate = () => 'ack'
    ingest.settle('ack')
    const states = (await answer).text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).status)
    expect(states).toHaveLength(3000)
    const acceptedCount = states.filter(state => state === 'accepted').length
    expect(acceptedCount).toBeGreaterThanOrEqual(2000)
    expect(ingest.topic).toHaveLength(acceptedCount)
    expect(new Set(states)).toEqual(new Set(['accepted', 'refused']))
  })

  it.each([
    ['nothing', '', NDJSON, 400, 'EMPTY_VALUE'],
    ['only blank lines', '\n \r\n\t\n', NDJSON, 400, 'EMPTY_VALUE'],
    ['too many lines', '{}\n'.repeat(6), NDJSON, 413, 'TOO_LARGE'],
    ['too many bytes', 'x'.repeat(200_001), NDJSON, 413, 'TOO_LARGE'],
    ['JSON by its type', '{}', {}, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['one key for many', '{}', {...NDJSON, 'idempotency-key': 'k'}, 400, 'INVALID_IDEMPOTENCY_KEY'],
  ])('of %s is refused as a whole', async (_what, body, headers, status, code) => {
    const {post} = await servingWorld({batchCount: 5, batchBytes: 200_000})
    expect(await post(body, headers, BATCH)).toMatchObject({status, json: {code}})
  })
})
