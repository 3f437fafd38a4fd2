/**
 * How much is paid: a log-normal per purpose, scaled by the account's spending and its currency, then rounded the way
 * people and price tags round. Mixtures rather than one curve, after PaySim's and Berka's figures (transfers are wide,
 * purchases narrow). Draws come from quantile tables made with portable arithmetic.
 */
import {exp, normalQuantile} from '../base/portable-math.js'
import type {Random} from '../base/random.js'
import {scaleOf} from '../payment/money.js'
import type {Market} from '../population/places.js'
import {unitsPerEuro} from '../population/places.js'

export const PURPOSES = [
  'split',
  'support',
  'gift',
  'goods',
  'large',
  'payroll',
  'invoice',
  'basket',
  'bill',
  'cash',
] as const
export type Purpose = (typeof PURPOSES)[number]

interface Spread {
  /** Median in euro; purchases and bills take their merchant category's instead. */
  readonly medianEuro: number
  /** Standard deviation of the logarithm. */
  readonly sigma: number
  /** Share of amounts rounded to 1, 5, 10 or 50 units by size. */
  readonly roundShare: number
  /** Share of the others that end like price tags. */
  readonly priceTagShare: number
}

export const SPREADS: Readonly<Record<Purpose, Spread>> = {
  split: {medianEuro: 16, sigma: 0.9, roundShare: 0.35, priceTagShare: 0.3},
  support: {medianEuro: 85, sigma: 0.9, roundShare: 0.85, priceTagShare: 0},
  gift: {medianEuro: 35, sigma: 0.7, roundShare: 0.9, priceTagShare: 0},
  goods: {medianEuro: 48, sigma: 1.2, roundShare: 0.6, priceTagShare: 0.2},
  large: {medianEuro: 1500, sigma: 1.1, roundShare: 0.75, priceTagShare: 0.05},
  payroll: {medianEuro: 350, sigma: 0.5, roundShare: 0.1, priceTagShare: 0},
  invoice: {medianEuro: 190, sigma: 1.3, roundShare: 0.3, priceTagShare: 0.2},
  basket: {medianEuro: 1, sigma: 0.75, roundShare: 0.06, priceTagShare: 0.5},
  bill: {medianEuro: 1, sigma: 0.6, roundShare: 0.15, priceTagShare: 0.3},
  cash: {medianEuro: 70, sigma: 0.65, roundShare: 1, priceTagShare: 0},
}

/** Everybody reports from 10,000.00 on (1,000,000 yen): one threshold in minor units for all currencies. */
export const REPORTING_THRESHOLD_MINOR = 1_000_000
/** Nobody pays more at once. */
const MAX_AMOUNT_MINOR = 5_000_000_000
const QUANTILES = 1024

/** Minor units and how they round, by market. */
export interface Coinage {
  readonly minorPerEuro: number
  /** The size of one "unit" for rounding, in minor units: 1.00 EUR, 10.00 SEK, 100 JPY. */
  readonly unitMinor: number
}

export function coinageOf(market: Market): Coinage {
  const minorPerUnit = tenTo(scaleOf(market.currency))
  const perEuro = unitsPerEuro(market.currency)
  let unit = 1
  while (unit * 10 <= perEuro) unit *= 10
  return {minorPerEuro: perEuro * minorPerUnit, unitMinor: unit * minorPerUnit}
}

export class Amounts {
  readonly #coinages: readonly Coinage[]
  readonly #tables: Readonly<Record<Purpose, Float64Array>>

  constructor(markets: readonly Market[]) {
    this.#coinages = markets.map(coinageOf)
    this.#tables = tablesOf(purpose => quantileFactors(SPREADS[purpose].sigma))
  }

  /**
   * An amount in the market's minor unit.
   *
   * @param scale multiplies the purpose's median: the account's spending, a category's median in euro
   */
  draw(purpose: Purpose, scale: number, market: number, draw: Random): number {
    return this.at(purpose, scale, market, draw.unit(), draw)
  }

  /** The amount at quantile `u`, so that a habitual payment comes out the same each time when `draw` is absent. */
  at(purpose: Purpose, scale: number, market: number, u: number, draw?: Random): number {
    const spread = SPREADS[purpose]
    const {minorPerEuro, unitMinor} = this.#coinages[market]
    const position = u * (QUANTILES - 1)
    const index = Math.floor(position)
    const table = this.#tables[purpose]
    const factor = table[index] + (table[index + 1] - table[index]) * (position - index)
    const minor = spread.medianEuro * scale * factor * minorPerEuro
    const taste = draw === undefined ? spread.roundShare : draw.unit()
    return roundLikePeople(minor, unitMinor, spread, taste)
  }

  /** An amount given in euro, in the market's minor unit, unrounded. */
  fromEuro(euro: number, market: number): number {
    return Math.max(1, Math.floor(euro * this.#coinages[market].minorPerEuro))
  }

  /** Whole units of the market's currency, at least one. */
  wholeUnits(minor: number, market: number): number {
    const {unitMinor} = this.#coinages[market]
    return Math.max(1, Math.floor(minor / unitMinor + 0.5)) * unitMinor
  }
}

function roundLikePeople(minor: number, unitMinor: number, spread: Spread, taste: number): number {
  const units = minor / unitMinor
  let result: number
  if (taste < spread.roundShare) {
    const step = units < 12 ? 1 : units < 60 ? 5 : units < 400 ? 10 : 50
    result = Math.max(1, Math.floor(units / step + 0.5)) * step * unitMinor
  } else if (taste < spread.roundShare + (1 - spread.roundShare) * spread.priceTagShare) {
    // 12.99, 12.49: one minor unit (one yen, ten øre) below a half or a whole.
    const half = Math.floor(units * 2 + 1) * unitMinor * 0.5
    result = Math.floor(half - unitMinor / 100)
  } else {
    result = Math.floor(minor)
  }
  return Math.min(MAX_AMOUNT_MINOR, Math.max(1, result))
}

function quantileFactors(sigma: number): Float64Array {
  // The last entry is read for interpolation only; tails end at about 1 in 2000.
  return Float64Array.from({length: QUANTILES + 1}, (_, index) =>
    exp(sigma * normalQuantile((Math.min(index, QUANTILES - 1) + 0.5) / QUANTILES)),
  )
}

function tablesOf(make: (purpose: Purpose) => Float64Array): Record<Purpose, Float64Array> {
  return {
    split: make('split'),
    support: make('support'),
    gift: make('gift'),
    goods: make('goods'),
    large: make('large'),
    payroll: make('payroll'),
    invoice: make('invoice'),
    basket: make('basket'),
    bill: make('bill'),
    cash: make('cash'),
  }
}

function tenTo(power: number): number {
  let result = 1
  for (let index = 0; index < power; index++) result *= 10
  return result
}
