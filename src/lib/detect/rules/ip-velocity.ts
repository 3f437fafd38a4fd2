import {defineRule} from '../rule.js'

export const ipVelocity = defineRule({
  name: 'ip-velocity',
  description: 'Too many payments come from one IP address.',
  score: 0.3,
  parameters: {
    limit: {
      default: 10,
      min: 2,
      max: 100_000,
      whole: true,
      description: 'Payments in 10 minutes that hit, this one included (buckets of 1 minute).',
    },
  },
  bind({limit}) {
    return features => features.ipCount10m >= limit
  },
})
