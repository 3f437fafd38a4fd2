/**
 * Classes of accounts that share a rhythm: one way of living in one time zone. Within a class the chance to pay next
 * is proportional to the account's rate and never changes, so a class needs one alias table for the whole run.
 */
import {type AliasTable, buildAliasTable} from './alias-table.js'

export interface AccountClass {
  /** Index in SEGMENTS. */
  readonly segment: number
  /** Local time minus UTC, whole hours, from the longitude (standard time, no daylight saving). */
  readonly offsetHours: number
  /** This class's part of all payments, averaged over the week; the shares sum to 1. */
  readonly share: number
  readonly table: AliasTable
}

const DEGREES_E5_PER_HOUR = 1_500_000

export function buildClasses(columns: {
  readonly segment: Uint8Array
  readonly longitudeE5: Int32Array
  readonly rate: Float32Array
}): AccountClass[] {
  const {segment, longitudeE5, rate} = columns
  const keyOf = (account: number): number =>
    segment[account] * 100 + Math.floor(longitudeE5[account] / DEGREES_E5_PER_HOUR + 0.5) + 50
  const counts = new Map<number, number>()
  let totalRate = 0
  for (let account = 0; account < segment.length; account++) {
    const key = keyOf(account)
    counts.set(key, (counts.get(key) ?? 0) + 1)
    totalRate += rate[account]
  }
  const groups = new Map(
    [...counts].map(([key, count]) => [key, {members: new Uint32Array(count), filled: 0, rate: 0}]),
  )
  for (let account = 0; account < segment.length; account++) {
    const group = groups.get(keyOf(account))
    if (group === undefined) continue
    group.members[group.filled++] = account
    group.rate += rate[account]
  }
  // Busy classes first: the per-payment scan over classes then ends early.
  return [...groups]
    .map(([key, group]) => ({
      segment: Math.floor(key / 100),
      offsetHours: (key % 100) - 50,
      share: group.rate / totalRate,
      table: buildAliasTable(group.members, member => rate[member]),
    }))
    .sort((a, b) => b.share - a.share || a.segment - b.segment || a.offsetHours - b.offsetHours)
}
