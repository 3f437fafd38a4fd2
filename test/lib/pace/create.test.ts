import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {createSchedule} from '../../../src/lib/pace/create.js'
import type {ArrivalKind, LoadPhase} from '../../../src/lib/scenario/plan.js'

const unbounded = {seed: 7, maxCount: Number.POSITIVE_INFINITY}
const constant = (rateTps: number, durationMs: number, arrivals: ArrivalKind = 'uniform'): LoadPhase => ({
  executor: 'constant-arrival-rate',
  rateTps,
  durationMs,
  arrivals,
})

describe('a constant schedule of 100 payments/s for 2 s', () => {
  const schedule = createSchedule([constant(100, 2000)], unbounded)
  it('has 200 payments, due every 10 ms from the start', () => {
    expect(schedule.totalCount).toBe(200)
    expect([0, 1, 2, 199].map(index => schedule.dueUs(index))).toEqual([0, 10_000, 20_000, 1_990_000])
  })
  it('counts a payment as due from its due time on', () => {
    expect([-1, 0, 9_999, 10_000, 1_990_000, 9e9].map(at => schedule.countDue(at))).toEqual([0, 1, 1, 2, 200, 200])
  })
  it('says so', () => {
    expect(schedule.description).toBe('100 payments/s for 2 s (constant arrival rate)')
    expect(schedule.meanRateTps).toBeCloseTo(100, 9)
    expect(schedule.durationUs).toBe(2_000_000)
  })
})

describe('a ramp from 0 to 100 payments/s over 10 s', () => {
  const schedule = createSchedule(
    [
      {
        executor: 'ramping-arrival-rate',
        startRateTps: 0,
        stages: [{targetTps: 100, durationMs: 10_000}],
        arrivals: 'uniform',
      },
    ],
    unbounded,
  )
  it('has half as many payments as the full rate would have', () => expect(schedule.totalCount).toBe(500))
  it('has a quarter of them by half-time', () => expect(schedule.countDue(5_000_000)).toBe(126))
})

describe('phases in a row', () => {
  it('carry fractions of a payment over', () => {
    const schedule = createSchedule([constant(1.5, 1000), constant(1.5, 1000)], unbounded)
    expect(schedule.totalCount).toBe(3)
    expect(schedule.dueUs(2)).toBe(1_333_333)
  })
  it('keep silent during a pause and go on after it', () => {
    const schedule = createSchedule([constant(10, 1000), constant(0, 5000), constant(10, 1000)], unbounded)
    expect(schedule.totalCount).toBe(20)
    expect([9, 10].map(index => schedule.dueUs(index))).toEqual([900_000, 6_000_000])
    expect(schedule.countDue(5_999_999)).toBe(10)
  })
  it('step up at once where a stage has no length', () => {
    const schedule = createSchedule(
      [
        {
          executor: 'ramping-arrival-rate',
          startRateTps: 10,
          stages: [
            {targetTps: 10, durationMs: 1000},
            {targetTps: 100, durationMs: 0},
            {targetTps: 100, durationMs: 1000},
          ],
          arrivals: 'uniform',
        },
      ],
      unbounded,
    )
    expect(schedule.totalCount).toBe(110)
    expect(schedule.dueUs(11) - schedule.dueUs(10)).toBe(10_000)
  })
})

describe('schedules without a rate or an end', () => {
  it('shared iterations are all due at the start', () => {
    const schedule = createSchedule([{executor: 'shared-iterations', count: 1000}], unbounded)
    expect(schedule.countDue(0)).toBe(1000)
    expect(schedule.dueUs(999)).toBe(0)
    expect(schedule.meanRateTps).toBe(Number.POSITIVE_INFINITY)
  })
  it('for ever goes on for ever', () => {
    const schedule = createSchedule([constant(500, Number.POSITIVE_INFINITY)], unbounded)
    expect(schedule.totalCount).toBe(Number.POSITIVE_INFINITY)
    expect(schedule.countDue(3_600_000_000)).toBe(1_800_001)
    expect(schedule.meanRateTps).toBe(500)
  })
  it('a count bounds what the duration does not', () => {
    const schedule = createSchedule([constant(500, Number.POSITIVE_INFINITY)], {seed: 1, maxCount: 1000})
    expect(schedule.totalCount).toBe(1000)
    expect(schedule.durationUs).toBe(2_000_000)
    expect(schedule.description).toBe('500 payments/s, 1,000 payments (constant arrival rate)')
  })
  it('says its numbers with thousands separators, and a count below the duration as a bound', () => {
    expect(createSchedule([constant(10_000, 2000)], {seed: 1, maxCount: 1500}).description).toBe(
      '10,000 payments/s for 2 s (constant arrival rate), 1,500 payments at most',
    )
    expect(createSchedule([{executor: 'shared-iterations', count: 20_000}], unbounded).description).toBe(
      '20,000 payments as fast as they are taken (shared iterations)',
    )
  })
  it('nothing asked, nothing planned', () => {
    expect(createSchedule([], unbounded).totalCount).toBe(0)
    expect(createSchedule([constant(0, 1000)], unbounded).totalCount).toBe(0)
  })
})

describe('Poisson arrivals', () => {
  const schedule = createSchedule([constant(1000, 60_000, 'poisson')], unbounded)
  it('have exponential gaps: as spread as they are long, a tail beyond four means', () => {
    const gapsUs = Array.from({length: 59_999}, (_, index) => schedule.dueUs(index + 1) - schedule.dueUs(index))
    const meanUs = gapsUs.reduce((sum, gap) => sum + gap, 0) / gapsUs.length
    const spreadUs = Math.sqrt(gapsUs.reduce((sum, gap) => sum + (gap - meanUs) ** 2, 0) / gapsUs.length)
    expect(meanUs).toBeGreaterThan(990)
    expect(meanUs).toBeLessThan(1010)
    expect(spreadUs / meanUs).toBeGreaterThan(0.95)
    expect(spreadUs / meanUs).toBeLessThan(1.05)
    const tail = gapsUs.filter(gap => gap > 4 * meanUs).length / gapsUs.length
    expect(tail).toBeGreaterThan(Math.exp(-4) * 0.8)
    expect(tail).toBeLessThan(Math.exp(-4) * 1.2)
  })
  it('are the same for the same seed, whatever the order of questions, and others for another', () => {
    const again = createSchedule([constant(1000, 60_000, 'poisson')], unbounded)
    const other = createSchedule([constant(1000, 60_000, 'poisson')], {...unbounded, seed: 8})
    const asked = [59_999, 3, 40_000, 4, 5]
    expect(asked.map(index => again.dueUs(index))).toEqual(asked.map(index => schedule.dueUs(index)))
    expect(other.dueUs(3)).not.toBe(schedule.dueUs(3))
  })
})

const phase: fc.Arbitrary<LoadPhase> = fc.oneof(
  fc.record({
    executor: fc.constant('constant-arrival-rate' as const),
    rateTps: fc.double({min: 0, max: 20_000, noNaN: true}),
    durationMs: fc.integer({min: 1, max: 3000}),
    arrivals: fc.constantFrom<ArrivalKind>('uniform', 'poisson'),
  }),
  fc.record({
    executor: fc.constant('ramping-arrival-rate' as const),
    startRateTps: fc.integer({min: 0, max: 5000}),
    stages: fc.array(
      fc.record({targetTps: fc.integer({min: 0, max: 5000}), durationMs: fc.integer({min: 0, max: 2000})}),
      {minLength: 1, maxLength: 4},
    ),
    arrivals: fc.constantFrom<ArrivalKind>('uniform', 'poisson'),
  }),
  fc.record({executor: fc.constant('shared-iterations' as const), count: fc.integer({min: 0, max: 2000})}),
)
const schedules = fc
  .tuple(fc.array(phase, {minLength: 1, maxLength: 4}), fc.integer(), fc.oneof(fc.constant(1e9), fc.nat(3000)))
  .map(([phases, seed, maxCount]) => ({phases, schedule: createSchedule(phases, {seed, maxCount}), maxCount}))

describe('any schedule', () => {
  it('is ascending, within its duration, and its two directions agree', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.array(fc.double({min: 0, max: 1, noNaN: true}), {maxLength: 20}),
        ({schedule}, places) => {
          const indexes = places
            .map(place => Math.floor(place * schedule.totalCount))
            .filter(index => index < schedule.totalCount)
          for (const index of indexes) {
            const dueUs = schedule.dueUs(index)
            expect(schedule.countDue(dueUs)).toBeGreaterThanOrEqual(index + 1)
            expect(schedule.countDue(dueUs - 1)).toBeLessThanOrEqual(index)
            expect(dueUs).toBeLessThanOrEqual(schedule.durationUs + 1)
            if (index > 0) expect(schedule.dueUs(index - 1)).toBeLessThanOrEqual(dueUs)
          }
        },
      ),
      {numRuns: 300},
    )
  })

  it('has rate × duration payments, never more than the bound', () => {
    fc.assert(
      fc.property(schedules, ({phases, schedule, maxCount}) => {
        const expected = phases.reduce((sum, one) => {
          if (one.executor === 'shared-iterations') return sum + one.count
          if (one.executor === 'constant-arrival-rate') return sum + (one.rateTps * one.durationMs) / 1000
          const starts = [one.startRateTps, ...one.stages.map(stage => stage.targetTps)]
          return one.stages.reduce(
            (area, stage, at) => area + (((starts[at] ?? 0) + stage.targetTps) / 2) * (stage.durationMs / 1000),
            sum,
          )
        }, 0)
        expect(schedule.totalCount).toBeGreaterThanOrEqual(Math.min(maxCount, expected) - 1)
        expect(schedule.totalCount).toBeLessThanOrEqual(Math.min(maxCount, expected + 1))
      }),
    )
  })

  it('releases each payment exactly once for any polling pattern', () => {
    fc.assert(
      fc.property(schedules, fc.array(fc.integer({min: 0, max: 900_000}), {maxLength: 30}), ({schedule}, stepsUs) => {
        let released = 0
        let nowUs = 0
        for (const stepUs of [0, ...stepsUs, Math.max(0, schedule.durationUs)]) {
          nowUs += stepUs
          const due = schedule.countDue(nowUs)
          expect(due).toBeGreaterThanOrEqual(released)
          released = due
        }
        expect(released).toBe(schedule.totalCount)
      }),
    )
  })
})
