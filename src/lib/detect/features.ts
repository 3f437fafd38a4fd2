/**
 * What the rules see of a payment: plain numbers, filled in place, one object for the whole stream. Counts include
 * the payment itself, whether it moves the windows or is only looked at; "before" excludes it. Money is in minor units of
 * whatever currency: those of the yen and of the euro, unlike their major units, are of one order of magnitude.
 */
export interface Features {
  amountMinor: number
  /** The higher of the payment's and the creditor's country: 2 call for action, 1 increased monitoring, 0 neither. */
  countryRisk: number

  // The debtor's past, as far as accepted payments tell.
  /** Payments before. */
  historyCount: number
  /** Payments before in this payment's country. */
  countryCount: number
  /** 1 when this payment's country is the debtor's most frequent one (or nothing is known yet). */
  countryIsUsual: number
  /** Payments before this payment's device first appeared. */
  historyBeforeDevice: number
  /** Minutes since the debtor first used this device; 0 at the first time. */
  deviceAgeMinutes: number
  /** Minutes since the debtor first paid this creditor; 0 at the first time. */
  payeeAgeMinutes: number
  /** How often the usual (geometric mean) amount must be doubled to reach this one. */
  amountDoublings: number
  /** The same in standard deviations of the debtor's amounts. */
  amountDeviations: number

  // The debtor's windows. The first two are exact up to 17, the others full buckets.
  count1m: number
  count5m: number
  count1h: number
  count24h: number
  /** Payments just below the threshold within the rule's window, 0 when this one is not. */
  nearThresholdCount: number

  // Shared entities.
  ipCount10m: number
  /** Distinct debtors on this card in 24 h, at most 8; 0 without a card. */
  cardDebtors24h: number
  creditorIsPerson: number
  /** Distinct debtors paying this creditor in 24 h, at most 32. */
  creditorDebtors24h: number
  /** Micro amounts (at most 500 minor units) within ten minutes, on the debtor, card, device or IP that has most. */
  microCount10m: number
}

export function createFeatures(): Features {
  return {
    amountMinor: 0,
    countryRisk: 0,
    historyCount: 0,
    countryCount: 0,
    countryIsUsual: 1,
    historyBeforeDevice: 0,
    deviceAgeMinutes: 0,
    payeeAgeMinutes: 0,
    amountDoublings: 0,
    amountDeviations: 0,
    count1m: 1,
    count5m: 1,
    count1h: 1,
    count24h: 1,
    nearThresholdCount: 0,
    ipCount10m: 1,
    cardDebtors24h: 0,
    creditorIsPerson: 0,
    creditorDebtors24h: 1,
    microCount10m: 0,
  }
}
