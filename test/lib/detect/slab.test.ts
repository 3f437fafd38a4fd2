import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {IdHash} from '../../../src/lib/detect/id-hash.js'
import {Slab} from '../../../src/lib/detect/slab.js'

const WORDS = 4

/** Touch first: a slab that grows replaces its words. */
function write(slab: Slab, low: number, high: number, value: number): void {
  const slot = slab.touch(low, high)
  slab.words[slot * WORDS + 2] = value
}

function slabOf(maxCount: number): Slab {
  return new Slab({recordWords: WORDS, maxCount})
}

function hashesOf(slab: Slab): number[] {
  return [...slab.slots()].map(slot => slab.words[slot * WORDS])
}

describe('a slab', () => {
  it('finds nothing in the beginning', () => {
    expect(slabOf(10).find(1, 2)).toBe(-1)
  })

  it('gives a new entity a record of zeros, and keeps what is written to it', () => {
    const slab = slabOf(10)
    const slot = slab.touch(7, 8)
    expect([...slab.words.subarray(slot * WORDS, slot * WORDS + WORDS)]).toEqual([7, 8, 0, 0])
    slab.words[slot * WORDS + 2] = 99
    expect(slab.words[slab.touch(7, 8) * WORDS + 2]).toBe(99)
    expect(slab.count).toBe(1)
  })

  it('tells entities apart by the high lane when the low one is equal', () => {
    const slab = slabOf(10)
    expect(slab.touch(5, 1)).not.toBe(slab.touch(5, 2))
    expect(slab.find(5, 3)).toBe(-1)
  })

  it('keeps every record through growth by doubling', () => {
    const slab = slabOf(5000)
    for (let id = 1; id <= 5000; id++) write(slab, id * 64, id, id)
    for (let id = 1; id <= 5000; id++) expect(slab.words[slab.find(id * 64, id) * WORDS + 2]).toBe(id)
    expect(slab.evictedCount).toBe(0)
  })

  it('looks without touching', () => {
    const slab = slabOf(2)
    slab.touch(1, 1)
    slab.touch(2, 2)
    slab.find(1, 1)
    slab.touch(3, 3)
    expect(slab.find(1, 1)).toBe(-1)
  })

  it('when full, evicts the longest untouched, counts it, and clears its record', () => {
    const slab = slabOf(3)
    for (const id of [1, 2, 3]) write(slab, id, id, id)
    slab.touch(1, 1)
    const slot = slab.touch(4, 4)
    expect(hashesOf(slab)).toEqual([3, 1, 4])
    expect(slab.words[slot * WORDS + 2]).toBe(0)
    expect(slab.evictedCount).toBe(1)
    expect(slab.count).toBe(3)
  })

  it('of one entity holds one', () => {
    const slab = slabOf(1)
    for (const id of [1, 2, 2, 3]) slab.touch(id, id)
    expect(hashesOf(slab)).toEqual([3])
    expect(slab.evictedCount).toBe(2)
  })

  it('agrees with an ordered map for any sequence of touches (property)', () => {
    // Few distinct homes in the hash table make long probes, and evictions within them.
    const id = fc.record({low: fc.constantFrom(0, 1, 2, 255, 256, -1, 511), high: fc.integer({min: 0, max: 3})})
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 12}),
        fc.integer({min: 1, max: 50}),
        fc.array(id, {maxLength: 200}),
        (maxCount, spare, touches) => {
          // Few ticks, so that they are numbered anew on the way.
          const slab = new Slab({recordWords: WORDS, maxCount, maxTick: maxCount + spare})
          const model = new Map<string, number>()
          let evicted = 0
          touches.forEach(({low, high}, step) => {
            const key = `${low}/${high}`
            if (!model.delete(key) && model.size === maxCount) {
              const [oldest] = model.keys()
              model.delete(oldest as string)
              evicted++
            }
            model.set(key, step)
            write(slab, low, high, step)
          })
          const held = [...slab.slots()].map(slot => {
            const start = slot * WORDS
            expect(slab.find(slab.words[start], slab.words[start + 1])).toBe(slot)
            return [`${slab.words[start]}/${slab.words[start + 1]}`, slab.words[start + 2]]
          })
          expect(held).toEqual([...model])
          expect(slab.evictedCount).toBe(evicted)
        },
      ),
    )
  })

  it('copies to words and back, in order of touch', () => {
    const slab = slabOf(100)
    for (const id of [1, 2, 3, 1]) slab.touch(id, id)
    const words = new Int32Array(3 * WORDS)
    slab.copyTo(words, 0)
    const copy = slabOf(100)
    copy.copyFrom(words)
    expect(hashesOf(copy)).toEqual([2, 3, 1])
  })

  it('that is smaller than what it takes over keeps the latest', () => {
    const slab = slabOf(100)
    for (const id of [1, 2, 3, 4]) slab.touch(id, id)
    const words = new Int32Array(4 * WORDS)
    slab.copyTo(words, 0)
    const copy = slabOf(2)
    copy.copyFrom(words)
    expect(hashesOf(copy)).toEqual([3, 4])
    expect(copy.evictedCount).toBe(2)
  })
})

describe('the hash of an id', () => {
  it('tells 200,000 ids of like shape apart, in each lane nearly', () => {
    const hash = new IdHash()
    const both = new Set<string>()
    const low = new Set<number>()
    for (let number = 0; number < 200_000; number++) {
      hash.of(`acc_0123456789ab_${number.toString(36).padStart(6, '0')}`)
      both.add(`${hash.high},${hash.low}`)
      low.add(hash.low)
    }
    expect(both.size).toBe(200_000)
    // Birthday bound of 32 bits: five pairs are expected.
    expect(low.size).toBeGreaterThan(200_000 - 40)
  })

  it('depends on every character and on the length', () => {
    const hash = new IdHash()
    const seen = new Set(
      ['', '\u0000', '\u0000\u0000', 'a', 'b', 'ab', 'ba', 'é', 'e\u0301', '🙂', '🙃'].map(text => {
        hash.of(text)
        return `${hash.high},${hash.low}`
      }),
    )
    expect(seen.size).toBe(11)
  })
})
