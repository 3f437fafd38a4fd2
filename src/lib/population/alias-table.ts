/**
 * Walker's alias method (Vose 1991): a draw from a discrete distribution in constant time and one memory access.
 * A table is one array of cells; a table for each class of accounts needs no object per account.
 */
import type {Random} from '../base/random.js'

/** Three numbers a cell: a member, the 32-bit draw below which it is taken, and the member that is taken otherwise. */
export type AliasTable = Uint32Array

const CELL = 3
const ALWAYS = 0xffffffff

/**
 * Builds the table over the given members.
 *
 * @param weights by member, ≥ 0, not all 0
 */
export function buildAliasTable(members: Uint32Array, weights: (member: number) => number): AliasTable {
  const count = members.length
  const table = new Uint32Array(count * CELL)
  let total = 0
  for (const member of members) total += weights(member)
  const scaled = new Float64Array(count)
  // Small columns grow from the front of the queue, large ones from its back; they never meet.
  const queue = new Uint32Array(count)
  let smallCount = 0
  let firstLarge = count
  for (let column = 0; column < count; column++) {
    scaled[column] = (weights(members[column]) * count) / total
    if (scaled[column] < 1) queue[smallCount++] = column
    else queue[--firstLarge] = column
    // What the pairing leaves over by rounding keeps its own member.
    table.set([members[column], ALWAYS, members[column]], column * CELL)
  }
  while (smallCount > 0 && firstLarge < count) {
    const small = queue[--smallCount]
    const large = queue[firstLarge]
    table[small * CELL + 1] = Math.floor(scaled[small] * ALWAYS)
    table[small * CELL + 2] = members[large]
    scaled[large] += scaled[small] - 1
    if (scaled[large] < 1) {
      firstLarge++
      queue[smallCount++] = large
    }
  }
  return table
}

function memberCount(table: AliasTable): number {
  return table.length / CELL
}

export function drawMember(table: AliasTable, draw: Random): number {
  const cell = draw.below(memberCount(table)) * CELL
  return table[draw.uint32() < table[cell + 1] ? cell : cell + 2]
}
