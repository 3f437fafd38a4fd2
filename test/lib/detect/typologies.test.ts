/** With the defaults: what ordinary life looks like is approved, and each kind of fraud is flagged in its course. */
import {describe, expect, it} from 'vitest'
import {Random} from '../../../src/lib/base/random.js'
import {createDetector} from '../../../src/lib/detect/create.js'
import {DEFAULT_DETECTOR_OPTIONS} from '../../../src/lib/detect/options.js'
import type {Payment} from '../../../src/lib/payment/payment.js'
import {NOON_MS, paymentWith, testPaymentId} from '../../support/payments.js'
import {Stream} from './support.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A debtor's day: three small payments to three of five known payees. */
function ordinary(debtor: string, day: number): Partial<Payment>[] {
  return [9, 13, 19].map((hour, index) => ({
    debtorId: debtor,
    deviceId: `${debtor}-phone`,
    ipAddress: '198.51.100.7',
    creditorId: `shop-${(day + index) % 5}`,
    creditorType: 'merchant',
    amountMinor: 1200 + 700 * ((day + index) % 4),
    createdAtMs: NOON_MS + day * DAY + hour * HOUR,
  }))
}

/** A detector that knows the debtor for ten days; the eleventh begins. */
function afterTenDays(debtor = 'debtor-1'): Stream {
  const stream = new Stream(createDetector(DEFAULT_DETECTOR_OPTIONS))
  for (let day = 0; day < 10; day++)
    for (const payment of ordinary(debtor, day)) expect(stream.pay(payment).kind).toBe('approve')
  return stream
}

const NOW = NOON_MS + 11 * DAY

describe('fraud is flagged', () => {
  it('velocity burst: from the fifth payment within a minute on', () => {
    const stream = afterTenDays()
    const known = {deviceId: 'debtor-1-phone', creditorId: 'shop-1', amountMinor: 4000}
    const kinds = Array.from({length: 8}, (_, index) => stream.pay({...known, createdAtMs: NOW + index * 8000}).kind)
    expect(kinds.slice(0, 4)).toEqual(Array(4).fill('approve'))
    expect(kinds.slice(4)).not.toContain('approve')
  })

  it('account takeover: new device, new payee and an amount far above usual are blocked', () => {
    const decision = afterTenDays().pay({
      createdAtMs: NOW,
      deviceId: 'stranger',
      creditorId: 'stranger',
      ipAddress: '203.0.113.9',
      amountMinor: 250_000,
    })
    expect(decision).toMatchObject({kind: 'block', reasons: ['new-device-new-payee', 'amount-against-history']})
  })

  it('card testing: micro amounts on many cards, then the large one', () => {
    const stream = new Stream(createDetector(DEFAULT_DETECTOR_OPTIONS))
    const ring = {deviceId: 'ring', ipAddress: '203.0.113.9', method: 'card', paymentType: 'purchase'} as const
    const micro = Array.from({length: 12}, (_, index) =>
      stream.pay({
        ...ring,
        createdAtMs: NOW + index * 20_000,
        amountMinor: 150,
        cardToken: `card-${index % 6}`,
        debtorId: `mule-${index % 3}`,
      }),
    )
    expect(micro.slice(4).map(({kind}) => kind)).not.toContain('approve')
    const dear = stream.pay({
      ...ring,
      createdAtMs: NOW + 5 * MINUTE,
      amountMinor: 80_000,
      cardToken: 'card-1',
      debtorId: 'mule-1',
    })
    expect(dear.kind).not.toBe('approve')
  })

  it('mule fan-in: from the seventh debtor of a person within a day on', () => {
    const stream = new Stream(createDetector(DEFAULT_DETECTOR_OPTIONS))
    const kinds = Array.from(
      {length: 10},
      (_, index) =>
        stream.pay({
          createdAtMs: NOW + index * HOUR,
          debtorId: `victim-${index}`,
          creditorId: 'mule',
          amountMinor: 30_000,
        }).kind,
    )
    expect(kinds.indexOf('review')).toBe(6)
  })

  it('structuring: the third amount just below the threshold', () => {
    const stream = afterTenDays()
    const kinds = [0, 5, 20].map(
      hours => stream.pay({createdAtMs: NOW + hours * HOUR, creditorId: 'shop-1', amountMinor: 950_000}).kind,
    )
    expect(kinds[2]).not.toBe('approve')
  })
})

describe('ordinary life is approved', () => {
  it('a new phone, with the usual payees', () => {
    const stream = afterTenDays()
    for (const payment of ordinary('debtor-1', 11))
      expect(stream.pay({...payment, deviceId: 'new-phone'}).kind).toBe('approve')
  })

  it('a new payee, from the usual phone', () => {
    expect(afterTenDays().pay({createdAtMs: NOW, deviceId: 'debtor-1-phone', creditorId: 'new'}).kind).toBe('approve')
  })

  it('one large purchase', () => {
    expect(
      afterTenDays().pay({createdAtMs: NOW, deviceId: 'debtor-1-phone', creditorId: 'shop-1', amountMinor: 90_000})
        .kind,
    ).toBe('approve')
  })

  it('a journey', () => {
    const stream = afterTenDays()
    for (const payment of ordinary('debtor-1', 11))
      expect(stream.pay({...payment, deviceId: 'debtor-1-phone', country: 'FR', creditorCountry: 'FR'}).kind).toBe(
        'approve',
      )
  })

  it('three payments a day with log-normal amounts, of 200 debtors over ten days: at most 3 % are flagged', () => {
    const draw = new Random(7)
    const detector = createDetector(DEFAULT_DETECTOR_OPTIONS)
    let flagged = 0
    const count = 6000
    for (let number = 0; number < count; number++) {
      const debtor = draw.below(200)
      // Twelve uniforms make a normal number that is good enough here.
      let normal = -6
      for (let index = 0; index < 12; index++) normal += draw.unit()
      const isNewPayee = draw.unit() < 0.1
      const {kind} = detector.decide(
        paymentWith({
          paymentId: testPaymentId(number),
          createdAtMs: NOON_MS + Math.floor((number / count) * 10 * DAY),
          debtorId: `debtor-${debtor}`,
          creditorId: isNewPayee ? `other-${draw.below(1000)}` : `payee-${debtor}-${draw.below(6)}`,
          deviceId: `device-${debtor}-${draw.unit() < 0.1 ? 1 : 0}`,
          ipAddress: `192.0.2.${draw.below(250)}`,
          amountMinor: Math.max(1, Math.round(3000 * Math.exp(1.2 * normal))),
        }),
        {partition: debtor % 6, offset: number},
      )
      if (kind !== 'approve') flagged++
    }
    expect(flagged / count).toBeLessThan(0.03)
  })
})
