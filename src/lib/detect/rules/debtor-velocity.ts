import type {RuleParameter} from '../rule.js'
import {defineRule} from '../rule.js'

/** Windows up to five minutes are counted exactly, from the last 16 payments and the present one. */
const EXACT_MAX = 17

export const debtorVelocity = defineRule({
  name: 'debtor-velocity',
  description: 'The debtor pays too often, in any of four windows.',
  score: 0.5,
  parameters: {
    limit: window(5, EXACT_MAX, 'Payments in 60 s that hit, this one included.'),
    limit5m: window(7, EXACT_MAX, 'Payments in 5 minutes that hit.'),
    limit1h: window(20, 1_000_000, 'Payments in 1 h that hit (buckets of 5 minutes).'),
    limit24h: window(60, 1_000_000, 'Payments in 24 h that hit (buckets of 2 h).'),
  },
  bind({limit, limit5m, limit1h, limit24h}) {
    return features =>
      features.count1m >= limit ||
      features.count5m >= limit5m ||
      features.count1h >= limit1h ||
      features.count24h >= limit24h
  },
})

function window(usual: number, max: number, description: string): RuleParameter {
  return {default: usual, min: 2, max, whole: true, description}
}
