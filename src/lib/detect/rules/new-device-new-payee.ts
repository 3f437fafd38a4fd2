import {defineRule} from '../rule.js'

export const newDeviceNewPayee = defineRule({
  name: 'new-device-new-payee',
  description: 'A device that is new to the debtor pays a creditor that is new to the debtor.',
  score: 0.4,
  parameters: {
    limit: {
      default: 24,
      min: 0.1,
      max: 8760,
      description: 'Device and creditor are new for so many hours after their first payment.',
    },
    minHistory: {
      default: 5,
      min: 1,
      max: 65_535,
      whole: true,
      description: 'Payments that the debtor must have made before the device appeared.',
    },
  },
  bind({limit, minHistory}) {
    const limitMinutes = limit * 60
    return features =>
      features.historyBeforeDevice >= minHistory &&
      features.deviceAgeMinutes < limitMinutes &&
      features.payeeAgeMinutes < limitMinutes
  },
})
