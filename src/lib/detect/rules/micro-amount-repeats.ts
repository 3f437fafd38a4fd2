import {defineRule} from '../rule.js'

export const microAmountRepeats = defineRule({
  name: 'micro-amount-repeats',
  description:
    'Micro amounts (at most 500 minor units) repeat on one debtor, card, device or IP: somebody tries what works.',
  score: 0.5,
  parameters: {
    limit: {
      default: 5,
      min: 2,
      max: 17,
      whole: true,
      description: 'Micro amounts in 10 minutes that hit; what follows them hits as well.',
    },
  },
  bind({limit}) {
    return features => features.microCount10m >= limit
  },
})
