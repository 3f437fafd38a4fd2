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

/** What a payment is for, and how such amounts purpose. */
export interface Purpose {
  /** Median in euro; baskets and bills multiply their merchant category's. */
  readonly medianEuro: number
  /** Share of amounts rounded to 1, 5, 10 or 50 units by size. */
  readonly roundShare: number
  /** Share of the others that end like price tags. */
  readonly priceTagShare: number
  /** Quantiles of the log-normal with median 1. */
  readonly factors: Float64Array
}

const QUANTILES = 1024

export const PURPOSE = {
  split: purpose({medianEuro: 16, sigma: 0.9, roundShare: 0.35, priceTagShare: 0.3}),
  support: purpose({medianEuro: 85, sigma: 0.9, roundShare: 0.85, priceTagShare: 0}),
  gift: purpose({medianEuro: 35, sigma: 0.7, roundShare: 0.9, priceTagShare: 0}),
  goods: purpose({medianEuro: 48, sigma: 1.2, roundShare: 0.6, priceTagShare: 0.2}),
  large: purpose({medianEuro: 1500, sigma: 1.1, roundShare: 0.75, priceTagShare: 0.05}),
  payroll: purpose({medianEuro: 350, sigma: 0.5, roundShare: 0.1, priceTagShare: 0}),
  invoice: purpose({medianEuro: 190, sigma: 1.3, roundShare: 0.3, priceTagShare: 0.2}),
  basket: purpose({medianEuro: 1, sigma: 0.75, roundShare: 0.06, priceTagShare: 0.5}),
  bill: purpose({medianEuro: 1, sigma: 0.6, roundShare: 0.15, priceTagShare: 0.3}),
  cash: purpose({medianEuro: 70, sigma: 0.65, roundShare: 1, priceTagShare: 0}),
} as const

/** Everybody reports from 10,000.00 on (1,000,000 yen): one threshold in minor units for all currencies. */
export const REPORTING_THRESHOLD_MINOR = 1_000_000
/** Nobody pays more at once. */
const MAX_AMOUNT_MINOR = 5_000_000_000

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

  constructor(markets: readonly Market[]) {
    this.#coinages = markets.map(coinageOf)
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
    const {minorPerEuro, unitMinor} = this.#coinages[market]
    const position = u * (QUANTILES - 1)
    const index = Math.floor(position)
    const {factors} = purpose
    const factor = factors[index] + (factors[index + 1] - factors[index]) * (position - index)
    const minor = purpose.medianEuro * scale * factor * minorPerEuro
    const taste = draw === undefined ? purpose.roundShare : draw.unit()
    return roundLikePeople(minor, unitMinor, purpose, taste)
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

function roundLikePeople(minor: number, unitMinor: number, purpose: Purpose, taste: number): number {
  const units = minor / unitMinor
  let result: number
  if (taste < purpose.roundShare) {
    const step = units < 12 ? 1 : units < 60 ? 5 : units < 400 ? 10 : 50
    result = Math.max(1, Math.floor(units / step + 0.5)) * step * unitMinor
  } else if (taste < purpose.roundShare + (1 - purpose.roundShare) * purpose.priceTagShare) {
    // 12.99, 12.49: one minor unit (one yen, ten øre) below a half or a whole.
    const half = Math.floor(units * 2 + 1) * unitMinor * 0.5
    result = Math.floor(half - unitMinor / 100)
  } else {
    result = Math.floor(minor)
  }
  return Math.min(MAX_AMOUNT_MINOR, Math.max(1, result))
}

function purpose(spread: {
  readonly medianEuro: number
  /** Standard deviation of the logarithm. */
  readonly sigma: number
  readonly roundShare: number
  readonly priceTagShare: number
}): Purpose {
  const {medianEuro, sigma, roundShare, priceTagShare} = spread
  // The last entry is read for interpolation only; tails end at about 1 in 2000.
  const factors = Float64Array.from({length: QUANTILES + 1}, (_, index) =>
    exp(sigma * normalQuantile((Math.min(index, QUANTILES - 1) + 0.5) / QUANTILES)),
  )
  return {medianEuro, roundShare, priceTagShare, factors}
}

function tenTo(power: number): number {
  let result = 1
  for (let index = 0; index < power; index++) result *= 10
  return result
}
