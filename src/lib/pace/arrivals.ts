/**
 * Poisson arrivals with access by index. A Poisson process, given that n arrivals fall into a span, places them
 * independently and uniformly there; so each block of 128 payments gets its span of Λ and seeded uniform places in it,
 * sorted. Gaps are exponential and bursts are real, while counts agree with the asked rate at every block's end: over
 * spans much longer than a block the schedule is steadier than a free Poisson process, whose counts vary by √n.
 */
import {Random} from '../base/random.js'

const BLOCK_COUNT = 128

export interface IndexRange {
  readonly from: number
  /** Exclusive; may be Infinity. */
  readonly to: number
}

/** @returns the place of payment `index` on the Λ axis: itself outside the given ranges */
export function createArrivals(ranges: readonly IndexRange[], seed: number): (index: number) => number {
  if (ranges.length === 0) return index => index
  const random = new Random(seed)
  const places = new Float64Array(BLOCK_COUNT)
  let filledFrom = -1

  const fill = (from: number, count: number): void => {
    random.reseed(seed, from)
    const block = places.subarray(0, count)
    for (let i = 0; i < count; i++) block[i] = from + random.unit() * count
    block.sort()
    filledFrom = from
  }

  return index => {
    const range = ranges.find(one => index >= one.from && index < one.to)
    if (range === undefined) return index
    const within = (index - range.from) % BLOCK_COUNT
    const from = index - within
    if (from !== filledFrom) fill(from, Math.min(BLOCK_COUNT, range.to - from))
    return places[within] ?? index
  }
}
