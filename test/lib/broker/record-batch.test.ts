import {describe, expect, it} from 'vitest'
import {
  batchHeader,
  firstAtOrAfter,
  isSoundBatch,
  placeBatch,
  refusalOf,
  withoutRecord,
} from '../../../src/lib/broker/record-batch.js'
import {batchOf, sealed} from '../../support/kafka-wire.js'

const LIMITS = {maxBytes: 10_000, zstdAllowed: true}
const changed = (change: (batch: Buffer) => void): Buffer => {
  const batch = batchOf(['a', 'b', 'c'])
  change(batch)
  return batch
}

describe('a batch of a producer', () => {
  it('is accepted as it is, also compressed', () => {
    expect(refusalOf(batchOf(['a', 'b']), LIMITS)).toBeUndefined()
    expect(refusalOf(batchOf(['a', 'b'], {compression: 'gzip'}), LIMITS)).toBeUndefined()
  })

  it.each([
    {name: 'a flipped bit', batch: changed(b => b.writeUInt8(b.readUInt8(70) ^ 1, 70)), code: 2},
    {name: 'less than a header', batch: batchOf(['a']).subarray(0, 40), code: 2},
    {name: 'a length beyond its bytes', batch: changed(b => b.writeInt32BE(b.length, 8)), code: 2},
    {name: 'two batches', batch: Buffer.concat([batchOf(['a']), batchOf(['b'])]), code: 87},
    {name: 'message format 1', batch: changed(b => b.writeInt8(1, 16)), code: 43},
    {name: 'message format 3', batch: changed(b => b.writeInt8(3, 16)), code: 43},
    {name: 'more bytes than allowed', batch: batchOf(['x'.repeat(20_000)]), code: 10},
    {name: 'no records', batch: sealed(changed(b => b.writeInt32BE(0, 57))), code: 87},
    {name: 'a count that does not fit the deltas', batch: sealed(changed(b => b.writeInt32BE(2, 57))), code: 87},
    {name: 'a transaction', batch: sealed(changed(b => b.writeInt16BE(0x10, 21))), code: 87},
    {name: 'a control batch', batch: sealed(changed(b => b.writeInt16BE(0x20, 21))), code: 87},
    {name: 'an unknown codec', batch: sealed(changed(b => b.writeInt16BE(5, 21))), code: 76},
  ])('is refused with $name', ({batch, code}) => {
    expect(refusalOf(batch, LIMITS)?.errorCode).toBe(code)
  })

  it('is refused with zstd by versions that do not know it', () => {
    const batch = sealed(changed(b => b.writeInt16BE(4, 21)))
    expect(refusalOf(batch, {...LIMITS, zstdAllowed: false})?.errorCode).toBe(76)
    expect(refusalOf(batch, LIMITS)).toBeUndefined()
  })
})

describe('placeBatch', () => {
  it.each([0, 5, 2 ** 31, 2 ** 40 + 3])('gives offset %d without touching the checksum', baseOffset => {
    const batch = batchOf(['a', 'b'])
    placeBatch(batch, baseOffset)
    expect(batchHeader(batch)).toMatchObject({baseOffset, lastOffset: baseOffset + 1})
    expect(isSoundBatch(batch)).toBe(true)
  })
})

describe.each([{compression: undefined}, {compression: 'gzip' as const}])('records ($compression)', ({compression}) => {
  const options = {baseTimestampMs: 1000, stepMs: 10, ...(compression && {compression})}

  it.each([
    {timestampMs: 0, found: {offset: 0, timestampMs: 1000}},
    {timestampMs: 1000, found: {offset: 0, timestampMs: 1000}},
    {timestampMs: 1001, found: {offset: 1, timestampMs: 1010}},
    {timestampMs: 1020, found: {offset: 2, timestampMs: 1020}},
    {timestampMs: 1021, found: undefined},
  ])('finds the first at or after $timestampMs', ({timestampMs, found}) => {
    expect(firstAtOrAfter(batchOf(['a', 'b', 'c'], options), timestampMs)).toEqual(found)
  })

  it('leaves one out and keeps offsets, sequence and a right checksum', () => {
    const batch = batchOf(['a', 'bb', 'c'], {...options, producerId: 4, baseSequence: 8})
    const smaller = withoutRecord(batch, 1)
    expect(smaller).toBeDefined()
    if (smaller === undefined) return
    expect(isSoundBatch(smaller)).toBe(true)
    expect(batchHeader(smaller)).toMatchObject({recordCount: 2, lastOffsetDelta: 2, producerId: 4, baseSequence: 8})
    expect(firstAtOrAfter(smaller, 1001)).toEqual({offset: 2, timestampMs: 1020})
    expect(smaller.includes('bb')).toBe(false)
  })
})

describe('records that cannot be read', () => {
  const snappy = (): Buffer => {
    const batch = batchOf(['a', 'b'], {baseTimestampMs: 1000})
    batch.writeInt16BE(2, 21)
    return sealed(batch)
  }

  it('are found by their batch: a reader starts early, never late', () => {
    expect(firstAtOrAfter(snappy(), 1001)).toEqual({offset: 0, timestampMs: 1001})
    expect(firstAtOrAfter(snappy(), 1002)).toBeUndefined()
  })

  it('cannot lose one of them', () => {
    expect(withoutRecord(snappy(), 0)).toBeUndefined()
    expect(withoutRecord(batchOf(['only']), 0)).toBeUndefined()
  })
})
