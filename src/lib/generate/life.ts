/**
 * Ordinary life: fills a draft with what this account would plausibly do at this time. Campaigns start from the same
 * functions and change what makes them campaigns, so everything else about them is as ordinary as it can be.
 */
import type {Random} from '../base/random.js'
import {Habits} from '../population/habits.js'
import type {Population} from '../population/population.js'
import {SEGMENTS} from '../population/segments.js'
import {TRADE} from '../population/trades.js'
import {TOPIC} from '../population/vocabulary.js'
import {Amounts, PURPOSE, type Purpose} from './amounts.js'
import {CHANNEL, METHOD, type PaymentDraft, TYPE} from './draft.js'

const NEW_PAYEE_SHARE = 0.05
const NEW_SHOP_SHARE = 0.12
const NEW_DEVICE_SHARE = 0.004
const CARD_DECLINE_SHARE = 0.025
const FAVOURITE_SHOPS = 9
const BILLERS = 4
/** Payments are made within about a kilometre of home, some across town. */
const NEAR_E5 = 900
const ACROSS_TOWN_E5 = 7_000

export class Life {
  readonly population: Population
  readonly habits: Habits
  readonly amounts: Amounts
  readonly startMs: number

  constructor(population: Population, startMs: number) {
    this.population = population
    this.habits = new Habits(population)
    this.amounts = new Amounts(population.markets)
    this.startMs = startMs
  }

  /** Something that this account does. */
  ordinary(draft: PaymentDraft, debtor: number, timeMs: number, draw: Random): void {
    const {mix} = SEGMENTS[this.population.segment[debtor]]
    const kind = draw.unit()
    if (kind < mix[0]) this.transfer(draft, debtor, timeMs, draw)
    else if (kind < mix[1]) this.purchase(draft, debtor, timeMs, draw)
    else if (kind < mix[2]) this.bill(draft, debtor, timeMs, draw)
    else this.cashOut(draft, debtor, timeMs, draw)
    // A business does not buy from itself.
    if (draft.creditor === debtor) this.transfer(draft, debtor, timeMs, draw)
  }

  /** Money to a person: mostly a known payee, sometimes somebody new. Businesses pay wages and suppliers. */
  transfer(draft: PaymentDraft, debtor: number, timeMs: number, draw: Random): void {
    const {habits, population} = this
    const business = population.kind[debtor] !== 0
    const method = business || draw.unit() < 0.7 ? METHOD.bank_transfer : METHOD.wallet
    const channel = business
      ? draw.unit() < 0.6
        ? CHANNEL.api
        : CHANNEL.web
      : method === METHOD.bank_transfer && draw.unit() < 0.4
        ? CHANNEL.web
        : CHANNEL.app
    const known = draw.unit() >= NEW_PAYEE_SHARE
    this.setting(draft, TYPE.transfer, debtor, method, channel, timeMs, draw)
    draft.creditor = known ? habits.drawPayee(debtor, draw) : habits.drawStranger(debtor, draw)
    this.transferAmount(draft, business ? businessPurpose(draw) : personalPurpose(draw), draw)
  }

  /** Sets amount and reference of a transfer by its purpose. */
  transferAmount(draft: PaymentDraft, purpose: Purpose, draw: Random): void {
    const scale = this.population.spending[draft.debtor]
    const habitual = purpose === PURPOSE.support || purpose === PURPOSE.payroll
    draft.amountMinor = habitual
      ? this.amounts.at(purpose, scale, draft.currencyMarket, this.habits.amountUnit(draft.debtor, draft.creditor))
      : this.amounts.draw(purpose, scale, draft.currencyMarket, draw)
    draft.reference = this.referenceOf(topicOf(purpose), draw)
  }

  /** A purchase at a shop, by card, wallet or bank. */
  purchase(draft: PaymentDraft, debtor: number, timeMs: number, draw: Random): void {
    const trade = draw.unit() < 0.3 ? TRADE.small : TRADE.retail
    const favourite = draw.unit() >= NEW_SHOP_SHARE
    const rank = draw.unit()
    const shop = favourite
      ? this.habits.shop(debtor, trade, Math.floor(FAVOURITE_SHOPS * rank * rank))
      : this.habits.drawShop(this.population.market[debtor], trade, draw)
    this.purchaseAt(draft, debtor, shop, timeMs, draw)
  }

  purchaseAt(draft: PaymentDraft, debtor: number, shop: number, timeMs: number, draw: Random): void {
    const way = draw.unit()
    const method = way < 0.7 ? METHOD.card : way < 0.88 ? METHOD.wallet : METHOD.bank_transfer
    const place = draw.unit()
    let channel: number = CHANNEL.web
    if (method === METHOD.card) channel = place < 0.62 ? CHANNEL.pos : place < 0.88 ? CHANNEL.web : CHANNEL.app
    else if (method === METHOD.wallet) channel = place < 0.5 ? CHANNEL.pos : CHANNEL.app
    else if (place < 0.4) channel = CHANNEL.app
    this.setting(draft, TYPE.purchase, debtor, method, channel, timeMs, draw)
    draft.creditor = shop
    draft.amountMinor = this.basket(shop, debtor, draft.currencyMarket, draw)
  }

  /** One of a few billers, with an amount that is nearly the same each time. */
  bill(draft: PaymentDraft, debtor: number, timeMs: number, draw: Random): void {
    const method = draw.unit() < 0.8 ? METHOD.bank_transfer : METHOD.card
    this.setting(draft, TYPE.bill, debtor, method, draw.unit() < 0.55 ? CHANNEL.app : CHANNEL.web, timeMs, draw)
    const biller = draw.below(BILLERS)
    draft.creditor = this.habits.shop(debtor, TRADE.biller, biller)
    const {medianEuro} = this.population.categories[this.population.category[draft.creditor]]
    const scale = medianEuro * this.population.spending[debtor]
    const fixed = draw.unit() < 0.6
    const u = fixed ? this.habits.amountUnit(debtor, biller) : draw.unit()
    draft.amountMinor = this.amounts.at(PURPOSE.bill, scale, draft.currencyMarket, u, fixed ? undefined : draw)
    draft.reference = this.referenceOf(TOPIC.contract, draw)
  }

  cashOut(draft: PaymentDraft, debtor: number, timeMs: number, draw: Random): void {
    const method = draw.unit() < 0.85 ? METHOD.card : METHOD.wallet
    this.setting(draft, TYPE.cash_out, debtor, method, CHANNEL.atm, timeMs, draw)
    draft.creditor = this.habits.shop(debtor, TRADE.cash, draw.below(3))
    draft.amountMinor = this.amounts.draw(PURPOSE.cash, this.population.spending[debtor], draft.currencyMarket, draw)
  }

  /** A merchant gives money back in the customer's currency; the caller says which payment and how much. */
  refund(
    draft: PaymentDraft,
    from: {readonly merchant: number; readonly customer: number; readonly method: number; readonly timeMs: number},
    draw: Random,
  ): void {
    this.setting(draft, TYPE.refund, from.merchant, from.method, CHANNEL.api, from.timeMs, draw)
    draft.creditor = from.customer
    draft.currencyMarket = this.population.market[from.customer]
    draft.reference = this.referenceOf(TOPIC.refund, draw)
  }

  basket(shop: number, debtor: number, market: number, draw: Random): number {
    const {medianEuro} = this.population.categories[this.population.category[shop]]
    // The basket follows the shop more than the purse.
    const scale = medianEuro * (0.5 + 0.5 * Math.min(4, this.population.spending[debtor]))
    return this.amounts.draw(PURPOSE.basket, scale, market, draw)
  }

  referenceOf(topic: number, draw: Random): number {
    const {starts} = this.population.vocabulary
    return starts[topic] + draw.below(starts[topic + 1] - starts[topic])
  }

  /** Who, where, from which device and address; everything but creditor, amount and reference. */
  setting(
    draft: PaymentDraft,
    type: number,
    debtor: number,
    method: number,
    channel: number,
    timeMs: number,
    draw: Random,
  ): void {
    const {habits, population} = this
    const home = population.market[debtor]
    draft.type = type
    draft.debtor = debtor
    draft.method = method
    draft.channel = channel
    draft.currencyMarket = home
    const spread = draw.unit() < 0.75 ? NEAR_E5 : ACROSS_TOWN_E5
    const north = Math.floor((draw.unit() - 0.5) * 2 * spread)
    const east = Math.floor((draw.unit() - 0.5) * 2 * spread)
    if (population.kind[debtor] === 0 && habits.tripAt(debtor, timeMs)) {
      draft.market = habits.trip.country
      draft.latitudeE5 = habits.trip.latitudeE5 + north
      draft.longitudeE5 = habits.trip.longitudeE5 + east
    } else {
      draft.market = home
      draft.latitudeE5 = clamp(population.latitudeE5[debtor] + north, 9_000_000)
      draft.longitudeE5 = clamp(population.longitudeE5[debtor] + east, 18_000_000)
    }
    draft.ip = habits.drawIp(debtor, channel !== CHANNEL.web && channel !== CHANNEL.api, draw)
    draft.device =
      draw.unit() < NEW_DEVICE_SHARE ? habits.drawNewDevice(debtor, draw) : habits.drawDevice(debtor, timeMs, draw)
    draft.declined = false
    if (method === METHOD.card) {
      draft.card = habits.drawCard(debtor, draw)
      draft.declined = draw.unit() < CARD_DECLINE_SHARE
    } else if (method === METHOD.wallet) {
      draft.simChangedAtMs = habits.simChangedAtMs(debtor, this.startMs)
    }
  }
}

function personalPurpose(draw: Random): Purpose {
  const u = draw.unit()
  if (u < 0.42) return PURPOSE.split
  if (u < 0.68) return PURPOSE.support
  if (u < 0.79) return PURPOSE.gift
  return u < 0.97 ? PURPOSE.goods : PURPOSE.large
}

function businessPurpose(draw: Random): Purpose {
  const u = draw.unit()
  if (u < 0.55) return PURPOSE.payroll
  return u < 0.96 ? PURPOSE.invoice : PURPOSE.large
}

function topicOf(purpose: Purpose): number {
  if (purpose === PURPOSE.split || purpose === PURPOSE.gift) return TOPIC.everyday
  if (purpose === PURPOSE.support) return TOPIC.home
  return purpose === PURPOSE.payroll || purpose === PURPOSE.invoice ? TOPIC.business : TOPIC.goods
}

function clamp(valueE5: number, limitE5: number): number {
  return Math.min(limitE5, Math.max(-limitE5, valueE5))
}
