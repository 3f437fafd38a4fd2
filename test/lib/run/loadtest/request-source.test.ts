import {describe, expect, it} from 'vitest'
import {createPaymentStream} from '../../../../src/lib/generate/payment-stream.js'
import {decodePayment} from '../../../../src/lib/payment/decode.js'
import {encodePayment} from '../../../../src/lib/payment/encode.js'
import {paymentIdOf} from '../../../../src/lib/payment/payment-id.js'
import {compileText, type Template} from '../../../../src/lib/payment/template.js'
import type {RequestShape} from '../../../../src/lib/run/loadtest/request-shape.js'
import {createRequestSource, type RequestSourceOptions} from '../../../../src/lib/run/loadtest/request-source.js'
import {streamInputs} from '../../../support/stream-inputs.js'

const INPUTS = streamInputs({seed: 7})
const TAG = INPUTS.runTag
const COUNT = 1000

const text = (template: string): Template => compileText(template, 'text').template

const SHAPE: RequestShape = {
  method: 'POST',
  origin: 'http://127.0.0.1:8000',
  path: text('/payments?a=1'),
  headers: [{name: 'Content-Type', value: text('application/json')}],
  body: {kind: 'payment'},
}

function source(shapes: readonly RequestShape[] = [SHAPE], more: Partial<RequestSourceOptions> = {}) {
  return createRequestSource({
    stream: createPaymentStream(INPUTS),
    tag: TAG,
    shapes,
    endSequence: Number.POSITIVE_INFINITY,
    ...more,
  })
}

/** What `p2pay generate` writes for the same inputs, made in one block. */
function generated(): string[] {
  const {payments} = createPaymentStream(INPUTS).next(COUNT)
  return Array.from({length: payments.count}, (_, row) =>
    payments.bytes.toString('utf8', payments.offsets[row], payments.offsets[row + 1]),
  )
}

describe('requests that carry payments as they are', () => {
  it('have the bytes that the generator writes for the same seed, tag and start', () => {
    const requests = source()
    expect(Array.from({length: COUNT}, (_, sequence) => requests.at(sequence).body?.toString())).toEqual(generated())
  })

  it('have them also after gaps: what is dropped is skipped, not shifted', () => {
    const all = generated()
    const requests = source()
    for (const sequence of [0, 3, 4, 255, 256, 257, 700, 999]) {
      expect(requests.at(sequence).body?.toString()).toBe(all[sequence])
    }
  })

  it('say which payment they carry, and when it happened', () => {
    const requests = source()
    for (const sequence of [0, 300]) {
      const {body, ...request} = requests.at(sequence)
      const decoded = decodePayment(body)
      if (!decoded.ok) throw new Error('not a payment')
      expect(encodePayment(decoded.payment)).toBe(body?.toString())
      expect(request).toMatchObject({
        sequence,
        paymentId: paymentIdOf(TAG, sequence),
        createdAtMs: decoded.payment.createdAtMs,
      })
    }
  })

  it('share one target, so that clients prepare it once', () => {
    const requests = source()
    const [first, second] = [requests.at(0), requests.at(1)]
    expect(second.target).toBe(first.target)
    expect(first.target).toMatchObject({method: 'POST', headers: ['Content-Type', 'application/json']})
    expect(first.target.url.href).toBe('http://127.0.0.1:8000/payments?a=1')
    expect(first.headers).toBeUndefined()
  })

  it('are refused when they were made already', () => {
    const requests = source()
    requests.at(5)
    expect(() => requests.at(5)).toThrow(/made already/)
  })

  it('begin with the stream only when asked to: its event times may hang on the start', () => {
    let isStarted = false
    const stream = createPaymentStream({
      ...INPUTS,
      eventTimeMs: sequence => {
        expect(isStarted).toBe(true)
        return 1_700_000_000_000 + sequence
      },
    })
    const requests = source([SHAPE], {stream})
    isStarted = true
    requests.prepare()
    expect(requests.at(2).createdAtMs).toBe(1_700_000_000_002)
  })

  it('tell when they were due, when asked to', () => {
    const requests = source([SHAPE], {dueUsOf: sequence => 1000.4 + sequence})
    expect([requests.at(0).headers, requests.at(9).headers]).toEqual([
      ['P2Pay-Due-Us', '1000'],
      ['P2Pay-Due-Us', '1009'],
    ])
  })

  it('hand each payment to whoever keeps the truth about it, and no other', () => {
    const taken: number[] = []
    const requests = source([SHAPE], {onTaken: (block, row) => taken.push(block.payments.sequences[row] ?? -1)})
    for (const sequence of [0, 1, 500]) requests.at(sequence)
    expect(taken).toEqual([0, 1, 500])
  })

  it('end with the plan', () => {
    const requests = source([SHAPE], {endSequence: 3})
    expect(requests.at(2).paymentId).toBe(paymentIdOf(TAG, 2))
    expect(() => requests.at(3)).toThrow(/the stream ends before 3/)
  })
})

describe('requests made of templates', () => {
  it('have path, headers and body filled with their payment', () => {
    const requests = source([
      {
        ...SHAPE,
        method: 'PUT',
        path: compileText('/accounts/{{debtor_id}}/{{sequence}}', 'url').template,
        headers: [...SHAPE.headers, {name: 'Idempotency-Key', value: text('{{payment_id}}')}],
        body: {kind: 'template', template: compileText('{"id":"{{payment_id}}","n":{{sequence}}}', 'json').template},
      },
    ])
    requests.at(0)
    const {target, headers, body, paymentId} = requests.at(41)
    const id = paymentIdOf(TAG, 41)
    const {debtor_id: debtor} = JSON.parse(generated()[41] ?? '')
    expect(target.url.href).toBe(`http://127.0.0.1:8000/accounts/${debtor}/41`)
    expect(target.headers).toEqual(['Content-Type', 'application/json'])
    expect(headers).toEqual(['Idempotency-Key', id])
    expect(JSON.parse(body?.toString() ?? '')).toEqual({id, n: 41})
    expect(paymentId).toBe(id)
  })

  it.each([
    ['nothing of the payment', 'hello', null, false],
    ['its number alone', '{{sequence}}', null, false],
    ['its amount and no id: the service mints one', '{{amount}}', null, true],
    ['its id', '{{payment_id}}', paymentIdOf(TAG, 0), true],
    ['all of it', '{{payment}}', paymentIdOf(TAG, 0), true],
  ])('with %s', (_, body, paymentId, isPayment) => {
    let takenCount = 0
    const requests = source([{...SHAPE, body: {kind: 'template', template: text(body)}}], {onTaken: () => takenCount++})
    const request = requests.at(0)
    expect(request.paymentId).toBe(paymentId)
    expect(request.createdAtMs > 0).toBe(isPayment)
    expect(takenCount).toBe(isPayment ? 1 : 0)
  })
})

describe('several shapes', () => {
  it('are taken in turn by the number of the request, each body its own', () => {
    const requests = source([
      {...SHAPE, method: 'GET', body: {kind: 'none'}},
      SHAPE,
      {...SHAPE, method: 'PATCH', body: {kind: 'fixed', bytes: Buffer.from('fixed')}},
    ])
    const made = [0, 1, 2, 3, 7].map(sequence => requests.at(sequence))
    expect(made.map(({target}) => target.method)).toEqual(['GET', 'POST', 'PATCH', 'GET', 'POST'])
    expect(made.map(({body}) => body?.toString() ?? null)).toEqual([
      null,
      generated()[1],
      'fixed',
      null,
      generated()[7],
    ])
    expect(made.map(({paymentId}) => paymentId !== null)).toEqual([false, true, false, false, true])
  })
})
