/** Waiting for a detector, in virtual time, with lags as a broker tells them one after the other. */
import {describe, expect, it} from 'vitest'
import type {GroupLag} from '../../../src/lib/kafka/admin.js'
import {type CatchUpOptions, caughtUp, DRAIN_STALL_MS} from '../../../src/lib/run/caught-up.js'
import {VirtualClock} from '../../support/virtual-clock.js'

type Look = readonly Partial<GroupLag>[] | Error

/** Each look at the group gets the next one; the last one stays. */
function lookingAt(looks: readonly Look[]): {readonly kafka: CatchUpOptions['kafka']; readonly count: () => number} {
  let count = 0
  return {
    count: () => count,
    kafka: {
      admin: {
        lagOf: async () => {
          const look = looks[Math.min(count++, looks.length - 1)] ?? []
          if (look instanceof Error) throw look
          return look.map(lag => ({partition: 0, committed: null, earliest: 0, end: 0, lag: 0, ...lag}))
        },
      },
    },
  }
}

async function wait(looks: readonly Look[], changes: Partial<CatchUpOptions> = {}) {
  const clock = new VirtualClock()
  const startUs = clock.nowUs()
  const {kafka, count} = lookingAt(looks)
  const reached = await clock.until(caughtUp({kafka, group: 'g', topic: 't', clock, ...changes}))
  return {reached, tookMs: (clock.nowUs() - startUs) / 1000, looks: count()}
}

describe('waiting for a detector', () => {
  it('ends at once when nothing is on the topic, or everything is committed', async () => {
    expect(await wait([[]])).toMatchObject({reached: true, looks: 1})
    expect(await wait([[{end: 5, committed: 5}]])).toMatchObject({reached: true, looks: 1})
  })

  it('ends when what was there at the beginning is committed, whatever others add', async () => {
    const looks = [[{end: 10, committed: 4}], [{end: 500, committed: 9}], [{end: 1000, committed: 10}]]
    expect(await wait(looks)).toMatchObject({reached: true, looks: 3})
  })

  it('does not wait for records that have expired', async () => {
    expect(await wait([[{end: 10, committed: 2, earliest: 10}]])).toMatchObject({reached: true})
    expect(await wait([[{end: 10, committed: null, earliest: 10}]])).toMatchObject({reached: true})
  })

  it('lives through a broker that does not answer for a while', async () => {
    const away = new Error('away')
    expect(await wait([away, away, [{end: 3}], away, [{end: 3, committed: 3}]])).toMatchObject({
      reached: true,
      looks: 5,
    })
  })

  it('gives up when the lag has not fallen for half a minute', async () => {
    const {reached, tookMs} = await wait([[{end: 10, committed: 4}], [{end: 10, committed: 5}]])
    expect(reached).toBe(false)
    expect(tookMs).toBeGreaterThan(DRAIN_STALL_MS)
    expect(tookMs).toBeLessThan(DRAIN_STALL_MS + 1000)
  })

  it('gives up at once when nobody is left who could catch up, or nobody wants it', async () => {
    const behind = [[{end: 10, committed: 4}]]
    expect(await wait(behind, {isOver: () => true})).toMatchObject({reached: false, looks: 1})
    expect(await wait(behind, {signal: AbortSignal.abort()})).toMatchObject({reached: false, looks: 1})
  })

  it('tells how much is left, and null while nobody can say', async () => {
    const lags: (number | null)[] = []
    await wait([new Error('away'), [{end: 9, committed: 2}], [{end: 9, committed: 9}]], {onPoll: lag => lags.push(lag)})
    expect(lags).toEqual([null, 7])
  })
})
