/**
 * Mule fan-in: many victims pay one account within hours, which passes nearly everything on, keeping a commission.
 * Its look-alikes are honest collections: a flat-mate who gathers the rent shares and pays the landlord, or the
 * organiser of a present or a club fee.
 */
import type {Random} from '../../base/random.js'
import {TRADE} from '../../population/trades.js'
import {TOPIC} from '../../population/vocabulary.js'
import {
  between,
  type CampaignKind,
  type CampaignPlan,
  HOUR_MS,
  integerBetween,
  MINUTE_MS,
  type TypologyDefinition,
} from '../campaign.js'
import {CHANNEL, METHOD, TYPE} from '../draft.js'
import type {Life} from '../life.js'

/** Money in and money out of one account, in time order; `sender` −1 passes on what came in. */
interface Movement {
  readonly offsetMs: number
  readonly sender: number
  amountMinor: number
}

const fraud: CampaignKind = {
  meanSteps: 12,
  plan(life, _startMs, draw) {
    const {habits} = life
    const mule = habits.drawPerson(draw)
    const spanMs = between(draw, 1, 12) * HOUR_MS
    const senders = Array.from({length: integerBetween(draw, 5, 15)}, () => habits.drawNeighbour(mule, draw))
    const medianEuro = between(draw, 60, 480)
    const likeness = between(draw, 0.05, 0.5)
    const movements = collect(draw, senders, spanMs, () =>
      life.amounts.wholeUnits(
        life.amounts.fromEuro(medianEuro * (1 + likeness * (draw.unit() - 0.5)), life.population.market[mule]),
        life.population.market[mule],
      ),
    )
    const forwardCount = integerBetween(draw, 1, 3)
    for (let index = 0; index < forwardCount; index++) {
      const afterMs = (spanMs * (index + 1)) / forwardCount
      movements.push({offsetMs: afterMs + between(draw, 2, 50) * MINUTE_MS, sender: -1, amountMinor: 0})
    }
    settle(life, mule, movements, () => between(draw, 0.86, 1))
    const collector = habits.drawNeighbour(mule, draw)
    const cash = draw.unit() < 0.25
    return campaignOf(life, mule, movements, (draft, amountMinor, timeMs, stepDraw) => {
      if (cash) life.cashOut(draft, mule, timeMs, stepDraw)
      else life.transfer(draft, mule, timeMs, stepDraw)
      if (!cash) draft.creditor = collector
      draft.amountMinor = amountMinor
    })
  },
}

const honestCollection: CampaignKind = {
  meanSteps: 7,
  plan(life, _startMs, draw) {
    const {habits, population} = life
    const organiser = habits.drawPerson(draw)
    const market = population.market[organiser]
    const rent = draw.unit() < 0.6
    const senders = Array.from({length: rent ? integerBetween(draw, 2, 6) : integerBetween(draw, 5, 13)}, (_, index) =>
      rent || draw.unit() < 0.5 ? habits.payee(organiser, index) : habits.drawNeighbour(organiser, draw),
    )
    const shareMinor = life.amounts.wholeUnits(
      life.amounts.fromEuro(rent ? between(draw, 140, 560) : between(draw, 15, 120), market),
      market,
    )
    const spanMs = between(draw, 1, rent ? 40 : 14) * HOUR_MS
    const movements = collect(draw, senders, spanMs, () =>
      draw.unit() < 0.85 ? shareMinor : life.amounts.wholeUnits(shareMinor * between(draw, 0.7, 1.3), market),
    )
    movements.push({offsetMs: spanMs + between(draw, 0.05, 6) * HOUR_MS, sender: -1, amountMinor: 0})
    settle(life, organiser, movements, () => between(draw, 0.9, 1.2))
    const landlord = draw.unit() < 0.5 ? habits.payee(organiser, 15) : -1
    const shop = habits.shop(organiser, rent ? TRADE.biller : TRADE.retail, 0)
    return campaignOf(life, organiser, movements, (draft, amountMinor, timeMs, stepDraw) => {
      if (landlord >= 0) {
        life.transfer(draft, organiser, timeMs, stepDraw)
        draft.creditor = landlord
      } else if (rent) {
        life.setting(draft, TYPE.bill, organiser, METHOD.bank_transfer, CHANNEL.app, timeMs, stepDraw)
        draft.creditor = shop
        draft.reference = life.referenceOf(TOPIC.contract, stepDraw)
      } else {
        life.purchaseAt(draft, organiser, shop, timeMs, stepDraw)
      }
      draft.amountMinor = amountMinor
    })
  },
}

function collect(draw: Random, senders: readonly number[], spanMs: number, amount: () => number): Movement[] {
  return senders.map(sender => ({offsetMs: draw.unit() * spanMs, sender, amountMinor: amount()}))
}

/** Puts the movements in order and lets each outgoing one pass on a part of what came in since the last. */
function settle(life: Life, account: number, movements: Movement[], part: () => number): void {
  movements.sort((a, b) => a.offsetMs - b.offsetMs)
  const market = life.population.market[account]
  let heldMinor = 0
  for (const movement of movements) {
    if (movement.sender >= 0) {
      heldMinor += movement.amountMinor
    } else {
      // Passed on twice in a row: the rest of an earlier inflow, at least one unit.
      movement.amountMinor = life.amounts.wholeUnits(heldMinor * part(), market)
      heldMinor = 0
    }
  }
}

function campaignOf(
  life: Life,
  account: number,
  movements: readonly Movement[],
  passOn: (draft: Parameters<CampaignPlan['shape']>[0], amountMinor: number, timeMs: number, draw: Random) => void,
): CampaignPlan {
  return {
    offsetsMs: Float64Array.from(movements, movement => movement.offsetMs),
    shape(draft, step, timeMs, draw) {
      const {sender, amountMinor} = movements[step]
      if (sender < 0) return passOn(draft, amountMinor, timeMs, draw)
      life.transfer(draft, sender, timeMs, draw)
      draft.creditor = account
      draft.amountMinor = amountMinor
    },
  }
}

export const muleFanIn: TypologyDefinition = {typology: 'mule-fan-in', fraud, lookAlike: honestCollection}
