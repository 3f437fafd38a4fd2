import {defineRule} from '../rule.js'

export const newDeviceNewPayee = defineRule({
  name: 'new-device-new-payee',
  description: 'A device that is new to the debtor pays a creditor that is new to the debtor.',
  score: 0.5,
  parameters: {
    limit: {
      default: 24,
      min: 0.1,
      max: 8760,
      description: 'Device and creditor are new for so many hours after their first payment.',
    },
    minAmountMinor: {
      default: 2500,
      min: 1,
      max: 1e14,
      whole: true,
      description: 'Smaller amounts never hit, in minor units of the currency: 2500 is 25.00 EUR or 2,500 JPY.',
    },
    minHistory: {
      default: 3,
      min: 1,
      max: 65_535,
      whole: true,
      description: 'Payments that the debtor must have made before the device appeared.',
    },
  },
  bind({limit, minAmountMinor, minHistory}) {
    const limitMinutes = limit * 60
    return features =>
      features.historyBeforeDevice >= minHistory &&
      features.amountMinor >= minAmountMinor &&
      features.deviceAgeMinutes < limitMinutes &&
      features.payeeAgeMinutes < limitMinutes
  },
})
