/** From rules to decisions, and what a detector may be told. */
import {describe, expect, it} from 'vitest'
import {isP2payError} from '../../../src/lib/base/errors.js'
import {createDetector} from '../../../src/lib/detect/create.js'
import {DEFAULT_DETECTOR_OPTIONS, type DetectorOptions} from '../../../src/lib/detect/options.js'
import type {Payment} from '../../../src/lib/payment/payment.js'
import {NOON_MS, paymentWith, testPaymentId} from '../../support/payments.js'
import {Stream} from './support.js'

function decide(options: Partial<DetectorOptions>, payment: Partial<Payment> = {}) {
  return createDetector({...DEFAULT_DETECTOR_OPTIONS, ...options}).decide(paymentWith(payment), {
    partition: 0,
    offset: 0,
  })
}

/** Hits exactly `amount` and `high-risk-country`. */
const LARGE_AND_RISKY: Partial<Payment> = {amountMinor: 10_000_000, creditorCountry: 'KP'}

function scores(amount: number, country: number): DetectorOptions['rules'] {
  return {amount: {score: amount}, 'high-risk-country': {score: country}}
}

describe('the decision', () => {
  it('on an ordinary payment is approve, without score or reasons', () => {
    expect(decide({})).toEqual({kind: 'approve', score: 0, reasons: []})
  })

  it.each([
    ['just below review', 0.1, 0.3999, 'approve'],
    ['at review, where a sum of floats would miss it', 0.1, 0.7, 'review'],
    ['at review exactly', 0.2, 0.3, 'review'],
    ['just below block', 0.4, 0.3999, 'review'],
    ['at block', 0.1, 0.7, 'block'],
    ['above 1', 0.9, 0.9, 'block'],
  ])('%s', (_, amount, country, kind) => {
    const thresholds =
      kind === 'review' && amount === 0.1 ? {reviewScore: 0.8, blockScore: 0.9} : {reviewScore: 0.5, blockScore: 0.8}
    expect(decide({...thresholds, rules: scores(amount, country)}, LARGE_AND_RISKY).kind).toBe(kind)
  })

  it('0.1 + 0.3 is 0.4, 0.1 + 0.2 is 0.3', () => {
    expect(decide({reviewScore: 0.4, rules: scores(0.1, 0.3)}, LARGE_AND_RISKY)).toMatchObject({
      kind: 'review',
      score: 0.4,
    })
    expect(decide({reviewScore: 0.3001, rules: scores(0.1, 0.2)}, LARGE_AND_RISKY)).toMatchObject({
      kind: 'approve',
      score: 0.3,
    })
  })

  it('clamps the score to 1', () => {
    expect(decide({rules: scores(1, 1)}, LARGE_AND_RISKY).score).toBe(1)
  })

  it('names the rules, strongest first, equals in the order of the catalogue', () => {
    expect(decide({rules: scores(0.2, 0.3)}, LARGE_AND_RISKY).reasons).toEqual(['high-risk-country', 'amount'])
    expect(decide({rules: scores(0.4, 0.3)}, LARGE_AND_RISKY).reasons).toEqual(['amount', 'high-risk-country'])
    expect(decide({rules: scores(0.3, 0.3)}, LARGE_AND_RISKY).reasons).toEqual(['amount', 'high-risk-country'])
  })

  it('does not name a rule that is switched off', () => {
    expect(decide({rules: scores(0, 0.3)}, LARGE_AND_RISKY)).toMatchObject({score: 0.3, reasons: ['high-risk-country']})
  })

  it('keeps limit and score apart: a limit moves when it hits, not what it weighs', () => {
    const limit = (value: number) => decide({rules: {amount: {limit: value}}}, {amountMinor: 5000})
    expect(limit(5000)).toEqual({kind: 'approve', score: 0.25, reasons: ['amount']})
    expect(limit(5001)).toEqual({kind: 'approve', score: 0, reasons: []})
  })

  it('with both thresholds at 0 blocks all, with both at 1 needs the full score', () => {
    expect(decide({reviewScore: 0, blockScore: 0}).kind).toBe('block')
    expect(decide({reviewScore: 1, blockScore: 1, rules: scores(0.5, 0.4999)}, LARGE_AND_RISKY).kind).toBe('approve')
    expect(decide({reviewScore: 1, blockScore: 1, rules: scores(0.5, 0.5)}, LARGE_AND_RISKY).kind).toBe('block')
  })

  it('is the same object for the same rules: nothing is allocated per payment', () => {
    const stream = new Stream(createDetector(DEFAULT_DETECTOR_OPTIONS))
    expect(stream.pay()).toBe(stream.pay({createdAtMs: NOON_MS + 86_400_000}))
  })
})

describe('options', () => {
  function messageOf(options: unknown): string {
    try {
      createDetector({...DEFAULT_DETECTOR_OPTIONS, ...(options as Partial<DetectorOptions>)})
    } catch (error) {
      if (isP2payError(error) && error.code === 'P2PAY_DETECTOR_OPTIONS') return error.message
      throw error
    }
    return 'accepted'
  }

  it.each([
    ['an unknown rule', {rules: {ammount: {limit: 1}}}, 'there is no rule "ammount"; did you mean "amount"?'],
    ['a rule like nothing', {rules: {xyz: {}}}, 'there is no rule "xyz" (there are amount, high-risk-country'],
    ['a name of every object', {rules: {constructor: {}}}, 'there is no rule "constructor"'],
    ['an unknown parameter', {rules: {amount: {limt: 1}}}, 'rule amount has no "limt"; did you mean "limit"?'],
    ['a limit out of bounds', {rules: {amount: {limit: 0}}}, 'amount.limit is 0; it must be from 1 to 100000000000000'],
    ['a limit that is not a number', {rules: {amount: {limit: Number.NaN}}}, 'amount.limit is NaN'],
    [
      'a fraction of a count',
      {rules: {'ip-velocity': {limit: 2.5}}},
      'ip-velocity.limit is 2.5; it must be a whole number',
    ],
    [
      'more than a window can count',
      {rules: {'debtor-velocity': {limit: 18}}},
      'debtor-velocity.limit is 18; it must be from 2 to 17',
    ],
    ['a score above 1', {rules: {amount: {score: 1.1}}}, 'amount.score is 1.1; it must be from 0 to 1'],
    ['a score too fine', {rules: {amount: {score: 0.00001}}}, 'scores have four decimals at most'],
    [
      'a range that is none',
      {rules: {'near-threshold-repeats': {fromShare: 0.9, toShare: 0.8}}},
      'fromShare is above its toShare',
    ],
    ['a review score out of bounds', {reviewScore: -0.1}, 'the review score is -0.1; it must be from 0 to 1'],
    ['a block score out of bounds', {blockScore: 2}, 'the block score is 2'],
    ['a block score too fine', {blockScore: 0.12345}, 'the block score is 0.12345; scores have four decimals at most'],
    ['a review score above the block score', {reviewScore: 0.9}, 'the review score 0.9 is above the block score 0.8'],
    [
      'room for nobody',
      {maxDebtorsPerPartition: 0},
      'maxDebtorsPerPartition is 0; it must be a whole number from 1 to',
    ],
    ['room for half an entity', {maxSharedEntities: 0.5}, 'maxSharedEntities is 0.5'],
  ])('%s', (_, options, message) => {
    expect(messageOf(options)).toContain(message)
  })

  it('names all problems at once', () => {
    const message = messageOf({reviewScore: 7, rules: {amount: {limit: -1}, speed: {}}})
    expect(message).toMatch(/review score.*speed.*amount\.limit/s)
  })

  it('takes every limit of the catalogue at its bounds', () => {
    expect(messageOf({rules: {'debtor-velocity': {limit: 2, limit5m: 17}, amount: {limit: 1e14, score: 1}}})).toBe(
      'accepted',
    )
  })
})

describe('what is remembered', () => {
  it('is bounded: beyond the maximum the longest unseen debtor is forgotten, and counted', () => {
    const detector = createDetector({...DEFAULT_DETECTOR_OPTIONS, maxDebtorsPerPartition: 3, maxSharedEntities: 4})
    for (let number = 0; number < 10; number++) {
      const payment = paymentWith({
        paymentId: testPaymentId(number),
        debtorId: `debtor-${number}`,
        creditorId: `creditor-${number}`,
        deviceId: `device-${number}`,
        ipAddress: `192.0.2.${number}`,
        cardToken: `card-${number}`,
      })
      detector.decide(payment, {partition: number % 2, offset: number >> 1})
    }
    expect(detector.stats.entityCount).toEqual({debtor: 6, creditor: 4, device: 4, ip: 4, card: 4})
    expect(detector.stats.evictedCount).toBe(4 + 4 * 6)
  })

  it('does not grow by looking', () => {
    const detector = createDetector(DEFAULT_DETECTOR_OPTIONS)
    detector.skip({partition: 0, offset: 9})
    const {stateBytes} = detector.stats
    for (let number = 0; number < 1000; number++)
      detector.decide(paymentWith({debtorId: `debtor-${number}`, creditorId: `c-${number}`}), {partition: 0, offset: 5})
    expect(detector.stats.entityCount).toEqual({debtor: 0, creditor: 0, device: 0, ip: 0, card: 0})
    expect(detector.stats.stateBytes).toBe(stateBytes)
  })

  it('forgets a partition that was dropped', () => {
    const detector = createDetector(DEFAULT_DETECTOR_OPTIONS)
    detector.decide(paymentWith(), {partition: 0, offset: 0})
    detector.drop(0)
    detector.drop(5)
    expect(detector.stats.entityCount).toMatchObject({debtor: 0, creditor: 1})
    expect(detector.snapshot([0]).map(({shard}) => shard)).toEqual(['shared'])
  })
})
