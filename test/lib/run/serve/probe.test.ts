/** Asking a broker or a database how it is, without becoming a load on it. */
import {describe, expect, it} from 'vitest'
import {Probe, within} from '../../../../src/lib/run/serve/probe.js'
import {settle, VirtualClock} from '../../../support/virtual-clock.js'

function probing(ask: () => Promise<number>) {
  const clock = new VirtualClock()
  let count = 0
  const probe = new Probe({clock, maxAgeMs: 1000, timeoutMs: 2000}, () => {
    count += 1
    return ask()
  })
  return {clock, probe, count: () => count}
}

describe('a probe', () => {
  it('asks once a second, however many want to know', async () => {
    const {clock, probe, count} = probing(async () => 7)
    expect(await Promise.all([probe.value(), probe.value(), probe.value()])).toEqual([7, 7, 7])
    await clock.advance(999)
    await probe.value()
    expect(count()).toBe(1)
    await clock.advance(1)
    expect(await probe.value()).toBe(7)
    expect(count()).toBe(2)
    expect(probe.reason).toBe('')
  })

  it('has no value, and a reason, when the answer is an error', async () => {
    const {probe} = probing(async () => {
      throw new Error('gone')
    })
    expect(await probe.value()).toBeUndefined()
    expect(probe.reason).toBe('gone')
  })

  it('does not wait for an answer that does not come, and asks no second time before it has', async () => {
    const {clock, probe, count} = probing(() => new Promise(() => {}))
    expect(await clock.until(probe.value())).toBeUndefined()
    expect(probe.reason).toBe('no answer within 2 s')
    await clock.advance(5000)
    expect(await clock.until(probe.value())).toBeUndefined()
    expect(count()).toBe(1)
  })
})

describe('waiting within a time', () => {
  it('gives what the promise gives, its error, or undefined when the time is up or nobody waits any more', async () => {
    const clock = new VirtualClock()
    const never = new Promise<number>(() => {})
    expect(await within(clock, 10, Promise.resolve(3))).toBe(3)
    await expect(within(clock, 10, Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await clock.until(within(clock, 10, never))).toBeUndefined()
    expect(await within(clock, 10, never, AbortSignal.abort())).toBeUndefined()
    await settle()
  })
})
