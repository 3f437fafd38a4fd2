/**
 * Comparing states, in tests and after faults: digests and readable windows from a snapshot's bytes alone, independent
 * of the order of records and of where in the topic the payments lay.
 */
import {createHash} from 'node:crypto'
import {BUCKETS} from './buckets.js'
import {DEBTOR, KNOWN_DEVICES, KNOWN_PAYEES, RING} from './debtor-windows.js'
import type {ShardSnapshot} from './detector.js'
import {entityKey} from './id-hash.js'
import {partitionOf} from './shard-name.js'
import {DEBTOR_PLACES, MINUTES, SHARED, SHARED_KINDS} from './shared-windows.js'
import {type DecodedSlab, decodeState} from './state-codec.js'

/**
 * SHA-256 in hex over the windows of a snapshot, entities sorted by hash. Left out are the order of touch, the offsets
 * and the counts of evictions and late events, so equal windows have equal digests.
 *
 * @throws EnvironmentError code P2PAY_SNAPSHOT when the bytes are no such state
 */
export function stateDigest(snapshot: ShardSnapshot): string {
  const digest = createHash('sha256')
  for (const slab of decode(snapshot)) {
    digest.update(`${slab.recordWords}/${slab.count}\n`)
    const records = Array.from({length: slab.count}, (_, index) => canonicalRecord(slab, index))
    records.sort((a, b) => a[1] - b[1] || a[0] - b[0])
    for (const record of records) digest.update(record)
  }
  return digest.digest('hex')
}

/** A debtor's windows in words, for comparing runs and naming the difference. */
export interface DebtorView {
  /** Payments that moved the windows. */
  readonly count: number
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  readonly amountMean: number
  readonly amountVariance: number
  readonly knownPayees: number
  readonly knownDevices: number
  /** Latest first, at most 16: event time and amount. */
  readonly recent: readonly {readonly timeMs: number; readonly amountMinor: number}[]
  /** Payments by bucket number, ascending: 5 minutes and 2 hours wide. */
  readonly hourBuckets: readonly (readonly [bucket: number, count: number])[]
  readonly dayBuckets: readonly (readonly [bucket: number, count: number])[]
}

/**
 * The windows of a debtor shard by entity key (`entityKeyOf(debtorId)`), sorted by key.
 *
 * @throws EnvironmentError code P2PAY_SNAPSHOT when the bytes are no debtor shard
 */
export function debtorWindows(snapshot: ShardSnapshot): ReadonlyMap<string, DebtorView> {
  const views: [string, DebtorView][] = []
  for (const slab of decodeState(snapshot.shard, snapshot.state, [DEBTOR.words])) {
    for (let index = 0; index < slab.count; index++) {
      const start = index * slab.recordWords
      views.push([entityKey(slab.words[start], slab.words[start + 1]), viewOf(slab, start)])
    }
  }
  return new Map(views.sort((a, b) => (a[0] < b[0] ? -1 : 1)))
}

function decode(snapshot: ShardSnapshot): DecodedSlab[] {
  const isDebtor = partitionOf(snapshot.shard) !== undefined
  const sharedWords = SHARED_KINDS.map(kind => SHARED.debtors + 2 * DEBTOR_PLACES[kind])
  return decodeState(snapshot.shard, snapshot.state, isDebtor ? [DEBTOR.words] : sharedWords)
}

function canonicalRecord(slab: DecodedSlab, index: number): Int32Array {
  const record = slab.words.slice(index * slab.recordWords, (index + 1) * slab.recordWords)
  if (slab.recordWords === DEBTOR.words) {
    record.fill(0, DEBTOR.ringOffsets, DEBTOR.ringOffsets + RING)
    return record
  }
  // The lists of shared records are sets: their order is that of arrival.
  sortPairs(record, SHARED.minutes, MINUTES)
  sortPairs(record, SHARED.debtors, (record.length - SHARED.debtors) / 2)
  return record
}

/** Sorts two columns of equal length, one behind the other, by their rows. */
function sortPairs(record: Int32Array, start: number, count: number): void {
  const rows = Array.from({length: count}, (_, row) => [record[start + row], record[start + count + row]] as const)
  rows.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  rows.forEach(([first, second], row) => {
    record[start + row] = first
    record[start + count + row] = second
  })
}

function viewOf(slab: DecodedSlab, start: number): DebtorView {
  const {words, doubles} = slab
  const count = words[start + DEBTOR.count]
  const recent = Array.from({length: Math.min(count, RING)}, (_, age) => {
    const place = start / 2 + ((count - 1 - age) & (RING - 1))
    return {timeMs: doubles[place + DEBTOR.ringTimesDouble], amountMinor: doubles[place + DEBTOR.ringAmountsDouble]}
  })
  return {
    count,
    firstSeenMs: doubles[start / 2 + DEBTOR.firstSeenDouble],
    lastSeenMs: doubles[start / 2 + DEBTOR.lastSeenDouble],
    amountMean: doubles[start / 2 + DEBTOR.amountMeanDouble],
    amountVariance: doubles[start / 2 + DEBTOR.amountVarianceDouble],
    knownPayees: occupied(words, start + DEBTOR.payees, KNOWN_PAYEES),
    knownDevices: occupied(words, start + DEBTOR.devices, KNOWN_DEVICES),
    recent,
    hourBuckets: bucketsOf(words, start + DEBTOR.hourStamps),
    dayBuckets: bucketsOf(words, start + DEBTOR.dayStamps),
  }
}

function occupied(words: Int32Array, start: number, size: number): number {
  return words.subarray(start, start + size).filter(word => word !== 0).length
}

function bucketsOf(words: Int32Array, stampsAt: number): (readonly [bucket: number, count: number])[] {
  const buckets: [number, number][] = []
  for (let place = stampsAt; place < stampsAt + BUCKETS; place++)
    if (words[place] !== 0) buckets.push([words[place] - 1, words[place + BUCKETS]])
  return buckets.sort((a, b) => a[0] - b[0])
}
