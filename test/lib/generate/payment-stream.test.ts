import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {createPaymentStream} from '../../../src/lib/generate/payment-stream.js'
import {referencePayments} from '../../../src/lib/generate/reference.js'
import {KEY_FIELDS, type StreamInputs} from '../../../src/lib/generate/stream.js'
import {encodePayment} from '../../../src/lib/payment/encode.js'
import {TYPOLOGIES} from '../../../src/lib/payment/label.js'
import {sequenceOf} from '../../../src/lib/payment/payment-id.js'
import {buildPopulation, exportAccounts} from '../../../src/lib/population/population.js'
import {streamInputs} from '../../support/stream-inputs.js'
import {digestOf, firstBlocks, firstRows, rowsOf} from '../../support/stream-rows.js'

describe('the payment stream', () => {
  it('is the same for the same inputs, however the blocks are cut', () => {
    const inputs = streamInputs()
    const whole = digestOf(firstBlocks(inputs, 3000, 3000))
    fc.assert(
      fc.property(fc.integer({min: 1, max: 700}), blockSize => {
        expect(digestOf(firstBlocks(inputs, 3000, blockSize))).toBe(whole)
      }),
      {numRuns: 8},
    )
  })

  it.each([
    ['seed', {seed: 43, runTag: streamInputs().runTag, startMs: streamInputs().startMs}],
    [
      'a seed that differs in its high half',
      {seed: 42 + 2 ** 32, runTag: streamInputs().runTag, startMs: streamInputs().startMs},
    ],
    ['run tag', {runTag: '0123456789ab'}],
    ['start', {startMs: streamInputs().startMs + 1}],
    ['fraud rate', {fraudRate: 0.03}],
    ['look-alike rate', {lookAlikeRate: 0.01}],
    ['accounts', {accountCount: 2001}],
    ['typologies', {typologies: {structuring: 1}}],
  ] satisfies [string, Partial<StreamInputs>][])('differs for another %s', (_name, changes) => {
    expect(digestOf(firstBlocks(streamInputs(changes), 500))).not.toBe(digestOf(firstBlocks(streamInputs(), 500)))
  })

  it('draws the same life under another run tag: only ids and addresses change', () => {
    const anonymous = (inputs: StreamInputs): string[] =>
      firstRows(inputs, 500).map(row =>
        row.json
          .replaceAll(inputs.runTag, '')
          .replace(/"payment_id":"[^"]+"/, '')
          .replace(/"original_payment_id":"[^"]+"/, '')
          .replace(/"ip_address":"[^"]+"/, ''),
      )
    expect(anonymous(streamInputs({runTag: '0123456789ab'}))).toEqual(anonymous(streamInputs()))
  })

  it('writes the bytes of the readable reference', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.maxSafeInteger(),
          runTag: fc.constantFrom('000000000000', 'ffffffffffff', 'cccb52d5934c'),
          startMs: fc.integer({min: 0, max: 4_000_000_000_000}),
          accountCount: fc.integer({min: 10, max: 3000}),
          fraudRate: fc.constantFrom(0, 0.01, 0.3, 0.5),
          lookAlikeRate: fc.constantFrom(0, 0.05, 0.5),
        }),
        changes => {
          const inputs = streamInputs(changes)
          const reference = referencePayments(inputs)
          for (const row of firstRows(inputs, 400)) {
            expect(row.json).toBe(encodePayment(reference.next().value))
          }
        },
      ),
      {numRuns: 40},
    )
  })

  it('numbers payments from 0 without gaps, and the payment id carries the number', () => {
    const inputs = streamInputs()
    const rows = firstRows(inputs, 2000)
    expect(rows.map(row => row.sequence)).toEqual(rows.map((_, index) => index))
    expect(rows.map(row => sequenceOf(inputs.runTag, JSON.parse(row.json).payment_id))).toEqual(
      rows.map((_, index) => index),
    )
  })

  it('ascends in event time, from the start on, and says the same time in columns and bytes', () => {
    const inputs = streamInputs()
    let lastMs = inputs.startMs
    for (const row of firstRows(inputs, 5000)) {
      expect(row.createdAtMs).toBeGreaterThanOrEqual(lastMs)
      expect(Date.parse(JSON.parse(row.json).created_at)).toBe(row.createdAtMs)
      expect(JSON.parse(row.json).amount_minor).toBe(row.amountMinor)
      lastMs = row.createdAtMs
    }
  })

  it.each(KEY_FIELDS)('points at the record key %s within the bytes', key => {
    for (const row of firstRows(streamInputs({key}), 300)) {
      expect(row.key).toBe(key === 'none' ? '' : JSON.parse(row.json)[key])
    }
  })

  it('plays about three payments for each account and day', () => {
    const rows = firstRows(streamInputs({accountCount: 500}), 21_000)
    const days = ((rows.at(-1)?.createdAtMs ?? 0) - (rows[0]?.createdAtMs ?? 0)) / 86_400_000
    expect(rows.length / days / 500).toBeGreaterThan(2.8)
    expect(rows.length / days / 500).toBeLessThan(3.2)
  })

  it.each([
    [0, 0],
    [0.001, 0.01],
    [0.01, 0.05],
    [0.1, 0.1],
    [0.5, 0.5],
  ])('holds a fraud rate of %f and a look-alike rate of %f', (fraudRate, lookAlikeRate) => {
    const rows = firstRows(streamInputs({accountCount: 1000, fraudRate, lookAlikeRate}), 30_000)
    const frauds = rows.filter(row => row.fraudTypology > 0).length / rows.length
    const lookAlikes = rows.filter(row => row.lookAlikeTypology > 0).length / rows.length
    expect(Math.abs(frauds - fraudRate)).toBeLessThanOrEqual(0.0015 + 0.06 * fraudRate)
    expect(Math.abs(lookAlikes - lookAlikeRate)).toBeLessThanOrEqual(0.002 + 0.06 * lookAlikeRate)
  })

  it('shares the frauds by the weights of the typologies', () => {
    const typologies = {'velocity-burst': 3, structuring: 1}
    const rows = firstRows(streamInputs({fraudRate: 0.2, typologies}), 20_000).filter(row => row.fraudTypology > 0)
    const bursts = rows.filter(row => TYPOLOGIES[row.fraudTypology - 1] === 'velocity-burst').length
    const structured = rows.filter(row => TYPOLOGIES[row.fraudTypology - 1] === 'structuring').length
    expect(bursts + structured).toBe(rows.length)
    expect(bursts / rows.length).toBeGreaterThan(0.7)
    expect(bursts / rows.length).toBeLessThan(0.8)
  })

  it('takes event times from the schedule on a wall clock and moves nothing else', () => {
    const eventTimeMs = (sequence: number): number => 1_900_000_000_000 + sequence * 2 + 0.7
    const simulated = firstRows(streamInputs({fraudRate: 0.1}), 800)
    const wall = firstRows(streamInputs({fraudRate: 0.1, eventTimeMs}), 800)
    for (const [index, row] of wall.entries()) {
      expect(row.createdAtMs).toBe(1_900_000_000_000 + index * 2)
      const expected = {...JSON.parse(simulated[index].json), created_at: new Date(row.createdAtMs).toISOString()}
      expect(JSON.parse(row.json)).toEqual(expected)
      if (row.confirmedAtMs > 0) {
        expect(row.confirmedAtMs - row.createdAtMs).toBe(simulated[index].confirmedAtMs - simulated[index].createdAtMs)
      }
    }
  })

  it.each([10, 11, 17, 60, 125, 1000])('lives with %i accounts', accountCount => {
    for (const row of firstRows(streamInputs({accountCount, fraudRate: 0.2, lookAlikeRate: 0.2}), 5000)) {
      const payment = JSON.parse(row.json)
      expect(payment.debtor_id).not.toBe(payment.creditor_id)
      expect(payment.amount_minor).toBeGreaterThan(0)
    }
  })

  it('uses given accounts as they are: exported and read back they live the same lives', () => {
    const inputs = streamInputs({accountCount: 300})
    const accounts = [...exportAccounts(buildPopulation(inputs))]
    expect(digestOf(firstBlocks({...inputs, accounts}, 2000))).toBe(digestOf(firstBlocks(inputs, 2000)))
  })

  it('writes given ids, countries and categories that it has never seen', () => {
    const accounts = [
      {accountId: 'ömer/1', kind: 'person', country: 'BR', currency: 'BRL', latitude: -23.55, longitude: -46.63},
      {accountId: 'b', kind: 'person', country: 'KE', currency: 'KES', latitude: -1.29, longitude: 36.82},
      {
        accountId: 'shop 9',
        kind: 'merchant',
        country: 'KW',
        currency: 'KWD',
        latitude: 29.37,
        longitude: 47.97,
        merchantCategory: '9999',
      },
    ] as const
    const inputs = streamInputs({accounts})
    const reference = referencePayments(inputs)
    const rows = firstRows(inputs, 1500)
    for (const row of rows) {
      expect(row.json).toBe(encodePayment(reference.next().value))
      expect(row.key).toBe(JSON.parse(row.json).debtor_id)
    }
    expect(new Set(rows.map(row => row.key))).toEqual(new Set(['ömer/1', 'b', 'shop 9']))
  })

  it.each([
    ['too few accounts', {accountCount: 9}, 'P2PAY_ACCOUNTS'],
    ['half an account', {accountCount: 10.5}, 'P2PAY_ACCOUNTS'],
    ['no merchant', {accounts: []}, 'P2PAY_ACCOUNTS'],
    ['a run tag that is none', {runTag: 'XYZ'}, 'P2PAY_RUN_TAG'],
    ['a fraud rate over a half', {fraudRate: 0.51}, 'P2PAY_STREAM_INPUTS'],
    ['a negative look-alike rate', {lookAlikeRate: -0.1}, 'P2PAY_STREAM_INPUTS'],
    ['a rate that is not a number', {fraudRate: Number.NaN}, 'P2PAY_STREAM_INPUTS'],
    ['frauds of no typology', {typologies: {}}, 'P2PAY_STREAM_INPUTS'],
    ['a shard beyond the last', {shard: {index: 2, count: 2}}, 'P2PAY_STREAM_INPUTS'],
    ['a start before 1970', {startMs: -1}, 'P2PAY_STREAM_INPUTS'],
    ['a seed that is not an integer', {seed: 0.5}, 'P2PAY_STREAM_INPUTS'],
  ] satisfies [string, Partial<StreamInputs>, string][])('refuses %s', (_name, changes, code) => {
    expect(() => createPaymentStream(streamInputs(changes))).toThrow(expect.objectContaining({code}))
  })

  it('names all problems of its inputs at once', () => {
    expect(() => createPaymentStream(streamInputs({fraudRate: 2, lookAlikeRate: 3, startMs: -5}))).toThrow(
      /fraud rate 2 .*look-alike rate 3/,
    )
  })
})

describe('shards', () => {
  it.each([1, 2, 3, 7])('of %i make the whole stream together, with global sequences, split by debtor', count => {
    const whole = firstRows(streamInputs({fraudRate: 0.1}), 3000)
    const shards = Array.from({length: count}, (_, index) => {
      const stream = createPaymentStream(streamInputs({fraudRate: 0.1, shard: {index, count}}))
      const rows = []
      for (let last = -1; last < 3000; last = rows.at(-1)?.sequence ?? 0) {
        rows.push(...rowsOfNext(stream))
      }
      return rows.filter(row => row.sequence < 3000)
    })
    const union = shards.flat().sort((a, b) => a.sequence - b.sequence)
    expect(union.map(row => row.json)).toEqual(whole.map(row => row.json))
    expect(union.map(row => row.campaign)).toEqual(whole.map(row => row.campaign))
    const debtors = shards.map(rows => new Set(rows.map(row => JSON.parse(row.json).debtor_id)))
    const distinct = new Set(debtors.flatMap(set => [...set]))
    expect(debtors.reduce((sum, set) => sum + set.size, 0)).toBe(distinct.size)
  })
})

function rowsOfNext(stream: ReturnType<typeof createPaymentStream>) {
  return rowsOf(stream.next(100))
}

describe('the golden stream', () => {
  // These bytes are promised for the version: a change here is a change of every user's stream.
  it('of seed 42 has fixed bytes and labels', () => {
    const blocks = firstBlocks(streamInputs(), 1000)
    const bytes = createHash('sha256')
    for (const block of blocks) bytes.update(block.payments.bytes)
    expect(bytes.digest('hex')).toBe('022e4529085e776f1cdd750d21f42afa322d206d5da3d9c10a2e52f25a3c938f')
    expect(digestOf(blocks)).toBe('f32b4db7833a90b78e2c06005d095148468499a3944f553b76b39b53e9165b63')
  })
})
