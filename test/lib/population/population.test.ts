import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {Random} from '../../../src/lib/base/random.js'
import {runTagFromSeed} from '../../../src/lib/generate/defaults.js'
import {buildAliasTable, drawMember} from '../../../src/lib/population/alias-table.js'
import {Habits} from '../../../src/lib/population/habits.js'
import {buildPopulation, exportAccounts, KIND} from '../../../src/lib/population/population.js'
import {intensityAt, SEGMENTS} from '../../../src/lib/population/segments.js'
import {buildVocabulary} from '../../../src/lib/population/vocabulary.js'

function populationOf(accountCount: number, seed = 1) {
  return buildPopulation({seed, runTag: runTagFromSeed(seed), accountCount})
}

describe('a population', () => {
  it('is a function of the seed', () => {
    expect([...exportAccounts(populationOf(100, 5))]).toEqual([...exportAccounts(populationOf(100, 5))])
    expect([...exportAccounts(populationOf(100, 5))]).not.toEqual([...exportAccounts(populationOf(100, 6))])
  })

  it('keeps its first accounts when it grows', () => {
    const places = (accountCount: number): unknown[] =>
      [...exportAccounts(populationOf(accountCount))]
        .slice(0, 1000)
        .map(({latitude, longitude, kind}) => [latitude, longitude, kind])
    expect(places(20_000)).toEqual(places(1000))
  })

  it('has distinct ids with the run tag', () => {
    const ids = [...exportAccounts(populationOf(500))].map(account => account.accountId)
    expect(new Set(ids).size).toBe(500)
    for (const id of ids) expect(id).toMatch(/^acc_[0-9a-f]{12}_\d{7}$/)
  })

  it('has persons and merchants of all trades, in several countries', () => {
    const accounts = [...exportAccounts(populationOf(5000))]
    const merchants = accounts.filter(account => account.kind === 'merchant')
    expect(merchants.length).toBe(625)
    expect(new Set(merchants.map(account => account.merchantCategory)).size).toBe(16)
    expect(new Set(accounts.map(account => account.country)).size).toBe(13)
  })

  it('pays with a heavy tail: the busiest tenth makes a third of the payments or more', () => {
    const {rate} = populationOf(10_000)
    const sorted = [...rate].sort((a, b) => b - a)
    const total = sorted.reduce((sum, value) => sum + value, 0)
    expect(sorted.slice(0, 1000).reduce((sum, value) => sum + value, 0) / total).toBeGreaterThan(0.33)
  })

  it('takes less than 100 bytes an account', () => {
    const {kind, market, latitudeE5, longitudeE5, category, segment, rate, spending, groups, classes} =
      populationOf(20_000)
    const columns = [kind, market, latitudeE5, longitudeE5, category, segment, rate, spending]
    const shared = [groups.position, groups.persons.members, groups.merchants.members]
    const tables = classes.map(({table}) => table)
    const bytes = [...columns, ...shared, ...tables].reduce((sum, array) => sum + array.byteLength, 0)
    expect(bytes / 20_000).toBeLessThan(100)
  })

  it('shares all payments among the classes', () => {
    const {classes} = populationOf(3000)
    expect(classes.reduce((sum, item) => sum + item.share, 0)).toBeCloseTo(1, 9)
  })
})

describe('habits', () => {
  const population = populationOf(1000)
  const habits = new Habits(population)
  const persons = Array.from({length: 1000}, (_, account) => account).filter(
    account => population.kind[account] === KIND.person,
  )

  it('name a few known payees: persons, never oneself, mostly in the same market', () => {
    let home = 0
    let all = 0
    for (const account of persons) {
      expect(habits.payeeCount(account)).toBeGreaterThanOrEqual(2)
      expect(habits.payeeCount(account)).toBeLessThan(16)
      for (let k = 0; k < habits.payeeCount(account); k++) {
        const payee = habits.payee(account, k)
        expect(payee).not.toBe(account)
        expect(population.kind[payee]).toBe(KIND.person)
        home += population.market[payee] === population.market[account] ? 1 : 0
        all++
      }
    }
    expect(home / all).toBeGreaterThan(0.99)
  })

  it('prefer the first payees', () => {
    const draw = new Random(4)
    const account = persons.find(person => habits.payeeCount(person) > 8) ?? 0
    const counts = new Map<number, number>()
    for (let index = 0; index < 4000; index++) {
      const payee = habits.drawPayee(account, draw)
      counts.set(payee, (counts.get(payee) ?? 0) + 1)
    }
    expect((counts.get(habits.payee(account, 0)) ?? 0) / 4000).toBeGreaterThan(2 / habits.payeeCount(account))
  })

  it('give everybody devices and cards of their own', () => {
    const devices = new Set(persons.flatMap(account => [0, 1].map(which => habits.device(account, which, 1.7e12))))
    expect(devices.size).toBe(2 * persons.length)
    const cards = new Set(persons.map(account => habits.cardCode(account, 0)))
    expect(cards.size).toBe(persons.length)
  })

  it('let some families share a card', () => {
    const owners = new Map<number, number>()
    for (const account of persons) owners.set(habits.card(account, 0), (owners.get(habits.card(account, 0)) ?? 0) + 1)
    const shared = [...owners.values()].filter(count => count > 1).length
    expect(shared / persons.length).toBeGreaterThan(0.005)
    expect(shared / persons.length).toBeLessThan(0.06)
  })

  it('send few people away at a time, for days on end', () => {
    const timeMs = 1_770_000_000_000
    const away = persons.filter(account => habits.tripAt(account, timeMs))
    expect(away.length / persons.length).toBeGreaterThan(0.005)
    expect(away.length / persons.length).toBeLessThan(0.05)
    const stillAway = away.filter(account => habits.tripAt(account, timeMs + 3_600_000))
    expect(stillAway.length / away.length).toBeGreaterThan(0.8)
  })

  it('keep addresses within 10.0.0.0/8, in a range that follows from the run tag', () => {
    const rangeOf = (runTag: string): Set<number> => {
      const other = new Habits(buildPopulation({seed: 1, runTag, accountCount: 500}))
      return new Set(Array.from({length: 500}, (_, account) => other.homeIp(account) >>> 8))
    }
    expect([...rangeOf('0123456789ab')].every(block => block >>> 16 === 10)).toBe(true)
    const [first, second] = [rangeOf('0123456789ab'), rangeOf('ba9876543210')]
    expect([...first].some(block => second.has(block))).toBe(false)
  })

  it('change the SIM before the stream begins', () => {
    for (const account of persons) expect(habits.simChangedAtMs(account, 1.7e12)).toBeLessThan(1.7e12)
  })
})

describe('the rhythm of a segment', () => {
  it.each(SEGMENTS.map((segment, index) => [segment.name, index] as const))(
    '%s has the mean 1 over a week',
    (_name, index) => {
      let sum = 0
      for (let minute = 0; minute < 7 * 24 * 60; minute += 10) sum += intensityAt(index, minute * 60_000, 0)
      expect(sum / (7 * 24 * 6)).toBeCloseTo(1, 6)
    },
  )

  it('is quiet at three in the night of local time, whatever the zone', () => {
    const threeUtc = Date.UTC(2026, 0, 7, 3)
    for (const offset of [-5, 0, 1, 9]) {
      const local = threeUtc - offset * 3_600_000
      expect(intensityAt(0, local, offset)).toBeLessThan(0.15)
      expect(intensityAt(0, local, offset)).toBeCloseTo(intensityAt(0, threeUtc, 0), 12)
    }
  })

  it('of businesses rests on Sunday', () => {
    expect(intensityAt(4, Date.UTC(2026, 0, 11, 10), 0)).toBeLessThan(intensityAt(4, Date.UTC(2026, 0, 12, 10), 0) / 5)
  })
})

describe('an alias table', () => {
  it('draws in proportion to the weights', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({min: 1, max: 20}), {minLength: 1, maxLength: 12}),
        fc.integer(),
        (weights, seed) => {
          const table = buildAliasTable(Uint32Array.from(weights.keys()), member => weights[member])
          const draw = new Random(seed)
          const counts = weights.map(() => 0)
          for (let index = 0; index < 20_000; index++) counts[drawMember(table, draw)]++
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          for (const [member, weight] of weights.entries()) {
            expect(Math.abs(counts[member] / 20_000 - weight / total)).toBeLessThan(0.025)
          }
        },
      ),
      {numRuns: 30},
    )
  })
})

describe('the vocabulary', () => {
  it('is short, printable and the same each time', () => {
    const {texts, starts} = buildVocabulary()
    expect(buildVocabulary()).toEqual({texts, starts})
    expect(texts.length).toBe(starts.at(-1))
    for (const text of texts) expect(text).toMatch(/^[ -~]{1,28}$/)
  })
})
