/** Each rule alone, on streams: what the windows count, up to their edges in event time. */
import {describe, expect, it} from 'vitest'
import type {Payment} from '../../../src/lib/payment/payment.js'
import {NOON_MS} from '../../support/payments.js'
import {detectorWithOnly, Stream} from './support.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

function streamOf(rule: string, limits: Readonly<Record<string, number>> = {}): Stream {
  return new Stream(detectorWithOnly(rule, limits))
}

function at(ms: number, overrides: Partial<Payment> = {}): Partial<Payment> {
  return {createdAtMs: NOON_MS + ms, ...overrides}
}

function times(count: number, make: (index: number) => Partial<Payment>): Partial<Payment>[] {
  return Array.from({length: count}, (_, index) => make(index))
}

describe('debtor-velocity', () => {
  it('counts exactly: a payment of 60 s ago is out, one of 59.999 s ago is in', () => {
    expect(streamOf('debtor-velocity', {limit: 3}).hits([at(0), at(1), at(59_999)])).toEqual([false, false, true])
    expect(streamOf('debtor-velocity', {limit: 3}).hits([at(0), at(1), at(60_000)])).toEqual([false, false, false])
  })

  it('counts five minutes exactly', () => {
    const limits = {limit: 17, limit5m: 3}
    expect(streamOf('debtor-velocity', limits).hits([at(0), at(1), at(5 * MINUTE - 1)])[2]).toBe(true)
    expect(streamOf('debtor-velocity', limits).hits([at(0), at(1), at(5 * MINUTE)])[2]).toBe(false)
  })

  it('saturates at 17 in the exact windows: sixteen remembered and the present one', () => {
    const stream = streamOf('debtor-velocity', {limit: 17, limit5m: 17})
    const hits = stream.hits(times(20, index => at(index)))
    expect(hits.indexOf(true)).toBe(16)
    expect(hits.lastIndexOf(false)).toBe(15)
  })

  it('counts an hour in buckets: what is 65 minutes old is out, what is under 60 is in', () => {
    const limits = {limit: 17, limit5m: 17, limit1h: 20}
    const early = times(19, index => at(index * SECOND))
    expect(streamOf('debtor-velocity', limits).hits([...early, at(59 * MINUTE)])[19]).toBe(true)
    expect(streamOf('debtor-velocity', limits).hits([...early, at(65 * MINUTE)])[19]).toBe(false)
  })

  it('counts a day in buckets: what is 26 hours old is out, what is under 24 is in', () => {
    const limits = {limit: 17, limit5m: 17, limit1h: 1000, limit24h: 20}
    const early = times(19, index => at(index * SECOND))
    expect(streamOf('debtor-velocity', limits).hits([...early, at(DAY - MINUTE)])[19]).toBe(true)
    expect(streamOf('debtor-velocity', limits).hits([...early, at(26 * HOUR)])[19]).toBe(false)
  })

  it('knows no other debtor', () => {
    const payments = times(10, index => at(index, {debtorId: `debtor-${index}`}))
    expect(streamOf('debtor-velocity', {limit: 2}).hits(payments)).not.toContain(true)
  })

  it('counts declined attempts', () => {
    expect(streamOf('debtor-velocity', {limit: 3}).hits(times(3, index => at(index, {status: 'declined'})))[2]).toBe(
      true,
    )
  })

  it('a late payment sees only what happened before it in event time', () => {
    const stream = streamOf('debtor-velocity', {limit: 3})
    expect(stream.hits([at(10 * MINUTE), at(10 * MINUTE + 1), at(0), at(1), at(2)])).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
  })

  it('a payment dated into the far future takes one place, not the window', () => {
    const stream = streamOf('debtor-velocity', {limit: 17, limit5m: 17, limit1h: 20})
    stream.pay({createdAtMs: Date.UTC(9999, 0)})
    expect(stream.hits(times(25, index => at(index * 2 * MINUTE)))[24]).toBe(true)
  })

  it('counts those that are older than the day still held, and keeps them out of it', () => {
    const stream = streamOf('debtor-velocity')
    // Buckets are 2 h wide and 13 of them are held: this one takes the place of the one 26 h before.
    stream.pay(at(0))
    stream.pay(at(-26 * HOUR))
    expect(stream.detector.stats.lateCount).toBe(1)
    stream.pay(at(-24 * HOUR))
    expect(stream.detector.stats.lateCount).toBe(1)
  })
})

describe('ip-velocity', () => {
  it('counts all debtors of an address within ten minute buckets', () => {
    const early = times(9, index => at(index, {debtorId: `debtor-${index}`}))
    expect(streamOf('ip-velocity', {limit: 10}).hits([...early, at(9 * MINUTE)])[9]).toBe(true)
    expect(streamOf('ip-velocity', {limit: 10}).hits([...early, at(10 * MINUTE)])[9]).toBe(false)
    expect(streamOf('ip-velocity', {limit: 10}).hits([...early, at(0, {ipAddress: '192.0.2.2'})])[9]).toBe(false)
  })
})

describe('card-across-debtors', () => {
  const card = (debtor: number, ms = 0) => at(ms, {debtorId: `debtor-${debtor}`, cardToken: 'card-1', method: 'card'})

  it('counts distinct debtors within 24 hours', () => {
    expect(streamOf('card-across-debtors', {limit: 3}).hits([card(1), card(2), card(1), card(3)])).toEqual([
      false,
      false,
      false,
      true,
    ])
    expect(streamOf('card-across-debtors', {limit: 3}).hits([card(1), card(2), card(3, DAY - MINUTE)])[2]).toBe(true)
    expect(streamOf('card-across-debtors', {limit: 3}).hits([card(1), card(2), card(3, DAY)])[2]).toBe(false)
  })

  it('saturates at eight debtors', () => {
    const hits = streamOf('card-across-debtors', {limit: 8}).hits(times(12, index => card(index)))
    expect(hits.indexOf(true)).toBe(7)
    expect(hits.slice(7)).not.toContain(false)
  })

  it('does not take payments without a card for one card', () => {
    expect(
      streamOf('card-across-debtors', {limit: 3}).hits(times(5, index => at(0, {debtorId: `debtor-${index}`}))),
    ).not.toContain(true)
  })
})

describe('creditor-fan-in', () => {
  const inflow = (debtor: number, ms = 0, type: 'person' | 'merchant' = 'person') =>
    at(ms, {debtorId: `debtor-${debtor}`, creditorType: type})

  it('counts distinct debtors of a person within 24 hours', () => {
    expect(
      streamOf('creditor-fan-in', {limit: 8})
        .hits(times(8, index => inflow(index, index * HOUR)))
        .indexOf(true),
    ).toBe(7)
    expect(
      streamOf('creditor-fan-in', {limit: 8}).hits([...times(7, index => inflow(index)), inflow(7, DAY)]),
    ).not.toContain(true)
  })

  it('does not mind the same debtor again, nor a busy merchant', () => {
    expect(streamOf('creditor-fan-in', {limit: 8}).hits(times(20, index => inflow(index % 7)))).not.toContain(true)
    expect(
      streamOf('creditor-fan-in', {limit: 8}).hits(times(20, index => inflow(index, 0, 'merchant'))),
    ).not.toContain(true)
  })

  it('forgets the debtor whose last payment is the oldest when more than 32 pay', () => {
    const stream = streamOf('creditor-fan-in', {limit: 32})
    const hits = stream.hits(times(100, index => inflow(index, index * SECOND)))
    expect(hits.indexOf(true)).toBe(31)
    expect(hits.slice(31)).not.toContain(false)
  })
})

describe('micro-amount-repeats', () => {
  it.each([
    ['debtor', {}],
    ['card', {cardToken: 'card-1'}],
    ['device', {deviceId: 'device-1'}],
    ['IP', {ipAddress: '192.0.2.1'}],
  ])('counts on one %s, and hits the large payment that follows', (_, shared) => {
    const stream = streamOf('micro-amount-repeats', {limit: 5})
    const separate = (index: number): Partial<Payment> =>
      Object.keys(shared).length === 0
        ? {deviceId: `d${index}`, ipAddress: `192.0.2.${100 + index}`}
        : {debtorId: `x${index}`, deviceId: `d${index}`, ipAddress: `192.0.2.${100 + index}`, cardToken: `c${index}`}
    const payments = times(5, index => at(index * MINUTE, {...separate(index), amountMinor: 500, ...shared}))
    const dear = at(6 * MINUTE, {...separate(9), amountMinor: 90_000, ...shared})
    expect(stream.hits([...payments, dear])).toEqual([false, false, false, false, true, true])
  })

  it('takes 5.00 for micro and 5.01 not', () => {
    expect(streamOf('micro-amount-repeats', {limit: 5}).hits(times(9, () => at(0, {amountMinor: 501})))).not.toContain(
      true,
    )
  })

  it('lets ten minutes pass', () => {
    const payments = times(4, index => at(index, {amountMinor: 100}))
    expect(
      streamOf('micro-amount-repeats', {limit: 5}).hits([...payments, at(10 * MINUTE, {amountMinor: 100})]),
    ).not.toContain(true)
  })
})

describe('new-device-new-payee', () => {
  const history = times(5, index => at(index * HOUR))
  const NEW = {minHistory: 5, limit: 24, minAmountMinor: 2500}
  const stranger = {deviceId: 'device-2', creditorId: 'creditor-2'}

  it('needs both to be new', () => {
    expect(streamOf('new-device-new-payee', NEW).hits([...history, at(DAY, stranger)])[5]).toBe(true)
    expect(streamOf('new-device-new-payee', NEW).hits([...history, at(DAY, {deviceId: 'device-2'})])[5]).toBe(false)
    expect(streamOf('new-device-new-payee', NEW).hits([...history, at(DAY, {creditorId: 'creditor-2'})])[5]).toBe(false)
  })

  it('needs a history from before the device', () => {
    expect(streamOf('new-device-new-payee', NEW).hits([...history.slice(1), at(DAY, stranger)])[4]).toBe(false)
    expect(
      streamOf('new-device-new-payee', NEW).hits(times(30, index => at(0, {...stranger, creditorId: `c${index}`}))),
    ).not.toContain(true)
  })

  it('goes on for 24 hours after the first such payment, then both are known', () => {
    const stream = streamOf('new-device-new-payee', NEW)
    expect(
      stream.hits([...history, at(DAY, stranger), at(2 * DAY - MINUTE, stranger), at(2 * DAY, stranger)]).slice(5),
    ).toEqual([true, true, false])
  })

  it('a declined attempt makes nothing known', () => {
    const stream = streamOf('new-device-new-payee', NEW)
    expect(
      stream.hits([...history, at(DAY, {...stranger, status: 'declined'}), at(3 * DAY, stranger)]).slice(5),
    ).toEqual([true, true])
  })

  it('remembers six devices, the longest unused is forgotten', () => {
    const devices = (from: number, to: number) =>
      times(to - from, index => at(DAY, {deviceId: `device-${from + index}`}))
    const seventh = at(4 * DAY, {creditorId: 'creditor-2'})
    expect(
      streamOf('new-device-new-payee', NEW)
        .hits([...history, ...devices(2, 7), seventh])
        .at(-1),
    ).toBe(false)
    expect(
      streamOf('new-device-new-payee', NEW)
        .hits([...history, ...devices(2, 8), seventh])
        .at(-1),
    ).toBe(true)
  })
})

describe('country-mismatch', () => {
  it('hits abroad until the country is familiar', () => {
    const home = times(5, index => at(index * HOUR))
    const away = times(3, index => at(DAY + index * HOUR, {country: 'FR'}))
    expect(
      streamOf('country-mismatch')
        .hits([...home, ...away])
        .slice(5),
    ).toEqual([true, true, false])
  })

  it('hits nobody without a history', () => {
    expect(streamOf('country-mismatch').hits([at(0), at(1, {country: 'FR'}), at(2, {country: 'IT'})])).not.toContain(
      true,
    )
  })
})

describe('high-risk-country', () => {
  it.each([
    ['made there', {country: 'KP'}, true],
    ['going there', {creditorCountry: 'IR'}, true],
    ['under increased monitoring only', {country: 'VN'}, false],
    ['neither', {country: 'DE', creditorCountry: 'FR'}, false],
  ])('a payment %s', (_, overrides, expected) => {
    expect(streamOf('high-risk-country').hits([overrides])).toEqual([expected])
  })
})

describe('amount-against-history', () => {
  const usual = times(8, index => at(index * HOUR, {amountMinor: index % 2 === 0 ? 2000 : 3000}))

  it('hits what is far above usual', () => {
    expect(streamOf('amount-against-history').hits([...usual, at(DAY, {amountMinor: 60_000})])[8]).toBe(true)
    expect(streamOf('amount-against-history').hits([...usual, at(DAY, {amountMinor: 9_000})])[8]).toBe(false)
  })

  it('does not let one outlier become usual', () => {
    const stream = streamOf('amount-against-history')
    expect(
      stream.hits([...usual, at(DAY, {amountMinor: 10_000_000}), at(DAY + HOUR, {amountMinor: 10_000_000})]).slice(8),
    ).toEqual([true, true])
  })

  it('takes wide amounts of the past for what they are', () => {
    const wide = times(40, index => at(index * HOUR, {amountMinor: [300, 3000, 30_000, 300_000][index % 4]}))
    expect(
      streamOf('amount-against-history')
        .hits([...wide, at(3 * DAY, {amountMinor: 400_000})])
        .at(-1),
    ).toBe(false)
  })

  it('a declined amount teaches nothing', () => {
    const declined = times(20, index => at(DAY + index * MINUTE, {amountMinor: 60_000, status: 'declined'}))
    expect(
      streamOf('amount-against-history')
        .hits([...usual, ...declined])
        .at(-1),
    ).toBe(true)
  })
})

describe('near-threshold-repeats', () => {
  const limits = {thresholdMinor: 100_000, fromShare: 0.8, toShare: 0.99, windowHours: 24}
  const sums = (...amounts: number[]) => amounts.map((amountMinor, index) => at(index * HOUR, {amountMinor}))

  it.each([
    ['at the lower edge', [80_000, 80_000, 80_000], true],
    ['below it', [79_999, 80_000, 80_000], false],
    ['at the upper edge', [99_000, 99_000, 99_000], true],
    ['above it', [99_001, 99_000, 99_000], false],
    ['reaching the threshold itself', [100_000, 99_000, 99_000], false],
  ])('three amounts %s', (_, amounts, expected) => {
    expect(streamOf('near-threshold-repeats', limits).hits(sums(...amounts))[2]).toBe(expected)
  })

  it('an amount that is not near is not flagged for those before it', () => {
    expect(streamOf('near-threshold-repeats', limits).hits(sums(90_000, 90_000, 90_000, 5000))).toEqual([
      false,
      false,
      true,
      false,
    ])
  })

  it('lets the window pass', () => {
    const payments = [at(0), at(1), at(DAY - 1)].map(payment => ({...payment, amountMinor: 90_000}))
    expect(streamOf('near-threshold-repeats', limits).hits(payments)[2]).toBe(true)
    payments[2] = {...at(DAY), amountMinor: 90_000}
    expect(streamOf('near-threshold-repeats', limits).hits(payments)[2]).toBe(false)
  })
})
