import {defineRule} from '../rule.js'

export const amountAgainstHistory = defineRule({
  name: 'amount-against-history',
  description: "The amount is far above the debtor's usual amounts, in ratio as well as in deviations.",
  score: 0.3,
  parameters: {
    limit: {
      default: 8,
      min: 1,
      max: 1e6,
      description: 'Multiples of the usual amount (the geometric mean) that hit.',
    },
    deviations: {
      default: 2.5,
      min: 0,
      max: 100,
      description: 'Standard deviations of the logarithm that it must be above usual, too.',
    },
    minAmountMinor: {
      default: 10_000,
      min: 1,
      max: 1e14,
      whole: true,
      description: 'Smaller amounts never hit, in minor units of the currency: 10000 is 100.00 EUR or 10,000 JPY.',
    },
    minHistory: {
      default: 5,
      min: 1,
      max: 1_000_000,
      whole: true,
      description: 'Payments that the debtor must have made before.',
    },
  },
  bind({limit, deviations, minAmountMinor, minHistory}) {
    const doublings = Math.log2(limit)
    return features =>
      features.historyCount >= minHistory &&
      features.amountMinor >= minAmountMinor &&
      features.amountDoublings >= doublings &&
      features.amountDeviations >= deviations
  },
})
