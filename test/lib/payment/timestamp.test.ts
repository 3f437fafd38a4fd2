import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {parseTimestamp} from '../../../src/lib/payment/timestamp.js'

describe('times on the wire', () => {
  it('are read as Date writes them, from 1970 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({min: 0, max: 253_402_300_799_999}), ms => {
        expect(parseTimestamp(new Date(ms).toISOString())).toBe(ms)
      }),
    )
  })

  it.each([
    ['1970-01-01T00:00:00.000Z', 0],
    ['2000-02-29T23:59:59.999Z', Date.UTC(2000, 1, 29, 23, 59, 59, 999)],
    ['2024-02-29T00:00:00.000Z', Date.UTC(2024, 1, 29)],
    ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
  ])('%s is read', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms)
  })

  it.each([
    ['before 1970', '1969-12-31T23:59:59.999Z'],
    ['a leap day in a common year', '2023-02-29T00:00:00.000Z'],
    ['a leap day in 2100', '2100-02-29T00:00:00.000Z'],
    ['the 31st of April', '2026-04-31T00:00:00.000Z'],
    ['month 0', '2026-00-01T00:00:00.000Z'],
    ['month 13', '2026-13-01T00:00:00.000Z'],
    ['day 0', '2026-01-00T00:00:00.000Z'],
    ['hour 24', '2026-01-01T24:00:00.000Z'],
    ['minute 60', '2026-01-01T00:60:00.000Z'],
    ['a leap second', '2016-12-31T23:59:60.000Z'],
    ['no milliseconds', '2026-01-01T00:00:00Z'],
    ['microseconds', '2026-01-01T00:00:00.000000Z'],
    ['an offset', '2026-01-01T00:00:00.000+01:00'],
    ['no zone', '2026-01-01T00:00:00.0000'],
    ['a space for the T', '2026-01-01 00:00:00.000Z'],
    ['lower-case t and z', '2026-01-01t00:00:00.000z'],
    ['a letter for a digit', '2026-01-0xT00:00:00.000Z'],
    ['a sign', '+026-01-01T00:00:00.000Z'],
    ['a leading space', ' 2026-01-01T00:00:00.00Z'],
    ['a trailing line break', '2026-01-01T00:00:00.00Z\n'],
    ['nothing', ''],
  ])('%s is refused', (_, text) => {
    expect(parseTimestamp(text)).toBeUndefined()
  })
})
