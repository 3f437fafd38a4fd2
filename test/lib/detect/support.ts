/** Detectors and streams for the tests of this room. */
import fc from 'fast-check'
import {ruleCatalogue} from '../../../src/lib/detect/catalogue.js'
import {createDetector} from '../../../src/lib/detect/create.js'
import type {Detector, InputPosition} from '../../../src/lib/detect/detector.js'
import type {Decision} from '../../../src/lib/payment/decision.js'
import type {Payment} from '../../../src/lib/payment/payment.js'
import {NOON_MS, paymentWith, testPaymentId} from '../../support/payments.js'

/** A detector in which only one rule counts, with score 1. */
export function detectorWithOnly(rule: string, limits: Readonly<Record<string, number>> = {}): Detector {
  const rules = Object.fromEntries(ruleCatalogue.map(({name}) => [name, {score: 0} as Record<string, number>]))
  return createDetector({reviewScore: 0.5, blockScore: 0.8, rules: {...rules, [rule]: {...limits, score: 1}}})
}

/** Decides on payments given as overrides, each with an id of its own, one after the other on partition 0. */
export class Stream {
  readonly detector: Detector
  #count = 0

  constructor(detector: Detector) {
    this.detector = detector
  }

  pay(overrides: Partial<Payment> = {}): Decision {
    const number = this.#count++
    return this.detector.decide(paymentWith({paymentId: testPaymentId(number), ...overrides}), {
      partition: 0,
      offset: number,
    })
  }

  /** Whether each payment hits the detector's rule. */
  hits(payments: readonly Partial<Payment>[]): boolean[] {
    return payments.map(payment => this.pay(payment).reasons.length > 0)
  }
}

export interface Arrival {
  readonly payment: Payment
  readonly position: InputPosition
}

/**
 * A stream over a few partitions, debtors and shared entities, in order of offset within a partition, with bursts,
 * pauses, late payments, declined ones and repeated ids.
 */
export function anyStream(options: {readonly partitions: number; readonly maxLength: number}): fc.Arbitrary<Arrival[]> {
  const step = fc.record({
    partition: fc.nat(options.partitions - 1),
    debtor: fc.nat(3),
    creditor: fc.nat(5),
    device: fc.nat(4),
    ip: fc.nat(3),
    card: fc.option(fc.nat(3), {nil: undefined}),
    passedMs: fc.oneof(fc.constant(0), fc.integer({min: 0, max: 90_000}), fc.integer({min: 0, max: 40_000_000})),
    lateMs: fc.oneof({weight: 4, arbitrary: fc.constant(0)}, fc.integer({min: 0, max: 200_000_000})),
    amountMinor: fc.oneof(fc.integer({min: 1, max: 600}), fc.integer({min: 1, max: 1_200_000})),
    country: fc.constantFrom('DE', 'FR', 'IR'),
    declined: fc.boolean(),
    /** Repeats the id of so many payments before, by the same debtor where it can. */
    repeats: fc.option(fc.integer({min: 1, max: 4}), {nil: undefined, freq: 8}),
  })
  return fc.array(step, {minLength: 1, maxLength: options.maxLength}).map(steps => {
    let nowMs = NOON_MS
    const offsets: number[] = []
    const arrivals: Arrival[] = []
    for (const [index, one] of steps.entries()) {
      const offset = offsets[one.partition] ?? 0
      offsets[one.partition] = offset + 1
      nowMs += one.passedMs
      const earlier = arrivals.filter(({position}) => position.partition === one.partition)
      const repeated = one.repeats === undefined ? undefined : earlier[earlier.length - one.repeats]
      const payment =
        repeated?.payment ??
        paymentWith({
          paymentId: testPaymentId(index),
          createdAtMs: nowMs - one.lateMs,
          debtorId: `debtor-${one.partition}-${one.debtor}`,
          creditorId: `creditor-${one.creditor}`,
          deviceId: `device-${one.device}`,
          ipAddress: `192.0.2.${one.ip}`,
          ...(one.card === undefined ? {} : {cardToken: `card-${one.card}`}),
          amountMinor: one.amountMinor,
          country: one.country,
          status: one.declined ? 'declined' : 'accepted',
        })
      arrivals.push({payment, position: {partition: one.partition, offset}})
    }
    return arrivals
  })
}

export function decideAll(detector: Detector, arrivals: readonly Arrival[]): Decision[] {
  return arrivals.map(({payment, position}) => detector.decide(payment, position))
}
