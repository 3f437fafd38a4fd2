/**
 * Structuring: a large sum is cut into payments just below the reporting threshold, over hours or two days, to one or a
 * few payees. Its look-alike is trade with fixed prices: equal invoices that happen to lie near the threshold.
 */

import {TRADE} from '../../population/trades.js'
import {TOPIC} from '../../population/vocabulary.js'
import {PURPOSE, REPORTING_THRESHOLD_MINOR} from '../amounts.js'
import {
  between,
  type CampaignKind,
  HOUR_MS,
  integerBetween,
  pick,
  scattered,
  type TypologyDefinition,
} from '../campaign.js'
import {CHANNEL, METHOD, TYPE} from '../draft.js'

const fraud: CampaignKind = {
  meanSteps: 5.5,
  plan(life, _startMs, draw) {
    const {habits} = life
    const owner = habits.drawPerson(draw)
    const helpers = draw.unit() < 0.7 ? 0 : integerBetween(draw, 1, 2)
    const debtors = [owner, ...Array.from({length: helpers}, () => habits.payee(owner, draw.below(4)))]
    const payees = Array.from({length: integerBetween(draw, 1, 3)}, () =>
      draw.unit() < 0.4 ? habits.drawPayee(owner, draw) : habits.drawNeighbour(owner, draw),
    )
    const round = draw.unit() < 0.5
    return {
      offsetsMs: scattered(draw, integerBetween(draw, 3, 8), between(draw, 3, 46) * HOUR_MS),
      shape(draft, _step, timeMs, stepDraw) {
        const channel = stepDraw.unit() < 0.6 ? CHANNEL.app : CHANNEL.web
        const debtor = pick(stepDraw, debtors)
        life.setting(draft, TYPE.transfer, debtor, METHOD.bank_transfer, channel, timeMs, stepDraw)
        const payee = pick(stepDraw, payees)
        draft.creditor = payee === debtor ? habits.payee(debtor, 0) : payee
        life.transferAmount(draft, stepDraw.unit() < 0.5 ? PURPOSE.goods : PURPOSE.support, stepDraw)
        draft.amountMinor = Math.floor(REPORTING_THRESHOLD_MINOR * between(stepDraw, 0.8, 0.998))
        if (round) draft.amountMinor -= draft.amountMinor % 10_000
      },
    }
  },
}

const fixedPriceInvoices: CampaignKind = {
  meanSteps: 5.5,
  plan(life, _startMs, draw) {
    const {habits, population} = life
    const payer = draw.unit() < 0.5 ? habits.drawMerchant(draw) : habits.drawPerson(draw)
    const toPerson = population.kind[payer] !== 0 || draw.unit() < 0.5
    const payees = Array.from({length: integerBetween(draw, 1, 2)}, () =>
      toPerson ? habits.payee(payer, draw.below(5)) : habits.drawShop(population.market[payer], TRADE.biller, draw),
    )
    const priceMinor = Math.floor((REPORTING_THRESHOLD_MINOR * between(draw, 0.7, 1.1)) / 5_000) * 5_000
    const discounts = draw.unit() < 0.4
    return {
      offsetsMs: scattered(draw, integerBetween(draw, 3, 8), between(draw, 2, 46) * HOUR_MS),
      shape(draft, _step, timeMs, stepDraw) {
        const type = toPerson ? TYPE.transfer : TYPE.bill
        const channel = stepDraw.unit() < 0.5 ? CHANNEL.app : CHANNEL.web
        life.setting(draft, type, payer, METHOD.bank_transfer, channel, timeMs, stepDraw)
        draft.creditor = pick(stepDraw, payees)
        draft.reference = life.referenceOf(toPerson ? TOPIC.business : TOPIC.contract, stepDraw)
        draft.amountMinor = discounts ? Math.floor(priceMinor * between(stepDraw, 0.94, 1)) : priceMinor
      },
    }
  },
}

export const structuring: TypologyDefinition = {typology: 'structuring', fraud, lookAlike: fixedPriceInvoices}
