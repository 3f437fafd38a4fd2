/**
 * Simulated time in slots of equal length, and how many ordinary payments each slot holds. The population is a sum of
 * inhomogeneous Poisson processes, one per class of accounts; within a slot the intensity is taken as constant. A slot
 * is short enough to hold a few hundred payments and never longer than an hour, so that it stays within a rhythm.
 */
import {exp, normalQuantile} from '../base/portable-math.js'
import type {Random} from '../base/random.js'
import {drawMember} from '../population/alias-table.js'
import type {Population} from '../population/population.js'
import {intensityAt} from '../population/segments.js'

/** Mean pace of the whole stream: payments per account and day. */
export const PAYMENTS_PER_ACCOUNT_AND_DAY = 3
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const TARGET_PER_SLOT = 400
/** Divisors of an hour, so that slots of all sizes line up with it. */
const SLOTS_PER_HOUR = [1, 2, 3, 4, 6, 10, 20, 30, 60, 120, 240, 480, 900, 1800, 3600, 7200]
/** Above this mean a Poisson draw is taken from the normal distribution, rounded. */
const NORMAL_FROM = 24

export class Timeline {
  readonly slotMs: number
  /** Payments of all kinds in a slot of mean intensity. */
  readonly meanPerSlot: number
  readonly #startMs: number
  readonly #population: Population
  /** Cumulative intensities of the classes in the slot of the last `open`. */
  readonly #cumulative: Float64Array

  constructor(population: Population, startMs: number) {
    const perHour = (population.accountCount * PAYMENTS_PER_ACCOUNT_AND_DAY) / 24
    const slotsPerHour = SLOTS_PER_HOUR.find(count => perHour / count <= TARGET_PER_SLOT) ?? 7200
    this.slotMs = HOUR_MS / slotsPerHour
    this.meanPerSlot = (population.accountCount * PAYMENTS_PER_ACCOUNT_AND_DAY * this.slotMs) / DAY_MS
    this.#startMs = startMs
    this.#population = population
    this.#cumulative = new Float64Array(population.classes.length)
  }

  slotStartMs(slot: number): number {
    return this.#startMs + slot * this.slotMs
  }

  /** The slot that holds an instant; negative before the stream's start. */
  slotOf(timeMs: number): number {
    return Math.floor((timeMs - this.#startMs) / this.slotMs)
  }

  /** Makes the slot current for `drawAccount` and returns its intensity against the week's mean. */
  open(slot: number): number {
    const middleMs = this.slotStartMs(slot) + this.slotMs / 2
    const {classes} = this.#population
    let total = 0
    for (let index = 0; index < classes.length; index++) {
      const {segment, offsetHours, share} = classes[index]
      total += share * intensityAt(segment, middleMs, offsetHours)
      this.#cumulative[index] = total
    }
    return total
  }

  /** An account of the current slot, in proportion to its rate at this time of its day. */
  drawAccount(draw: Random): number {
    const cumulative = this.#cumulative
    const last = cumulative.length - 1
    const point = draw.unit() * cumulative[last]
    let index = 0
    while (index < last && cumulative[index] <= point) index++
    return drawMember(this.#population.classes[index].table, draw)
  }
}

/** A Poisson draw: inversion for small means, the rounded normal distribution for large ones. */
export function drawPoisson(mean: number, draw: Random): number {
  if (mean <= 0) return 0
  if (mean > NORMAL_FROM) {
    const z = normalQuantile((draw.uint32() + 0.5) / 4_294_967_296)
    return Math.max(0, Math.floor(mean + Math.sqrt(mean) * z + 0.5))
  }
  let probability = exp(-mean)
  let rest = draw.unit() - probability
  let count = 0
  while (rest >= 0 && count < 200) {
    count++
    probability *= mean / count
    rest -= probability
  }
  return count
}
