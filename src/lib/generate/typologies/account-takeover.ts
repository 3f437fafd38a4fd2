/**
 * Account takeover: a stranger gets in, mostly with a new device and often after a SIM swap, and sends more than usual
 * to payees that the account never had, sometimes after a small trial. Its look-alike is the owner's new phone: the
 * same new device and SIM, but the usual payees and amounts.
 */

import {COUNTRIES} from '../../population/places.js'
import {PURPOSE} from '../amounts.js'
import {
  between,
  type CampaignKind,
  HOUR_MS,
  inARow,
  integerBetween,
  MINUTE_MS,
  pick,
  scattered,
  type TypologyDefinition,
} from '../campaign.js'
import type {PaymentDraft} from '../draft.js'

const SIM_SWAP_SHARE = 0.4
/** Money leaves within three days of a SIM swap (Tazama rule 030/076's window). */
const SIM_SWAP_MAX_MS = 72 * HOUR_MS

const fraud: CampaignKind = {
  meanSteps: 5,
  plan(life, startMs, draw) {
    const {habits} = life
    const victim = habits.drawPerson(draw)
    const device = draw.unit() < 0.8 ? habits.drawNewDevice(victim, draw) : habits.device(victim, 0, startMs)
    const ip = draw.unit() < 0.75 ? habits.drawRemoteIp(draw) : habits.homeIp(habits.drawNeighbour(victim, draw))
    const away = draw.unit() < 0.4
    // Like honest journeys, and further.
    const country = Math.floor(between(draw, 0, 1) * between(draw, 0.2, 1) * COUNTRIES.length)
    const cityNumber = draw.below(8)
    const simChangedAtMs = draw.unit() < SIM_SWAP_SHARE ? startMs - between(draw, 5 * MINUTE_MS, SIM_SWAP_MAX_MS) : 0
    const payees = Array.from({length: integerBetween(draw, 1, 3)}, () => habits.drawNeighbour(victim, draw))
    const trial = draw.unit() < 0.35
    const greed = between(draw, 1, 5)
    return {
      offsetsMs: inARow(draw, {count: integerBetween(draw, 2, 8), minGapMs: 20_000, maxGapMs: 25 * MINUTE_MS}),
      shape(draft, step, timeMs, stepDraw) {
        if (stepDraw.unit() < 0.12) {
          life.cashOut(draft, victim, timeMs, stepDraw)
        } else {
          life.transfer(draft, victim, timeMs, stepDraw)
          draft.creditor = pick(stepDraw, payees)
          if (trial && step === 0) life.transferAmount(draft, PURPOSE.split, stepDraw)
          else {
            life.transferAmount(draft, stepDraw.unit() < 0.25 ? PURPOSE.large : PURPOSE.goods, stepDraw)
            draft.amountMinor = life.amounts.wholeUnits(draft.amountMinor * greed, draft.currencyMarket)
          }
        }
        draft.device = device
        draft.ip = ip
        if (away) {
          habits.visit(country, cityNumber)
          draft.market = country
          draft.latitudeE5 = habits.trip.latitudeE5 + stepDraw.below(2_000)
          draft.longitudeE5 = habits.trip.longitudeE5 + stepDraw.below(2_000)
        }
        setSimChange(draft, simChangedAtMs)
      },
    }
  },
}

const newPhone: CampaignKind = {
  meanSteps: 8,
  plan(life, startMs, draw) {
    const {habits} = life
    const owner = habits.drawPerson(draw)
    const device = habits.drawNewDevice(owner, draw)
    const simChangedAtMs = draw.unit() < SIM_SWAP_SHARE ? startMs - between(draw, 5 * MINUTE_MS, SIM_SWAP_MAX_MS) : 0
    return {
      offsetsMs: scattered(draw, integerBetween(draw, 4, 12), between(draw, 1, 40) * HOUR_MS),
      shape(draft, _step, timeMs, stepDraw) {
        if (stepDraw.unit() < 0.6) life.transfer(draft, owner, timeMs, stepDraw)
        else life.ordinary(draft, owner, timeMs, stepDraw)
        draft.device = device
        setSimChange(draft, simChangedAtMs)
      },
    }
  },
}

/** 0 = the SIM is the old one. Drafts without a wallet do not show it. */
function setSimChange(draft: PaymentDraft, simChangedAtMs: number): void {
  if (simChangedAtMs > 0) draft.simChangedAtMs = Math.floor(simChangedAtMs)
}

export const accountTakeover: TypologyDefinition = {typology: 'account-takeover', fraud, lookAlike: newPhone}
