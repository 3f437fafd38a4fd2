/** All rules, and what they can be told: scenario validation, help and docs read it from here. */
import type {Rule, RuleParameter} from './rule.js'
import {amount} from './rules/amount.js'
import {amountAgainstHistory} from './rules/amount-against-history.js'
import {cardAcrossDebtors} from './rules/card-across-debtors.js'
import {countryMismatch} from './rules/country-mismatch.js'
import {creditorFanIn} from './rules/creditor-fan-in.js'
import {debtorVelocity} from './rules/debtor-velocity.js'
import {highRiskCountry} from './rules/high-risk-country.js'
import {ipVelocity} from './rules/ip-velocity.js'
import {microAmountRepeats} from './rules/micro-amount-repeats.js'
import {nearThresholdRepeats} from './rules/near-threshold-repeats.js'
import {newDeviceNewPayee} from './rules/new-device-new-payee.js'

export const RULES: readonly Rule[] = [
  amount,
  highRiskCountry,
  countryMismatch,
  debtorVelocity,
  ipVelocity,
  cardAcrossDebtors,
  newDeviceNewPayee,
  amountAgainstHistory,
  nearThresholdRepeats,
  creditorFanIn,
  microAmountRepeats,
]

export interface RuleDescription {
  readonly name: string
  readonly description: string
  /** By name, `score` first. */
  readonly parameters: Readonly<Record<string, RuleParameter>>
}

export const ruleCatalogue: readonly RuleDescription[] = RULES.map(rule => ({
  name: rule.name,
  description: rule.description,
  parameters: {
    score: {
      default: rule.score,
      min: 0,
      max: 1,
      description: 'What a hit adds to the score, to four decimals; 0 switches the rule off.',
    },
    ...rule.parameters,
  },
}))
