/**
 * Which campaigns run when. Each kind (typology × fraud or look-alike) has a budget that grows with the stream's
 * intensity; a campaign starts when the budget allows and its payments are taken from it, so the shares hold closely
 * even in short streams. The agenda depends on seed and slots alone: every worker and every shard keeps the same one,
 * for a small part of the cost of the payments themselves.
 */
import {assert} from '../base/assert.js'
import {Random} from '../base/random.js'
import {TYPOLOGIES} from '../payment/label.js'
import {type CampaignKind, type CampaignPlan, HOUR_MS, MAX_CAMPAIGN_MS} from './campaign.js'
import type {Life} from './life.js'
import {REFUND_SHARE, REFUNDS} from './refunds.js'
import type {StreamInputs} from './stream.js'
import type {Timeline} from './timeline.js'
import {TYPOLOGY_DEFINITIONS} from './typologies/registry.js'

export interface Campaign {
  /** Unique within the run, from 1; 0 for ordinary episodes (refunds), which have no label. */
  readonly number: number
  /** 0 or 1 + index in TYPOLOGIES. */
  readonly fraudTypology: number
  readonly lookAlikeTypology: number
  readonly startMs: number
  readonly plan: CampaignPlan
  /** Seeds the steps. */
  readonly key: number
  /** When an investigator would know; 0 for legitimate ones. */
  readonly confirmedAtMs: number
  /** First step that was not handed out yet. */
  nextStep: number
}

export interface DueStep {
  readonly timeMs: number
  readonly campaign: Campaign
  readonly step: number
}

interface Budget {
  readonly kind: CampaignKind
  readonly fraudTypology: number
  readonly lookAlikeTypology: number
  /** Payments in a slot of mean intensity. */
  readonly perSlot: number
  saved: number
  /** The next campaign starts above this. */
  threshold: number
}

/** Frauds do not sleep: this part of their intensity is the same day and night. */
const FRAUD_AROUND_THE_CLOCK = 0.15
/** Reports come between an hour and a week after a campaign's end, most within two days. */
const REPORT_MIN_MS = HOUR_MS
const REPORT_MAX_MS = 7 * 24 * HOUR_MS
const COMPONENT_CAMPAIGNS = 0x63616d70

export class Agenda {
  readonly #life: Life
  readonly #timeline: Timeline
  readonly #budgets: Budget[]
  readonly #refunds: Budget
  /** Campaigns by the slot of their next step. */
  readonly #waiting = new Map<number, Campaign[]>()
  readonly #draw: Random
  #campaignCount = 0

  constructor(life: Life, timeline: Timeline, inputs: StreamInputs) {
    this.#life = life
    this.#timeline = timeline
    this.#draw = new Random(inputs.seed, COMPONENT_CAMPAIGNS)
    this.#budgets = budgetsOf(inputs, timeline.meanPerSlot, this.#draw)
    const ordinaryShare = Math.max(0, 1 - inputs.fraudRate - inputs.lookAlikeRate)
    this.#refunds = {
      kind: REFUNDS,
      fraudTypology: 0,
      lookAlikeTypology: 0,
      perSlot: timeline.meanPerSlot * ordinaryShare * REFUND_SHARE * REFUNDS.meanSteps,
      saved: 0,
      threshold: 0,
    }
    this.#prepare()
  }

  /** Campaigns that began before the stream go on in it: the mix is steady from the first payment. */
  #prepare(): void {
    const slotCount = Math.ceil(MAX_CAMPAIGN_MS / this.#timeline.slotMs)
    for (let slot = -slotCount; slot < 0; slot++) {
      this.#startCampaigns(slot, this.#timeline.open(slot), this.#budgets)
      this.#takeDue(slot)
    }
  }

  /**
   * The campaign payments of the next slot in time order. Slots must be asked for one after the other, from 0.
   *
   * @param intensity the slot's intensity against the week's mean
   */
  advance(slot: number, intensity: number): DueStep[] {
    this.#startCampaigns(slot, intensity, this.#budgets)
    this.#startCampaigns(slot, intensity, [this.#refunds])
    return this.#takeDue(slot)
  }

  #startCampaigns(slot: number, intensity: number, budgets: readonly Budget[]): void {
    for (const budget of budgets) {
      const fraud = budget.fraudTypology > 0
      const pace = fraud ? FRAUD_AROUND_THE_CLOCK + (1 - FRAUD_AROUND_THE_CLOCK) * intensity : intensity
      budget.saved += budget.perSlot * pace
      while (budget.saved > budget.threshold) {
        const campaign = this.#start(budget, slot)
        budget.saved -= campaign.plan.offsetsMs.length
        budget.threshold = (this.#draw.unit() - 0.5) * budget.kind.meanSteps
      }
    }
  }

  #start(budget: Budget, slot: number): Campaign {
    const draw = this.#draw
    const startMs = this.#timeline.slotStartMs(slot) + draw.unit() * this.#timeline.slotMs
    const plan = budget.kind.plan(this.#life, startMs, draw)
    const {offsetsMs} = plan
    const lastMs = offsetsMs[offsetsMs.length - 1]
    assert(offsetsMs.length > 0, 'a campaign has payments')
    assert(offsetsMs[0] >= 0 && lastMs < MAX_CAMPAIGN_MS, `a campaign lasts ${lastMs} ms`)
    const fraud = budget.fraudTypology > 0
    const u = draw.unit()
    const campaign: Campaign = {
      number: fraud || budget.lookAlikeTypology > 0 ? ++this.#campaignCount : 0,
      fraudTypology: budget.fraudTypology,
      lookAlikeTypology: budget.lookAlikeTypology,
      startMs,
      plan,
      key: draw.uint32() * 2_097_152 + (draw.uint32() >>> 11),
      confirmedAtMs: fraud ? Math.floor(startMs + lastMs + REPORT_MIN_MS + u * u * (REPORT_MAX_MS - REPORT_MIN_MS)) : 0,
      nextStep: 0,
    }
    this.#wait(campaign)
    return campaign
  }

  #wait(campaign: Campaign): void {
    const slot = this.#timeline.slotOf(campaign.startMs + campaign.plan.offsetsMs[campaign.nextStep])
    const others = this.#waiting.get(slot)
    if (others === undefined) this.#waiting.set(slot, [campaign])
    else others.push(campaign)
  }

  #takeDue(slot: number): DueStep[] {
    const campaigns = this.#waiting.get(slot)
    if (campaigns === undefined) return NOTHING
    this.#waiting.delete(slot)
    const due: DueStep[] = []
    for (const campaign of campaigns) {
      const {offsetsMs} = campaign.plan
      for (; campaign.nextStep < offsetsMs.length; campaign.nextStep++) {
        const timeMs = campaign.startMs + offsetsMs[campaign.nextStep]
        if (this.#timeline.slotOf(timeMs) !== slot) break
        due.push({timeMs, campaign, step: campaign.nextStep})
      }
      if (campaign.nextStep < offsetsMs.length) this.#wait(campaign)
    }
    // The sort is stable: payments of one instant stay in the order in which their campaigns were planned.
    return due.sort((a, b) => a.timeMs - b.timeMs)
  }
}

const NOTHING: DueStep[] = []

function budgetsOf(inputs: StreamInputs, meanPerSlot: number, draw: Random): Budget[] {
  const weights = TYPOLOGIES.map(typology => inputs.typologies[typology] ?? 0)
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0)
  if (totalWeight === 0) return []
  return TYPOLOGIES.flatMap((typology, index) => {
    const {fraud, lookAlike} = TYPOLOGY_DEFINITIONS[typology]
    const share = weights[index] / totalWeight
    if (share === 0) return []
    const first = {saved: 0, threshold: 0}
    return [
      {
        ...first,
        kind: fraud,
        fraudTypology: index + 1,
        lookAlikeTypology: 0,
        perSlot: meanPerSlot * inputs.fraudRate * share,
      },
      {
        ...first,
        kind: lookAlike,
        fraudTypology: 0,
        lookAlikeTypology: index + 1,
        perSlot: meanPerSlot * inputs.lookAlikeRate * share,
      },
    ].map(budget => ({...budget, threshold: draw.unit() * budget.kind.meanSteps}))
  })
}
