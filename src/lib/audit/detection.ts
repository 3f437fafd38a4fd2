/**
 * How well the detector did: its decisions against the truth, by typology, past the warm-up. Look-alikes, the
 * legitimate twins of frauds, stand apart: a false alarm there is dearer to avoid and says more than one at random.
 */
import {DECISIONS, type DecisionKind, isFlagged} from '../payment/decision.js'
import {TYPOLOGIES} from '../payment/label.js'
import {type Proportion, proportion} from './proportion.js'

/** With fewer frauds a share has an interval of ten points and more: too wide for a verdict. */
export const ENOUGH_FRAUDS = 100

export interface DetectionSummary {
  /** Graded payments: decided, past the warm-up. */
  readonly graded: number
  readonly frauds: number
  readonly decisions: Readonly<Record<DecisionKind, number>>
  readonly recall: Proportion
  readonly precision: Proportion
  readonly false_positive_rate: Proportion
  /** False when fewer than 100 frauds were graded: figures are shown, no verdict rests on them. */
  readonly enough_frauds: boolean
  /** Those with a fraud or a look-alike, in the order of TYPOLOGIES. */
  readonly typologies: readonly TypologySummary[]
}

export interface TypologySummary {
  readonly typology: string
  readonly frauds: number
  readonly approve: number
  readonly review: number
  readonly block: number
  readonly flagged: Proportion
  readonly look_alikes: number
  readonly look_alikes_flagged: Proportion
}

/** Numbers by sequence number; 0 where nothing is known. */
export interface Codes {
  get(sequence: number): number
}

export interface DetectionFacts {
  /** 0 = legitimate, else 1 + index in TYPOLOGIES. */
  readonly fraudTypology: Codes
  /** 0 = no look-alike, else 1 + index in TYPOLOGIES. */
  readonly lookAlikeTypology: Codes
  /** 0 = not decided, else 1 + index in DECISIONS. */
  readonly decision: Codes
}

/** @param range sequence numbers [from, to); `from` is the warm-up's length */
export function summarizeDetection(
  facts: DetectionFacts,
  range: {readonly from: number; readonly to: number},
): DetectionSummary {
  const decisions = {approve: 0, review: 0, block: 0}
  const tallies = TYPOLOGIES.map(() => ({approve: 0, review: 0, block: 0, lookAlikes: 0, lookAlikesFlagged: 0}))
  let frauds = 0
  let fraudsFlagged = 0
  for (let sequence = range.from; sequence < range.to; sequence++) {
    const kind = DECISIONS[facts.decision.get(sequence) - 1]
    if (kind === undefined) continue
    decisions[kind] += 1
    const fraud = tallies[facts.fraudTypology.get(sequence) - 1]
    if (fraud !== undefined) {
      fraud[kind] += 1
      frauds += 1
      if (isFlagged(kind)) fraudsFlagged += 1
    }
    const lookAlike = tallies[facts.lookAlikeTypology.get(sequence) - 1]
    if (lookAlike !== undefined) {
      lookAlike.lookAlikes += 1
      if (isFlagged(kind)) lookAlike.lookAlikesFlagged += 1
    }
  }
  const graded = decisions.approve + decisions.review + decisions.block
  const flagged = decisions.review + decisions.block
  return {
    graded,
    frauds,
    decisions,
    recall: proportion(fraudsFlagged, frauds),
    precision: proportion(fraudsFlagged, flagged),
    false_positive_rate: proportion(flagged - fraudsFlagged, graded - frauds),
    enough_frauds: frauds >= ENOUGH_FRAUDS,
    typologies: TYPOLOGIES.flatMap((typology, index) => {
      const {approve = 0, review = 0, block = 0, lookAlikes = 0, lookAlikesFlagged = 0} = tallies[index] ?? {}
      const count = approve + review + block
      if (count === 0 && lookAlikes === 0) return []
      return {
        typology,
        frauds: count,
        approve,
        review,
        block,
        flagged: proportion(review + block, count),
        look_alikes: lookAlikes,
        look_alikes_flagged: proportion(lookAlikesFlagged, lookAlikes),
      }
    }),
  }
}
