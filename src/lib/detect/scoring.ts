/**
 * From features to a decision: which rules hit, the clamped sum of their scores, two thresholds. A decision follows
 * from the set of rules that hit, so each set's decision is made once and kept (2^11 at most).
 */
import type {Decision, DecisionKind} from '../payment/decision.js'
import {RULES} from './catalogue.js'
import type {Factor, Look} from './detector.js'
import type {Features} from './features.js'
import {type ResolvedOptions, SCORE_PARTS} from './options.js'

interface BoundRule {
  readonly name: string
  readonly description: string
  readonly scoreParts: number
  readonly hits: (features: Features) => boolean
}

export class Scoring {
  readonly #options: ResolvedOptions
  /** Strongest first; equals in the catalogue's order. Rules of score 0 are off. */
  readonly #rules: readonly BoundRule[]
  readonly #decisions = new Map<number, Decision>()
  readonly #looks = new Map<number, Look>()

  constructor(options: ResolvedOptions) {
    this.#options = options
    const rules: BoundRule[] = []
    for (const rule of RULES) {
      const values = options.rules.get(rule.name) ?? {}
      const scoreParts = Math.round(values['score'] * SCORE_PARTS)
      if (scoreParts > 0) {
        rules.push({name: rule.name, description: rule.description, scoreParts, hits: rule.bind(values)})
      }
    }
    this.#rules = rules.sort((a, b) => b.scoreParts - a.scoreParts)
  }

  decide(features: Features): Decision {
    const hitSet = this.#hitSet(features)
    let decision = this.#decisions.get(hitSet)
    if (decision === undefined) {
      decision = this.#decisionOf(hitSet)
      this.#decisions.set(hitSet, decision)
    }
    return decision
  }

  /** The decision, and the rules that hit with what each adds to the score. */
  look(features: Features): Look {
    const hitSet = this.#hitSet(features)
    let look = this.#looks.get(hitSet)
    if (look === undefined) {
      look = {decision: this.decide(features), factors: this.#rulesOf(hitSet).map(toFactor)}
      this.#looks.set(hitSet, look)
    }
    return look
  }

  #hitSet(features: Features): number {
    const rules = this.#rules
    let hitSet = 0
    for (let index = 0; index < rules.length; index++) if (rules[index].hits(features)) hitSet |= 1 << index
    return hitSet
  }

  #rulesOf(hitSet: number): readonly BoundRule[] {
    return this.#rules.filter((_, index) => (hitSet & (1 << index)) !== 0)
  }

  #decisionOf(hitSet: number): Decision {
    const hit = this.#rulesOf(hitSet)
    const sum = hit.reduce((parts, rule) => parts + rule.scoreParts, 0)
    const parts = Math.min(sum, SCORE_PARTS)
    return {kind: this.#kindOf(parts), score: parts / SCORE_PARTS, reasons: hit.map(rule => rule.name)}
  }

  #kindOf(parts: number): DecisionKind {
    if (parts >= this.#options.blockParts) return 'block'
    return parts >= this.#options.reviewParts ? 'review' : 'approve'
  }
}

function toFactor({name, description, scoreParts}: BoundRule): Factor {
  return {rule: name, impact: scoreParts / SCORE_PARTS, description}
}
