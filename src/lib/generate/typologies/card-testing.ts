/**
 * Card testing: a ring tries stolen cards with micro amounts through a few accounts, one device and one address; many
 * are declined, and a card that works buys something dear. Its look-alikes are honest micro payments: an afternoon of
 * vending and parking machines, or an evening of game top-ups, sometimes with the family's shared tablet and card.
 */

import {TRADE} from '../../population/trades.js'
import {PURPOSE} from '../amounts.js'
import {
  between,
  type CampaignKind,
  HOUR_MS,
  inARow,
  integerBetween,
  MINUTE_MS,
  pick,
  type TypologyDefinition,
} from '../campaign.js'
import {CHANNEL, METHOD, TYPE} from '../draft.js'

const fraud: CampaignKind = {
  meanSteps: 25,
  plan(life, _startMs, draw) {
    const {habits, population} = life
    const leader = habits.drawPerson(draw)
    const debtors = [
      leader,
      ...Array.from({length: integerBetween(draw, 1, 4)}, () => habits.drawNeighbour(leader, draw)),
    ]
    const cards = Array.from({length: integerBetween(draw, 4, 10)}, () => habits.card(habits.drawPerson(draw), 0))
    const market = population.market[leader]
    const shops = Array.from({length: integerBetween(draw, 1, 3)}, () =>
      habits.drawShop(market, draw.unit() < 0.6 ? TRADE.small : TRADE.retail, draw),
    )
    const device = habits.drawNewDevice(leader, draw)
    const ip = draw.unit() < 0.7 ? habits.drawRemoteIp(draw) : habits.homeIp(leader)
    const count = integerBetween(draw, 13, 37)
    const dearCount = integerBetween(draw, 0, 2)
    const working = pick(draw, cards)
    return {
      offsetsMs: inARow(draw, {count, minGapMs: 1_500, maxGapMs: 60_000}),
      shape(draft, step, timeMs, stepDraw) {
        const dear = step >= count - dearCount
        const channel = stepDraw.unit() < 0.7 ? CHANNEL.web : CHANNEL.app
        life.setting(draft, TYPE.purchase, pick(stepDraw, debtors), METHOD.card, channel, timeMs, stepDraw)
        draft.device = device
        draft.ip = ip
        draft.creditor = dear ? habits.drawShop(market, TRADE.retail, stepDraw) : pick(stepDraw, shops)
        draft.card = dear ? working : pick(stepDraw, cards)
        const u = stepDraw.unit()
        if (dear) draft.amountMinor = life.amounts.draw(PURPOSE.goods, 3, draft.currencyMarket, stepDraw)
        else draft.amountMinor = life.amounts.fromEuro(0.3 + 6 * u * u, draft.currencyMarket)
        draft.declined = stepDraw.unit() < (dear ? 0.1 : 0.3)
      },
    }
  },
}

const microPayments: CampaignKind = {
  meanSteps: 13,
  plan(life, startMs, draw) {
    const {habits, population} = life
    const payer = habits.drawPerson(draw)
    const relative = draw.unit() < 0.25 ? habits.familyOf(payer) : payer
    const online = draw.unit() < 0.5
    const device = habits.device(payer, 0, startMs)
    const card = habits.card(payer, 0)
    const favourite = habits.drawShop(population.market[payer], TRADE.small, draw)
    const count = integerBetween(draw, 6, 20)
    const offsetsMs = online
      ? inARow(draw, {count, minGapMs: 3_000, maxGapMs: 4 * MINUTE_MS})
      : inARow(draw, {count, minGapMs: 30_000, maxGapMs: between(draw, 0.3, 1.5) * HOUR_MS})
    return {
      offsetsMs,
      shape(draft, _step, timeMs, stepDraw) {
        const debtor = stepDraw.unit() < 0.6 ? payer : relative
        const channel = online ? (stepDraw.unit() < 0.5 ? CHANNEL.web : CHANNEL.app) : CHANNEL.pos
        life.setting(draft, TYPE.purchase, debtor, METHOD.card, channel, timeMs, stepDraw)
        draft.device = device
        draft.card = card
        draft.creditor = online ? favourite : habits.drawShop(population.market[payer], TRADE.small, stepDraw)
        const u = stepDraw.unit()
        draft.amountMinor =
          stepDraw.unit() < 0.5
            ? life.amounts.fromEuro(0.5 + 6 * u * u, draft.currencyMarket)
            : life.basket(draft.creditor, debtor, draft.currencyMarket, stepDraw)
        if (stepDraw.unit() < (online ? 0.1 : 0.04)) draft.declined = true
      },
    }
  },
}

export const cardTesting: TypologyDefinition = {typology: 'card-testing', fraud, lookAlike: microPayments}
