/**
 * What an account usually does, derived on demand from (seed, account): its known payees, favourite merchants, devices,
 * cards, addresses, SIM and journeys. Nothing is stored and nothing changes with the payments made, so any part of the
 * stream can be generated without what came before it.
 */
import {deriveSeed, mix32, type Random} from '../base/random.js'
import type {Groups} from './groups.js'
import {COUNTRIES} from './places.js'
import type {Population} from './population.js'
import {TRADES} from './trades.js'

const DAY_MS = 86_400_000
const UINT32 = 4_294_967_296

/** Purposes of hashes, so that no two habits of an account depend on each other. */
const OF = {
  payeeCount: 1,
  payee: 2,
  shop: 3,
  device: 4,
  card: 5,
  ip: 6,
  sim: 7,
  trip: 8,
  family: 9,
  deviceAge: 10,
  amount: 11,
  stranger: 12,
} as const

const COMPONENT_HABITS = 0x68616269
const MIN_PAYEES = 2
const EXTRA_PAYEES = 14
/** Codes an account may use for devices and cards: two of each are its own, the rest are borrowed or new ones. */
const CODES_PER_ACCOUNT = 16
const SECOND_DEVICE_SHARE = 0.4
const SECOND_CARD_SHARE = 0.3
const FAMILY_CARD_SHARE = 0.03
/** Mean life of a phone is about two years: devices change by themselves, a few a day in a large population. */
const DEVICE_LIFE_DAYS = 730
/** AMLGentex: a SIM lives for four years on average. */
const SIM_LIFE_DAYS = 1460
const TRIP_DAYS = 5
const TRIP_SHARE = 0.02

export interface Trip {
  /** Index in COUNTRIES, which is also the market's index. */
  country: number
  latitudeE5: number
  longitudeE5: number
}

export class Habits {
  readonly #population: Population
  readonly #key: number
  readonly #deviceKey: number
  readonly #cardKey: number
  readonly #ipBase: number
  readonly #ipBits: number
  /** The journey found by the last call of `tripAt`; reused, because this runs for every payment. */
  readonly trip: Trip = {country: 0, latitudeE5: 0, longitudeE5: 0}

  constructor(population: Population) {
    const {seed, runTag, accountCount} = population
    this.#population = population
    this.#key = mix32(deriveSeed(seed, COMPONENT_HABITS) | 0)
    this.#deviceKey = mix32(this.#key ^ 0x64657669)
    this.#cardKey = mix32(this.#key ^ 0x63617264)
    // About one home address for two accounts, at least 256 of them, within 10.0.0.0/8; the run tag says where.
    let bits = 8
    while (1 << bits < accountCount / 2 && bits < 23) bits++
    this.#ipBits = bits
    const tagHash = mix32(Number.parseInt(runTag.slice(0, 8), 16) ^ mix32(Number.parseInt(runTag.slice(4), 16)))
    this.#ipBase = 0x0a000000 + (tagHash >>> (8 + bits)) * (1 << bits)
  }

  /** A person's number of known payees, 2 to 15, most have few. */
  payeeCount(account: number): number {
    const u = this.#unit(account, OF.payeeCount, 0)
    return MIN_PAYEES + Math.floor(EXTRA_PAYEES * u * u * u)
  }

  /** Known payee k of an account: mostly near it in its market, sometimes far. Never the account itself. */
  payee(account: number, k: number): number {
    const hash = this.#hash(account, OF.payee, k)
    const u = (hash >>> 1) / 2_147_483_648
    const {persons, position} = this.#population.groups
    const market = this.#population.market[account]
    const start = persons.starts[market]
    const length = persons.ends[market] - start
    if (this.#population.kind[account] !== 0) return persons.members[start + Math.floor(u * length)]
    const distance = 1 + Math.floor(u * u * u * (length - 1))
    const here = position[account] - start
    const there = (hash & 1) === 0 ? here + distance : here + length - distance
    return persons.members[start + (there % length)]
  }

  /** A known payee, the first ones far more often than the others (power law). */
  drawPayee(account: number, draw: Random): number {
    const u = draw.unit()
    return this.payee(account, Math.floor(this.payeeCount(account) * u * u))
  }

  /** Somebody of the same market whom the account does not know in particular; popular people are drawn more often. */
  drawStranger(account: number, draw: Random): number {
    const {persons} = this.#population.groups
    const market = this.#population.market[account]
    const start = persons.starts[market]
    const length = persons.ends[market] - start
    const u = draw.unit()
    const rank = Math.floor(u * u * length)
    const person = this.#popular(persons, start, length, rank)
    return person === account
      ? persons.members[start + ((this.#population.groups.position[account] - start + 1) % length)]
      : person
  }

  /** Any person, evenly. */
  drawPerson(draw: Random): number {
    const {persons, allPersons} = this.#population.groups
    return persons.members[draw.below(allPersons)]
  }

  /** A person of the same market, evenly; never the account itself unless it is the only one. */
  drawNeighbour(account: number, draw: Random): number {
    const {persons, position} = this.#population.groups
    const market = this.#population.market[account]
    const start = persons.starts[market]
    const length = persons.ends[market] - start
    const step = 1 + draw.below(Math.max(1, length - 1))
    return persons.members[start + ((Math.max(0, position[account] - start) + step) % length)]
  }

  /** Any merchant, evenly. */
  drawMerchant(draw: Random): number {
    const {merchants, allMerchants} = this.#population.groups
    return merchants.members[draw.below(allMerchants)]
  }

  /** Favourite shop k of a trade in the account's market; a few shops are everybody's favourite. */
  shop(account: number, trade: number, k: number): number {
    const u = this.#unit(account, OF.shop, k * TRADES.length + trade)
    return this.#shopAt(this.#population.market[account], trade, u)
  }

  drawShop(market: number, trade: number, draw: Random): number {
    return this.#shopAt(market, trade, draw.unit())
  }

  /** Own device: the first, or the second of those who have one. */
  drawDevice(account: number, timeMs: number, draw: Random): number {
    const second = draw.unit() < 0.15 && this.#unit(account, OF.device, 0) < SECOND_DEVICE_SHARE
    return this.device(account, second ? 1 : 0, timeMs)
  }

  /** Own device 0 or 1 at an instant: a new code after each device's life. */
  device(account: number, which: number, timeMs: number): number {
    const born = this.#unit(account, OF.deviceAge, which)
    const generation = Math.floor(timeMs / DAY_MS / DEVICE_LIFE_DAYS + born) & 3
    return this.deviceCode(account, which * 4 + generation)
  }

  /** A device that the account never used: bought, borrowed, or a stranger's. */
  drawNewDevice(account: number, draw: Random): number {
    return this.deviceCode(account, 8 + draw.below(8))
  }

  /** Devices have codes that no two accounts share by accident: a bijection of (account, number). */
  deviceCode(account: number, number: number): number {
    return mix32((account * CODES_PER_ACCOUNT + number) ^ this.#deviceKey) >>> 0
  }

  /** Own card, the first or the second; some families use one card. */
  drawCard(account: number, draw: Random): number {
    const second = draw.unit() < 0.25 && this.#unit(account, OF.card, 0) < SECOND_CARD_SHARE
    return this.card(account, second ? 1 : 0)
  }

  card(account: number, which: number): number {
    const shared = which === 0 && this.#unit(account, OF.family, 0) < FAMILY_CARD_SHARE
    return this.cardCode(shared ? this.familyOf(account) : account, which)
  }

  cardCode(account: number, number: number): number {
    return mix32((account * CODES_PER_ACCOUNT + number) ^ this.#cardKey) >>> 0
  }

  /** The person at home who is nearest: its first neighbour in the market. */
  familyOf(account: number): number {
    const {persons, position} = this.#population.groups
    if (this.#population.kind[account] !== 0) return account
    const market = this.#population.market[account]
    const start = persons.starts[market]
    const here = position[account] - start
    const there = here % 2 === 0 ? here + 1 : here - 1
    return persons.members[start + (there % (persons.ends[market] - start))]
  }

  homeIp(account: number): number {
    return this.#ipBase + (this.#hash(account, OF.ip, 0) >>> (32 - this.#ipBits))
  }

  /** At home, through the mobile carrier's shared addresses, or anywhere (VPN, office, café). */
  drawIp(account: number, mobile: boolean, draw: Random): number {
    const u = draw.unit()
    if (u < (mobile ? 0.2 : 0.85)) return this.homeIp(account)
    return u < 0.96 ? this.#mobileIp(account, draw) : this.drawRemoteIp(draw)
  }

  /** Exits of VPN providers and hosting, one sixteenth of the run's addresses; used by honest people, too. */
  drawRemoteIp(draw: Random): number {
    return this.#ipBase + (draw.uint32() >>> (32 - this.#ipBits + 4))
  }

  #mobileIp(account: number, draw: Random): number {
    const pool = this.#hash(account, OF.ip, 1 + draw.below(3))
    return this.#ipBase + (pool >>> (32 - this.#ipBits + 2))
  }

  /** When the account's SIM card was changed last, ms since the epoch, fixed for the run's beginning at `startMs`. */
  simChangedAtMs(account: number, startMs: number): number {
    const u = this.#unit(account, OF.sim, 0)
    return startMs - Math.floor((0.02 + u * u * 2) * SIM_LIFE_DAYS * DAY_MS * (1 / 2 + u / 2))
  }

  /** Whether the account is away at that time; where is in `trip`. A journey lasts five days. */
  tripAt(account: number, timeMs: number): boolean {
    const window = Math.floor(timeMs / DAY_MS / TRIP_DAYS + this.#unit(account, OF.trip, 0))
    const hash = this.#hash(account, OF.trip, window) >>> 0
    if (hash >= TRIP_SHARE * UINT32) return false
    // The list begins with the countries that are visited most.
    const country = this.#unit(account, OF.trip, ~window)
    this.visit(Math.floor(country * country * COUNTRIES.length), hash % 97)
    return true
  }

  /** Puts a city of the country into `trip`. */
  visit(country: number, cityNumber: number): void {
    const {cities} = COUNTRIES[country]
    const city = cities[cityNumber % cities.length]
    this.trip.country = country
    this.trip.latitudeE5 = city.latitudeE5
    this.trip.longitudeE5 = city.longitudeE5
  }

  /** A fixed number in [0, 1) for the amount that the account pays payee k each time. */
  amountUnit(account: number, k: number): number {
    return this.#unit(account, OF.amount, k)
  }

  #shopAt(market: number, trade: number, u: number): number {
    const {members, starts, ends} = this.#population.groups.merchants
    const group = market * TRADES.length + trade
    return members[starts[group] + Math.floor(u * u * (ends[group] - starts[group]))]
  }

  /** Popularity must not follow the account number: ranks are spread over the group. */
  #popular(groups: Groups, start: number, length: number, rank: number): number {
    const spread = (mix32(rank ^ this.#key ^ OF.stranger) >>> 0) / UINT32
    return groups.members[start + Math.floor(spread * length)]
  }

  #hash(account: number, of: number, number: number): number {
    return mix32(
      mix32(this.#key ^ Math.imul(account + 1, 0x9e3779b1)) ^ Math.imul(of, 0x85ebca6b) ^ Math.imul(number, 0x2545f491),
    )
  }

  #unit(account: number, of: number, number: number): number {
    return (this.#hash(account, of, number) >>> 0) / UINT32
  }
}
