import {defineRule} from '../rule.js'
import {DEBTOR_PLACES} from '../shared-windows.js'

export const cardAcrossDebtors = defineRule({
  name: 'card-across-debtors',
  description: 'One card is used by several debtors.',
  score: 0.5,
  parameters: {
    limit: {
      default: 3,
      min: 2,
      max: DEBTOR_PLACES.card,
      whole: true,
      description: 'Distinct debtors in 24 h that hit, this one included.',
    },
  },
  bind({limit}) {
    return features => features.cardDebtors24h >= limit
  },
})
