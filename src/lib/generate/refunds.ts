/** Purchases that are given back some hours later: part of ordinary life, without a label. */
import {TRADE} from '../population/trades.js'
import {between, type CampaignKind, HOUR_MS} from './campaign.js'
import {CHANNEL, METHOD, TYPE} from './draft.js'

/** Share of such episodes among ordinary payments. */
export const REFUND_SHARE = 0.003

export const REFUNDS: CampaignKind = {
  meanSteps: 2,
  plan(life, _startMs, draw) {
    const {habits, population} = life
    const customer = habits.drawPerson(draw)
    const card = habits.card(customer, 0)
    const shop = habits.shop(customer, TRADE.retail, draw.below(5))
    const amountMinor = life.basket(shop, customer, population.market[customer], draw)
    const method = draw.unit() < 0.75 ? METHOD.card : METHOD.bank_transfer
    let purchaseSequence = 0
    return {
      offsetsMs: Float64Array.of(0, between(draw, 0.2, 46) * HOUR_MS),
      learnSequence(sequence) {
        purchaseSequence = sequence
      },
      shape(draft, step, timeMs, stepDraw) {
        if (step === 0) {
          life.setting(draft, TYPE.purchase, customer, method, CHANNEL.web, timeMs, stepDraw)
          draft.creditor = shop
        } else {
          life.refund(draft, {merchant: shop, customer, method, timeMs}, stepDraw)
          draft.originalSequence = purchaseSequence
        }
        draft.card = card
        draft.amountMinor = amountMinor
        draft.declined = false
      },
    }
  },
}
