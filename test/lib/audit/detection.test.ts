import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {summarizeDetection} from '../../../src/lib/audit/detection.js'
import {proportion} from '../../../src/lib/audit/proportion.js'
import {DECISIONS, type DecisionKind} from '../../../src/lib/payment/decision.js'
import {TYPOLOGIES, type Typology} from '../../../src/lib/payment/label.js'

interface Graded {
  readonly fraud?: Typology
  readonly lookAlike?: Typology
  readonly decision?: DecisionKind
}

function summaryOf(payments: readonly Graded[], from = 0): ReturnType<typeof summarizeDetection> {
  const codes = (codeOf: (payment: Graded) => number) => ({
    get: (sequence: number): number => {
      const payment = payments[sequence]
      return payment === undefined ? 0 : codeOf(payment)
    },
  })
  return summarizeDetection(
    {
      fraudTypology: codes(({fraud}) => (fraud === undefined ? 0 : 1 + TYPOLOGIES.indexOf(fraud))),
      lookAlikeTypology: codes(({lookAlike}) => (lookAlike === undefined ? 0 : 1 + TYPOLOGIES.indexOf(lookAlike))),
      decision: codes(({decision}) => (decision === undefined ? 0 : 1 + DECISIONS.indexOf(decision))),
    },
    {from, to: payments.length},
  )
}

describe('the grade of a detector', () => {
  it('counts decisions against the truth', () => {
    const summary = summaryOf([
      {decision: 'approve'},
      {decision: 'approve'},
      {decision: 'review'},
      {fraud: 'structuring', decision: 'block'},
      {fraud: 'structuring', decision: 'approve'},
      {fraud: 'card-testing', decision: 'review'},
      {lookAlike: 'card-testing', decision: 'block'},
      {lookAlike: 'mule-fan-in', decision: 'approve'},
    ])
    expect(summary).toMatchObject({
      graded: 8,
      frauds: 3,
      decisions: {approve: 4, review: 2, block: 2},
      recall: {count: 2, total: 3},
      precision: {count: 2, total: 4},
      false_positive_rate: {count: 2, total: 5},
      enough_frauds: false,
    })
    expect(summary.typologies).toMatchObject([
      {
        typology: 'card-testing',
        frauds: 1,
        review: 1,
        flagged: {count: 1, total: 1},
        look_alikes: 1,
        look_alikes_flagged: {count: 1},
      },
      {
        typology: 'mule-fan-in',
        frauds: 0,
        flagged: {share: null},
        look_alikes: 1,
        look_alikes_flagged: {count: 0, total: 1},
      },
      {typology: 'structuring', frauds: 2, approve: 1, block: 1, flagged: {count: 1, total: 2}, look_alikes: 0},
    ])
  })

  it('leaves the warm-up and the undecided out', () => {
    const summary = summaryOf(
      [{fraud: 'structuring', decision: 'block'}, {decision: 'approve'}, {fraud: 'structuring'}],
      1,
    )
    expect(summary).toMatchObject({graded: 1, frauds: 0, decisions: {approve: 1, review: 0, block: 0}, typologies: []})
  })

  it('says null where there is nothing to share', () => {
    expect(summaryOf([])).toMatchObject({
      graded: 0,
      recall: {share: null, low: null, high: null},
      precision: {share: null},
    })
  })

  it.each([
    [99, false],
    [100, true],
  ])('with %i frauds a verdict is possible: %s', (count, expected) => {
    const frauds = Array.from({length: count}, (): Graded => ({fraud: 'structuring', decision: 'block'}))
    expect(summaryOf(frauds).enough_frauds).toBe(expected)
  })
})

describe('a Wilson interval', () => {
  // 81 of 263 and 1 of 29: R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i is (%f, %f)', (count, total, low, high) => {
    const interval = proportion(count, total)
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
  })

  it('holds the share, lies in [0, 1] and is symmetric', () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 10_000}), fc.integer({min: 0, max: 10_000}), (total, some) => {
        const count = Math.min(some, total)
        const {share, low, high} = proportion(count, total)
        expect(low).toBeGreaterThanOrEqual(0)
        expect(low).toBeLessThanOrEqual(share ?? -1)
        expect(high).toBeGreaterThanOrEqual(share ?? 2)
        expect(high).toBeLessThanOrEqual(1)
        expect(proportion(total - count, total).low).toBeCloseTo(1 - (high ?? 0), 12)
      }),
    )
  })
})
