/**
 * The accounts of a run and what does not change about them: who, where, which way of living, how much and how often.
 * Columns instead of objects (about 50 bytes an account), each a function of (seed, account number), so that every
 * worker builds the same population and a million accounts take about a second. What an account does with all this
 * (its payees, devices, cards, places) is derived on demand in habits.ts.
 */
import {assert, present} from '../base/assert.js'
import {UsageError} from '../base/errors.js'
import {exp, normalQuantile} from '../base/portable-math.js'
import {deriveSeed, Random} from '../base/random.js'
import type {RunTag} from '../payment/payment-id.js'
import type {AccountRecord} from './account-record.js'
import {type AccountClass, buildClasses} from './classes.js'
import {type AccountGroups, groupAccounts} from './groups.js'
import {COUNTRIES, HOME_COUNTRY_COUNT, type Market} from './places.js'
import {BUSINESS_SEGMENT, SEGMENTS} from './segments.js'
import {CATEGORIES, type Category, categoryOf} from './trades.js'
import {buildVocabulary, type Vocabulary} from './vocabulary.js'

export interface PopulationInputs {
  readonly seed: number
  readonly runTag: RunTag
  readonly accountCount: number
  readonly accounts?: readonly AccountRecord[]
}

export const KIND = {person: 0, merchant: 1} as const

export interface Population {
  readonly seed: number
  readonly runTag: RunTag
  readonly accountCount: number
  /** Country and currency pairs; accounts refer to them by index. The visited countries are among them. */
  readonly markets: readonly Market[]
  readonly categories: readonly Category[]
  readonly vocabulary: Vocabulary
  readonly kind: Uint8Array
  readonly market: Uint16Array
  readonly latitudeE5: Int32Array
  readonly longitudeE5: Int32Array
  /** Index in `categories`; only meaningful for merchants. */
  readonly category: Uint8Array
  readonly segment: Uint8Array
  /** Mean number of payments against the average account's, heavy-tailed. */
  readonly rate: Float32Array
  /** Spending against the average account's. */
  readonly spending: Float32Array
  readonly groups: AccountGroups
  /** Accounts that share a rhythm (segment and time zone), with their alias tables. */
  readonly classes: readonly AccountClass[]
  readonly ids: AccountIds
}

/** The text of account ids, ASCII or UTF-8, free of anything that JSON would escape. */
export interface AccountIds {
  readonly maxBytes: number
  text(account: number): string
  /** Set when the ids were given: id i is bytes[offsets[i], offsets[i + 1]). Made ids are prefix + number. */
  readonly fixed?: {readonly bytes: Uint8Array; readonly offsets: Uint32Array}
  readonly prefix: string
  readonly digits: number
}

export const MIN_ACCOUNTS = 10
export const MAX_ACCOUNTS = 50_000_000
/** Every eighth account is a merchant, spread evenly over the numbers. */
const MERCHANT_EVERY = 8
const MERCHANT_AT = 5
/** More countries than this many accounts can fill would leave everybody alone. */
const ACCOUNTS_PER_COUNTRY = 60

const RATE_SIGMA = 0.9
const MAX_RATE = 25
const SPENDING_SIGMA = 0.45
/** Cities are about this wide: homes scatter over ± 0.12 degrees, denser in the middle. */
const HOME_SCATTER_E5 = 12_000
const COMPONENT = {accounts: 0x61636374, characters: 0x63686172} as const

/**
 * @throws UsageError when there are too few accounts, or no merchant or only one person among given ones
 */
export function buildPopulation(inputs: PopulationInputs): Population {
  const {seed, runTag, accounts} = inputs
  const accountCount = accounts?.length ?? inputs.accountCount
  checkAccounts(inputs)
  const columns = {
    kind: new Uint8Array(accountCount),
    market: new Uint16Array(accountCount),
    latitudeE5: new Int32Array(accountCount),
    longitudeE5: new Int32Array(accountCount),
    category: new Uint8Array(accountCount),
    segment: new Uint8Array(accountCount),
    rate: new Float32Array(accountCount),
    spending: new Float32Array(accountCount),
  }
  const markets: Market[] = COUNTRIES.map(({code, currency}) => ({code, currency}))
  const categories = [...CATEGORIES]
  if (accounts === undefined) makeAccounts(columns, seed)
  else takeAccounts(columns, accounts, markets, categories)
  drawCharacters(columns, seed)
  const groups = groupAccounts({...columns, marketCount: markets.length, categories})
  return {
    seed,
    runTag,
    accountCount,
    markets,
    categories,
    vocabulary: buildVocabulary(),
    ...columns,
    groups,
    classes: buildClasses(columns),
    ids: accounts === undefined ? madeIds(runTag, accountCount) : givenIds(accounts),
  }
}

/** The accounts in the form that `readAccounts` takes, in order of their numbers. */
export function* exportAccounts(population: Population): Generator<AccountRecord> {
  for (let account = 0; account < population.accountCount; account++) {
    const market = present(population.markets[population.market[account]], 'market')
    const merchant = population.kind[account] === KIND.merchant
    yield {
      accountId: population.ids.text(account),
      kind: merchant ? 'merchant' : 'person',
      country: market.code,
      currency: market.currency,
      latitude: population.latitudeE5[account] / 100_000,
      longitude: population.longitudeE5[account] / 100_000,
      ...(merchant && {
        merchantCategory: present(population.categories[population.category[account]], 'category').code,
      }),
    }
  }
}

interface Columns {
  readonly kind: Uint8Array
  readonly market: Uint16Array
  readonly latitudeE5: Int32Array
  readonly longitudeE5: Int32Array
  readonly category: Uint8Array
  readonly segment: Uint8Array
  readonly rate: Float32Array
  readonly spending: Float32Array
}

function makeAccounts(columns: Columns, seed: number): void {
  const accountCount = columns.kind.length
  const countryCount = Math.min(HOME_COUNTRY_COUNT, 1 + Math.floor(accountCount / ACCOUNTS_PER_COUNTRY))
  const homes = COUNTRIES.slice(0, countryCount)
  const totalWeight = homes.reduce((sum, home) => sum + home.weight, 0)
  const accountsSeed = deriveSeed(seed, COMPONENT.accounts)
  const draw = new Random(accountsSeed)
  let merchantCount = 0
  for (let account = 0; account < accountCount; account++) {
    draw.reseed(accountsSeed, account)
    let point = draw.unit() * totalWeight
    let market = 0
    while (market < countryCount - 1 && point >= homes[market].weight) point -= homes[market++].weight
    const {cities} = homes[market]
    // The first city of a country is its largest: the square favours it.
    const size = draw.unit()
    const city = cities[Math.floor(size * size * cities.length)]
    columns.market[account] = market
    columns.latitudeE5[account] = city.latitudeE5 + scatter(draw)
    columns.longitudeE5[account] = city.longitudeE5 + scatter(draw)
    if (account % MERCHANT_EVERY === MERCHANT_AT) {
      columns.kind[account] = KIND.merchant
      columns.category[account] = merchantCount++ % CATEGORIES.length
    }
  }
}

/** The difference of two uniform draws: a triangle around the city's centre. */
function scatter(draw: Random): number {
  return Math.floor((draw.unit() - draw.unit()) * HOME_SCATTER_E5)
}

function takeAccounts(
  columns: Columns,
  accounts: readonly AccountRecord[],
  markets: Market[],
  categories: Category[],
): void {
  const marketIndex = new Map(markets.map((market, index) => [`${market.code}/${market.currency}`, index]))
  const categoryIndex = new Map(categories.map((category, index) => [category.code, index]))
  for (const [account, record] of accounts.entries()) {
    const marketKey = `${record.country}/${record.currency}`
    let market = marketIndex.get(marketKey)
    if (market === undefined) {
      market = markets.push({code: record.country, currency: record.currency}) - 1
      marketIndex.set(marketKey, market)
    }
    columns.market[account] = market
    columns.latitudeE5[account] = Math.round(record.latitude * 100_000)
    columns.longitudeE5[account] = Math.round(record.longitude * 100_000)
    if (record.kind === 'person') continue
    const code = record.merchantCategory ?? CATEGORIES[0].code
    let category = categoryIndex.get(code)
    if (category === undefined) {
      category = categories.push(categoryOf(code)) - 1
      categoryIndex.set(code, category)
    }
    columns.kind[account] = KIND.merchant
    columns.category[account] = category
  }
  assert(markets.length <= 0xffff, 'more than 65535 country and currency pairs')
  if (categories.length > 256) {
    throw new UsageError(
      `${categories.length} merchant categories are more than the 256 that one population can have`,
      {
        code: 'P2PAY_ACCOUNTS',
      },
    )
  }
}

/** Way of living, rate and spending: the same for an account whether it was made here or read back from a file. */
function drawCharacters(columns: Columns, seed: number): void {
  const persons = SEGMENTS.slice(0, BUSINESS_SEGMENT)
  const totalWeight = persons.reduce((sum, segment) => sum + segment.weight, 0)
  const charactersSeed = deriveSeed(seed, COMPONENT.characters)
  const draw = new Random(charactersSeed)
  for (let account = 0; account < columns.kind.length; account++) {
    draw.reseed(charactersSeed, account)
    let segment = BUSINESS_SEGMENT
    let point = draw.unit() * totalWeight
    if (columns.kind[account] === KIND.person) {
      segment = 0
      while (segment < BUSINESS_SEGMENT - 1 && point >= SEGMENTS[segment].weight) point -= SEGMENTS[segment++].weight
    }
    columns.segment[account] = segment
    columns.rate[account] = Math.min(MAX_RATE, SEGMENTS[segment].activity * logNormal(draw, RATE_SIGMA))
    columns.spending[account] = SEGMENTS[segment].spending * logNormal(draw, SPENDING_SIGMA)
  }
}

function logNormal(draw: Random, sigma: number): number {
  return exp(sigma * normalQuantile((draw.uint32() + 0.5) / 4_294_967_296))
}

function madeIds(runTag: RunTag, accountCount: number): AccountIds {
  const prefix = `acc_${runTag}_`
  const digits = Math.max(7, String(accountCount - 1).length)
  return {
    prefix,
    digits,
    maxBytes: prefix.length + digits,
    text: account => prefix + String(account).padStart(digits, '0'),
  }
}

function givenIds(accounts: readonly AccountRecord[]): AccountIds {
  const offsets = new Uint32Array(accounts.length + 1)
  let maxBytes = 0
  for (const [account, {accountId}] of accounts.entries()) {
    assert(JSON.stringify(accountId) === `"${accountId}"`, `account id ${JSON.stringify(accountId)} needs escapes`)
    const length = Buffer.byteLength(accountId)
    offsets[account + 1] = offsets[account] + length
    maxBytes = Math.max(maxBytes, length)
  }
  const bytes = Buffer.from(accounts.map(account => account.accountId).join(''))
  const text = (account: number): string => bytes.toString('utf8', offsets[account], offsets[account + 1])
  return {prefix: '', digits: 0, maxBytes, text, fixed: {bytes: new Uint8Array(bytes), offsets}}
}

/**
 * Refuses what does not make a population.
 *
 * @throws UsageError when there are too few or too many accounts, or given ones cannot trade with each other
 */
export function checkAccounts(inputs: Pick<PopulationInputs, 'accountCount' | 'accounts'>): void {
  if (inputs.accounts !== undefined) checkMix(inputs.accounts)
  else checkCount(inputs.accountCount)
}

function checkCount(accountCount: number): void {
  if (Number.isSafeInteger(accountCount) && accountCount >= MIN_ACCOUNTS && accountCount <= MAX_ACCOUNTS) return
  throw new UsageError(`${accountCount} accounts do not make a population`, {
    code: 'P2PAY_ACCOUNTS',
    suggestions: [`ask for ${MIN_ACCOUNTS} to ${MAX_ACCOUNTS} accounts`],
  })
}

function checkMix(accounts: readonly AccountRecord[]): void {
  const personCount = accounts.filter(account => account.kind === 'person').length
  if (personCount >= 2 && personCount < accounts.length) return
  throw new UsageError(`${personCount} persons and ${accounts.length - personCount} merchants cannot trade`, {
    code: 'P2PAY_ACCOUNTS',
    suggestions: ['give at least two persons and one merchant', '`p2pay accounts` prints a population to start from'],
  })
}
