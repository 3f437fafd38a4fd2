/**
 * Fixed-size records of entities in one ArrayBuffer, found by a 64-bit hash through open addressing, ordered by when
 * they were last touched. Memory grows by doubling up to a maximum; then the entity that was not touched for longest
 * gives up its record. Order is that of arrival, not event time: a payment dated into the far future cannot make its
 * entity immortal.
 *
 * A touch only stamps the record with a tick: a linked list would cost two more cache misses on every payment to be
 * ready for evictions that may never come. Who goes next is found by sorting the ticks, for an eighth of the slab at
 * a time; entities touched since are passed over, so the order is exact.
 */
import {assert} from '../base/assert.js'

export interface SlabOptions {
  /** Length of a record in 32-bit words, even; the first two hold the hash. */
  readonly recordWords: number
  /** Entities at most, from 1. */
  readonly maxCount: number
  /** Touches after which ticks are numbered anew, above maxCount; only tests need other than 2^31 - 1. */
  readonly maxTick?: number
}

const FIRST_CAPACITY = 256
const NONE = -1
/** More entities than a slab may hold, and so many ticks that both fit into the 53 bits of a number. */
const SLOTS = 2 ** 22
const MAX_TICK = 2 ** 31 - 1
const LEAVING_SHARE = 1 / 8

export class Slab {
  readonly recordWords: number
  readonly maxCount: number
  /** Two views of the same records; replaced when the slab grows, so never keep them. */
  words = new Int32Array(0)
  doubles = new Float64Array(0)
  evictedCount = 0
  readonly #maxTick: number
  #count = 0
  #capacity = 0
  /** Hash table, in pairs that share a cache line: low lane of the hash, and slot + 1 (0 = free). */
  #table = new Int32Array(0)
  #mask = 0
  /** When each slot was last touched. */
  #ticks = new Float64Array(0)
  #tick = 0
  /** The longest untouched, as of when it was made: tick and slot in one number each. */
  #leaving = new Float64Array(0)
  #leavingNext = 0

  constructor(options: SlabOptions) {
    assert(options.recordWords % 2 === 0, 'records are aligned for doubles')
    assert(options.maxCount >= 1, 'a slab holds one entity at least')
    assert(options.maxCount <= SLOTS, 'a slab holds 2^22 entities at most')
    this.recordWords = options.recordWords
    this.maxCount = options.maxCount
    this.#maxTick = options.maxTick ?? MAX_TICK
    assert(this.#maxTick > this.maxCount, 'every entity has a tick of its own')
    this.#resize(Math.min(FIRST_CAPACITY, this.maxCount))
  }

  get count(): number {
    return this.#count
  }

  get byteLength(): number {
    return this.words.byteLength + this.#table.byteLength + this.#ticks.byteLength
  }

  /** The slot of an entity, -1 when it is not here. Changes nothing. */
  find(low: number, high: number): number {
    for (let place = low & this.#mask; ; place = (place + 1) & this.#mask) {
      const slot = this.#table[2 * place + 1] - 1
      if (slot === NONE) return NONE
      if (this.#table[2 * place] === low && this.words[slot * this.recordWords + 1] === high) return slot
    }
  }

  /** The slot of an entity, made (all zero but for the hash) when it is new; it is now the latest touched. */
  touch(low: number, high: number): number {
    let slot = this.find(low, high)
    if (slot === NONE) {
      slot = this.#freeSlot()
      const start = slot * this.recordWords
      this.words.fill(0, start, start + this.recordWords)
      this.words[start] = low
      this.words[start + 1] = high
      this.#insert(low, slot)
    }
    this.#stamp(slot)
    return slot
  }

  /** Slots from the longest untouched to the latest touched. */
  slots(): number[] {
    return Array.from(this.#byTick(), slotOf)
  }

  /** Copies the records, longest untouched first, to words from `start` on; the same state gives the same words. */
  copyTo(target: Int32Array, start: number): void {
    let position = start
    for (const touched of this.#byTick()) {
      const from = slotOf(touched) * this.recordWords
      target.set(this.words.subarray(from, from + this.recordWords), position)
      position += this.recordWords
    }
  }

  /** Takes over records as copyTo left them; what exceeds the maximum is evicted, longest untouched first. */
  copyFrom(source: Int32Array): void {
    assert(this.#count === 0, 'records are taken over by an empty slab')
    const total = source.length / this.recordWords
    const surplus = Math.max(0, total - this.maxCount)
    this.evictedCount += surplus
    let capacity = this.#capacity
    while (capacity < total - surplus) capacity = Math.min(capacity * 2, this.maxCount)
    this.#resize(capacity)
    this.words.set(source.subarray(surplus * this.recordWords))
    for (let slot = 0; slot < total - surplus; slot++) {
      this.#count++
      this.#insert(this.words[slot * this.recordWords], slot)
      this.#stamp(slot)
    }
  }

  #freeSlot(): number {
    if (this.#count === this.#capacity && this.#capacity < this.maxCount)
      this.#resize(Math.min(this.#capacity * 2, this.maxCount))
    if (this.#count < this.#capacity) return this.#count++
    const slot = this.#longestUntouched()
    this.#remove(slot)
    this.evictedCount++
    return slot
  }

  #longestUntouched(): number {
    for (;;) {
      if (this.#leavingNext === this.#leaving.length) {
        this.#leaving = this.#byTick().slice(0, Math.ceil(this.#count * LEAVING_SHARE))
        this.#leavingNext = 0
      }
      const touched = this.#leaving[this.#leavingNext++]
      const slot = slotOf(touched)
      if (touchOf(this.#ticks[slot], slot) === touched) return slot
    }
  }

  #stamp(slot: number): void {
    if (this.#tick === this.#maxTick) this.#renumber()
    this.#ticks[slot] = ++this.#tick
  }

  /** Starts the ticks over, keeping their order. */
  #renumber(): void {
    this.#tick = 0
    for (const touched of this.#byTick()) this.#ticks[slotOf(touched)] = ++this.#tick
    this.#leaving = new Float64Array(0)
    this.#leavingNext = 0
  }

  /** Tick and slot of every entity in one number each, longest untouched first. */
  #byTick(): Float64Array {
    const touches = new Float64Array(this.#count)
    for (let slot = 0; slot < touches.length; slot++) touches[slot] = touchOf(this.#ticks[slot], slot)
    return touches.sort()
  }

  #resize(capacity: number): void {
    this.#capacity = capacity
    const buffer = new ArrayBuffer(capacity * this.recordWords * 4)
    const words = new Int32Array(buffer)
    words.set(this.words.subarray(0, this.#count * this.recordWords))
    this.words = words
    this.doubles = new Float64Array(buffer)
    const ticks = new Float64Array(capacity)
    ticks.set(this.#ticks)
    this.#ticks = ticks
    // At most half full, so that probes stay short.
    const places = 2 ** Math.ceil(Math.log2(capacity * 2))
    this.#mask = places - 1
    this.#table = new Int32Array(2 * places)
    for (let slot = 0; slot < this.#count; slot++) this.#insert(words[slot * this.recordWords], slot)
  }

  #insert(low: number, slot: number): void {
    const table = this.#table
    let place = low & this.#mask
    while (table[2 * place + 1] !== 0) place = (place + 1) & this.#mask
    table[2 * place] = low
    table[2 * place + 1] = slot + 1
  }

  /** Linear probing without tombstones: what follows moves back into the gap where its probe allows (Knuth 6.4 R). */
  #remove(slot: number): void {
    const table = this.#table
    const mask = this.#mask
    let gap = this.words[slot * this.recordWords] & mask
    while (table[2 * gap + 1] !== slot + 1) gap = (gap + 1) & mask
    for (let place = (gap + 1) & mask; table[2 * place + 1] !== 0; place = (place + 1) & mask) {
      const home = table[2 * place] & mask
      if (((place - home) & mask) < ((place - gap) & mask)) continue
      table[2 * gap] = table[2 * place]
      table[2 * gap + 1] = table[2 * place + 1]
      gap = place
    }
    table[2 * gap + 1] = 0
  }
}

function touchOf(tick: number, slot: number): number {
  return tick * SLOTS + slot
}

function slotOf(touched: number): number {
  return touched % SLOTS
}
