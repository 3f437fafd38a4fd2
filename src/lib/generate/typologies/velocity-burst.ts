/**
 * Velocity burst: a script empties an account's limits with many payments within minutes, to known and unknown payees,
 * often from the account's own device. Its look-alike is the evening on which somebody pays all bills and debts at once.
 */
import {PURPOSE} from '../amounts.js'

import {
  between,
  type CampaignKind,
  inARow,
  integerBetween,
  pick,
  type TypologyDefinition,
  untilLocalHour,
} from '../campaign.js'
import {CHANNEL, METHOD} from '../draft.js'

const fraud: CampaignKind = {
  meanSteps: 15,
  plan(life, startMs, draw) {
    const {habits} = life
    const debtor = habits.drawPerson(draw)
    const stranger = draw.unit() < 0.5
    const device = stranger ? habits.drawNewDevice(debtor, draw) : habits.device(debtor, 0, startMs)
    const remote = draw.unit() < 0.5
    const ip = remote ? habits.drawRemoteIp(draw) : habits.homeIp(debtor)
    const shopping = draw.unit() < 0.3
    const payees = Array.from({length: integerBetween(draw, 3, 7)}, () =>
      draw.unit() < 0.4 ? habits.drawPayee(debtor, draw) : habits.drawNeighbour(debtor, draw),
    )
    return {
      offsetsMs: inARow(draw, {count: integerBetween(draw, 7, 23), minGapMs: 2_500, maxGapMs: 60_000}),
      shape(draft, _step, timeMs, stepDraw) {
        if (shopping) {
          life.purchase(draft, debtor, timeMs, stepDraw)
          // A script does not stand at a counter.
          if (draft.channel === CHANNEL.pos) draft.channel = draft.method === METHOD.wallet ? CHANNEL.app : CHANNEL.web
        } else {
          life.transfer(draft, debtor, timeMs, stepDraw)
          draft.creditor = pick(stepDraw, payees)
          life.transferAmount(draft, stepDraw.unit() < 0.6 ? PURPOSE.goods : PURPOSE.split, stepDraw)
        }
        draft.device = device
        draft.ip = ip
        if (stepDraw.unit() < 0.08) draft.declined = true
      },
    }
  },
}

const billPayingEvening: CampaignKind = {
  meanSteps: 9,
  plan(life, startMs, draw) {
    const debtor = life.habits.drawPerson(draw)
    const device = life.habits.device(debtor, 0, startMs)
    const ip = life.habits.homeIp(debtor)
    const firstMs = untilLocalHour(life, debtor, startMs, between(draw, 17, 22.5))
    return {
      offsetsMs: inARow(draw, {count: integerBetween(draw, 5, 13), minGapMs: 6_000, maxGapMs: 120_000, firstMs}),
      shape(draft, _step, timeMs, stepDraw) {
        const what = stepDraw.unit()
        if (what < 0.5) life.bill(draft, debtor, timeMs, stepDraw)
        else if (what < 0.9) life.transfer(draft, debtor, timeMs, stepDraw)
        else life.purchase(draft, debtor, timeMs, stepDraw)
        draft.device = device
        draft.ip = ip
      },
    }
  },
}

export const velocityBurst: TypologyDefinition = {typology: 'velocity-burst', fraud, lookAlike: billPayingEvening}
