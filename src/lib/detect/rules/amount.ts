import {defineRule} from '../rule.js'

export const amount = defineRule({
  name: 'amount',
  description: 'The amount is large, whoever pays it.',
  score: 0.25,
  parameters: {
    limit: {
      default: 300_000,
      min: 1,
      max: 1e14,
      whole: true,
      description: 'Amounts from here on hit, in minor units of the currency: 300000 is 3,000.00 EUR or 300,000 JPY.',
    },
  },
  bind({limit}) {
    return features => features.amountMinor >= limit
  },
})
