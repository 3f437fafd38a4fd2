/** Every limit of every rule, just below, at and above it; each rule alone, on features. */
import {describe, expect, it} from 'vitest'
import {present} from '../../../src/lib/base/assert.js'
import {RULES, ruleCatalogue} from '../../../src/lib/detect/catalogue.js'
import {createFeatures, type Features} from '../../../src/lib/detect/features.js'
import {resolveOptions} from '../../../src/lib/detect/options.js'

type Limits = Readonly<Record<string, number>>

function hits(rule: string, limits: Limits, features: Partial<Features>): boolean {
  const options = resolveOptions({reviewScore: 0.5, blockScore: 0.8, rules: {[rule]: limits}})
  const definition = present(
    RULES.find(candidate => candidate.name === rule),
    rule,
  )
  return definition.bind(present(options.rules.get(rule), rule))({...createFeatures(), ...features})
}

interface Boundary {
  readonly rule: string
  readonly parameter: string
  readonly limits: Limits
  /** Everything but the feature in question is such that the rule hits. */
  readonly others: Partial<Features>
  readonly feature: keyof Features
  readonly misses: readonly number[]
  readonly hits: readonly number[]
}

const AGAINST_HISTORY = {limit: 8, deviations: 2.5, minAmountMinor: 10_000, minHistory: 5}
const far = {historyCount: 100, amountMinor: 1e9, amountDoublings: 10, amountDeviations: 9}
const NEW = {limit: 24, minAmountMinor: 2500, minHistory: 5}
const fresh = {amountMinor: 2500, historyBeforeDevice: 5, deviceAgeMinutes: 0, payeeAgeMinutes: 0}
const MISMATCH = {limit: 2, minHistory: 5}
const abroad = {countryIsUsual: 0, countryCount: 0, historyCount: 5}
const VELOCITY = {limit: 5, limit5m: 8, limit1h: 20, limit24h: 60}

const BOUNDARIES: readonly Boundary[] = [
  {
    rule: 'amount',
    parameter: 'limit',
    limits: {limit: 300_000},
    others: {},
    feature: 'amountMinor',
    misses: [1, 299_999],
    hits: [300_000, 300_001],
  },
  {
    rule: 'high-risk-country',
    parameter: 'limit',
    limits: {limit: 2},
    others: {},
    feature: 'countryRisk',
    misses: [0, 1],
    hits: [2],
  },
  {
    rule: 'high-risk-country',
    parameter: 'limit',
    limits: {limit: 1},
    others: {},
    feature: 'countryRisk',
    misses: [0],
    hits: [1, 2],
  },
  {
    rule: 'country-mismatch',
    parameter: 'limit',
    limits: MISMATCH,
    others: abroad,
    feature: 'countryCount',
    misses: [2, 3],
    hits: [0, 1],
  },
  {
    rule: 'country-mismatch',
    parameter: 'minHistory',
    limits: MISMATCH,
    others: abroad,
    feature: 'historyCount',
    misses: [0, 4],
    hits: [5, 6],
  },
  {
    rule: 'country-mismatch',
    parameter: '',
    limits: MISMATCH,
    others: abroad,
    feature: 'countryIsUsual',
    misses: [1],
    hits: [0],
  },
  {
    rule: 'debtor-velocity',
    parameter: 'limit',
    limits: VELOCITY,
    others: {},
    feature: 'count1m',
    misses: [1, 4],
    hits: [5, 6],
  },
  {
    rule: 'debtor-velocity',
    parameter: 'limit5m',
    limits: VELOCITY,
    others: {},
    feature: 'count5m',
    misses: [1, 7],
    hits: [8, 17],
  },
  {
    rule: 'debtor-velocity',
    parameter: 'limit1h',
    limits: VELOCITY,
    others: {},
    feature: 'count1h',
    misses: [1, 19],
    hits: [20, 21],
  },
  {
    rule: 'debtor-velocity',
    parameter: 'limit24h',
    limits: VELOCITY,
    others: {},
    feature: 'count24h',
    misses: [1, 59],
    hits: [60, 61],
  },
  {
    rule: 'ip-velocity',
    parameter: 'limit',
    limits: {limit: 10},
    others: {},
    feature: 'ipCount10m',
    misses: [1, 9],
    hits: [10, 11],
  },
  {
    rule: 'card-across-debtors',
    parameter: 'limit',
    limits: {limit: 3},
    others: {},
    feature: 'cardDebtors24h',
    misses: [0, 2],
    hits: [3, 8],
  },
  {
    rule: 'new-device-new-payee',
    parameter: 'limit',
    limits: NEW,
    others: fresh,
    feature: 'deviceAgeMinutes',
    misses: [1440, 1441],
    hits: [0, 1439],
  },
  {
    rule: 'new-device-new-payee',
    parameter: 'limit',
    limits: NEW,
    others: fresh,
    feature: 'payeeAgeMinutes',
    misses: [1440, 1441],
    hits: [0, 1439],
  },
  {
    rule: 'new-device-new-payee',
    parameter: 'minAmountMinor',
    limits: NEW,
    others: fresh,
    feature: 'amountMinor',
    misses: [1, 2499],
    hits: [2500, 2501],
  },
  {
    rule: 'new-device-new-payee',
    parameter: 'minHistory',
    limits: NEW,
    others: fresh,
    feature: 'historyBeforeDevice',
    misses: [0, 4],
    hits: [5, 6],
  },
  {
    rule: 'amount-against-history',
    parameter: 'limit',
    limits: AGAINST_HISTORY,
    others: far,
    feature: 'amountDoublings',
    misses: [-4, 2.999],
    hits: [3, 3.001],
  },
  {
    rule: 'amount-against-history',
    parameter: 'deviations',
    limits: AGAINST_HISTORY,
    others: far,
    feature: 'amountDeviations',
    misses: [-1, 2.499],
    hits: [2.5, 2.501],
  },
  {
    rule: 'amount-against-history',
    parameter: 'minAmountMinor',
    limits: AGAINST_HISTORY,
    others: far,
    feature: 'amountMinor',
    misses: [1, 9999],
    hits: [10_000, 10_001],
  },
  {
    rule: 'amount-against-history',
    parameter: 'minHistory',
    limits: AGAINST_HISTORY,
    others: far,
    feature: 'historyCount',
    misses: [0, 4],
    hits: [5, 6],
  },
  {
    rule: 'near-threshold-repeats',
    parameter: 'limit',
    limits: {limit: 3},
    others: {},
    feature: 'nearThresholdCount',
    misses: [0, 2],
    hits: [3, 4],
  },
  {
    rule: 'creditor-fan-in',
    parameter: 'limit',
    limits: {limit: 8},
    others: {creditorIsPerson: 1},
    feature: 'creditorDebtors24h',
    misses: [1, 7],
    hits: [8, 9],
  },
  {
    rule: 'creditor-fan-in',
    parameter: '',
    limits: {limit: 8},
    others: {creditorDebtors24h: 32},
    feature: 'creditorIsPerson',
    misses: [0],
    hits: [1],
  },
  {
    rule: 'micro-amount-repeats',
    parameter: 'limit',
    limits: {limit: 5},
    others: {},
    feature: 'microCount10m',
    misses: [0, 4],
    hits: [5, 6],
  },
]

/** Parameters that shape a feature, not a comparison: their boundaries are those of the windows (windows.test.ts). */
const SHAPING = [
  'near-threshold-repeats.thresholdMinor',
  'near-threshold-repeats.fromShare',
  'near-threshold-repeats.toShare',
  'near-threshold-repeats.windowHours',
]

describe.each(BOUNDARIES)('rule $rule, $feature against $parameter', boundary => {
  const {rule, limits, others, feature} = boundary
  it.each(boundary.misses.map(value => [value]))('misses at %d', value => {
    expect(hits(rule, limits, {...others, [feature]: value})).toBe(false)
  })
  it.each(boundary.hits.map(value => [value]))('hits at %d', value => {
    expect(hits(rule, limits, {...others, [feature]: value})).toBe(true)
  })
})

describe('the catalogue', () => {
  it('has a boundary test for every limit', () => {
    const tested = new Set([...SHAPING, ...BOUNDARIES.map(({rule, parameter}) => `${rule}.${parameter}`)])
    const limits = RULES.flatMap(rule => Object.keys(rule.parameters).map(parameter => `${rule.name}.${parameter}`))
    expect(limits.filter(limit => !tested.has(limit))).toEqual([])
  })

  it('names every rule once, in kebab-case, without a comma: names travel in a header', () => {
    const names = ruleCatalogue.map(rule => rule.name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/)
  })

  it.each(ruleCatalogue)('says of $name what it does, with defaults within their bounds', rule => {
    expect(rule.description).toMatch(/\.$/)
    expect(Object.keys(rule.parameters)[0]).toBe('score')
    for (const parameter of Object.values(rule.parameters)) {
      expect(parameter.description.length).toBeGreaterThan(10)
      expect(parameter.default).toBeGreaterThanOrEqual(parameter.min)
      expect(parameter.default).toBeLessThanOrEqual(parameter.max)
    }
  })

  it('never hits on the features of an ordinary payment', () => {
    for (const rule of RULES) expect([rule.name, hits(rule.name, {}, {amountMinor: 2500})]).toEqual([rule.name, false])
  })
})
