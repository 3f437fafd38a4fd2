/**
 * A rule: a limit on features, and apart from it a score that says what crossing the limit weighs. One file each in
 * rules/; catalogue.ts lists them.
 */
import type {Features} from './features.js'

export interface RuleParameter {
  readonly default: number
  /** Both inclusive. */
  readonly min: number
  readonly max: number
  readonly whole?: boolean
  /** What it means, with its unit. */
  readonly description: string
}

export interface Rule<Name extends string = string> {
  /** kebab-case; what `reasons` say. */
  readonly name: string
  /** One sentence: when it hits. */
  readonly description: string
  /** In [0, 1]; the parameter `score` changes it, and 0 switches the rule off. */
  readonly score: number
  /** The limits, by parameter name. */
  readonly parameters: Readonly<Record<Name, RuleParameter>>
  /** Binds the limits: the answer tells, for the features of a payment, whether the rule hits. Pure. */
  bind(limits: Readonly<Record<Name, number>>): (features: Features) => boolean
}

/** Infers the parameter names, so that `bind` cannot ask for a limit that is not declared. */
export function defineRule<const Name extends string>(rule: Rule<Name>): Rule<Name> {
  return rule
}
