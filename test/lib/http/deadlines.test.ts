import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type Deadline, Deadlines} from '../../../src/lib/http/deadlines.js'
import {VirtualClock} from '../../support/virtual-clock.js'

class Task implements Deadline {
  deadlineUs = 0
  previous: Deadline | null = null
  next: Deadline | null = null
  readonly expire: () => void

  constructor(expire: () => void = () => {}) {
    this.expire = expire
  }
}

describe('deadlines', () => {
  it('expire each in its own time, to the millisecond', async () => {
    const clock = new VirtualClock(0)
    const deadlines = new Deadlines(clock, 100)
    const expiredUs: number[] = []
    for (let i = 0; i < 5; i++) {
      deadlines.add(new Task(() => expiredUs.push(clock.nowUs())))
      await clock.advance(7)
    }
    await clock.advance(1000)
    expect(expiredUs).toEqual([100_000, 107_000, 114_000, 121_000, 128_000])
  })

  it('do not expire once removed, and may be removed twice', async () => {
    const clock = new VirtualClock()
    const deadlines = new Deadlines(clock, 100)
    const expired: string[] = []
    const tasks = ['first', 'middle', 'last', 'stays'].map(name => new Task(() => expired.push(name)))
    for (const task of tasks) deadlines.add(task)
    for (const task of tasks.slice(0, 3)) deadlines.remove(task)
    for (const task of tasks.slice(0, 3)) deadlines.remove(task)
    await clock.advance(200)
    expect(expired).toEqual(['stays'])
  })

  it('go on after all have expired', async () => {
    const clock = new VirtualClock()
    const deadlines = new Deadlines(clock, 10)
    let count = 0
    for (let i = 0; i < 3; i++) {
      deadlines.add(new Task(() => count++))
      await clock.advance(20)
    }
    expect(count).toBe(3)
  })

  it('let what expires add the next', async () => {
    const clock = new VirtualClock()
    const deadlines = new Deadlines(clock, 10)
    let count = 0
    const again = (): void => {
      if (++count < 4) deadlines.add(new Task(again))
    }
    deadlines.add(new Task(again))
    await clock.advance(39)
    expect(count).toBe(3)
    await clock.advance(1)
    expect(count).toBe(4)
  })

  it.each([
    ['without a time', Number.POSITIVE_INFINITY, false],
    ['after closing', 10, true],
  ])('never expire %s', async (_name, timeoutMs, isClosed) => {
    const clock = new VirtualClock()
    const deadlines = new Deadlines(clock, timeoutMs)
    let count = 0
    deadlines.add(new Task(() => count++))
    if (isClosed) deadlines.close()
    await clock.advance(1_000_000)
    expect(count).toBe(0)
  })

  it('wake the sleeper rarely, however many come and go', async () => {
    const clock = new VirtualClock()
    let sleepCount = 0
    const counting = {
      nowUs: () => clock.nowUs(),
      sleep: (ms: number, signal?: AbortSignal) => {
        sleepCount++
        return clock.sleep(ms, signal)
      },
    }
    const deadlines = new Deadlines(counting, 10_000)
    for (let i = 0; i < 5000; i++) {
      const task = new Task()
      deadlines.add(task)
      await clock.advance(10)
      deadlines.remove(task)
    }
    expect(sleepCount).toBeLessThan(10)
  })

  it('agree with a list that looks at everybody, for any coming and going', async () => {
    const step = fc.record({waitMs: fc.nat(30), removes: fc.option(fc.nat(20), {nil: undefined})})
    await fc.assert(
      fc.asyncProperty(fc.array(step, {maxLength: 20}), async steps => {
        const clock = new VirtualClock(0)
        const deadlines = new Deadlines(clock, 50)
        const expired: number[] = []
        const tasks: Task[] = []
        const plan: {atMs: number; index: number}[] = []
        let nowMs = 0
        for (const [index, {waitMs, removes}] of steps.entries()) {
          const task = new Task(() => expired.push(index))
          tasks.push(task)
          deadlines.add(task)
          plan.push({atMs: nowMs + 50, index})
          const gone = removes === undefined ? undefined : tasks[removes]
          if (gone !== undefined) {
            deadlines.remove(gone)
            const at = plan.findIndex(entry => entry.index === removes && entry.atMs > nowMs)
            if (at >= 0) plan.splice(at, 1)
          }
          await clock.advance(waitMs)
          nowMs += waitMs
        }
        await clock.advance(1000)
        expect(expired).toEqual(plan.map(entry => entry.index))
      }),
      {numRuns: 50},
    )
  })
})
