/** The detector's state: snapshots, replay, rebalances, and topics that are not what they were. */
import {describe, expect, it} from 'vitest'
import {EnvironmentError} from '../../../src/lib/base/errors.js'
import {decodePayment} from '../../../src/lib/payment/decode.js'
import {HEADERS} from '../../../src/lib/payment/topics.js'
import {CountingDetector} from '../../support/counting-detector.js'
import {DetectWorld} from '../../support/detect-world.js'

const OFTEN = {snapshotIntervalMs: 1} as const

/** What a detector knows that has read everything once. */
function undisturbed({kafka}: DetectWorld): CountingDetector {
  const detector = new CountingDetector(true)
  for (const record of kafka.records) {
    const decoded = decodePayment(record.value)
    if (decoded.ok) detector.decide(decoded.payment, record)
    else detector.skip(record)
  }
  return detector
}

function snapshotOffsets({tables}: DetectWorld): Record<string, Record<string, number>> {
  return Object.fromEntries(
    [...tables.snapshots.values()]
      .map(({shard, offsets}) => [shard, Object.fromEntries(offsets)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Kills the process once the condition holds. */
async function killWhen(world: DetectWorld, process: ReturnType<DetectWorld['start']>, holds: () => boolean) {
  for (let i = 0; i < 10_000 && !holds(); i++) await world.clock.advance(1)
  expect(holds()).toBe(true)
  process.life.isDead = true
}

describe('a snapshot', () => {
  it('is saved at the end, with state and offsets in one', async () => {
    const world = new DetectWorld(2)
    world.send(10)
    world.kafka.append(0, {key: null, value: null})
    await world.run()
    expect(snapshotOffsets(world)).toEqual({'debtor/0': {0: 6}, 'debtor/1': {1: 5}, shared: {0: 6, 1: 5}})
  })

  it('is saved again and again while the detector runs, when there is something new', async () => {
    const world = new DetectWorld(1)
    const process = world.start({limits: {snapshotIntervalMs: 10_000}})
    for (let second = 0; second < 65; second++) {
      world.send(1)
      await world.clock.advance(1000)
    }
    expect(world.steps.filter(step => step === 'saved')).toHaveLength(7)
    await world.clock.advance(100_000)
    expect(world.steps.filter(step => step === 'saved')).toHaveLength(7)
    process.life.isDead = true
  })

  it('is there after a few seconds, so that crashing again and again does not replay more each time', async () => {
    const world = new DetectWorld(1)
    for (let life = 1; life <= 5; life++) {
      const process = world.start({limits: {snapshotIntervalMs: 10_000}})
      for (let second = 0; second < 3; second++) {
        world.send(1)
        await world.clock.advance(1000)
      }
      process.life.isDead = true
      // What a life decides after its first snapshot is all that the next one has to read again.
      expect(snapshotOffsets(world)['debtor/0']?.['0']).toBeGreaterThan(3 * (life - 1))
    }
  })

  it('never knows more than what is committed', async () => {
    const world = new DetectWorld(1)
    world.send(200)
    world.down.add('commit')
    const process = world.start({limits: {...OFTEN, batchCount: 10}})
    await world.clock.advance(3000)
    expect(snapshotOffsets(world)).toEqual({})
    world.down.clear()
    await killWhen(world, process, () => world.tables.snapshots.size > 0)
    expect(world.tables.snapshots.get('["g","payments.raw","debtor/0"]')?.offsets.get(0)).toBeLessThanOrEqual(
      world.kafka.committed.get(0) ?? 0,
    )
  })

  it('takes a twentieth of the time at most, however dear it is', async () => {
    const world = new DetectWorld(1)
    const process = world.start({limits: OFTEN})
    world.down.add('save')
    const {store} = process
    // A save that takes 500 ms.
    const save = store.saveSnapshots.bind(store)
    world.down.clear()
    store.saveSnapshots = async (owner, snapshots) => {
      await world.clock.sleep(500)
      await save(owner, snapshots)
    }
    for (let tick = 0; tick < 400; tick++) {
      world.send(1)
      await world.clock.advance(100)
    }
    // 40 s with 10 s between two of them.
    expect(world.steps.filter(step => step === 'saved').length).toBeLessThanOrEqual(5)
    process.life.isDead = true
  })

  it('that cannot be saved is trouble, but holds up nothing', async () => {
    const world = new DetectWorld(1)
    world.down.add('save')
    const process = world.start({untilIdleMs: 1000, limits: OFTEN})
    for (let i = 0; i < 20; i++) {
      world.send(1)
      await world.clock.advance(100)
    }
    expect(world.committed).toEqual({0: 20})
    expect(world.troubles.filter(({activity}) => activity === 'saving a snapshot')).toHaveLength(1)
    world.down.clear()
    await world.clock.until(process.ended)
    expect(snapshotOffsets(world)['debtor/0']).toEqual({0: 20})
  })
})

describe('the last snapshot', () => {
  it('that cannot be saved in time is noted; what was decided is safe', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    world.down.add('save')
    const process = world.start({untilIdleMs: 1000, limits: {drainMs: 5000}})
    const summary = await world.clock.until(process.ended, 20_000)
    expect(summary.drained).toBe(true)
    expect(summary.state.notes).toEqual(['the last snapshot could not be saved in time: a restart reads more again'])
    expect(world.committed).toEqual({0: 10})
  })
})

describe('a restart', () => {
  it('replays from the snapshot to the committed offset without output', async () => {
    const world = new DetectWorld(2)
    world.send(10)
    await world.run()
    world.send(10)
    await world.run({snapshots: null})
    const outputs = world.kafka.outputs.length
    world.send(2)
    const detector = new CountingDetector(true)
    const summary = await world.run({detector})
    expect(summary.counters).toMatchObject({replayed: 10, consumed: 2, published: 2, storedRows: 2})
    expect(world.kafka.outputs).toHaveLength(outputs + 2)
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
    expect(detector.sharedCount).toBe(22)
    expect(summary.state).toEqual({debtor: 'complete', shared: 'complete', notes: []})
  })

  it('replays also what no new record would make the source deliver', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run({snapshots: null})
    const detector = new CountingDetector(true)
    const summary = await world.run({detector})
    expect(summary.counters.replayed).toBe(10)
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('is ready only after the replay', async () => {
    const world = new DetectWorld(1)
    world.send(100)
    await world.run({snapshots: null})
    const replayedWhenReady: number[] = []
    await world.run({onReady: ({counters}) => replayedWhenReady.push(counters.replayed)})
    expect(replayedWhenReady).toEqual([100])
  })

  it('does not wait for ever to be ready when the end of the replay is never delivered', async () => {
    const world = new DetectWorld(1)
    world.send(5)
    world.kafka.skip(0, 2)
    await world.run({snapshots: null})
    world.kafka.committed.set(0, 7)
    let isReady = false
    const process = world.start({onReady: () => (isReady = true)})
    await world.clock.advance(29_000)
    expect(isReady).toBe(false)
    await world.clock.advance(2000)
    expect(isReady).toBe(true)
    process.life.isDead = true
  })

  it.each([
    ['between row and output', 'publish'],
    ['between output and commit', 'commit'],
  ] as const)('after a crash %s keeps to the decisions that are stored', async (_, step) => {
    const world = new DetectWorld(2)
    world.down.add(step)
    const ids = world.send(20, {amountMinor: 20_000})
    const process = world.start({detector: new CountingDetector()})
    await world.clock.advance(3000)
    process.life.isDead = true
    world.down.clear()
    const before = new Map([...world.tables.rows].map(([id, row]) => [id, row.decision.kind]))
    expect(before.size).toBe(20)
    const summary = await world.run({detector: new CountingDetector(true)})
    expect(summary.counters).toMatchObject({replayed: 0, consumed: 20, storedRows: 0})
    for (const {value, headers} of [...world.on('legit'), ...world.on('fraud')]) {
      const decoded = decodePayment(value)
      expect(headers[HEADERS.decision]).toBe(decoded.ok ? before.get(decoded.payment.paymentId) : 'a payment')
    }
    expect(ids).toHaveLength(20)
  })

  it('decides with output what is past the committed offset, also when the shards have seen it', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run()
    // An operator sends the group back; the snapshot is ahead now.
    world.kafka.committed.set(0, 4)
    const detector = new CountingDetector(true)
    const summary = await world.run({detector})
    expect(summary.counters).toMatchObject({replayed: 0, consumed: 6, storedRows: 0})
    expect(world.on('legit')).toHaveLength(16)
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('rebuilds state from the earliest record when there is no snapshot, and says so', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run({snapshots: null})
    const detector = new CountingDetector(true)
    const {state} = await world.run({detector})
    expect(state).toMatchObject({debtor: 'complete', shared: 'complete'})
    expect(state.notes).toEqual(['partition 0 has no usable snapshot: state is rebuilt from 10 records'])
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('rebuilds state likewise when a snapshot is of another version', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run()
    for (const [id, snapshot] of world.tables.snapshots)
      world.tables.snapshots.set(id, {...snapshot, stateVersion: snapshot.stateVersion + 1})
    world.kafka.committed.set(0, 10)
    const detector = new CountingDetector(true)
    const {state} = await world.run({detector})
    expect(state.notes.join('\n')).toMatch(
      /snapshot of shared does not fit[\s\S]*debtor\/0 does not fit[\s\S]*from 10 records/,
    )
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
    expect(detector.sharedCount).toBe(10)
  })

  it('does without a snapshot that is damaged, and with the others', async () => {
    const world = new DetectWorld(2)
    world.send(10)
    await world.run()
    const process = world.start({untilIdleMs: 1000})
    const {store} = process
    const load = store.loadSnapshots.bind(store)
    store.loadSnapshots = async (owner, shards) => {
      if (shards.includes('debtor/1')) throw new EnvironmentError('bytes are missing', {code: 'P2PAY_SNAPSHOT'})
      return load(owner, shards)
    }
    const {state, counters} = await world.clock.until(process.ended)
    expect(counters.replayed).toBe(5)
    expect(state.notes).toEqual([
      'the snapshot of debtor/1 cannot be read: bytes are missing',
      'partition 1 has no usable snapshot: state is rebuilt from 5 records',
    ])
    expect(process.detector.nextOffset(1).debtor).toBe(5)
  })

  it('calls state partial when the topic no longer holds what it needs', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run({snapshots: null})
    world.kafka.deleteBelow(0, 6)
    world.send(1)
    const {state, counters} = await world.run()
    expect(counters).toMatchObject({replayed: 4, consumed: 1})
    expect(state).toMatchObject({debtor: 'partial', shared: 'partial'})
    expect(state.notes).toContain('state of partition 0 is partial: it lacks records 0 to 5; older ones are deleted')
  })

  it('reads no more again than it may', async () => {
    const world = new DetectWorld(1)
    world.send(100)
    await world.run({snapshots: null})
    const {state, counters} = await world.run({limits: {replayCount: 30}})
    expect(counters.replayed).toBe(30)
    expect(state.debtor).toBe('partial')
    expect(state.notes).toContain(
      'state of partition 0 is partial: it lacks records 0 to 69; at most 30 are read again',
    )
  })

  it('waits for the database to give its snapshots', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run()
    world.send(10)
    world.down.add('load')
    const detector = new CountingDetector(true)
    const process = world.start({detector, untilIdleMs: 1000})
    await world.clock.advance(20_000)
    expect(world.committed).toEqual({0: 10})
    world.down.clear()
    await world.clock.until(process.ended)
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })
})

describe('a new group', () => {
  it('starts at the earliest record, with output for all', async () => {
    const world = new DetectWorld(2)
    world.send(10)
    world.kafka.deleteBelow(0, 2)
    const summary = await world.run()
    expect(summary.counters).toMatchObject({consumed: 8, replayed: 0})
    expect(summary.state).toEqual({debtor: 'complete', shared: 'complete', notes: []})
  })

  it('starts fresh although an older one has left snapshots', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run()
    world.kafka.committed.clear()
    const detector = new CountingDetector(true)
    const {counters} = await world.run({detector})
    expect(counters).toMatchObject({consumed: 10, replayed: 0, storedRows: 0})
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })
})

describe('from the beginning', () => {
  it('overlooks committed offsets and decides everything once more', async () => {
    const world = new DetectWorld(2)
    world.send(10)
    await world.run()
    const detector = new CountingDetector(true)
    const {counters} = await world.run({detector, fromBeginning: true})
    expect(counters).toMatchObject({consumed: 10, replayed: 0, storedRows: 0})
    expect(world.committed).toEqual({0: 5, 1: 5})
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('does so once: a rebalance goes on where it was', async () => {
    const world = new DetectWorld(2)
    world.send(10)
    await world.run()
    const process = world.start({fromBeginning: true, untilIdleMs: 1000})
    await world.clock.advance(500)
    await world.clock.until(process.source.assign([1]))
    await world.clock.until(process.source.assign([0, 1]))
    expect((await world.clock.until(process.ended)).counters.consumed).toBe(10)
  })
})

describe('a rebalance', () => {
  it('with redelivery in the process reuses the decisions made before, even without a database', async () => {
    const world = new DetectWorld(1)
    world.down.add('commit')
    world.send(30)
    const detector = new CountingDetector()
    const process = world.start({detector, store: null, untilIdleMs: 1000})
    await world.clock.advance(500)
    await world.clock.until(process.source.assign([]))
    await world.clock.until(process.source.assign([0]))
    world.down.clear()
    const {counters} = await world.clock.until(process.ended)
    expect(counters.redelivered).toBe(30)
    const kinds = new Map<string, Set<unknown>>()
    for (const {value, headers} of [...world.on('legit'), ...world.on('fraud')])
      kinds.set(String(value), (kinds.get(String(value)) ?? new Set()).add(headers[HEADERS.decision]))
    expect(kinds.size).toBe(30)
    expect([...kinds.values()].every(set => set.size === 1)).toBe(true)
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('that takes nothing away takes nothing over twice', async () => {
    const world = new DetectWorld(2)
    world.send(20)
    world.down.add('insert')
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(100)
    await world.clock.until(process.source.assign([0, 1]))
    await world.clock.advance(100)
    world.down.clear()
    const {counters} = await world.clock.until(process.ended)
    expect(counters).toMatchObject({consumed: 20, decided: 20, dropped: 0})
    expect(world.on('legit')).toHaveLength(20)
  })

  it('lets another detector go on where the first one is written, and come back with its state', async () => {
    const world = new DetectWorld(2)
    world.send(20)
    const firstDetector = new CountingDetector(true)
    const first = world.start({detector: firstDetector, untilIdleMs: 60_000, limits: OFTEN})
    await world.clock.advance(200)
    await world.clock.until(first.source.assign([0]))
    const secondDetector = new CountingDetector(true)
    const second = world.start({detector: secondDetector, limits: OFTEN}, {source: {partitions: [1]}})
    await world.clock.advance(100)
    world.send(20)
    await world.clock.advance(500)
    second.stop.abort()
    const secondSummary = await world.clock.until(second.ended)
    await world.clock.until(first.source.assign([0, 1]))
    world.send(20)
    await world.clock.advance(1000)
    first.stop.abort()
    const firstSummary = await world.clock.until(first.ended)
    expect(firstDetector.debtorDigest).toBe(undisturbed(world).debtorDigest)
    expect(firstDetector.sharedCount).toBe(60)
    expect(world.on('legit')).toHaveLength(60)
    expect(firstSummary.counters.consumed + secondSummary.counters.consumed).toBe(60)
    expect(secondSummary.state.shared).toBe('partial')
    expect(secondSummary.state.debtor).toBe('complete')
    expect(secondSummary.state.notes).toContain(
      'this detector has 1 of 2 partitions: state shared between debtors is partial',
    )
  })

  it('that happened behind its back does not make state skip what another detector did', async () => {
    const world = new DetectWorld(1)
    world.send(5)
    const detector = new CountingDetector(true)
    const process = world.start({detector, untilIdleMs: 1000, snapshots: null})
    await world.clock.advance(200)
    // Another member had the partition for a while, and this one never heard of it.
    world.send(5)
    world.kafka.committed.set(0, 10)
    process.source.isOutcast = true
    await world.clock.until(process.source.assign([0]))
    await world.clock.until(process.ended)
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('commits again what was acknowledged to a member that was thrown out', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    const process = world.start({untilIdleMs: 1000})
    await world.clock.advance(2)
    process.source.isOutcast = true
    await world.clock.advance(300)
    expect(world.committed).toEqual({})
    await world.clock.until(process.source.assign([0]))
    await world.clock.until(process.ended)
    expect(world.committed).toEqual({0: 10})
    expect(world.on('legit')).toHaveLength(10)
  })
})

describe('offsets that are missing', () => {
  it('are asked for once, and taken for gone when they do not come', async () => {
    const world = new DetectWorld(1)
    world.send(3)
    world.kafka.skip(0, 2)
    world.send(3)
    const process = world.start({untilIdleMs: 1000}, {source: {maxBatchCount: 3}})
    const {counters} = await world.clock.until(process.ended)
    expect(counters.decided).toBe(6)
    expect(process.source.seeks).toEqual([{partition: 0, offset: 3}])
    expect(world.committed).toEqual({0: 8})
  })

  it('are fetched when a careless client left them out', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run({}, {source: {leaveOut: () => 4}})
    expect(world.tables.rows.size).toBe(10)
    expect(world.committed).toEqual({0: 10})
  })

  it('are noted when they were deleted before they were read', async () => {
    const world = new DetectWorld(1)
    world.send(4)
    await world.run()
    world.send(6)
    world.kafka.deleteBelow(0, 8)
    const {counters, state} = await world.run()
    expect(counters.consumed).toBe(2)
    expect(state.notes).toContain('records 4 to 7 of partition 0 were deleted before they were read')
    expect(world.committed).toEqual({0: 10})
  })
})

describe('a topic that was made anew', () => {
  it('is read from its earliest record when it ends below the committed offset', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run()
    world.kafka.remake()
    const ids = world.send(4)
    const detector = new CountingDetector(true)
    const {counters, state} = await world.run({detector})
    expect(counters).toMatchObject({consumed: 4, storedRows: 4})
    for (const id of ids) expect(world.tables.rows.has(id)).toBe(true)
    expect(world.committed).toEqual({0: 4})
    expect(state.notes).toEqual([expect.stringContaining('the topic was made anew or cut')])
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('leaves no state to a detector that restarts once it has grown past the old one', async () => {
    const world = new DetectWorld(1)
    world.send(100)
    await world.run()
    // The broker forgets the group's offsets together with the topic.
    world.kafka.remake()
    world.kafka.committed.clear()
    world.send(40)
    await world.run()
    expect(snapshotOffsets(world)).toEqual({'debtor/0': {0: 40}, shared: {0: 40}})
    world.send(80)
    await world.run({snapshots: null})
    const detector = new CountingDetector(true)
    const {state} = await world.run({detector})
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
    expect(state).toEqual({debtor: 'complete', shared: 'complete', notes: []})
  })

  it('has a snapshot of its own, also when the last one of the old topic had the same offsets', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    const process = world.start({untilIdleMs: 3000, limits: OFTEN})
    await world.clock.advance(500)
    world.send(5)
    await world.clock.advance(500)
    expect(snapshotOffsets(world)['debtor/0']).toEqual({0: 15})
    world.kafka.remake()
    world.kafka.committed.clear()
    for (let part = 0; part < 3; part++) {
      world.send(5)
      await world.clock.advance(part * 200)
    }
    await world.clock.until(process.ended)
    expect(snapshotOffsets(world)).toEqual({'debtor/0': {0: 15}, shared: {0: 15}})
    const detector = new CountingDetector(true)
    await world.run({detector})
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('keeps its snapshots when only another partition is new', async () => {
    const world = new DetectWorld(2)
    world.kafka.append(0, {key: null, value: null})
    await world.run()
    world.kafka.append(1, {key: null, value: null})
    const saved = snapshotOffsets(world)
    expect(saved).toEqual({'debtor/0': {0: 1}, shared: {0: 1}})
    await world.run({maxMessages: 1})
    expect(snapshotOffsets(world)).toEqual({'debtor/0': {0: 1}, 'debtor/1': {1: 1}, shared: {0: 1, 1: 1}})
  })

  it('is not taken for one while a new leader lags for a moment', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    await world.run()
    const process = world.start({untilIdleMs: 1000})
    const {source} = process
    const bounds = source.bounds.bind(source)
    let looks = 0
    source.bounds = async () => (looks++ === 0 ? new Map([[0, {earliest: 0, end: 9}]]) : bounds())
    const {counters, state} = await world.clock.until(process.ended)
    expect(counters.consumed).toBe(0)
    expect(state.notes).toEqual([])
  })

  it('under a running detector is read from its earliest record', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    const detector = new CountingDetector(true)
    const process = world.start({detector, untilIdleMs: 3000})
    await world.clock.advance(500)
    world.kafka.remake()
    world.send(4)
    const {counters, state} = await world.clock.until(process.ended)
    expect(counters.decided).toBe(14)
    expect(world.tables.rows.size).toBe(14)
    expect(world.committed).toEqual({0: 4})
    expect(state.notes).toEqual([expect.stringContaining('the topic was made anew or cut')])
    expect(detector.debtorDigest).toBe(undisturbed(world).debtorDigest)
  })

  it('is saved in its turn, whatever of the old one still waited to be saved', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    // The first batch is committed when the second one is decided: the snapshot waits for it.
    world.kafka.onCommit = () => world.down.add('commit')
    const process = world.start({limits: {snapshotIntervalMs: 1, batchCount: 5}})
    await world.clock.advance(500)
    expect([world.committed, snapshotOffsets(world)]).toEqual([{0: 5}, {}])
    world.kafka.remake()
    world.send(4)
    await world.clock.advance(2000)
    world.kafka.onCommit = () => {}
    world.down.delete('commit')
    await world.clock.advance(10_000)
    expect(world.committed).toEqual({0: 4})
    expect(snapshotOffsets(world)).toEqual({'debtor/0': {0: 4}, shared: {0: 4}})
    process.life.isDead = true
  })

  it('and has grown past the old one is known by its other records', async () => {
    const world = new DetectWorld(1)
    world.send(10)
    const process = world.start({untilIdleMs: 3000}, {source: {maxBatchCount: 50}})
    await world.clock.advance(500)
    world.kafka.remake()
    world.send(30)
    // The client begins anew by itself.
    process.source.seek(0, 0)
    await world.clock.until(process.ended)
    expect(world.tables.rows.size).toBe(40)
    expect(world.committed).toEqual({0: 30})
  })
})
