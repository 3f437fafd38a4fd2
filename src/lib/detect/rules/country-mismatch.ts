import {defineRule} from '../rule.js'

export const countryMismatch = defineRule({
  name: 'country-mismatch',
  description: "The payment is made in a country that is neither the debtor's usual one nor a familiar one.",
  score: 0.3,
  parameters: {
    limit: {
      default: 2,
      min: 1,
      max: 1000,
      whole: true,
      description: 'A country is familiar after so many payments there.',
    },
    minHistory: {
      default: 5,
      min: 1,
      max: 1_000_000,
      whole: true,
      description: 'Payments that the debtor must have made before.',
    },
  },
  bind({limit, minHistory}) {
    return features =>
      features.countryIsUsual === 0 && features.countryCount < limit && features.historyCount >= minHistory
  },
})
