import {defineRule} from '../rule.js'

export const highRiskCountry = defineRule({
  name: 'high-risk-country',
  description: 'The payment is made in, or goes to, a country on a list of the Financial Action Task Force.',
  score: 0.5,
  parameters: {
    limit: {
      default: 2,
      min: 1,
      max: 2,
      whole: true,
      description: 'Level that hits: 2 = call for action only, 1 = also under increased monitoring.',
    },
  },
  bind({limit}) {
    return features => features.countryRisk >= limit
  },
})
