/**
 * What is remembered of a debtor, in one record of fixed size: the last 16 payments exactly, counts in rings of
 * buckets for an hour and a day, the profile of amounts, the countries, payees and devices seen. Everything follows
 * from the debtor's payments in the order of their partition, and from nothing else: not from the clock, not from
 * other debtors, not from decisions (which depend on shared state). So a replay gives the same bytes.
 */
import {addToBucket, bucketSum} from './buckets.js'
import {MICRO_AMOUNT_MINOR, type PaymentEvent} from './event.js'
import type {Features} from './features.js'
import {findKnown, known, toFront} from './known-set.js'
import {Slab} from './slab.js'

/** Payments remembered exactly; windows up to an hour see no more, and say so by saturating. */
export const RING = 16
export const KNOWN_PAYEES = 24
export const KNOWN_DEVICES = 6
const COUNTRIES = 4

/** Positions in 32-bit words (words 0 and 1 hold the hash) and, where named so, in doubles. */
export const DEBTOR = {
  firstSeenDouble: 1,
  lastSeenDouble: 2,
  amountMeanDouble: 3,
  amountVarianceDouble: 4,
  /** Payments that moved the windows. */
  count: 10,
  /** Those of them that taught the profile. */
  historyCount: 11,
  countries: 12,
  ringTimesDouble: 8,
  ringAmountsDouble: 24,
  ringIdsLow: 80,
  ringIdsHigh: 96,
  ringOffsets: 112,
  payees: 128,
  payeeMinutes: 152,
  devices: 176,
  deviceMinutes: 182,
  deviceHistories: 188,
  hourStamps: 194,
  hourCounts: 207,
  dayStamps: 220,
  dayCounts: 233,
  words: 246,
} as const

const HOUR_BUCKET_MINUTES = 5
const DAY_BUCKET_MINUTES = 120

const MS_1M = 60_000
const MS_5M = 300_000
const MS_10M = 600_000

/** Slowest learning rate of the amount profile: the last few dozen payments count. */
const SLOWEST_RATE = 1 / 50
/** An amount teaches as if it lay at most this many deviations off, so that one outlier does not become usual. */
const CLIP_DEVIATIONS = 3
/** Before so many payments nothing is clipped. */
const CLIP_FROM = 5
/** In doublings: nobody's amounts are so regular that 20 % more would be an outlier. */
const LEAST_DEVIATION = 0.4
/** First guess of the deviation: log-normal amounts with sigma 0.9. */
const FIRST_VARIANCE = 1.7

/** Limits of the near-threshold rule, by which its count is taken from the exact ring. */
export interface NearThreshold {
  readonly fromMinor: number
  readonly toMinor: number
  readonly windowMs: number
}

export class DebtorWindows {
  readonly slab: Slab
  /** Events older than the day's buckets that still hold them; they are in the exact ring, not in the counts. */
  lateCount = 0
  readonly #near: NearThreshold

  constructor(maxCount: number, near: NearThreshold) {
    this.slab = new Slab({recordWords: DEBTOR.words, maxCount})
    this.#near = near
  }

  /**
   * Fills the debtor's features, as of the event time and of the past of this position in the stream.
   *
   * @param isNew false when the position was seen before: its own traces are then left out again, exactly for what the
   * ring tells and nearly for buckets and profile
   * @returns whether the payment's id is remembered from another position: a producer's duplicate
   */
  look(event: PaymentEvent, offset: number, isNew: boolean, features: Features): boolean {
    const slot = this.slab.find(event.debtor.low, event.debtor.high)
    if (slot < 0) {
      lookAtStranger(event, this.#near, features)
      return false
    }
    const words = this.slab.words
    const start = slot * DEBTOR.words
    const own = findInRing(words, start, event)
    const isDuplicate = own >= 0 && words[start + DEBTOR.ringOffsets + own] !== (offset | 0)
    const alone = isNew && !isDuplicate
    this.#lookAtRing(slot, own, event, features)
    this.#lookAtProfile(slot, alone ? 0 : 1, event, features)
    const added = alone ? 1 : 0
    const hour = bucketSum(words, start + DEBTOR.hourStamps, hourBucket(event.minute)) + added
    const day = bucketSum(words, start + DEBTOR.dayStamps, dayBucket(event.minute)) + added
    features.count1h = hour > 0 ? hour : 1
    features.count24h = day > 0 ? day : 1
    return isDuplicate
  }

  /** Moves the windows by a payment that is new to them. */
  move(event: PaymentEvent, offset: number): void {
    const slot = this.slab.touch(event.debtor.low, event.debtor.high)
    const words = this.slab.words
    const doubles = this.slab.doubles
    const start = slot * DEBTOR.words
    const startDouble = start / 2
    const count = words[start + DEBTOR.count]
    const firstSeenMs = doubles[startDouble + DEBTOR.firstSeenDouble]
    if (count === 0 || event.timeMs < firstSeenMs) doubles[startDouble + DEBTOR.firstSeenDouble] = event.timeMs
    if (event.timeMs > doubles[startDouble + DEBTOR.lastSeenDouble])
      doubles[startDouble + DEBTOR.lastSeenDouble] = event.timeMs

    const place = count & (RING - 1)
    doubles[startDouble + DEBTOR.ringTimesDouble + place] = event.timeMs
    doubles[startDouble + DEBTOR.ringAmountsDouble + place] = event.amountMinor
    words[start + DEBTOR.ringIdsLow + place] = event.payment.low
    words[start + DEBTOR.ringIdsHigh + place] = event.payment.high
    words[start + DEBTOR.ringOffsets + place] = offset
    words[start + DEBTOR.count] = count + 1

    addToBucket(words, start + DEBTOR.hourStamps, hourBucket(event.minute))
    if (!addToBucket(words, start + DEBTOR.dayStamps, dayBucket(event.minute))) this.lateCount++
    if (event.teaches) this.#learn(start, event)
  }

  #lookAtRing(slot: number, own: number, event: PaymentEvent, features: Features): void {
    const words = this.slab.words
    const doubles = this.slab.doubles
    const start = slot * DEBTOR.words
    const times = start / 2 + DEBTOR.ringTimesDouble
    const amounts = start / 2 + DEBTOR.ringAmountsDouble
    const near = this.#near
    const isNear = event.amountMinor >= near.fromMinor && event.amountMinor <= near.toMinor
    let count1m = 1
    let count5m = 1
    let nearCount = 1
    let microCount = event.isMicro ? 1 : 0
    const total = words[start + DEBTOR.count]
    const used = Math.min(total, RING)
    // From the latest back; what came after the payment itself, on a second look, is not its past.
    const first = own < 0 ? 0 : ((total - 1 - own) & (RING - 1)) + 1
    for (let age = first; age < used; age++) {
      const place = (total - 1 - age) & (RING - 1)
      const ageMs = event.timeMs - doubles[times + place]
      // A late payment does not see what happened after it in event time.
      if (ageMs < 0) continue
      const amountMinor = doubles[amounts + place]
      if (ageMs < MS_1M) count1m++
      if (ageMs < MS_5M) count5m++
      if (ageMs < MS_10M && amountMinor <= MICRO_AMOUNT_MINOR) microCount++
      if (ageMs < near.windowMs && amountMinor >= near.fromMinor && amountMinor <= near.toMinor) nearCount++
    }
    features.count1m = count1m
    features.count5m = count5m
    features.nearThresholdCount = isNear ? nearCount : 0
    features.microCount10m = microCount
  }

  #lookAtProfile(slot: number, own: number, event: PaymentEvent, features: Features): void {
    const words = this.slab.words
    const doubles = this.slab.doubles
    const start = slot * DEBTOR.words
    const startDouble = start / 2
    const taught = words[start + DEBTOR.historyCount]
    const history = own === 1 && event.teaches && taught > 0 ? taught - 1 : taught
    features.historyCount = history

    let countryCount = 0
    let most = 0
    for (let index = 0; index < COUNTRIES; index++) {
      const entry = words[start + DEBTOR.countries + index]
      const seen = entry & 0xffff
      if (seen > most) most = seen
      if (entry >>> 16 === event.country) countryCount = seen
    }
    features.countryIsUsual = countryCount === most ? 1 : 0
    features.countryCount = own === 1 && event.teaches && countryCount > 0 ? countryCount - 1 : countryCount

    const payee = findKnown(words, start + DEBTOR.payees, KNOWN_PAYEES, known(event.creditor.low))
    features.payeeAgeMinutes = payee < 0 ? 0 : ageOf(words[start + DEBTOR.payeeMinutes + payee], event.minute)
    const device = findKnown(words, start + DEBTOR.devices, KNOWN_DEVICES, known(event.device.low))
    features.deviceAgeMinutes = device < 0 ? 0 : ageOf(words[start + DEBTOR.deviceMinutes + device], event.minute)
    features.historyBeforeDevice = device < 0 ? history : words[start + DEBTOR.deviceHistories + device]

    if (history === 0) {
      features.amountDoublings = 0
      features.amountDeviations = 0
      return
    }
    const doublings = event.amountLog2 - doubles[startDouble + DEBTOR.amountMeanDouble]
    features.amountDoublings = doublings
    features.amountDeviations = doublings / deviation(doubles[startDouble + DEBTOR.amountVarianceDouble])
  }

  #learn(start: number, event: PaymentEvent): void {
    const words = this.slab.words
    const doubles = this.slab.doubles
    const history = words[start + DEBTOR.historyCount]
    learnAmount(doubles, start / 2, history, event.amountLog2)
    learnCountry(words, start + DEBTOR.countries, event.country)

    const payee = toFront(words, start + DEBTOR.payees, KNOWN_PAYEES, known(event.creditor.low), 2)
    if (payee || event.minute < words[start + DEBTOR.payeeMinutes]) words[start + DEBTOR.payeeMinutes] = event.minute
    const device = toFront(words, start + DEBTOR.devices, KNOWN_DEVICES, known(event.device.low), 3)
    if (device) words[start + DEBTOR.deviceHistories] = history
    if (device || event.minute < words[start + DEBTOR.deviceMinutes]) words[start + DEBTOR.deviceMinutes] = event.minute
    words[start + DEBTOR.historyCount] = history + 1
  }
}

/** The features of a debtor of whom nothing is known. */
export function lookAtStranger(event: PaymentEvent, near: NearThreshold, features: Features): void {
  features.historyCount = 0
  features.countryCount = 0
  features.countryIsUsual = 1
  features.historyBeforeDevice = 0
  features.deviceAgeMinutes = 0
  features.payeeAgeMinutes = 0
  features.amountDoublings = 0
  features.amountDeviations = 0
  features.count1m = 1
  features.count5m = 1
  features.count1h = 1
  features.count24h = 1
  features.nearThresholdCount = event.amountMinor >= near.fromMinor && event.amountMinor <= near.toMinor ? 1 : 0
  features.microCount10m = event.isMicro ? 1 : 0
}

/** The place of the payment's id in the ring, -1 when it is not there. */
function findInRing(words: Int32Array, start: number, event: PaymentEvent): number {
  const low = event.payment.low
  const high = event.payment.high
  const total = words[start + DEBTOR.count]
  const used = Math.min(total, RING)
  for (let place = 0; place < used; place++) {
    if (words[start + DEBTOR.ringIdsLow + place] === low && words[start + DEBTOR.ringIdsHigh + place] === high)
      return place
  }
  return -1
}

function learnAmount(doubles: Float64Array, startDouble: number, history: number, amountLog2: number): void {
  const meanAt = startDouble + DEBTOR.amountMeanDouble
  const varianceAt = startDouble + DEBTOR.amountVarianceDouble
  if (history === 0) {
    doubles[meanAt] = amountLog2
    doubles[varianceAt] = FIRST_VARIANCE
    return
  }
  let difference = amountLog2 - doubles[meanAt]
  if (history >= CLIP_FROM) {
    const most = CLIP_DEVIATIONS * deviation(doubles[varianceAt])
    difference = Math.max(-most, Math.min(most, difference))
  }
  const rate = Math.max(1 / (history + 1), SLOWEST_RATE)
  doubles[meanAt] += rate * difference
  // The first guess weighs as much as three payments.
  const varianceRate = Math.max(1 / (history + 3), SLOWEST_RATE)
  doubles[varianceAt] += varianceRate * ((1 - rate) * difference * difference - doubles[varianceAt])
}

function deviation(variance: number): number {
  return Math.max(Math.sqrt(variance), LEAST_DEVIATION)
}

/** Country in the high half of a word, how often in the low one; the rarest gives way to a fifth country. */
function learnCountry(words: Int32Array, at: number, country: number): void {
  let rarest = at
  for (let index = at; index < at + COUNTRIES; index++) {
    const entry = words[index]
    if (entry >>> 16 === country) {
      if ((entry & 0xffff) < 0xffff) words[index] = entry + 1
      return
    }
    if ((entry & 0xffff) < (words[rarest] & 0xffff)) rarest = index
  }
  words[rarest] = (country << 16) | 1
}

/** Never negative: a late payment may use what was first seen after it. */
function ageOf(firstMinute: number, minute: number): number {
  return minute > firstMinute ? minute - firstMinute : 0
}

function hourBucket(minute: number): number {
  return Math.floor(minute / HOUR_BUCKET_MINUTES) + 1
}

function dayBucket(minute: number): number {
  return Math.floor(minute / DAY_BUCKET_MINUTES) + 1
}
