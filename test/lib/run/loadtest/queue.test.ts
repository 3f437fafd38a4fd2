import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {SequenceQueue} from '../../../../src/lib/run/loadtest/queue.js'

describe('the queue', () => {
  it('gives back in order what was pushed, across gaps, as a plain list would', () => {
    const step = fc.record({gap: fc.nat(3), count: fc.nat(5), shifts: fc.nat(8)})
    fc.assert(
      fc.property(fc.array(step, {maxLength: 100}), steps => {
        const queue = new SequenceQueue()
        const list: number[] = []
        let next = 0
        for (const {gap, count, shifts} of steps) {
          next += gap
          queue.push(next, next + count)
          for (let index = 0; index < count; index++) list.push(next++)
          for (let index = 0; index < shifts; index++) expect(queue.shift()).toBe(list.shift() ?? -1)
          expect(queue.count).toBe(list.length)
        }
      }),
    )
  })
})
