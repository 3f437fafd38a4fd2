import {defineRule} from '../rule.js'

/** The parameters beside `limit` shape the count itself: create.ts hands them to the windows. */
export const nearThresholdRepeats = defineRule({
  name: 'near-threshold-repeats',
  description: 'The debtor repeats amounts that stay just below a threshold.',
  score: 0.5,
  parameters: {
    limit: {
      default: 3,
      min: 2,
      max: 17,
      whole: true,
      description: 'Payments just below the threshold that hit, this one included.',
    },
    thresholdMinor: {
      default: 1_000_000,
      min: 1,
      max: 1e14,
      whole: true,
      description: 'The threshold, in minor units of the currency: 1000000 is 10,000.00 EUR or 1,000,000 JPY.',
    },
    fromShare: {default: 0.8, min: 0.01, max: 1, description: '"Just below" begins at this share of the threshold.'},
    toShare: {default: 0.999, min: 0.01, max: 1, description: '"Just below" ends at this share of the threshold.'},
    windowHours: {default: 48, min: 0.1, max: 720, description: 'Window, as far as the last 16 payments reach.'},
  },
  bind({limit}) {
    return features => features.nearThresholdCount >= limit
  },
})
