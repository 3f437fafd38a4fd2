import {describe, expect, it} from 'vitest'
import {stalling, steady} from '../../../support/fake-http-client.js'
import {loaded, openModel} from '../../../support/load.js'

/** How many requests were handed over in each window since the start. */
function perWindow(
  sent: readonly {readonly sentUs: number}[],
  {startUs, windowMs, windows}: {readonly startUs: number; readonly windowMs: number; readonly windows: number},
): number[] {
  const counts: number[] = new Array(windows).fill(0)
  for (const {sentUs} of sent) {
    const window = Math.floor((sentUs - startUs) / (windowMs * 1000))
    if (window < windows) counts[window] = (counts[window] ?? 0) + 1
  }
  return counts
}

describe('an open model that nothing disturbs', () => {
  it.each([500, 2000, 5000])('sends %i requests/s in every second and in every tenth of one', async rateTps => {
    const {result, client, startUs} = await loaded({model: openModel({rateTps, durationMs: 3000}), server: steady(3)})
    expect(result).toMatchObject({planned: 3 * rateTps, due: 3 * rateTps, sent: 3 * rateTps, dropped: 0, unsent: 0})
    expect(result).toMatchObject({succeeded: 3 * rateTps, failed: 0, timeouts: 0, errors: 0, interrupted: false})
    expect(result.perSecond.slice(0, 3).map(second => second.due)).toEqual([rateTps, rateTps, rateTps])
    // What comes due in the last millisecond of a window goes with the tick that begins the next one.
    const tickCount = Math.max(1, rateTps / 1000)
    for (const windowMs of [1000, 100]) {
      for (const count of perWindow(client.sent, {startUs, windowMs, windows: 3000 / windowMs})) {
        expect(Math.abs(count - (rateTps * windowMs) / 1000)).toBeLessThanOrEqual(tickCount)
      }
    }
    expect(result.lateness?.maxUs).toBeLessThanOrEqual(1000)
  })
})

describe('a service that stalls once for 1.4 s, at 2,000 requests/s for 30 s', () => {
  it('is late by 1.10 s in the 99th percentile of planned latency, and drops nothing', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 2000, durationMs: 30_000, concurrency: 200}),
      server: stalling(1, 10_000, 11_400),
    })
    expect(result).toMatchObject({due: 60_000, sent: 60_000, succeeded: 60_000, dropped: 0, unsent: 0})
    // Only what was under way saw the stall as service time: 200 requests, a third of a percent.
    expect(result.response.percentileUs(99)).toBe(1000)
    expect(result.response.maxUs).toBeGreaterThan(1_000_000)
    expect(result.longestQueue).toBeGreaterThan(2000)
    const plannedP99Us = result.plannedTime?.percentileUs(99) ?? 0
    expect(Math.abs(plannedP99Us / 1_100_000 - 1)).toBeLessThan(0.05)
  })
})
