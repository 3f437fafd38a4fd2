import {describe, expect, it} from 'vitest'
import type {HttpOutcome} from '../../../../src/lib/http/http-client.js'
import {createResponseJudge, type JudgeOptions} from '../../../../src/lib/run/loadtest/response-judge.js'

const OPTIONS: JudgeOptions = {statuses: [{from: 200, to: 299}], statusText: '2xx', idPath: ['payment_id']}

function outcome(changes: Partial<Omit<HttpOutcome, 'body'>> & {readonly body?: string | null} = {}): HttpOutcome {
  const {body = null, ...rest} = changes
  return {
    kind: 'response',
    status: 202,
    sentUs: 1,
    firstByteUs: 2,
    settledUs: 3,
    receivedBytes: 0,
    body: body === null ? null : Buffer.from(body),
    errorCode: null,
    errorMessage: null,
    ...rest,
  }
}

describe('success', () => {
  it.each([
    ['a wanted status', {}, {}, true],
    ['another status', {}, {status: 503}, false],
    ['a redirect', {}, {status: 302}, false],
    ['no answer, whatever its status says', {}, {kind: 'broken', status: 200}, false],
    ['a wanted body', {body: /"status":"accepted"/}, {body: '{"status":"accepted"}'}, true],
    ['another body', {body: /accepted/}, {body: '{"status":"refused"}'}, false],
    ['no body where one is wanted', {body: /accepted/}, {body: ''}, false],
    ['a wanted body with another status', {body: /accepted/}, {body: 'accepted', status: 500}, false],
  ] as const)('%s', (_, options, changes, expected) => {
    expect(createResponseJudge({...OPTIONS, ...options}).isSuccess(outcome(changes))).toBe(expected)
  })

  it('is told in words', () => {
    expect(createResponseJudge(OPTIONS).description).toBe('status 2xx')
    expect(createResponseJudge({...OPTIONS, body: /ok$/i}).description).toBe('status 2xx and body matches /ok$/i')
  })

  it('asks for bodies only when it looks at them', () => {
    expect(createResponseJudge({...OPTIONS, idPath: null}).needsBody).toBe(false)
    expect(createResponseJudge(OPTIONS).needsBody).toBe(true)
    expect(createResponseJudge({...OPTIONS, idPath: null, body: /x/}).needsBody).toBe(true)
  })
})

describe('the id of an answer', () => {
  it.each([
    ['a text', '{"payment_id":"p-1"}', ['payment_id'], 'p-1'],
    ['a number', '{"data":{"id":17}}', ['data', 'id'], '17'],
    ['in a list', '[{"id":"a"}]', [0, 'id'], 'a'],
    ['an empty text', '{"payment_id":""}', ['payment_id'], undefined],
    ['an object', '{"payment_id":{}}', ['payment_id'], undefined],
    ['absent', '{}', ['payment_id'], undefined],
    ['no JSON', '<html>', ['payment_id'], undefined],
    ['JSON that was cut', '{"payment_id":"p', ['payment_id'], undefined],
    ['an empty body', '', ['payment_id'], undefined],
    ['no body', null, ['payment_id'], undefined],
  ] as const)('%s', (_, body, idPath, expected) => {
    expect(createResponseJudge({...OPTIONS, idPath}).idOf(outcome({body}))).toBe(expected)
  })

  it.each([
    ['named by the answer', '{"payment_id":"p-1","status":"accepted"}', undefined],
    ['named behind a blank', '{"status": "accepted", "payment_id": "p-1"}', undefined],
    ['the beginning of another', '{"payment_id":"p-12"}', 'p-12'],
    ['the end of another', '{"payment_id":"xp-1"}', 'xp-1'],
    ['named first, and another last', '{"payment_id":"p-1","payment_id" : "p-2"}', 'p-2'],
    ['named further in', '{"data":{"payment_id":"p-1"},"payment_id":"p-2"}', 'p-2'],
    ['named in a text', '{"note":"\\"payment_id\\":\\"p-1\\"","payment_id":"p-2"}', 'p-2'],
    ['another key’s', '{"id":"p-1","payment_id":"p-2"}', 'p-2'],
  ])('is told where the payment’s own is %s', (_, body, expected) => {
    const id = createResponseJudge(OPTIONS).idOf(outcome({body}), 'p-1')
    expect(id === 'p-1' ? undefined : id).toBe(expected)
  })

  it('is not looked for when nobody asks', () => {
    expect(createResponseJudge({...OPTIONS, idPath: null}).idOf(outcome({body: '{"payment_id":"p"}'}))).toBeUndefined()
  })
})
