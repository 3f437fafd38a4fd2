/** Looking at a payment: what the stream would say of it now, and nothing moves. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {createDetector} from '../../../src/lib/detect/create.js'
import type {Detector, Look} from '../../../src/lib/detect/detector.js'
import {DEFAULT_DETECTOR_OPTIONS, type DetectorOptions} from '../../../src/lib/detect/options.js'
import type {Payment} from '../../../src/lib/payment/payment.js'
import {paymentWith, testPaymentId} from '../../support/payments.js'
import {type Arrival, anyStream, decideAll, detectorWithOnly, Stream} from './support.js'

const PARTITIONS = [0, 1, 2]
const streams = anyStream({partitions: 3, maxLength: 60})

function newDetector(options: Partial<DetectorOptions> = {}): Detector {
  return createDetector({...DEFAULT_DETECTOR_OPTIONS, ...options})
}

/** Everything that a detector remembers. */
function bytesOf(detector: Detector): Record<string, unknown> {
  return Object.fromEntries(
    detector
      .snapshot(PARTITIONS)
      .map(({shard, state, offsets}) => [shard, [state.toString('base64'), [...offsets].sort()]]),
  )
}

/** The position that would come next on a partition. */
function next(detector: Detector, partition: number): {partition: number; offset: number} {
  const {debtor = 0, shared = 0} = detector.nextOffset(partition)
  return {partition, offset: Math.max(debtor, shared)}
}

/** A detector that has seen the same, to be moved without moving the first. */
function copyOf(detector: Detector, options: Partial<DetectorOptions> = {}): Detector {
  const copy = newDetector(options)
  for (const snapshot of detector.snapshot(PARTITIONS)) copy.restore(snapshot)
  return copy
}

function lookAll(detector: Detector, arrivals: readonly Arrival[]): Look[] {
  return arrivals.map(({payment, position}) => detector.look(payment, position.partition))
}

describe('looking moves nothing', () => {
  it('after any stream, any number of looks leave every byte and figure as it was (property)', () => {
    fc.assert(
      fc.property(streams, streams, (stream, looked) => {
        const detector = newDetector()
        decideAll(detector, stream)
        const [before, stats] = [bytesOf(detector), detector.stats]
        lookAll(detector, [...looked, ...stream])
        expect(bytesOf(detector)).toEqual(before)
        expect(detector.stats).toEqual(stats)
      }),
      {numRuns: 60},
    )
  })

  it.each([
    ['roomy slabs', {}],
    ['small slabs that evict', {maxDebtorsPerPartition: 2, maxSharedEntities: 2}],
  ])('a stream with looks in between decides and remembers as one without, with %s (property)', (_what, options) => {
    fc.assert(
      fc.property(streams, streams, (stream, looked) => {
        const [undisturbed, disturbed] = [newDetector(options), newDetector(options)]
        const decisions = stream.map(({payment, position}, index) => {
          lookAll(disturbed, [...looked.slice(index % 7, (index % 7) + 3), {payment, position}])
          return disturbed.decide(payment, position)
        })
        expect(decisions).toEqual(decideAll(undisturbed, stream))
        expect(bytesOf(disturbed)).toEqual(bytesOf(undisturbed))
      }),
      {numRuns: 60},
    )
  })

  it('makes no shard for a partition that is not here, and remembers nobody', () => {
    const detector = newDetector()
    const before = detector.stats
    detector.look(paymentWith({cardToken: 'card-1'}), 5)
    expect(detector.nextOffset(5)).toEqual({debtor: undefined, shared: undefined})
    expect(detector.snapshot([5]).map(({shard}) => shard)).toEqual(['shared'])
    expect(detector.stats).toEqual(before)
    expect(before.entityCount).toMatchObject({debtor: 0, creditor: 0, device: 0, ip: 0, card: 0})
  })
})

describe('a look says what the stream would say', () => {
  it('of any payment that came next on its partition (property)', () => {
    fc.assert(
      fc.property(streams, streams, (stream, asked) => {
        const detector = newDetector()
        decideAll(detector, stream)
        for (const {payment, position} of asked.slice(0, 10)) {
          const {decision} = detector.look(payment, position.partition)
          const copy = copyOf(detector)
          expect(decision).toEqual(copy.decide(payment, next(copy, position.partition)))
        }
      }),
      {numRuns: 30},
    )
  })

  it('at every step of a stream, redelivered ids included (property)', () => {
    fc.assert(
      fc.property(streams, stream => {
        const detector = newDetector()
        for (const {payment, position} of stream) {
          const {decision} = detector.look(payment, position.partition)
          expect(decision).toEqual(detector.decide(payment, position))
        }
      }),
    )
  })

  it('of a payment that was just decided: what its redelivery gets, also from another position (property)', () => {
    fc.assert(
      fc.property(streams, stream => {
        const detector = newDetector()
        for (const {payment, position} of stream) {
          detector.decide(payment, position)
          const {decision} = detector.look(payment, position.partition)
          expect(decision).toEqual(copyOf(detector).decide(payment, next(detector, position.partition)))
        }
        const last = stream.at(-1)
        if (last === undefined) return
        const isFirstTime = stream.filter(({payment}) => payment.paymentId === last.payment.paymentId).length === 1
        const {decision} = detector.look(last.payment, last.position.partition)
        if (isFirstTime) expect(decision).toEqual(detector.decide(last.payment, last.position))
      }),
      {numRuns: 60},
    )
  })

  it('when the shared shard is further on than the debtor’s, as after a partition came back', () => {
    const detector = newDetector()
    const pay = (offset: number): Payment => paymentWith({paymentId: testPaymentId(offset)})
    for (let offset = 0; offset < 8; offset++) detector.decide(pay(offset), {partition: 0, offset})
    detector.drop(0)
    const asked = pay(100)
    const {decision} = detector.look(asked, 0)
    expect(decision).toEqual(detector.decide(asked, {partition: 0, offset: 8}))
  })

  it('of a debtor whose shard is somewhere else: as of a stranger, with what is shared', () => {
    const detector = detectorWithOnly('creditor-fan-in', {limit: 3})
    const stream = new Stream(detector)
    const fanIn = (debtorId: string): Partial<Payment> => ({debtorId, creditorId: 'mule'})
    stream.pay(fanIn('debtor-1'))
    stream.pay(fanIn('debtor-2'))
    const third = paymentWith({paymentId: testPaymentId(77), ...fanIn('debtor-3')})
    expect(detector.look(third, 4).decision.reasons).toEqual(['creditor-fan-in'])
    expect(detector.look({...third, creditorId: 'baker'}, 4).decision.reasons).toEqual([])
  })

  it('counts the payment itself once, however often it is looked at', () => {
    const detector = detectorWithOnly('debtor-velocity', {limit: 3, limit5m: 17, limit1h: 1000, limit24h: 100_000})
    const stream = new Stream(detector)
    stream.pay()
    const asked = paymentWith({paymentId: testPaymentId(90)})
    for (let time = 0; time < 5; time++) expect(detector.look(asked, 0).decision.reasons).toEqual([])
    stream.pay()
    for (let time = 0; time < 5; time++) expect(detector.look(asked, 0).decision.reasons).toEqual(['debtor-velocity'])
  })

  it('does not count what happened after a late payment', () => {
    const detector = detectorWithOnly('debtor-velocity', {limit: 3, limit5m: 17, limit1h: 1000, limit24h: 100_000})
    const stream = new Stream(detector)
    const atMs = paymentWith().createdAtMs
    stream.pay({createdAtMs: atMs})
    stream.pay({createdAtMs: atMs + 1000})
    const late = paymentWith({paymentId: testPaymentId(91), createdAtMs: atMs + 500})
    expect(detector.look(late, 0).decision.reasons).toEqual([])
    expect(detector.look({...late, createdAtMs: atMs + 1500}, 0).decision.reasons).toEqual(['debtor-velocity'])
  })
})

describe('the factors of a look', () => {
  const LARGE_AND_RISKY: Partial<Payment> = {amountMinor: 10_000_000, creditorCountry: 'KP'}
  const look = (amount: number, country: number): Look =>
    newDetector({rules: {amount: {score: amount}, 'high-risk-country': {score: country}}}).look(
      paymentWith(LARGE_AND_RISKY),
      0,
    )

  it('are the rules that hit, strongest first, equals in the order of the catalogue', () => {
    expect(look(0.2, 0.3).factors.map(({rule, impact}) => [rule, impact])).toEqual([
      ['high-risk-country', 0.3],
      ['amount', 0.2],
    ])
    expect(look(0.3, 0.3).factors.map(({rule}) => rule)).toEqual(['amount', 'high-risk-country'])
  })

  it('say what each adds before the sum is clamped, and what it means', () => {
    const {decision, factors} = look(0.9, 0.8)
    expect(decision.score).toBe(1)
    expect(factors.map(({impact}) => impact)).toEqual([0.9, 0.8])
    for (const {description} of factors) expect(description).toMatch(/^[A-Z].*\.$/)
  })

  it('are none when no rule hit', () => {
    expect(newDetector().look(paymentWith(), 0)).toEqual({
      decision: {kind: 'approve', score: 0, reasons: []},
      factors: [],
    })
  })

  it('name the decision’s reasons in their order, with impacts that fall and sum to the score (property)', () => {
    fc.assert(
      fc.property(streams, stream => {
        const detector = newDetector()
        for (const {payment, position} of stream) {
          const {decision, factors} = detector.look(payment, position.partition)
          expect(factors.map(({rule}) => rule)).toEqual(decision.reasons)
          const impacts = factors.map(({impact}) => impact)
          expect(impacts).toEqual([...impacts].sort((a, b) => b - a))
          const sum = impacts.reduce((parts, impact) => parts + Math.round(impact * 10_000), 0)
          expect(decision.score).toBe(Math.min(sum, 10_000) / 10_000)
          detector.decide(payment, position)
        }
      }),
      {numRuns: 40},
    )
  })
})
