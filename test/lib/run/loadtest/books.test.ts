import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {LoadPhase} from '../../../../src/lib/scenario/plan.js'
import {type FakeServer, stalling, steady} from '../../../support/fake-http-client.js'
import {loaded, loading, numberedSource, openModel} from '../../../support/load.js'
import {VirtualClock} from '../../../support/virtual-clock.js'

const KINDS = ['response', 'response', 'response', 'timeout', 'refused', 'broken'] as const

/** Service times and fates from a seed, and a stall on top. */
function wild(seed: number, slowestMs: number, stall: {fromMs: number; lengthMs: number}): FakeServer {
  return (index, elapsedMs) => {
    const hash = Math.imul(index + 1, 2_654_435_761) ^ Math.imul(seed, 40_503)
    const serviceMs = ((hash >>> 8) % (slowestMs * 10)) / 10
    const kind = KINDS[(hash >>> 3) % KINDS.length] ?? 'response'
    const status = [200, 202, 404, 503][(hash >>> 16) % 4] ?? 200
    const {afterMs} = stalling(serviceMs, stall.fromMs, stall.fromMs + stall.lengthMs)(index, elapsedMs, NO_REQUEST)
    return kind === 'response' ? {afterMs, status} : {afterMs, kind}
  }
}

const NO_REQUEST = {target: {method: 'GET', url: new URL('http://localhost/'), headers: []}, body: null}

const phase = fc.oneof(
  fc.record({
    executor: fc.constant('constant-arrival-rate' as const),
    rateTps: fc.integer({min: 1, max: 2000}),
    durationMs: fc.integer({min: 1, max: 400}),
    arrivals: fc.constantFrom('uniform' as const, 'poisson' as const),
  }),
  fc.record({
    executor: fc.constant('ramping-arrival-rate' as const),
    startRateTps: fc.integer({min: 0, max: 1000}),
    stages: fc.array(
      fc.record({targetTps: fc.integer({min: 0, max: 2000}), durationMs: fc.integer({min: 1, max: 300})}),
      {minLength: 1, maxLength: 3},
    ),
    arrivals: fc.constantFrom('uniform' as const, 'poisson' as const),
  }),
  fc.record({executor: fc.constant('shared-iterations' as const), count: fc.integer({min: 1, max: 200})}),
)

const anyLoad = fc.record({
  phases: fc.array(phase, {minLength: 1, maxLength: 3}),
  concurrency: fc.integer({min: 1, max: 40}),
  queueCount: fc.integer({min: 0, max: 60}),
  slowestMs: fc.integer({min: 1, max: 200}),
  stall: fc.record({fromMs: fc.integer({min: 0, max: 500}), lengthMs: fc.integer({min: 0, max: 500})}),
  seed: fc.nat(),
  stopAfterMs: fc.option(fc.integer({min: 0, max: 900}), {nil: undefined}),
  hiccupMs: fc.integer({min: 0, max: 300}),
})

describe('the books of an open model, whatever the schedule, the service, a signal and the machine do', () => {
  it('balance: due = sent + dropped + unsent, each number has one fate, and no bound is passed', async () => {
    await fc.assert(
      fc.asyncProperty(anyLoad, async given => {
        const {phases, concurrency, queueCount, slowestMs, stall, seed, stopAfterMs, hiccupMs} = given
        const clock = new VirtualClock()
        const source = numberedSource()
        const model = openModel({phases: phases satisfies LoadPhase[], concurrency, queueCount})
        const {summary, client, abort, progress} = loading({
          ...{clock, source, model},
          server: wild(seed, slowestMs, stall),
        })
        // Our own process stands still for a while: everything that came due in it is found afterwards.
        await clock.advance(50)
        clock.freeze(hiccupMs)
        if (stopAfterMs !== undefined) {
          await clock.advance(stopAfterMs)
          abort.abort()
        }
        const result = await clock.until(summary)

        expect(result.due).toBe(result.sent + (result.dropped ?? 0) + result.unsent)
        expect(result.sent).toBe(result.succeeded + result.failed + result.timeouts + result.errors)
        const {acked, failed, unknown} = result.journalled
        expect([acked, acked + failed + unknown]).toEqual([result.succeeded, result.sent])
        expect(result.groups.reduce((sum, group) => sum + group.count, 0)).toBe(result.sent)
        expect(result.due).toBeLessThanOrEqual(model.schedule.totalCount)
        if (!result.interrupted) {
          expect([result.due, result.unsent]).toEqual([model.schedule.totalCount, 0])
        }

        // Sent in ascending order, so each once; made only to be sent.
        const sequences = client.sent.map(({sequence}) => sequence)
        for (const [index, sequence] of sequences.entries())
          expect(sequence).toBeGreaterThan(sequences[index - 1] ?? -1)
        expect(source.made).toEqual(sequences)
        expect(sequences.at(-1) ?? 0).toBeLessThan(Math.max(1, result.due))
        expect(sequences).toHaveLength(result.sent)

        expect(client.maxInFlight).toBeLessThanOrEqual(concurrency)
        expect(result.longestQueue).toBeLessThanOrEqual(queueCount)
        for (const {queued, inFlight} of progress) {
          expect(inFlight).toBeLessThanOrEqual(concurrency)
          // What came due in the millisecond of a signal and had a free place is left over, not dropped.
          expect(queued).toBeLessThanOrEqual(queueCount + (abort.signal.aborted ? concurrency : 0))
        }

        const seconds = result.perSecond
        const total = (of: (second: (typeof seconds)[number]) => number | null): number =>
          seconds.reduce((sum, second) => sum + (of(second) ?? 0), 0)
        expect(total(second => second.due)).toBe(result.due)
        expect(total(second => second.sent)).toBe(result.sent)
        expect(total(second => second.dropped)).toBe(result.dropped)
        expect(total(second => second.succeeded)).toBe(result.succeeded)
        expect(total(second => second.failed + second.timeouts + second.errors)).toBe(result.sent - result.succeeded)
      }),
      {numRuns: 150},
    )
  })
})

describe('the queue of an open model', () => {
  it('drops the newest when it is full, and never sends what it dropped', async () => {
    // One at a time and 100 ms each: of 10 due in 100 ms one is sent, two wait, the rest is dropped.
    const {result, client} = await loaded({
      model: openModel({rateTps: 100, durationMs: 1000, concurrency: 1, queueCount: 2}),
      server: steady(100),
    })
    const sequences = client.sent.map(({sequence}) => sequence)
    // The first three find a place; then one place becomes free with every answer, for whoever comes due next.
    expect(sequences.slice(0, 5)).toEqual([0, 1, 2, 10, 20])
    expect(result.dropped).toBe(100 - sequences.length)
    expect(result.longestQueue).toBe(2)
  })

  it('drops all that cannot go at once when nobody may wait', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 1000, concurrency: 5, queueCount: 0}),
      server: steady(10),
    })
    expect(result).toMatchObject({due: 1000, unsent: 0, longestQueue: 0})
    expect(result.sent).toBeGreaterThan(400)
    expect(result.sent + (result.dropped ?? 0)).toBe(1000)
  })

  it('goes on after the schedule until nobody waits', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 1000, concurrency: 1}),
      server: steady(10),
    })
    expect(result).toMatchObject({due: 1000, sent: 1000, dropped: 0, wallUs: 10_000_000})
    // 1,000 successes in the ten seconds that they took, not in the one that was asked.
    expect(result.achievedRps).toBe(100)
    expect(result.achievedRatio).toBeCloseTo(0.1, 6)
    const queued = result.perSecond.map(second => second.queued)
    expect(queued.slice(0, 10)).toEqual([900, 800, 700, 600, 500, 400, 300, 200, 100, 0])
  })

  it('sends the oldest one in the turn in which an answer comes', async () => {
    const {client, startUs} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 5, concurrency: 1}),
      server: steady(7.3),
    })
    expect(client.sent.map(({sequence, sentUs}) => [sequence, (sentUs - startUs) / 1000])).toEqual([
      [0, 0],
      [1, 7.3],
      [2, 14.6],
      [3, 21.9],
      [4, 29.2],
    ])
  })
})
