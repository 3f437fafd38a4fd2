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
    minAmount: {
      default: 100,
      min: 0,
      max: 1e12,
      description: 'Smaller amounts never hit, in major units of the currency.',
    },
    minHistory: {
      default: 5,
      min: 1,
      max: 1_000_000,
      whole: true,
      description: 'Payments that the debtor must have made before.',
    },
  },
  bind({limit, deviations, minAmount, minHistory}) {
    const doublings = Math.log2(limit)
    const minMilli = Math.round(minAmount * 1000)
    return features =>
      features.historyCount >= minHistory &&
      features.amountMilli >= minMilli &&
      features.amountDoublings >= doublings &&
      features.amountDeviations >= deviations
  },
})
