/** What leaves the detector, in which order, and when it ends. State has its own specification beside this one. */
import {describe, expect, it} from 'vitest'
import {BugError, EnvironmentError} from '../../../src/lib/base/errors.js'
import type {OutputRecord} from '../../../src/lib/payment/record.js'
import {HEADERS, TOPICS} from '../../../src/lib/payment/topics.js'
import {CountingDetector} from '../../support/counting-detector.js'
import {DetectWorld} from '../../support/detect-world.js'
import {trouble} from '../../support/memory-kafka.js'

describe('outputs of the detector', () => {
  it('puts an approved payment on legit with its bytes, key and headers, and the decision in headers', async () => {
    const world = new DetectWorld(1)
    world.send(1, {}, {'p2pay-due-us': '1700000000000000', trace: Buffer.from('abc')})
    await world.run()
    const [raw] = world.kafka.records
    const legit = world.only('legit')
    expect(legit.value).toEqual(raw?.value)
    expect(legit.key).toEqual(raw?.key)
    expect(legit.headers).toEqual({
      'p2pay-due-us': '1700000000000000',
      trace: Buffer.from('abc'),
      [HEADERS.decision]: 'approve',
      [HEADERS.score]: '0.1000',
      [HEADERS.reasons]: '',
      [HEADERS.decidedUs]: expect.stringMatching(/^1700\d{12}$/),
    })
    expect(world.kafka.outputs).toHaveLength(1)
  })

  it.each([
    ['review', 1000, '0.6000'],
    ['block', 10_000, '0.9500'],
  ] as const)('puts a payment to %s on fraud, and an alert of its own on alerts', async (kind, amountMinor, score) => {
    const world = new DetectWorld(1)
    const [paymentId] = world.send(1, {amountMinor})
    await world.run()
    const fraud = world.only('fraud')
    expect(fraud.value).toEqual(world.kafka.records[0]?.value)
    expect(fraud.headers).toMatchObject({
      [HEADERS.decision]: kind,
      [HEADERS.score]: score,
      [HEADERS.reasons]: 'amount,debtor-velocity',
    })
    const alert = world.only('alerts')
    expect(alert.key).toEqual(fraud.key)
    expect(JSON.parse(String(alert.value))).toMatchObject({
      schema_version: 1,
      payment_id: paymentId,
      decision: kind,
      reasons: ['amount', 'debtor-velocity'],
      amount_minor: amountMinor,
      source: {topic: TOPICS.raw, partition: 0, offset: 0},
    })
    expect(world.on('legit')).toEqual([])
    expect(world.tables.rows.get(String(paymentId))?.decision.kind).toBe(kind)
  })

  it.each<[string, Buffer | null, string]>([
    ['no value', null, 'EMPTY_VALUE'],
    ['an empty value', Buffer.from(''), 'EMPTY_VALUE'],
    ['no JSON', Buffer.from('{"schema_version'), 'MALFORMED_JSON'],
    ['missing fields', Buffer.from('{"schema_version":1}'), 'INVALID_FIELD'],
    ['an unknown version', Buffer.from('{"schema_version":9}'), 'UNKNOWN_VERSION'],
    ['two megabytes', Buffer.alloc(2_000_000, 'x'), 'TOO_LARGE'],
  ])('puts a record with %s on the dead-letter topic as it came, with reason and origin', async (_, value, code) => {
    const world = new DetectWorld(1)
    world.send(1)
    world.kafka.append(0, {key: null, value, headers: {trace: 'abc'}})
    world.send(1)
    const summary = await world.run()
    const dead = world.only('dlq')
    expect(value === null ? dead.value === null : dead.value?.equals(value)).toBe(true)
    expect(dead.key).toBeNull()
    expect(dead.headers).toMatchObject({
      trace: 'abc',
      [HEADERS.errorCode]: code,
      [HEADERS.error]: expect.stringMatching(/^[\x20-\x7e]+$/),
      [HEADERS.sourceTopic]: TOPICS.raw,
      [HEADERS.sourcePartition]: '0',
      [HEADERS.sourceOffset]: '1',
    })
    expect(world.on('legit')).toHaveLength(2)
    expect(world.committed).toEqual({0: 3})
    expect(summary.counters).toMatchObject({decided: 2, deadLettered: 1, deadLetteredByCode: {[code]: 1}})
  })

  it('stores rows first, then publishes, then commits', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run({limits: {batchCount: 5}})
    const order = ['insert', 'inserted', 'publish', 'published', 'commit', 'committed']
    expect(world.steps.filter(step => order.includes(step))).toEqual([...order, ...order])
  })

  it('writes all partitions with one insert, one publish and one commit', async () => {
    const world = new DetectWorld(6)
    world.send(12)
    const process = world.start({untilIdleMs: 1000})
    const summary = await world.clock.until(process.ended)
    expect([process.store.inserts, process.publisher.calls, summary.counters.commits]).toEqual([1, 1, 1])
    expect(world.committed).toEqual({0: 2, 1: 2, 2: 2, 3: 2, 4: 2, 5: 2})
  })

  it('does without a database: same outputs, no rows', async () => {
    const world = new DetectWorld()
    world.send(4)
    const summary = await world.run({store: null})
    expect(world.on('legit')).toHaveLength(4)
    expect(world.tables.rows.size).toBe(0)
    expect(summary.counters).toMatchObject({decided: 4, storedRows: 0})
    expect(summary.rowTime.count).toBe(0)
  })
})

describe('a payment that is decided already', () => {
  it('adopts the stored decision for outputs and counters when it was sent twice', async () => {
    const world = new DetectWorld(1)
    const [paymentId] = world.send(1, {amountMinor: 20_000})
    await world.run()
    // The same id again with an amount that would be approved.
    world.send(1, {paymentId: String(paymentId), amountMinor: 100})
    const summary = await world.run()
    expect(world.on('legit')).toEqual([])
    expect(world.on('fraud').map(({headers}) => headers[HEADERS.decision])).toEqual(['block', 'block'])
    expect(new Set(world.on('fraud').map(({headers}) => headers[HEADERS.decidedUs])).size).toBe(1)
    expect(world.tables.rows.size).toBe(1)
    expect(summary.counters).toMatchObject({decided: 1, block: 1, approve: 0, adopted: 1, storedRows: 0})
  })

  it('adopts the decision of the first of two in one batch', async () => {
    const world = new DetectWorld(1)
    const [paymentId] = world.send(1)
    world.send(1, {paymentId: String(paymentId), amountMinor: 20_000})
    const summary = await world.run()
    expect(world.on('legit')).toHaveLength(2)
    expect(summary.counters).toMatchObject({approve: 2, adopted: 1, duplicates: 1, storedRows: 1})
  })

  it('decides the second of two by itself when the table refuses the first', async () => {
    const world = new DetectWorld(1)
    const [paymentId] = world.send(1, {reference: 'bad'})
    world.send(1, {paymentId: String(paymentId)})
    await world.run({}, {store: {refuse: row => row.payment.reference === 'bad'}})
    expect(world.deadLettered).toEqual(['0:0'])
    expect(world.on('legit')).toHaveLength(1)
    expect(world.tables.rows.size).toBe(1)
  })

  it('takes its own row for no adoption when the answer to an insert was lost', async () => {
    const world = new DetectWorld(1)
    world.down.add('inserted')
    world.send(3)
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(500)
    world.down.clear()
    const summary = await world.clock.until(process.ended)
    expect(summary.counters).toMatchObject({decided: 3, adopted: 0, duplicates: 0})
    expect(world.tables.rows.size).toBe(3)
  })
})

describe('infrastructure trouble', () => {
  it.each([
    ['the database is down', 'insert', 'storing rows'],
    ['the broker takes no outputs', 'publish', 'publishing'],
    ['the broker takes no commits', 'commit', 'committing'],
  ] as const)('waits while %s, reports it once, and loses nothing', async (_, step, activity) => {
    const world = new DetectWorld()
    world.down.add(step)
    const ids = world.send(40)
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(60_000)
    expect(world.committed).toEqual({})
    expect(world.troubles).toEqual([{activity, message: `${step} failed`, recovered: false, lastedMs: 0}])
    world.down.clear()
    const summary = await world.clock.until(process.ended)
    expect(world.troubles.map(({recovered}) => recovered)).toEqual([false, true])
    expect(world.troubles[1]?.lastedMs).toBeGreaterThan(50_000)
    expect([...world.tables.rows.keys()].sort()).toEqual(ids)
    expect(world.committed).toEqual({0: 20, 1: 20})
    expect(summary.counters).toMatchObject({decided: 40, troubles: 1})
  })

  it('tries again with growing waits, five seconds at most', async () => {
    const world = new DetectWorld(1)
    world.down.add('insert')
    world.send(1)
    const process = world.start()
    await world.clock.advance(60_000)
    const attempts = world.steps.filter(step => step === 'insert').length
    // 50 ms doubled seven times, then every 5 s.
    expect(attempts).toBeGreaterThanOrEqual(17)
    expect(attempts).toBeLessThanOrEqual(20)
    process.life.isDead = true
  })

  it('takes no more than the outbox holds meanwhile', async () => {
    const world = new DetectWorld(1)
    world.down.add('insert')
    world.send(500)
    const live: {consumed: number}[] = []
    const process = world.start(
      {limits: {outboxCount: 20, batchCount: 10}, untilIdleMs: 1000, onReady: ({counters}) => live.push(counters)},
      {source: {maxBatchCount: 5}},
    )
    await world.clock.advance(30_000)
    expect(live[0]?.consumed).toBeLessThanOrEqual(20 + 10 + 5)
    world.down.clear()
    expect((await world.clock.until(process.ended)).counters.decided).toBe(500)
  })

  it('is bounded by bytes as well', async () => {
    const world = new DetectWorld(1)
    world.down.add('insert')
    for (let i = 0; i < 50; i++) world.kafka.append(0, {key: null, value: Buffer.alloc(100_000)})
    world.send(1)
    const live: {consumed: number}[] = []
    const process = world.start(
      {limits: {outboxBytes: 1_000_000, batchBytes: 200_000}, onReady: ({counters}) => live.push(counters)},
      {source: {maxBatchCount: 1}},
    )
    world.down.add('publish')
    await world.clock.advance(30_000)
    expect(live[0]?.consumed).toBeLessThanOrEqual(10 + 2 + 1)
    process.life.isDead = true
  })

  it('publishes twice rather than never when an acknowledgement is lost', async () => {
    const world = new DetectWorld(1)
    world.down.add('published')
    world.send(2)
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(100)
    expect(world.committed).toEqual({})
    world.down.clear()
    await world.clock.until(process.ended)
    expect(world.on('legit').length).toBeGreaterThan(2)
    expect(world.committed).toEqual({0: 2})
  })

  it('goes on writing while commits are refused, and commits all at once afterwards', async () => {
    const world = new DetectWorld(1)
    world.down.add('commit')
    world.send(10)
    const process = world.start({untilIdleMs: 1000, limits: {batchCount: 2}})
    await world.clock.advance(20_000)
    expect(world.tables.rows.size).toBe(10)
    world.down.clear()
    await world.clock.until(process.ended)
    expect(world.committed).toEqual({0: 10})
    expect(world.on('legit')).toHaveLength(10)
  })

  it('waits for the offsets that it starts with', async () => {
    const world = new DetectWorld(1)
    world.down.add('load')
    world.send(2)
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(10_000)
    expect(world.steps).not.toContain('insert')
    world.down.clear()
    await world.clock.until(process.ended)
    expect(world.committed).toEqual({0: 2})
  })
})

describe('a record that is refused', () => {
  it.each([1, 2, 7, 64])('is found among %i neighbours, who pass', async neighbours => {
    const world = new DetectWorld(1)
    world.send(neighbours)
    world.send(1, {reference: 'bad'})
    world.send(neighbours)
    const summary = await world.run({}, {store: {refuse: row => row.payment.reference === 'bad'}})
    expect(world.deadLettered).toEqual([`0:${neighbours}`])
    expect(world.only('dlq').headers[HEADERS.errorCode]).toBe('P2PAY_ROW_REFUSED')
    expect(world.on('legit')).toHaveLength(2 * neighbours)
    expect(world.tables.rows.size).toBe(2 * neighbours)
    expect(world.committed).toEqual({0: 2 * neighbours + 1})
    expect(summary.counters).toMatchObject({deadLettered: 1, decided: 2 * neighbours, troubles: 0})
  })

  it('is dead-lettered alone when every row of a batch is refused', async () => {
    const world = new DetectWorld(1)
    world.send(9)
    await world.run({}, {store: {refuse: () => true}})
    expect(world.deadLettered).toHaveLength(9)
    expect(world.committed).toEqual({0: 9})
  })

  it('goes to the dead-letter topic when its output topic refuses it', async () => {
    const world = new DetectWorld(1)
    world.send(5)
    world.send(1, {reference: 'huge'})
    world.send(5)
    await world.run(
      {},
      {publisher: {refuse: tooLarge(({topic, value}) => topic === TOPICS.legit && has(value, 'huge'))}},
    )
    expect(world.only('dlq').headers[HEADERS.errorCode]).toBe('MESSAGE_TOO_LARGE')
    expect(world.deadLettered).toEqual(['0:5'])
    expect(new Set(world.on('legit').map(({value}) => String(value))).size).toBe(10)
    expect(world.committed).toEqual({0: 11})
  })

  it('is recognised below the layers of a client that wraps errors', async () => {
    const world = new DetectWorld(1)
    world.send(1, {reference: 'huge'})
    const wrapped = new EnvironmentError('could not publish', {
      code: 'P2PAY_BROKER_ERROR',
      cause: Object.assign(new Error('retries exceeded'), {cause: {type: 'MESSAGE_TOO_LARGE'}}),
    })
    await world.run({}, {publisher: {refuse: ({topic}) => (topic === TOPICS.legit ? wrapped : undefined)}})
    expect(world.deadLettered).toEqual(['0:0'])
    expect(world.only('dlq').headers[HEADERS.errorCode]).toBe('MESSAGE_TOO_LARGE')
  })

  it('leaves its bytes behind when the dead-letter topic refuses them too', async () => {
    const world = new DetectWorld(1)
    world.kafka.append(0, {key: Buffer.from('k'), value: Buffer.alloc(100_000, 'x')})
    world.send(1)
    await world.run({}, {publisher: {refuse: tooLarge(({value}) => (value?.length ?? 0) > 50_000)}})
    const dead = world.only('dlq')
    expect(dead.value).toBeNull()
    expect(dead.headers).toMatchObject({[HEADERS.errorCode]: 'TOO_LARGE', [HEADERS.sourceOffset]: '0'})
    expect(dead.headers[HEADERS.error]).toContain('value of 100000 bytes')
    expect(world.on('legit')).toHaveLength(1)
  })
})

describe('the end of a run', () => {
  it('comes with idleness only when everything is written and no lag is left', async () => {
    const world = new DetectWorld(1)
    world.down.add('insert')
    world.send(3)
    const process = world.start({untilIdleMs: 1000})
    let hasEnded = false
    void process.ended.then(() => (hasEnded = true))
    await world.clock.advance(30_000)
    expect(hasEnded).toBe(false)
    world.down.clear()
    expect(await world.clock.until(process.ended)).toMatchObject({stoppedBy: 'idle', drained: true, undrainedCount: 0})
    expect(process.source.isStopped).toBe(true)
  })

  it('is put off by each record that comes', async () => {
    const world = new DetectWorld(1)
    const process = world.start({untilIdleMs: 1000})
    for (let i = 0; i < 5; i++) {
      await world.clock.advance(900)
      world.send(1)
    }
    expect((await world.clock.until(process.ended)).counters.decided).toBe(5)
  })

  it('does not wait for ever for offsets that are never delivered', async () => {
    const world = new DetectWorld(1)
    world.send(2)
    world.kafka.skip(0, 3)
    const summary = await world.run({untilIdleMs: 1000})
    expect(summary.counters.decided).toBe(2)
    expect(summary.state.notes).toEqual([expect.stringContaining('ended idle with 3 offsets')])
  })

  it('is no idleness when the broker does not answer', async () => {
    const world = new DetectWorld(1)
    world.send(1)
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(500)
    world.down.add('load')
    let hasEnded = false
    void process.ended.then(() => (hasEnded = true))
    await world.clock.advance(60_000)
    expect(hasEnded).toBe(false)
    world.down.clear()
    await world.clock.until(process.ended)
    expect(world.troubles.map(({activity, recovered}) => [activity, recovered])).toEqual([
      ['asking for the lag', false],
      ['asking for the lag', true],
    ])
  })

  it.each([1, 7, 20, 33])('comes after exactly %i records, processed and committed', async maxMessages => {
    const world = new DetectWorld(3)
    world.send(60)
    const summary = await world.run({maxMessages, untilIdleMs: undefined})
    expect(summary).toMatchObject({stoppedBy: 'max-messages', drained: true})
    expect(summary.counters).toMatchObject({consumed: maxMessages, decided: maxMessages})
    expect(Object.values(world.committed).reduce((sum, offset) => sum + offset, 0)).toBe(maxMessages)
    expect(world.tables.rows.size).toBe(maxMessages)
  })

  it('leaves the rest to the next detector, without a gap or an overlap', async () => {
    const world = new DetectWorld(3)
    const ids = world.send(60)
    for (let i = 0; i < 6; i++) await world.run({maxMessages: 10, untilIdleMs: undefined})
    expect([...world.tables.rows.keys()].sort()).toEqual(ids)
    expect(world.on('legit')).toHaveLength(60)
  })

  it('comes with the signal, after what was taken over is written, committed and snapshotted', async () => {
    const world = new DetectWorld(1)
    world.send(100)
    const process = world.start({limits: {batchCount: 3}}, {store: {insertMs: 100}})
    await world.clock.advance(250)
    process.stop.abort()
    const summary = await world.clock.until(process.ended)
    expect(summary).toMatchObject({stoppedBy: 'signal', drained: true, undrainedCount: 0})
    expect(world.committed).toEqual({0: summary.counters.consumed})
    expect(world.tables.rows.size).toBe(summary.counters.consumed)
    expect(world.steps.at(-1)).toBe('saved')
    expect(process.source.isStopped).toBe(true)
  })

  it('is not held up by a database that stays away: the drain has a deadline', async () => {
    const world = new DetectWorld(1)
    world.down.add('insert')
    world.send(10)
    const process = world.start({limits: {drainMs: 5000}})
    await world.clock.advance(1000)
    process.stop.abort()
    const summary = await world.clock.until(process.ended, 20_000)
    expect(summary).toMatchObject({stoppedBy: 'signal', drained: false})
    expect(world.committed).toEqual({})
    expect(process.source.isStopped).toBe(true)
    world.down.clear()
    await world.run()
    expect(world.tables.rows.size).toBe(10)
  })

  it('is not held up by a database that never answers', async () => {
    const world = new DetectWorld(1)
    world.send(1)
    const process = world.start({limits: {drainMs: 5000}}, {store: {insertMs: 10_000_000}})
    await world.clock.advance(1000)
    process.stop.abort()
    expect(await world.clock.until(process.ended, 20_000)).toMatchObject({drained: false})
  })

  it('comes at once when the signal was there before', async () => {
    const world = new DetectWorld(1)
    world.send(1)
    const summary = await world.run({signal: AbortSignal.abort()})
    expect(summary).toMatchObject({stoppedBy: 'signal', drained: true, readyUs: null})
    expect(world.steps).toEqual([])
  })

  it('is an error when the source cannot be started', async () => {
    const world = new DetectWorld(1)
    const {source} = world.start()
    const broken = Object.assign(Object.create(source), {start: () => Promise.reject(trouble('start'))})
    await expect(world.run({source: broken})).rejects.toThrow('start failed')
  })

  it('is an error when the source gives up, after what was taken over is written', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    const process = world.start({limits: {lingerMs: 50}})
    await world.clock.advance(30)
    process.source.fail(new EnvironmentError('access refused', {code: 'P2PAY_BROKER_FORBIDDEN'}))
    await expect(world.clock.until(process.ended)).rejects.toThrow('access refused')
    expect(world.tables.rows.size).toBe(10)
    expect(process.source.isStopped).toBe(true)
  })

  it('is a bug when the detector throws, and nothing of that record is committed', async () => {
    const world = new DetectWorld(1)
    world.send(3)
    const detector = new CountingDetector()
    detector.decide = () => {
      throw new BugError('no such window')
    }
    await expect(world.run({detector})).rejects.toThrow('no such window')
    expect(world.committed).toEqual({})
  })
})

describe('what the detector tells of its work', () => {
  it('gives each record its times, in order, and NaN for a due time that is not there', async () => {
    const world = new DetectWorld(1)
    const dueUs = world.clock.nowUs() - 5000
    const [paymentId] = world.send(1, {}, {[HEADERS.dueUs]: String(dueUs)})
    world.send(1, {}, {[HEADERS.dueUs]: 'soon'})
    world.kafka.append(0, {key: null, value: null})
    const summary = await world.run()
    const [first, second, third] = world.decided
    expect(first).toMatchObject({paymentId, partition: 0, offset: 0, kind: 'approve', dueUs, adopted: false})
    expect(first?.decidedUs).toBeGreaterThan(dueUs)
    expect(first?.persistedUs).toBeGreaterThan(first?.decidedUs ?? 0)
    expect(first?.publishedUs).toBeGreaterThan(first?.persistedUs ?? 0)
    expect(second?.dueUs).toBeNaN()
    expect(third).toMatchObject({paymentId: undefined, kind: undefined, deadLettered: true, errorCode: 'EMPTY_VALUE'})
    expect(summary.decisionTime.count).toBe(1)
    expect(summary.decisionTime.maxUs).toBe((first?.decidedUs ?? 0) - dueUs)
    expect(summary.rowTime.count).toBe(1)
  })

  it('counts no latency of a payment that was decided and stored before', async () => {
    const world = new DetectWorld(1)
    const [paymentId] = world.send(1, {}, {[HEADERS.dueUs]: String(world.clock.nowUs())})
    const first = await world.run()
    expect([first.decisionTime.count, first.rowTime.count]).toEqual([1, 1])
    await world.clock.advance(60_000)
    world.send(1, {paymentId: String(paymentId)}, {[HEADERS.dueUs]: String(world.clock.nowUs())})
    const second = await world.run()
    expect(second.counters.adopted).toBe(1)
    expect([second.decisionTime.count, second.rowTime.count]).toEqual([0, 0])
  })

  it('is ready once partitions are assigned, with their number', async () => {
    const world = new DetectWorld(4)
    const ready: unknown[] = []
    const process = world.start({
      onReady: ({partitions, partitionCount}) => ready.push([partitions, partitionCount]),
    })
    await world.clock.advance(100)
    expect(ready).toEqual([[[0, 1, 2, 3], 4]])
    process.stop.abort()
    expect((await world.clock.until(process.ended)).readyUs).not.toBeNull()
  })

  it('counts what was taken over exactly: decided, dead-lettered or given away', async () => {
    const world = new DetectWorld(2)
    world.down.add('insert')
    world.send(40)
    const process = world.start({untilIdleMs: 1000, limits: {batchCount: 4}})
    await world.clock.advance(500)
    await world.clock.until(process.source.assign([0]))
    world.down.clear()
    const {counters} = await world.clock.until(process.ended)
    expect(counters.dropped).toBeGreaterThan(0)
    expect(counters.consumed).toBe(counters.decided + counters.deadLettered + counters.dropped)
  })
})

function tooLarge(matches: (record: OutputRecord) => boolean): (record: OutputRecord) => Error | undefined {
  return record => (matches(record) ? Object.assign(new Error('too large'), {code: 'MESSAGE_TOO_LARGE'}) : undefined)
}

function has(value: Buffer | null, text: string): boolean {
  return value?.includes(text) === true
}
