import {defineRule} from '../rule.js'

export const amount = defineRule({
  name: 'amount',
  description: 'The amount is large, whoever pays it.',
  score: 0.25,
  parameters: {
    limit: {default: 3000, min: 0, max: 1e12, description: 'Amounts from here on hit, in major units of the currency.'},
  },
  bind({limit}) {
    const limitMilli = Math.round(limit * 1000)
    return features => features.amountMilli >= limitMilli
  },
})
