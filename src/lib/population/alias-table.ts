/**
 * Walker's alias method (Vose 1991): a draw from a discrete distribution in constant time.
 * Columns live in shared arrays, so that one table per class needs no objects per account.
 */
import type {Random} from '../base/random.js'

export interface AliasTable {
  /** What each column stands for, such as account numbers. */
  readonly members: Uint32Array
  /** A column keeps its own member when a uniform 32-bit draw is below this. */
  readonly thresholds: Float64Array
  /** Column whose member is taken otherwise. */
  readonly aliases: Uint32Array
}

/**
 * Builds the table over the given members.
 *
 * @param weights by member, ≥ 0, not all 0
 */
export function buildAliasTable(members: Uint32Array, weights: (member: number) => number): AliasTable {
  const count = members.length
  const thresholds = new Float64Array(count)
  const aliases = new Uint32Array(count)
  let total = 0
  for (const member of members) total += weights(member)
  const scaled = new Float64Array(count)
  const queue = new Uint32Array(count)
  let small = 0
  let large = count
  for (let column = 0; column < count; column++) {
    scaled[column] = (weights(members[column]) * count) / total
    if (scaled[column] < 1) queue[small++] = column
    else queue[--large] = column
  }
  // Small columns grow from the front of the queue, large ones from its back; they never meet.
  let pendingSmall = small
  let firstLarge = large
  while (pendingSmall > 0 && firstLarge < count) {
    const low = queue[--pendingSmall]
    const high = queue[firstLarge]
    thresholds[low] = scaled[low] * 4_294_967_296
    aliases[low] = high
    scaled[high] = scaled[high] + scaled[low] - 1
    if (scaled[high] < 1) {
      firstLarge++
      queue[pendingSmall++] = high
    }
  }
  while (firstLarge < count) thresholds[queue[firstLarge++]] = 4_294_967_296
  // Rounding may leave small columns over: they keep their own member.
  while (pendingSmall > 0) thresholds[queue[--pendingSmall]] = 4_294_967_296
  return {members, thresholds, aliases}
}

export function drawMember(table: AliasTable, draw: Random): number {
  const column = draw.below(table.members.length)
  const own = draw.uint32() < table.thresholds[column]
  return table.members[own ? column : table.aliases[column]]
}
