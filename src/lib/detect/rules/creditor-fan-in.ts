import {defineRule} from '../rule.js'
import {DEBTOR_PLACES} from '../shared-windows.js'

export const creditorFanIn = defineRule({
  name: 'creditor-fan-in',
  description: 'Many distinct debtors pay one person.',
  score: 0.5,
  parameters: {
    limit: {
      default: 7,
      min: 2,
      max: DEBTOR_PLACES.creditor,
      whole: true,
      description: 'Distinct debtors in 24 h that hit, this one included.',
    },
  },
  bind({limit}) {
    return features => features.creditorIsPerson === 1 && features.creditorDebtors24h >= limit
  },
})
