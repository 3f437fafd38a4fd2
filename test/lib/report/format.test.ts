import {describe, expect, it} from 'vitest'
import {proportion} from '../../../src/lib/audit/proportion.js'
import {
  formatActual,
  formatBytes,
  formatCount,
  formatInterval,
  formatMs,
  formatSeconds,
  formatShare,
  formatSpeedUp,
  formatTps,
  plainText,
  plural,
} from '../../../src/lib/report/format.js'

describe('figures for people', () => {
  it.each([
    [formatCount(0), '0'],
    [formatCount(999), '999'],
    [formatCount(1000), '1,000'],
    [formatCount(12_345_678), '12,345,678'],
    [formatCount(null), 'n/a'],
    [formatTps(500), '500/s'],
    [formatTps(499.87), '499.87/s'],
    [formatTps(0.5), '0.5/s'],
    [formatTps(12_345.6), '12,346/s'],
    [formatTps(null), 'n/a'],
    [formatMs(0), '0'],
    [formatMs(1), '0.001'],
    [formatMs(41), '0.041'],
    [formatMs(412), '0.41'],
    [formatMs(3214), '3.21'],
    [formatMs(24_512), '24.5'],
    [formatMs(131_700), '132'],
    [formatMs(1_234_567), '1,235'],
    [formatMs(null), 'n/a'],
    [formatShare(1), '100 %'],
    [formatShare(0), '0 %'],
    [formatShare(0.9998), '99.98 %'],
    [formatShare(0.5), '50 %'],
    [formatShare(1.0002), '100.02 %'],
    [formatShare(null), 'n/a'],
    [formatSeconds(0.25), '0.25 s'],
    [formatSeconds(20.04), '20 s'],
    [formatSeconds(59.96), '60 s'],
    [formatSeconds(90), '1 m 30 s'],
    [formatSeconds(3600), '1 h'],
    [formatSeconds(11_523), '3 h 12 m'],
    [formatSeconds(190_800), '2 d 5 h'],
    [formatSeconds(null), 'n/a'],
    [formatBytes(0), '0 B'],
    [formatBytes(999), '999 B'],
    [formatBytes(1000), '1 kB'],
    [formatBytes(971_418), '971 kB'],
    [formatBytes(999_600), '1 MB'],
    [formatBytes(4_098_164), '4.1 MB'],
    [formatBytes(12_345_678_901), '12.3 GB'],
    [formatBytes(5e15), '5000 TB'],
    [formatBytes(null), 'n/a'],
    [formatSpeedUp(576.03), '576×'],
    [formatSpeedUp(1.5), '1.5×'],
    [formatSpeedUp(null), 'n/a'],
    [formatInterval(proportion(0, 0)), 'n/a'],
    [formatInterval(proportion(15, 148)), '10.1 [6.2–16.0]'],
    [plural(1, 'payment'), '1 payment'],
    [plural(2, 'payment'), '2 payments'],
    [plainText('a\u001b[31mb\r\nc\t'), 'a [31mb c'],
  ])('%s', (actual, expected) => {
    expect(actual).toBe(expected)
  })

  it.each([
    ['all but one in a million', 0.999999, '99.9999 %'],
    ['one in a million', 0.000001, '0.0001 %'],
  ])('never round %s to the end', (_, share, expected) => {
    expect(formatShare(share)).toBe(expected)
  })

  it.each([
    ['produce.ack_time', 'p(99)<1s', 24_512, '24.5 ms'],
    ['produce.ack_time', 'count>5', 8000, '8,000'],
    ['rate.achieved_ratio', '>=0.99', 0.98996, '98.996 %'],
    ['rate.achieved_ratio', '>=0.99', 0.99, '99 %'],
    ['produce.ack_time', 'p(99)<250ms', 250_001, '250.001 ms'],
    ['rate.achieved_tps', '>=495', 494.999, '494.999/s'],
    ['rate.achieved_tps', '>=1', 499.87, '499.87/s'],
    ['audit.lost', '==0', 3, '3'],
    ['audit.lost', '==0', null, 'n/a'],
    ['produce.ack_time', 'of a later syntax', 24_512, '24.5 ms'],
    ['of.a.later.version', '==0', 3, '3'],
  ])('of the threshold %s %s with %d read %s', (metric, expression, actual, expected) => {
    expect(formatActual(metric, expression, actual)).toBe(expected)
  })
})
