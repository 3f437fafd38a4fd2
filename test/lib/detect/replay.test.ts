/** What must never happen: a counter moved twice, a window that depends on restarts, on redelivery, on other partitions. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {present} from '../../../src/lib/base/assert.js'
import {debtorWindows, stateDigest} from '../../../src/lib/detect/compare.js'
import {createDetector} from '../../../src/lib/detect/create.js'
import type {Detector, ShardSnapshot} from '../../../src/lib/detect/detector.js'
import {entityKeyOf} from '../../../src/lib/detect/id-hash.js'
import {DEFAULT_DETECTOR_OPTIONS} from '../../../src/lib/detect/options.js'
import {NOON_MS, paymentWith, testPaymentId} from '../../support/payments.js'
import {type Arrival, anyStream, decideAll, detectorWithOnly} from './support.js'

const PARTITIONS = [0, 1, 2]

function newDetector(limits: {maxDebtorsPerPartition?: number; maxSharedEntities?: number} = {}): Detector {
  return createDetector({...DEFAULT_DETECTOR_OPTIONS, ...limits})
}

function bytesOf(detector: Detector): Record<string, unknown> {
  return Object.fromEntries(
    detector.snapshot(PARTITIONS).map(({shard, state, offsets}) => [shard, [state.toString('base64'), [...offsets]]]),
  )
}

function digests(detector: Detector, kind: 'debtor' | 'shared'): string[] {
  const snapshots = detector.snapshot(PARTITIONS).filter(({shard}) => shard.startsWith(kind))
  return snapshots.map(snapshot => `${snapshot.shard} ${stateDigest(snapshot)}`)
}

/** As a snapshot comes back from a table: other buffers, other alignment. */
function stored(snapshot: ShardSnapshot): ShardSnapshot {
  const bytes = Buffer.alloc(snapshot.state.length + 1)
  snapshot.state.copy(bytes, 1)
  return {...snapshot, offsets: new Map(snapshot.offsets), state: bytes.subarray(1)}
}

function restored(detector: Detector, fresh = newDetector()): Detector {
  for (const snapshot of detector.snapshot(PARTITIONS)) fresh.restore(stored(snapshot))
  return fresh
}

const streams = anyStream({partitions: 3, maxLength: 80})

describe('a snapshot', () => {
  it('at any place of a stream, restored, goes on with the same decisions and the same bytes (property)', () => {
    fc.assert(
      fc.property(streams, fc.nat(80), (stream, cut) => {
        const undisturbed = newDetector()
        const expected = decideAll(undisturbed, stream)
        const first = newDetector()
        const decisions = decideAll(first, stream.slice(0, cut))
        const second = restored(first)
        decisions.push(...decideAll(second, stream.slice(cut)))
        expect(decisions).toEqual(expected)
        expect(bytesOf(second)).toEqual(bytesOf(undisturbed))
      }),
    )
  })

  it('is the same with small slabs that evict (property)', () => {
    const small = {maxDebtorsPerPartition: 2, maxSharedEntities: 2}
    fc.assert(
      fc.property(streams, fc.nat(80), (stream, cut) => {
        const undisturbed = newDetector(small)
        const expected = decideAll(undisturbed, stream)
        const first = newDetector(small)
        const decisions = decideAll(first, stream.slice(0, cut))
        const second = restored(first, newDetector(small))
        decisions.push(...decideAll(second, stream.slice(cut)))
        expect(decisions).toEqual(expected)
        expect(bytesOf(second)).toEqual(bytesOf(undisturbed))
      }),
    )
  })

  it('followed by a replay from any earlier place ends in the same bytes (property)', () => {
    fc.assert(
      fc.property(streams, fc.nat(80), fc.nat(80), (stream, cut, back) => {
        const undisturbed = newDetector()
        decideAll(undisturbed, stream)
        const first = newDetector()
        decideAll(first, stream.slice(0, cut))
        const second = restored(first)
        decideAll(second, stream.slice(Math.max(0, cut - back)))
        expect(bytesOf(second)).toEqual(bytesOf(undisturbed))
      }),
    )
  })

  it('of a detector that has seen nothing is restored as nothing', () => {
    const detector = restored(newDetector())
    expect(detector.nextOffset(0)).toEqual({debtor: undefined, shared: undefined})
    expect(detector.stats.entityCount).toEqual({debtor: 0, creditor: 0, device: 0, ip: 0, card: 0})
  })

  it('takes the place of what the shard had', () => {
    const one = newDetector()
    one.decide(paymentWith({debtorId: 'one'}), {partition: 0, offset: 0})
    const other = newDetector()
    other.decide(paymentWith({debtorId: 'other'}), {partition: 0, offset: 7})
    restored(one, other)
    expect(bytesOf(other)).toEqual(bytesOf(one))
    expect(other.nextOffset(0)).toEqual({debtor: 1, shared: 1})
  })

  it('with more debtors than fit keeps those seen last, and counts the others as evicted', () => {
    const large = newDetector()
    for (let number = 0; number < 5; number++)
      large.decide(paymentWith({debtorId: `debtor-${number}`, paymentId: testPaymentId(number)}), {
        partition: 0,
        offset: number,
      })
    const small = restored(large, newDetector({maxDebtorsPerPartition: 2}))
    expect([...debtorWindows(present(small.snapshot([0])[0], 'shard')).keys()].sort()).toEqual(
      [entityKeyOf('debtor-3'), entityKeyOf('debtor-4')].sort(),
    )
    expect(small.stats.evictedCount).toBe(3)
  })

  const [good] = (() => {
    const detector = newDetector()
    detector.decide(paymentWith(), {partition: 0, offset: 0})
    return detector.snapshot([0])
  })()
  const sample = present(good, 'snapshot')

  it.each<[string, Partial<ShardSnapshot>]>([
    ['of another version', {stateVersion: 99}],
    ['of another version in its bytes', {state: changed(sample.state, 4, 99)}],
    ['of an unknown shard', {shard: 'creditor/0'}],
    ['of a partition without a number', {shard: 'debtor/x'}],
    ['of a partition whose offset it lacks', {shard: 'debtor/1'}],
    ['of a debtor shard called shared', {shard: 'shared'}],
    ['of no bytes', {state: Buffer.alloc(0)}],
    ['cut off', {state: sample.state.subarray(0, sample.state.length - 8)}],
    ['cut off within a word', {state: sample.state.subarray(0, sample.state.length - 3)}],
    ['with bytes behind', {state: Buffer.concat([sample.state, Buffer.alloc(8)])}],
    ['that is something else', {state: Buffer.alloc(64, 0x41)}],
    ['of other records', {state: changed(sample.state, 16, 280)}],
    ['of a negative count', {state: changed(sample.state, 20, -1)}],
  ])('%s is refused, and the state stays', (_, change) => {
    const detector = newDetector()
    detector.decide(paymentWith(), {partition: 0, offset: 3})
    const before = bytesOf(detector)
    expect(() => detector.restore({...sample, ...change})).toThrow(expect.objectContaining({code: 'P2PAY_SNAPSHOT'}))
    expect(bytesOf(detector)).toEqual(before)
  })
})

function changed(state: Buffer, position: number, value: number): Buffer {
  const copy = Buffer.from(state)
  copy.writeInt32LE(value, position)
  return copy
}

describe('redelivery', () => {
  it('of any suffix changes no byte of the state (property)', () => {
    fc.assert(
      fc.property(streams, fc.nat(80), (stream, from) => {
        const detector = newDetector()
        decideAll(detector, stream)
        const before = bytesOf(detector)
        decideAll(detector, stream.slice(from))
        expect(bytesOf(detector)).toEqual(before)
      }),
    )
  })

  it('of the latest payment gives its decision again (property)', () => {
    fc.assert(
      fc.property(streams, stream => {
        const detector = newDetector()
        const decisions = decideAll(detector, stream)
        const {payment, position} = present(stream.at(-1), 'payment')
        expect(detector.decide(payment, position).reasons.filter(exact)).toEqual(
          present(decisions.at(-1), 'decision').reasons.filter(exact),
        )
      }),
    )
  })

  it('of a whole burst gives the decisions of the burst again, as far as the last sixteen payments tell', () => {
    const detector = detectorWithOnly('debtor-velocity')
    const burst: Arrival[] = Array.from({length: 12}, (_, offset) => ({
      payment: paymentWith({paymentId: testPaymentId(offset), createdAtMs: NOON_MS + offset * 1000}),
      position: {partition: 0, offset},
    }))
    const decisions = decideAll(detector, burst)
    expect(decisions.map(({kind}) => kind)).toContain('block')
    expect(decideAll(detector, burst)).toEqual(decisions)
  })

  it('after the debtor shard was dropped moves the debtor again and the shared entities not', () => {
    const detector = newDetector()
    const payment = paymentWith()
    detector.decide(payment, {partition: 0, offset: 0})
    const before = digests(detector, 'shared')
    detector.drop(0)
    expect(detector.nextOffset(0)).toEqual({debtor: undefined, shared: 1})
    detector.decide(payment, {partition: 0, offset: 0})
    expect(digests(detector, 'shared')).toEqual(before)
    expect(detector.nextOffset(0)).toEqual({debtor: 1, shared: 1})
    expect(detector.stats.entityCount['debtor']).toBe(1)
  })

  it('after only the shared shard was lost moves the shared entities again and the debtor not', () => {
    const first = newDetector()
    const stream: Arrival[] = [0, 1, 2].map(offset => ({
      payment: paymentWith({paymentId: testPaymentId(offset)}),
      position: {partition: 0, offset},
    }))
    decideAll(first, stream)
    const second = newDetector()
    second.restore(present(first.snapshot([0])[0], 'debtor shard'))
    expect(second.nextOffset(0)).toEqual({debtor: 3, shared: undefined})
    decideAll(second, stream)
    expect(bytesOf(second)).toEqual(bytesOf(first))
  })
})

/** The rules whose features a second look gives exactly, whatever the stream. */
function exact(rule: string): boolean {
  return !['amount-against-history', 'country-mismatch'].includes(rule)
}

describe('a duplicate: the id of a payment again, at a later offset', () => {
  it('moves nothing but the offset, and is decided by looking', () => {
    const detector = newDetector()
    const payment = paymentWith()
    for (let offset = 0; offset < 10; offset++)
      expect(detector.decide(payment, {partition: 0, offset}).kind).toBe('approve')
    const once = newDetector()
    once.decide(payment, {partition: 0, offset: 0})
    expect(digests(detector, 'debtor')).toEqual(digests(once, 'debtor'))
    expect(digests(detector, 'shared')).toEqual(digests(once, 'shared'))
    expect(detector.nextOffset(0)).toEqual({debtor: 10, shared: 10})
  })

  it('is known among the last sixteen payments of the debtor, and not beyond', () => {
    const countAfter = (others: number): number => {
      const detector = newDetector()
      const pay = (id: number, offset: number) =>
        detector.decide(paymentWith({paymentId: testPaymentId(id)}), {partition: 0, offset})
      pay(0, 0)
      for (let number = 1; number <= others; number++) pay(number, number)
      pay(0, others + 1)
      const windows = debtorWindows(present(detector.snapshot([0])[0], 'shard'))
      return present(windows.get(entityKeyOf('debtor-1')), 'debtor').count
    }
    expect(countAfter(15)).toBe(16)
    expect(countAfter(16)).toBe(18)
  })
})

describe('skipped records', () => {
  it('move the offsets of both shards, and nothing else', () => {
    const detector = newDetector()
    detector.decide(paymentWith(), {partition: 2, offset: 0})
    const before = [...digests(detector, 'debtor'), ...digests(detector, 'shared')]
    detector.skip({partition: 2, offset: 1})
    expect(detector.nextOffset(2)).toEqual({debtor: 2, shared: 2})
    detector.skip({partition: 2, offset: 0})
    expect(detector.nextOffset(2)).toEqual({debtor: 2, shared: 2})
    expect([...digests(detector, 'debtor'), ...digests(detector, 'shared')]).toEqual(before)
  })

  it('and gaps in the offsets are passed over', () => {
    const detector = newDetector()
    detector.decide(paymentWith(), {partition: 0, offset: 100})
    expect(detector.nextOffset(0)).toEqual({debtor: 101, shared: 101})
    expect(detector.nextOffset(1)).toEqual({debtor: undefined, shared: undefined})
  })
})

describe('the order in which partitions arrive', () => {
  it('does not reach the debtor windows, nor the shared totals and lists (property)', () => {
    fc.assert(
      fc.property(streams, fc.infiniteStream(fc.nat(2)), (stream, picks) => {
        const queues = PARTITIONS.map(partition => stream.filter(({position}) => position.partition === partition))
        const shuffled: Arrival[] = []
        while (shuffled.length < stream.length) {
          const pick: number = picks.next().value
          const queue = present(
            [0, 1, 2].map(step => queues[(pick + step) % 3]).find(candidate => candidate.length > 0),
            'queue',
          )
          shuffled.push(present(queue.shift(), 'arrival'))
        }
        const inOrder = newDetector()
        decideAll(inOrder, stream)
        const interleaved = newDetector()
        decideAll(interleaved, shuffled)
        expect(digests(interleaved, 'debtor')).toEqual(digests(inOrder, 'debtor'))
        expect(digests(interleaved, 'shared')).toEqual(digests(inOrder, 'shared'))
        for (const partition of PARTITIONS) {
          const [one] = interleaved.snapshot([partition])
          const [other] = inOrder.snapshot([partition])
          if (one?.shard !== 'shared') expect(one?.state).toEqual(other?.state)
        }
      }),
    )
  })
})

describe('comparing states', () => {
  function detectorOf(count: number, firstOffset = 0): Detector {
    const detector = newDetector()
    for (let number = 0; number < count; number++)
      detector.decide(
        paymentWith({
          paymentId: testPaymentId(number),
          debtorId: `debtor-${number % 3}`,
          createdAtMs: NOON_MS + number * 60_000,
        }),
        {partition: 0, offset: firstOffset + number},
      )
    return detector
  }

  it('finds equal windows equal wherever in the topic the payments lay', () => {
    expect(digests(detectorOf(20, 1000), 'debtor')).toEqual(digests(detectorOf(20), 'debtor'))
  })

  it('finds one payment more', () => {
    expect(digests(detectorOf(21), 'debtor')).not.toEqual(digests(detectorOf(20), 'debtor'))
    expect(digests(detectorOf(21), 'shared')).not.toEqual(digests(detectorOf(20), 'shared'))
  })

  it('shows the windows of a debtor in words', () => {
    const windows = debtorWindows(present(detectorOf(20).snapshot([0])[0], 'shard'))
    const view = present(windows.get(entityKeyOf('debtor-0')), 'debtor')
    expect([...windows.keys()]).toEqual([...windows.keys()].sort())
    expect(view).toMatchObject({
      count: 7,
      firstSeenMs: NOON_MS,
      lastSeenMs: NOON_MS + 18 * 60_000,
      knownPayees: 1,
      knownDevices: 1,
    })
    expect(view.recent[0]).toEqual({timeMs: NOON_MS + 18 * 60_000, amountMinor: 2500})
    expect(view.recent).toHaveLength(7)
    expect(view.hourBuckets.map(([, count]) => count)).toEqual([2, 2, 1, 2])
    expect(view.dayBuckets.map(([, count]) => count)).toEqual([7])
  })

  it('refuses a shared shard where debtors are asked for', () => {
    const shared = present(detectorOf(1).snapshot([])[0], 'shared')
    expect(() => debtorWindows(shared)).toThrow(expect.objectContaining({code: 'P2PAY_SNAPSHOT'}))
  })
})
