/** Once, however often it is sent: claims, retries, joins, takeovers, and what is said when nobody can tell. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {ACCEPT_PAUSE_MS} from '../../../src/lib/api/acceptances.js'
import type {IntakeAnswer} from '../../../src/lib/api/intake.js'
import {MAX_FOLLOWER_COUNT, type PaymentIntake} from '../../../src/lib/api/payment-intake.js'
import {CLAIM_LEASE_MS} from '../../../src/lib/store/claims.js'
import {
  type Given,
  type IntakeWorld,
  intakeWorld,
  makeGate,
  submission,
  told,
  turns,
} from '../../support/intake-world.js'
import {type Fate, MemoryIngest} from '../../support/memory-ingest.js'

/** Submits and waits for the answer; time passes only when nothing else can happen. */
async function send(world: IntakeWorld, given: Given = {}, intake = world.intake): Promise<string> {
  const answer = intake.submit(submission(world.clock, given))
  await turns()
  return told(await world.clock.until(answer))
}

function begin(world: IntakeWorld, given: Given = {}, intake: PaymentIntake = world.intake): Promise<IntakeAnswer> {
  return intake.submit(submission(world.clock, given))
}

describe('a payment', () => {
  it('is answered with its place on the topic once the broker has it', async () => {
    const world = intakeWorld()
    const {ingest, clock} = world
    ingest.fate = () => 'hold'
    let answer: IntakeAnswer | undefined
    void begin(world, {dueUs: 1_699_999_999_999_999}).then(one => {
      answer = one
    })
    await turns()
    expect(answer).toBeUndefined()
    ingest.settle('ack')
    await turns()
    expect(answer).toEqual({kind: 'accepted', paymentId: 'payment-1', isReplayed: false, partition: 0, offset: 0})
    expect(ingest.topic[0]).toMatchObject({key: Buffer.from('debtor'), dueUs: 1_699_999_999_999_999})
    await clock.advance(ACCEPT_PAUSE_MS)
    expect((await world.claims.find('payment-1'))?.state).toBe('accepted')
    expect(world.counts).toEqual({new: 1, sent: 1})
  })

  it('sent again is answered again, and not sent: before and after the table has heard of it', async () => {
    const world = intakeWorld()
    expect(await send(world)).toBe('202 payment-1')
    expect(await send(world)).toBe('202 payment-1 replayed')
    await world.clock.advance(1000)
    expect(await send(world)).toBe('202 payment-1 replayed')
    expect(await send(world, {}, world.another())).toBe('202 payment-1 replayed')
    expect(world.ingest.topic).toHaveLength(1)
    expect(world.counts).toEqual({new: 1, sent: 1, replayed: 3})
  })

  it('with another content under the same id is a conflict, for ever', async () => {
    const world = intakeWorld()
    await send(world)
    expect(await send(world, {content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    await world.clock.advance(1000)
    expect(await send(world, {content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    expect(await send(world)).toBe('202 payment-1 replayed')
    expect(world.ingest.topic).toHaveLength(1)
  })

  it('is forgotten after its time to live', async () => {
    const world = intakeWorld({claimTtlMs: 60_000})
    await send(world)
    await world.clock.advance(60_001)
    expect(await send(world, {content: 'b'})).toBe('202 payment-1')
  })

  it('asked for at once by many is sent once, and all are answered', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'hold'
    const all = Array.from({length: 20}, () => begin(world))
    const other = begin(world, {content: 'b'})
    await turns()
    expect(world.ingest.offeredCount).toBe(1)
    world.ingest.settle('ack')
    const answers = (await Promise.all(all)).map(told)
    expect(answers.filter(answer => answer === '202 payment-1')).toHaveLength(1)
    expect(answers.filter(answer => answer === '202 payment-1 replayed')).toHaveLength(19)
    expect(told(await other)).toBe('PAYMENT_ID_CONFLICT')
  })
})

describe('an Idempotency-Key', () => {
  it('leads back to the id that was minted for it', async () => {
    const world = intakeWorld()
    expect(await send(world, {id: 'minted-1', minted: true, key: 'k'})).toBe('202 minted-1')
    expect(await send(world, {id: 'minted-2', minted: true, key: 'k'})).toBe('202 minted-1 replayed')
    await world.clock.advance(1000)
    expect(await send(world, {id: 'minted-3', minted: true, key: 'k'})).toBe('202 minted-1 replayed')
    expect(world.ingest.topic).toHaveLength(1)
    // Ids that were minted for nothing leave nothing behind.
    expect(world.claims.count).toBe(2)
  })

  it('with other content is a conflict, and keeps no hold on the other payment', async () => {
    const world = intakeWorld()
    await send(world, {id: 'one', key: 'k'})
    expect(await send(world, {id: 'two', key: 'k'})).toBe('IDEMPOTENCY_KEY_CONFLICT')
    expect(await send(world, {id: 'minted', minted: true, key: 'k', content: 'b'})).toBe('IDEMPOTENCY_KEY_CONFLICT')
    expect(await send(world, {id: 'two', key: 'other'})).toBe('202 two')
    expect(await send(world, {id: 'one', key: 'new', content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    // The key of a conflict is free for the corrected request.
    expect(await send(world, {id: 'three', key: 'new'})).toBe('202 three')
  })

  it('joins what another key has begun', async () => {
    const world = intakeWorld()
    expect(await send(world, {key: 'k1'})).toBe('202 payment-1')
    expect(await send(world, {key: 'k2'})).toBe('202 payment-1 replayed')
    await world.clock.advance(1000)
    expect(await send(world, {key: 'k2'}, world.another())).toBe('202 payment-1 replayed')
    expect(world.ingest.topic).toHaveLength(1)
  })
})

describe('a broker', () => {
  it('that refuses frees the claim: a retry begins anew, even with other content', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'fail'
    expect(await send(world, {key: 'k'})).toBe('BROKER_REFUSED')
    expect(world.claims.count).toBe(0)
    world.ingest.fate = () => 'ack'
    expect(await send(world, {key: 'k', content: 'b'})).toBe('202 payment-1')
    expect(world.ingest.contentsOf('payment-1')).toHaveLength(1)
  })

  it.each<Fate>(['lose', 'drop'])('that leaves it open (%s) is asked again with the same bytes', async fate => {
    const world = intakeWorld()
    world.ingest.fate = () => fate
    expect(await send(world)).toBe('OUTCOME_UNKNOWN')
    expect(await send(world, {content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    world.ingest.fate = () => 'fail'
    // Definite for this attempt; the first may be there all the same.
    expect(await send(world)).toBe('OUTCOME_UNKNOWN')
    expect(await send(world, {content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    world.ingest.fate = () => 'ack'
    expect(await send(world)).toBe('202 payment-1 replayed')
    expect(world.ingest.contentsOf('payment-1')).toHaveLength(1)
  })

  it('whose queue is full is no reason to keep the claim', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'full'
    expect(await send(world)).toBe('QUEUE_FULL')
    expect(world.claims.count).toBe(0)
  })

  it('that is slow is told of as 503 in time, and the payment goes on its way', async () => {
    const world = intakeWorld({ackTimeoutMs: 500})
    world.ingest.fate = () => 'hold'
    const answers = [begin(world), begin(world, {id: 'two'})]
    await world.clock.advance(499)
    expect(await Promise.race([...answers, 'none yet'])).toBe('none yet')
    await world.clock.advance(1)
    expect((await Promise.all(answers)).map(told)).toEqual(['ACK_TIMEOUT', 'ACK_TIMEOUT'])
    // A retry joins instead of sending it again.
    const retry = begin(world)
    await turns()
    expect(world.ingest.offeredCount).toBe(2)
    world.ingest.settle('ack')
    expect(told(await retry)).toBe('202 payment-1 replayed')
  })

  it('that does not answer fills the queue to its bound, and no further', async () => {
    const world = intakeWorld({pendingCount: 3, ackTimeoutMs: 1000})
    world.ingest.fate = () => 'hold'
    const waiting = [1, 2, 3].map(number => begin(world, {id: `payment-${number}`}))
    await turns()
    expect(await send(world, {id: 'payment-4'})).toBe('QUEUE_FULL')
    await world.clock.advance(1000)
    // Answered is not settled: their bytes are still with us.
    expect((await Promise.all(waiting)).map(told)).toEqual(['ACK_TIMEOUT', 'ACK_TIMEOUT', 'ACK_TIMEOUT'])
    expect(await send(world, {id: 'payment-4'})).toBe('QUEUE_FULL')
    world.ingest.settle('ack')
    await turns()
    world.ingest.fate = () => 'ack'
    expect(await send(world, {id: 'payment-4'})).toBe('202 payment-4')
    expect(world.intake.pendingCount).toBe(0)
  })
})

describe('a database that is gone', () => {
  it('is told of as 503, and nothing is sent', async () => {
    const world = intakeWorld()
    world.claims.isDown = true
    expect(await send(world)).toBe('DATABASE_UNAVAILABLE')
    expect(world.ingest.offeredCount).toBe(0)
    world.claims.isDown = false
    expect(await send(world)).toBe('202 payment-1')
  })

  it('after it has claimed leaves a claim that a retry of the same content finishes', async () => {
    const world = intakeWorld()
    world.claims.losesAnswer = true
    expect(await send(world)).toBe('DATABASE_UNAVAILABLE')
    expect(await send(world, {content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    expect(await send(world)).toBe('202 payment-1 replayed')
    expect(world.ingest.topic).toHaveLength(1)
  })

  it('hears of acceptances when it is back', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'hold'
    const answer = begin(world)
    await turns()
    world.claims.isDown = true
    world.ingest.settle('ack')
    expect(told(await answer)).toBe('202 payment-1')
    await world.clock.advance(5000)
    expect(world.notes).toHaveLength(1)
    world.claims.isDown = false
    await world.clock.advance(2000)
    expect((await world.claims.find('payment-1'))?.state).toBe('accepted')
  })

  it('while a claim is to be released keeps it for a retry', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'hold'
    const answer = begin(world)
    await turns()
    world.claims.isDown = true
    world.ingest.settle('fail')
    expect(told(await answer)).toBe('BROKER_REFUSED')
    expect(world.notes).toEqual([expect.stringContaining('could not be released')])
    world.claims.isDown = false
    world.ingest.fate = () => 'ack'
    expect(await send(world, {content: 'b'})).toBe('PAYMENT_ID_CONFLICT')
    expect(await send(world)).toBe('202 payment-1 replayed')
  })
})

describe('a problem after which the payment may have been sent', () => {
  it('names the minted id, and a retry with it makes no second record', async () => {
    const world = intakeWorld({ackTimeoutMs: 500})
    world.ingest.fate = () => 'hold'
    const late = await world.clock.until(begin(world, {id: 'minted-1', minted: true}))
    expect(late).toMatchObject({
      problem: {
        code: 'ACK_TIMEOUT',
        detail: expect.stringContaining('the same body again with this payment_id'),
        extensions: {payment_id: 'minted-1'},
        retryAfterS: 1,
      },
    })
    const retry = begin(world, {id: 'minted-1'})
    await turns()
    world.ingest.settle('ack')
    expect(told(await retry)).toBe('202 minted-1 replayed')
    expect(world.ingest.topic).toHaveLength(1)
  })

  it.each<Fate>(['lose', 'drop'])('such as an outcome that nobody knows (%s) names it too', async fate => {
    const world = intakeWorld()
    world.ingest.fate = () => fate
    const answer = await begin(world, {id: 'minted-1', minted: true})
    expect(answer).toMatchObject({problem: {code: 'OUTCOME_UNKNOWN', extensions: {payment_id: 'minted-1'}}})
    world.ingest.fate = () => 'ack'
    expect(await send(world, {id: 'minted-1'})).toBe('202 minted-1 replayed')
    expect(world.ingest.contentsOf('minted-1')).toHaveLength(1)
  })

  it('names the id that the key leads to, never one that was minted for nothing', async () => {
    const world = intakeWorld({ackTimeoutMs: 500})
    world.ingest.fate = () => 'hold'
    const first = begin(world, {id: 'minted-1', minted: true, key: 'k'})
    await turns()
    const joined = await world.clock.until(begin(world, {id: 'minted-2', minted: true, key: 'k'}))
    expect(joined).toMatchObject({
      problem: {detail: expect.stringContaining('Idempotency-Key'), extensions: {payment_id: 'minted-1'}},
    })
    expect(told(await first)).toBe('ACK_TIMEOUT')
    const retry = begin(world, {id: 'minted-1', key: 'k'})
    await turns()
    world.ingest.settle('ack')
    expect(told(await retry)).toBe('202 minted-1 replayed')
  })

  it('names none while the key may yet lead elsewhere', async () => {
    const world = intakeWorld({ackTimeoutMs: 500})
    const gate = makeGate()
    world.claims.late = () => gate.opened
    const answer = await world.clock.until(begin(world, {id: 'minted-1', minted: true, key: 'k'}))
    expect(answer).toMatchObject({problem: {code: 'ACK_TIMEOUT'}})
    expect(answer).not.toHaveProperty('problem.extensions')
    gate.open()
    await turns()
  })

  it('names none when nothing was sent', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'fail'
    const answer = await begin(world, {id: 'minted-1', minted: true})
    expect(answer).toMatchObject({problem: {code: 'BROKER_REFUSED'}})
    expect(answer).not.toHaveProperty('problem.extensions')
  })
})

describe('a database that stalls', () => {
  it('has its payments counted as pending, the full queue and the late answers told and counted', async () => {
    const world = intakeWorld({pendingCount: 3, ackTimeoutMs: 1000})
    const gate = makeGate()
    world.claims.late = () => gate.opened
    const waiting = [1, 2, 3].map(number => begin(world, {id: `payment-${number}`}))
    await turns()
    expect([world.intake.pendingCount, world.ingest.pendingCount]).toEqual([3, 0])
    expect(world.intake.pendingBytes).toBeGreaterThan(0)
    expect(await begin(world, {id: 'payment-4'})).toMatchObject({
      problem: {code: 'QUEUE_FULL', detail: 'too many payments wait: 3 for the database'},
    })
    await world.clock.advance(1000)
    for (const answer of await Promise.all(waiting)) {
      expect(answer).toMatchObject({problem: {code: 'ACK_TIMEOUT', detail: expect.stringContaining('the database')}})
    }
    expect(world.counts).toEqual({QUEUE_FULL: 1, ACK_TIMEOUT: 3})
    expect(world.intake.laterCounts).toEqual({refused: 1, late: 3, unclaimed: 0})
    gate.open()
    await turns()
    expect([world.intake.pendingCount, world.intake.pendingBytes]).toEqual([0, 0])
    expect(world.ingest.topic).toHaveLength(3)
  })

  it('is told apart from a broker that does', async () => {
    const world = intakeWorld({pendingCount: 3})
    world.ingest.fate = () => 'hold'
    void begin(world, {id: 'payment-1'})
    await turns()
    const gate = makeGate()
    world.claims.late = () => gate.opened
    void begin(world, {id: 'payment-2'})
    void begin(world, {id: 'payment-3'})
    await turns()
    expect(await begin(world, {id: 'payment-4'})).toMatchObject({
      problem: {detail: 'too many payments wait: 2 for the database, 1 for the broker'},
    })
    gate.open()
    await turns()
    world.ingest.settle('ack')
  })
})

describe('another server', () => {
  it('that is about to have it acknowledged is waited for a moment', async () => {
    const world = intakeWorld()
    const theirs = new MemoryIngest(world.clock)
    theirs.fate = () => 'hold'
    const first = begin(world, {}, world.another(theirs))
    await turns()
    let answer = ''
    void begin(world, {key: 'k'}).then(one => {
      answer = told(one)
    })
    await world.clock.advance(60)
    expect(answer).toBe('')
    theirs.settle('ack')
    expect(told(await first)).toBe('202 payment-1')
    await world.clock.advance(ACCEPT_PAUSE_MS + 100)
    expect(answer).toBe('202 payment-1 replayed')
    expect(world.ingest.offeredCount).toBe(0)
    // The key that came with the second request has heard of it too.
    await world.clock.advance(1000)
    expect(await send(world, {key: 'k'}, world.another())).toBe('202 payment-1 replayed')
  })

  it('is waited for 250 ms, and not by a crowd', async () => {
    const world = intakeWorld()
    const theirs = new MemoryIngest(world.clock)
    theirs.fate = () => 'hold'
    void begin(world, {}, world.another(theirs))
    await turns()
    const answers: string[] = []
    for (let number = 0; number < MAX_FOLLOWER_COUNT + 10; number++)
      void begin(world).then(answer => answers.push(told(answer)))
    await turns(20)
    expect(answers).toEqual(Array(10).fill('IN_PROGRESS'))
    await world.clock.advance(249)
    expect(answers).toHaveLength(10)
    await world.clock.advance(1)
    expect(answers).toEqual(Array(MAX_FOLLOWER_COUNT + 10).fill('IN_PROGRESS'))
  })

  it('that is refused meanwhile leaves it to the next attempt', async () => {
    const world = intakeWorld()
    const theirs = new MemoryIngest(world.clock)
    theirs.fate = () => 'hold'
    const first = begin(world, {}, world.another(theirs))
    await turns()
    const second = begin(world)
    await turns()
    theirs.settle('fail')
    expect(told(await first)).toBe('BROKER_REFUSED')
    expect(told(await world.clock.until(second))).toBe('IN_PROGRESS')
    expect(await send(world)).toBe('202 payment-1')
  })

  it('that is sending it for longer is told of', async () => {
    const world = intakeWorld()
    const theirs = new MemoryIngest(world.clock)
    theirs.fate = () => 'hold'
    const first = begin(world, {}, world.another(theirs))
    await turns()
    expect(await send(world)).toBe('IN_PROGRESS')
    theirs.settle('ack')
    expect(told(await first)).toBe('202 payment-1')
    await world.clock.advance(1000)
    expect(await send(world)).toBe('202 payment-1 replayed')
    expect(world.ingest.topic).toHaveLength(0)
  })

  it('that is gone is followed after the lease, once, with the bytes that it had claimed', async () => {
    const world = intakeWorld()
    const theirs = new MemoryIngest(world.clock)
    theirs.fate = () => 'hold'
    void begin(world, {id: 'minted-1', minted: true, key: 'k'}, world.another(theirs))
    await turns()
    expect(await send(world, {id: 'minted-2', minted: true, key: 'k'})).toBe('IN_PROGRESS')
    await world.clock.advance(CLAIM_LEASE_MS)
    const retries = ['minted-3', 'minted-4', 'minted-5'].map(id => begin(world, {id, minted: true, key: 'k'}))
    await turns()
    const answers = (await Promise.all(retries)).map(told)
    expect(new Set(answers)).toEqual(new Set(['202 minted-1 replayed']))
    expect(world.ingest.topic.map(({value}) => value.toString())).toEqual(['{"id":"minted-1","content":"a"}'])
  })
})

describe('claims', () => {
  it('of one turn, and of the time of a call, go in one call', async () => {
    const world = intakeWorld()
    const gate = makeGate()
    world.claims.slowly = () => gate.opened
    const first = [1, 2, 3].map(number => begin(world, {id: `payment-${number}`}))
    await turns()
    const next = Array.from({length: 50}, (_, number) => begin(world, {id: `payment-${number + 10}`, key: `${number}`}))
    await turns()
    expect(world.claims.claimCalls).toEqual([3])
    gate.open()
    await Promise.all([...first, ...next])
    expect(world.claims.claimCalls).toEqual([3, 100])
  })

  it('keep a pace of 2 ms while few wait: the first goes at once, those of the next 2 ms together', async () => {
    const world = intakeWorld({claimPaceMs: 2})
    expect(await send(world, {id: 'payment-1'})).toBe('202 payment-1')
    const next = [2, 3].map(number => begin(world, {id: `payment-${number}`}))
    await turns()
    await world.clock.advance(1)
    next.push(begin(world, {id: 'payment-4'}))
    await turns()
    expect(world.claims.claimCalls).toEqual([1])
    await world.clock.advance(1)
    expect((await Promise.all(next)).map(told)).toEqual(['202 payment-2', '202 payment-3', '202 payment-4'])
    expect(world.claims.claimCalls).toEqual([1, 3])
    await world.clock.advance(2)
    expect(await send(world, {id: 'payment-5'})).toBe('202 payment-5')
  })

  it('do not wait for the pace when twenty are there', async () => {
    const world = intakeWorld({claimPaceMs: 2})
    expect(await send(world, {id: 'payment-0'})).toBe('202 payment-0')
    const next = Array.from({length: 20}, (_, number) => begin(world, {id: `payment-${number + 1}`}))
    await Promise.all(next)
    expect(world.claims.claimCalls).toEqual([1, 20])
  })

  it('that are many are cut into calls', async () => {
    const world = intakeWorld()
    const all = Array.from({length: 2500}, (_, number) => begin(world, {id: `payment-${number}`}))
    await Promise.all(all)
    expect(world.claims.claimCalls).toEqual([1000, 1000, 500])
    expect(world.ingest.topic).toHaveLength(2500)
    await world.clock.advance(1000)
    expect(world.claims.acceptCalls).toBeLessThanOrEqual(4)
  })

  it('are not released while an answer tells of them', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'hold'
    const first = begin(world)
    await turns()
    // The table has found the claim of the first, and its answer is on the way when the first is refused.
    const gate = makeGate()
    world.claims.slowly = () => gate.opened
    const retry = begin(world)
    await turns()
    world.claims.slowly = async () => {}
    world.ingest.settle('fail')
    await turns()
    gate.open()
    await turns()
    world.ingest.settle('ack')
    expect(told(await first)).toBe('BROKER_REFUSED')
    expect(told(await retry)).toBe('BROKER_REFUSED')
    world.ingest.fate = () => 'ack'
    expect(await send(world, {content: 'b'})).toBe('202 payment-1')
    expect(world.ingest.contentsOf('payment-1')).toHaveLength(1)
  })

  it('are known as accepted by an answer that the table gave before it was told', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'hold'
    const first = begin(world)
    await turns()
    const gate = makeGate()
    world.claims.slowly = () => gate.opened
    const retry = begin(world)
    await turns()
    world.claims.slowly = async () => {}
    world.ingest.settle('ack')
    expect(told(await first)).toBe('202 payment-1')
    await world.clock.advance(1000)
    gate.open()
    expect(told(await retry)).toBe('202 payment-1 replayed')
    expect(world.ingest.offeredCount).toBe(1)
  })
})

describe('closing', () => {
  it('settles what is under way, tells the table, and refuses what comes', async () => {
    const world = intakeWorld()
    world.ingest.fate = () => 'hold'
    const answer = begin(world)
    await turns()
    const closed = world.intake.close()
    expect(await send(world, {id: 'two'})).toBe('SHUTTING_DOWN')
    world.ingest.settle('ack')
    await closed
    expect(told(await answer)).toBe('202 payment-1')
    expect(world.ingest.isFlushed).toBe(true)
    expect((await world.claims.find('payment-1'))?.state).toBe('accepted')
  })

  it('does not wait for a database that is gone', async () => {
    const world = intakeWorld()
    await send(world)
    world.claims.isDown = true
    await world.intake.close()
    expect(world.notes).toEqual([expect.stringContaining('could not be marked')])
  })
})

describe('whatever happens', () => {
  const fates: Fate[] = ['ack', 'fail', 'fail', 'lose', 'drop', 'full', 'hold', 'hold']
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('send' as const),
        id: fc.constantFrom('one', 'one', 'two'),
        content: fc.constantFrom('a', 'a', 'b'),
        key: fc.constantFrom(undefined, undefined, undefined, 'k1', 'k2'),
        minted: fc.boolean(),
        server: fc.constantFrom(0, 0, 0, 1, 2),
        fate: fc.constantFrom(...fates),
        turns: fc.constantFrom(0, 1, 4),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('settle' as const),
        fate: fc.constantFrom('ack', 'fail', 'lose', 'drop'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 30, 400, CLAIM_LEASE_MS)}),
    },
    {
      weight: 1,
      arbitrary: fc.record({kind: fc.constant('database' as const), trouble: fc.constantFrom('down', 'up', 'lose')}),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('slow' as const),
        delays: fc.array(fc.nat(4), {minLength: 2, maxLength: 5}),
      }),
    },
    {weight: 1, arbitrary: fc.record({kind: fc.constant('crash' as const), server: fc.nat(2)})},
    {weight: 2, arbitrary: fc.record({kind: fc.constant('turn' as const)})},
  )

  it('an id has one content on the topic, and every 202 has an acknowledged record of what was sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, {minLength: 1, maxLength: 40}), async events => {
        const world = intakeWorld({ackTimeoutMs: 1000})
        const {clock, ingest, claims} = world
        const servers = [world.intake, world.another(), world.another()]
        const answers: {readonly given: Given; readonly answer: string}[] = []
        const pending: Promise<void>[] = []
        let minted = 0
        let fate: Fate = 'ack'
        ingest.fate = () => fate
        for (const one of events) {
          if (one.kind === 'send') {
            fate = one.fate
            const isMinted = one.minted && one.key !== undefined
            const id = isMinted ? `minted-${minted++}` : one.id
            const given: Given = {
              id,
              minted: isMinted,
              content: one.content,
              ...(one.key === undefined ? {} : {key: one.key}),
            }
            const answer = servers[one.server]?.submit(submission(clock, given))
            pending.push(Promise.resolve(answer).then(it => void answers.push({given, answer: it ? told(it) : ''})))
            await turns(one.turns)
          } else if (one.kind === 'settle') ingest.settle(one.fate as 'ack')
          else if (one.kind === 'pass') await clock.advance(one.ms)
          else if (one.kind === 'database') {
            claims.isDown = one.trouble === 'down'
            claims.losesAnswer = one.trouble === 'lose'
          } else if (one.kind === 'crash') servers[one.server] = world.another()
          else if (one.kind === 'slow') {
            let call = 0
            const delay = () => turns(one.delays[call++ % one.delays.length])
            claims.late = delay
            claims.slowly = delay
          } else await turns(2)
        }
        fate = 'ack'
        claims.isDown = false
        claims.losesAnswer = false
        claims.late = async () => {}
        claims.slowly = async () => {}
        await turns(40)
        ingest.settle('ack')
        await turns(40)
        await clock.advance(2000)
        await Promise.all(pending)

        for (const {given, answer} of answers) {
          const id = /^202 (\S+)/.exec(answer)?.[1]
          if (id === undefined) continue
          const [value, ...others] = ingest.contentsOf(`"${id}"`)
          expect(others).toEqual([])
          expect(value).toBe(JSON.stringify({id, content: given.content}))
          if (given.minted !== true) expect(id).toBe(given.id)
        }
        for (const id of ['one', 'two']) expect(ingest.contentsOf(`"${id}"`).length).toBeLessThanOrEqual(1)
        // A key leads to one payment.
        for (const key of ['k1', 'k2']) {
          const ids = answers
            .filter(({given, answer}) => given.key === key && answer.startsWith('202'))
            .map(({answer}) => answer.split(' ')[1])
          expect(new Set(ids).size).toBeLessThanOrEqual(1)
        }
        for (const server of servers) expect(server.pendingCount).toBe(0)
        // And all is as new: a payment that was never heard of goes through.
        expect(await send(world, {id: 'fresh'})).toBe('202 fresh')
      }),
      {
        numRuns: 200,
        examples: [
          // Followed on one server, refused on the other, and claimed anew with other content before it is looked at again.
          [
            [
              {kind: 'send', id: 'one', content: 'a', key: undefined, minted: false, server: 1, fate: 'ack', turns: 0},
              {kind: 'send', id: 'one', content: 'a', key: undefined, minted: false, server: 0, fate: 'full', turns: 1},
              {kind: 'send', id: 'one', content: 'b', key: undefined, minted: false, server: 0, fate: 'ack', turns: 0},
              {kind: 'slow', delays: [0, 0]},
            ],
          ],
        ],
      },
    )
  })
})
