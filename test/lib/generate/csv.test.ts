import {describe, expect, it} from 'vitest'
import {CSV_COLUMNS, csvHeader, csvRows} from '../../../src/lib/generate/csv.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {streamInputs} from '../../support/stream-inputs.js'
import {firstBlocks, rowsOf} from '../../support/stream-rows.js'

describe('CSV', () => {
  const [block] = firstBlocks(streamInputs(), 400)

  it('has the columns of the wire format in its order', () => {
    const everything = encodePayment({
      schemaVersion: 1,
      paymentId: '',
      createdAtMs: 0,
      paymentType: 'refund',
      debtorId: '',
      creditorId: '',
      creditorType: 'person',
      amountMinor: 1,
      currency: '',
      method: 'card',
      cardToken: '',
      cardLastFour: '',
      channel: 'app',
      country: '',
      creditorCountry: '',
      ipAddress: '',
      deviceId: '',
      latitude: 0,
      longitude: 0,
      merchantCategory: '',
      reference: '',
      originalPaymentId: '',
      status: 'accepted',
      simChangedAtMs: 0,
    })
    expect(CSV_COLUMNS).toEqual(Object.keys(JSON.parse(everything)))
    expect(csvHeader()).toBe(`${CSV_COLUMNS.join(',')}\r\n`)
  })

  it('carries every value of every payment', () => {
    const lines = csvRows(block.payments).split('\r\n')
    expect(lines.pop()).toBe('')
    for (const [index, row] of rowsOf(block).entries()) {
      const payment: Record<string, unknown> = JSON.parse(row.json)
      expect(lines[index].split(',')).toEqual(CSV_COLUMNS.map(column => String(payment[column] ?? '')))
    }
  })

  it('renders a part of a block', () => {
    const all = csvRows(block.payments)
    expect(csvRows(block.payments, 0, 150) + csvRows(block.payments, 150)).toBe(all)
  })

  it.each([
    ['a comma', 'a,b', '"a,b"'],
    ['a quote', 'a"b', '"a""b"'],
    ['a line break', 'a\nb', '"a\nb"'],
    ['nothing special', "it's", "it's"],
  ])('quotes a value with %s as RFC 4180 says', (_name, value, expected) => {
    const bytes = Buffer.from(JSON.stringify({payment_id: value}))
    const offsets = Uint32Array.of(0, bytes.length)
    expect(csvRows({...block.payments, count: 1, bytes, offsets})).toBe(
      `,${expected}${','.repeat(CSV_COLUMNS.length - 2)}\r\n`,
    )
  })
})
