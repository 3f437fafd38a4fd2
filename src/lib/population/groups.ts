/**
 * Who is near whom: persons by market, merchants by market and trade. The lists are cut from one array each; a small
 * population's empty groups borrow from the whole, so that everybody can always pay somebody.
 */
import type {Category} from './trades.js'
import {TRADES} from './trades.js'

/** Consecutive parts of a list: group g is members[starts[g], ends[g]). */
export interface Groups {
  readonly members: Uint32Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

export interface AccountGroups {
  /** By market. */
  readonly persons: Groups
  /** By market × trade: group = market × TRADES.length + trade. */
  readonly merchants: Groups
  /** A person's position within `persons.members`. */
  readonly position: Uint32Array
  readonly allPersons: number
  readonly allMerchants: number
}

export function groupAccounts(inputs: {
  readonly kind: Uint8Array
  readonly market: Uint16Array
  readonly category: Uint8Array
  readonly marketCount: number
  readonly categories: readonly Category[]
}): AccountGroups {
  const {kind, market, category, marketCount} = inputs
  const tradeCount = TRADES.length
  const tradeOf = Uint8Array.from(inputs.categories, item => TRADES.indexOf(item.trade))
  const persons = sortIntoGroups(kind.length, marketCount, account => (kind[account] === 0 ? market[account] : -1))
  const position = new Uint32Array(kind.length)
  for (const [index, account] of persons.members.entries()) position[account] = index
  const merchants = sortIntoGroups(kind.length, marketCount * tradeCount, account =>
    kind[account] === 0 ? -1 : market[account] * tradeCount + tradeOf[category[account]],
  )
  // One person alone in a market has nobody to pay there.
  for (let group = 0; group < marketCount; group++) {
    if (persons.ends[group] - persons.starts[group] < 2) {
      persons.starts[group] = 0
      persons.ends[group] = persons.members.length
    }
  }
  lendMerchants(merchants, marketCount, tradeCount)
  return {
    persons,
    merchants,
    position,
    allPersons: persons.members.length,
    allMerchants: merchants.members.length,
  }
}

/** Counting sort, stable: accounts of a group keep their order. */
function sortIntoGroups(count: number, groupCount: number, groupOf: (account: number) => number): Groups {
  const ends = new Uint32Array(groupCount)
  for (let account = 0; account < count; account++) {
    const group = groupOf(account)
    if (group >= 0) ends[group]++
  }
  const starts = new Uint32Array(groupCount)
  let total = 0
  for (let group = 0; group < groupCount; group++) {
    starts[group] = total
    total += ends[group]
    ends[group] = starts[group]
  }
  const members = new Uint32Array(total)
  for (let account = 0; account < count; account++) {
    const group = groupOf(account)
    if (group >= 0) members[ends[group]++] = account
  }
  return {members, starts, ends}
}

/** An empty (market, trade) takes the fullest market's merchants of that trade, else all merchants there are. */
function lendMerchants(merchants: Groups, marketCount: number, tradeCount: number): void {
  const {starts, ends, members} = merchants
  for (let trade = 0; trade < tradeCount; trade++) {
    let lenderStart = 0
    let lenderEnd = members.length
    let lenderSize = 0
    for (let market = 0; market < marketCount; market++) {
      const group = market * tradeCount + trade
      if (ends[group] - starts[group] <= lenderSize) continue
      lenderStart = starts[group]
      lenderEnd = ends[group]
      lenderSize = lenderEnd - lenderStart
    }
    for (let market = 0; market < marketCount; market++) {
      const group = market * tradeCount + trade
      if (ends[group] > starts[group]) continue
      starts[group] = lenderStart
      ends[group] = lenderEnd
    }
  }
}
