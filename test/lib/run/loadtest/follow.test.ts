/** Following accepted payments over HTTP, in virtual time, with a service that answers as the table says. */
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import type {HttpClient, HttpOutcome, HttpRequest} from '../../../../src/lib/http/http-client.js'
import {paymentIdOf} from '../../../../src/lib/payment/payment-id.js'
import {RunFacts} from '../../../../src/lib/run/facts.js'
import {openJournal} from '../../../../src/lib/run/journal.js'
import {type FollowOptions, followDecisions} from '../../../../src/lib/run/loadtest/follow.js'
import {temporaryDirectory} from '../../../support/temp.js'
import {VirtualClock} from '../../../support/virtual-clock.js'

const TAG = '0123456789ab'
const DUE_US = Date.parse('2026-01-05T12:00:00.000Z') * 1000

interface Answer {
  readonly status: number
  readonly body?: object
}

const NOT_YET: Answer = {status: 404}

function decided(afterUs: number, decision = 'approve'): Answer {
  const at = DUE_US + afterUs
  const text = `${new Date(Math.floor(at / 1000)).toISOString().slice(0, -1)}${String(at % 1000).padStart(3, '0')}Z`
  return {status: 200, body: {decision, decided_at: text}}
}

/** Answers each id with the next of its answers; the last one stays. `null` is no answer at all. */
class Service implements HttpClient {
  readonly description = 'a test'
  readonly asked: HttpRequest[] = []
  readonly #answers: Map<string, (Answer | null)[]>
  readonly #clock: VirtualClock
  underWay = 0
  mostUnderWay = 0

  constructor(answers: Record<string, (Answer | null)[]>, clock: VirtualClock) {
    this.#answers = new Map(Object.entries(answers))
    this.#clock = clock
  }

  send(request: HttpRequest, onOutcome: (outcome: HttpOutcome) => void): void {
    this.asked.push(request)
    this.underWay += 1
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay)
    const id = request.target.url.pathname.split('/').at(-2) ?? ''
    const answers = this.#answers.get(id) ?? [NOT_YET]
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    void this.#clock.sleep(1).then(() => {
      this.underWay -= 1
      onOutcome({
        kind: answer == null ? 'timeout' : 'response',
        status: answer?.status ?? 0,
        sentUs: 1,
        firstByteUs: 1,
        settledUs: 1,
        receivedBytes: 1,
        body: Buffer.from(answer?.body === undefined ? '{}' : JSON.stringify(answer.body)),
        errorCode: null,
        errorMessage: null,
      })
    })
  }

  async close(): Promise<void> {}
}

const own = (sequence: number): string => paymentIdOf(TAG, sequence)

/** Payments 0 … count − 1 were accepted, and the one after them was not. */
async function follow(count: number, answers: Record<string, (Answer | null)[]>, changes: Partial<FollowOptions> = {}) {
  const clock = new VirtualClock()
  const service = new Service(answers, clock)
  const journalPath = join(await temporaryDirectory(), 'journal.bin')
  const journal = await openJournal(journalPath, count + 1)
  const outcome = {partition: -1, baseOffset: -1, sentUs: 1, settledUs: 2, attempts: 1}
  journal.record({...outcome, sequences: Float64Array.from({length: count}, (_, index) => index), state: 'acked'})
  journal.record({...outcome, sequences: Float64Array.of(count), state: 'failed'})
  await journal.close()
  const facts = new RunFacts()
  const following = followDecisions({
    client: service,
    serviceUrl: new URL('http://127.0.0.1:8000/api/v1/payments'),
    headers: ['x-api-key', 'secret'],
    tag: TAG,
    journalPath,
    dueUsOf: () => DUE_US,
    warmupCount: 0,
    facts,
    clock,
    signal: new AbortController().signal,
    ...changes,
  })
  return {...(await clock.until(following)), service, facts}
}

describe('following accepted payments', () => {
  it('asks for each until it is decided, and measures from when it was due', async () => {
    const {decisionTime, notes, service, facts, ...counts} = await follow(2, {
      [own(0)]: [decided(5_250)],
      [own(1)]: [NOT_YET, {status: 503}, null, decided(7_000, 'block')],
    })
    expect(counts).toMatchObject({followedCount: 2, decidedCount: 2, drained: true})
    expect([decisionTime?.count, decisionTime?.minUs, decisionTime?.maxUs]).toEqual([2, 5_250, 7_000])
    expect(notes).toEqual([])
    expect(facts.decidedCount).toBe(2)
    expect(service.asked).toHaveLength(5)
    expect(service.asked[0]?.target).toMatchObject({
      method: 'GET',
      url: new URL(`http://127.0.0.1:8000/api/v1/payments/${own(0)}/decision`),
      headers: ['x-api-key', 'secret'],
    })
  })

  it('asks a bounded number at once', async () => {
    const answers = Object.fromEntries(Array.from({length: 100}, (_, index) => [own(index), [decided(1000)]]))
    const {decidedCount, service} = await follow(100, answers)
    expect([decidedCount, service.mostUnderWay]).toEqual([100, 16])
  })

  it('asks for the ids that the service minted, below the path where it lives', async () => {
    const {drained, service} = await follow(
      1,
      {minted: [decided(1)]},
      {mintedIdOf: () => 'minted', serviceUrl: new URL('https://localhost/pay/api/v1/payments')},
    )
    expect(drained).toBe(true)
    expect(service.asked[0]?.target.url.href).toBe('https://localhost/pay/api/v1/payments/minted/decision')
  })

  it('gives up when no decision came for long, and says how many are missing', async () => {
    const {drained, decidedCount, notes} = await follow(2, {[own(0)]: [decided(1)]})
    expect([drained, decidedCount]).toEqual([false, 1])
    expect(notes).toEqual(['1 of 2 accepted payments have no decision: none came for 30 s'])
  })

  it.each([
    ['the key is refused', {status: 401}, 'the service answers 401 when asked for a decision'],
    ['it is another service', {status: 200, body: {hello: 1}}, 'what the service answers is no decision'],
    ['it is redirected', {status: 302}, 'the service answers 302 when asked for a decision'],
  ])('stops at once when %s', async (_case, answer, why) => {
    const answers = Object.fromEntries(Array.from({length: 50}, (_, index) => [own(index), [answer]]))
    const {notes, service} = await follow(50, answers)
    expect(notes).toEqual([`50 of 50 accepted payments have no decision: ${why}`])
    expect(service.asked.length).toBeLessThan(50)
  })

  it('keeps to the latencies past the warm-up', async () => {
    const answers = {[own(0)]: [decided(9_000)], [own(1)]: [decided(2_000)]}
    const {decisionTime, facts} = await follow(2, answers, {warmupCount: 1})
    expect([decisionTime?.count, decisionTime?.maxUs, facts.decidedCount]).toEqual([1, 2_000, 2])
  })

  it('measures nothing between the clocks of two machines, and says so', async () => {
    const {decisionTime, decidedCount, notes} = await follow(
      1,
      {[own(0)]: [decided(5)]},
      {serviceUrl: new URL('http://pay.example/api/v1/payments')},
    )
    expect([decisionTime, decidedCount]).toEqual([null, 1])
    expect(notes).toEqual([
      'due → decided is n/a: the service is at pay.example, and the clocks of two machines cannot be compared to the microsecond',
    ])
  })

  it('leaves the rest when it is interrupted', async () => {
    const {notes, service} = await follow(3, {}, {signal: AbortSignal.abort()})
    expect(notes).toEqual(['3 of 3 accepted payments have no decision: interrupted'])
    expect(service.asked).toEqual([])
  })
})
