/**
 * What is remembered of entities that several debtors share: creditors, devices, IPs and cards. Payments of several
 * input partitions arrive here in an order that differs from run to run, so everything is order-free: counts and
 * extremes commute, and the bounded lists keep the *latest* minutes and debtors by event time, whatever the order in
 * which they came. Only eviction, when a slab is full, depends on the order.
 */
import type {IdHash} from './id-hash.js'
import {Slab} from './slab.js'

/** The latest minutes in which the entity was active, each with its counts. */
export const MINUTES = 12
const WINDOW_MINUTES = 10
const DAY_MINUTES = 1440
const COUNT_MAX = 0xffff

/** Positions in 32-bit words (words 0 and 1 hold the hash) and, where named so, in doubles. */
export const SHARED = {
  firstSeenDouble: 1,
  lastSeenDouble: 2,
  count: 6,
  minutes: 8,
  minuteCounts: 20,
  debtors: 32,
} as const

export const SHARED_KINDS = ['creditor', 'device', 'ip', 'card'] as const
export type SharedKind = (typeof SHARED_KINDS)[number]

/** Distinct debtors that are remembered exactly, by kind: what the rules ask for. */
export const DEBTOR_PLACES: Readonly<Record<SharedKind, number>> = {creditor: 32, device: 0, ip: 0, card: 8}

/** One observation of a shared entity. */
export interface Sighting {
  readonly timeMs: number
  readonly minute: number
  readonly isMicro: boolean
  readonly debtor: IdHash
}

export class SharedWindows {
  readonly slab: Slab
  readonly debtorPlaces: number
  /** Events older than all minutes that are remembered of an entity that has as many as fit. */
  lateCount = 0
  /** Answers of the last `look`. */
  count10m = 0
  micro10m = 0
  debtors24h = 0

  constructor(kind: SharedKind, maxCount: number) {
    this.debtorPlaces = DEBTOR_PLACES[kind]
    this.slab = new Slab({recordWords: SHARED.debtors + 2 * this.debtorPlaces, maxCount})
  }

  /** Fills the answers, as of the event's minute and with the event itself counted, be it remembered or not. */
  look(entity: IdHash, event: Sighting, isNew: boolean): void {
    this.count10m = 0
    this.micro10m = 0
    this.debtors24h = 0
    const slot = this.slab.find(entity.low, entity.high)
    let isKnownDebtor = false
    if (slot >= 0) {
      const words = this.slab.words
      const start = slot * this.slab.recordWords
      for (let place = start + SHARED.minutes; place < start + SHARED.minutes + MINUTES; place++) {
        const age = event.minute - (words[place] - 1)
        if (age < 0 || age >= WINDOW_MINUTES) continue
        const counts = words[place + MINUTES]
        this.count10m += counts & COUNT_MAX
        this.micro10m += counts >>> 16
      }
      const debtors = start + SHARED.debtors
      const own = event.debtor.low
      for (let place = debtors; place < debtors + this.debtorPlaces; place++) {
        const stamp = words[place + this.debtorPlaces]
        if (stamp === 0) break
        const age = event.minute - (stamp - 1)
        const isOwn = words[place] === own
        if (isOwn) isKnownDebtor = true
        if (isOwn || (age >= 0 && age < DAY_MINUTES)) this.debtors24h++
      }
    }
    if (this.debtorPlaces > 0 && !isKnownDebtor && this.debtors24h < this.debtorPlaces) this.debtors24h++
    if (isNew || this.count10m === 0) {
      this.count10m++
      if (event.isMicro) this.micro10m++
    }
  }

  /** Moves the windows by an event that is new to them. */
  move(entity: IdHash, event: Sighting): void {
    const slot = this.slab.touch(entity.low, entity.high)
    const words = this.slab.words
    const doubles = this.slab.doubles
    const start = slot * this.slab.recordWords
    const firstAt = start / 2 + SHARED.firstSeenDouble
    const lastAt = start / 2 + SHARED.lastSeenDouble
    if (words[start + SHARED.count] === 0 || event.timeMs < doubles[firstAt]) doubles[firstAt] = event.timeMs
    if (event.timeMs > doubles[lastAt]) doubles[lastAt] = event.timeMs
    words[start + SHARED.count]++
    if (!countMinute(words, start + SHARED.minutes, event)) this.lateCount++
    if (this.debtorPlaces > 0) this.#remember(words, start + SHARED.debtors, event)
  }

  /** Keeps the debtors with the latest payments; equal minutes are ordered by hash, so that the order of arrival
   * decides nothing. */
  #remember(words: Int32Array, debtors: number, event: Sighting): void {
    const places = this.debtorPlaces
    const stamp = event.minute + 1
    const hash = event.debtor.low
    let earliest = debtors
    for (let place = debtors; place < debtors + places; place++) {
      const seen = words[place + places]
      if (seen === 0) {
        words[place] = hash
        words[place + places] = stamp
        return
      }
      if (words[place] === hash) {
        if (stamp > seen) words[place + places] = stamp
        return
      }
      const least = words[earliest + places]
      if (seen < least || (seen === least && words[place] < words[earliest])) earliest = place
    }
    const least = words[earliest + places]
    if (stamp < least || (stamp === least && hash < words[earliest])) return
    words[earliest] = hash
    words[earliest + places] = stamp
  }
}

/** Counts of payments in the low half, of micro amounts in the high half, both saturating. */
function countMinute(words: Int32Array, minutes: number, event: Sighting): boolean {
  const stamp = event.minute + 1
  let earliest = minutes
  for (let place = minutes; place < minutes + MINUTES; place++) {
    const seen = words[place]
    if (seen === stamp || seen === 0) {
      words[place] = stamp
      words[place + MINUTES] = incremented(words[place + MINUTES], event.isMicro)
      return true
    }
    if (seen < words[earliest]) earliest = place
  }
  if (stamp < words[earliest]) return false
  words[earliest] = stamp
  words[earliest + MINUTES] = incremented(0, event.isMicro)
  return true
}

function incremented(counts: number, isMicro: boolean): number {
  const count = Math.min((counts & COUNT_MAX) + 1, COUNT_MAX)
  const micro = Math.min((counts >>> 16) + (isMicro ? 1 : 0), COUNT_MAX)
  return (micro << 16) | count
}
