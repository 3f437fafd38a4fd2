/**
 * What a typology has to say: how one campaign is planned and what its payments look like. A campaign's kind is either
 * a fraud or the honest life that resembles it; both are built from the same parts.
 */
import type {Random} from '../base/random.js'
import type {Typology} from '../payment/label.js'
import type {PaymentDraft} from './draft.js'
import type {Life} from './life.js'

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
/** No campaign lasts longer: the agenda looks back this far, and no further, before the stream's start. */
export const MAX_CAMPAIGN_MS = 72 * HOUR_MS

export interface CampaignPlan {
  /** Times of the payments after the campaign's start, ms, ascending, in [0, MAX_CAMPAIGN_MS). */
  readonly offsetsMs: Float64Array
  /**
   * Makes the payment of a step (from 0) in the draft, all fields.
   * The same call must give the same payment: randomness comes from `draw` alone, seeded per step.
   */
  shape(draft: PaymentDraft, step: number, timeMs: number, draw: Random): void
  /** Told the first payment's sequence number before any later step is shaped, when the plan asks for it. */
  learnSequence?(sequence: number): void
}

export interface CampaignKind {
  /** Expected number of payments, to spread the campaigns of a kind over time. */
  readonly meanSteps: number
  /** Draws actors, amounts and times. `draw` is shared: it must not be kept for `shape`. */
  plan(life: Life, startMs: number, draw: Random): CampaignPlan
}

export interface TypologyDefinition {
  readonly typology: Typology
  readonly fraud: CampaignKind
  /** The legitimate twin. */
  readonly lookAlike: CampaignKind
}

/** Uniform in [low, high). */
export function between(draw: Random, low: number, high: number): number {
  return low + (high - low) * draw.unit()
}

/** Uniform integer in [low, high], both inclusive. */
export function integerBetween(draw: Random, low: number, high: number): number {
  return low + draw.below(high - low + 1)
}

/** Times one after the other with uniform gaps; the first at `firstMs`. */
export function inARow(
  draw: Random,
  steps: {readonly count: number; readonly minGapMs: number; readonly maxGapMs: number; readonly firstMs?: number},
): Float64Array {
  const offsets = new Float64Array(steps.count)
  let offset = steps.firstMs ?? 0
  for (let step = 0; step < steps.count; step++) {
    offsets[step] = offset
    // Squared: most gaps are short, a few are long.
    const u = draw.unit()
    offset += steps.minGapMs + (steps.maxGapMs - steps.minGapMs) * u * u
  }
  return offsets
}

/** Times scattered evenly over a span. */
export function scattered(draw: Random, count: number, spanMs: number): Float64Array {
  const offsets = new Float64Array(count)
  for (let step = 0; step < count; step++) offsets[step] = draw.unit() * spanMs
  return offsets.sort()
}

/** Waiting time until the account's next local hour of day, ms, in [0, 24 h). */
export function untilLocalHour(life: Life, account: number, timeMs: number, hour: number): number {
  const local = timeMs / HOUR_MS + life.population.longitudeE5[account] / 1_500_000
  const wait = hour - (local - Math.floor(local / 24) * 24)
  return (wait < 0 ? wait + 24 : wait) * HOUR_MS
}

/** A uniform choice; the list is not empty. */
export function pick<T>(draw: Random, items: readonly T[]): T {
  return items[draw.below(items.length)]
}
