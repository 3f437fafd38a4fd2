import {describe, expect, it} from 'vitest'
import {murmur2, partitionOf, partitionOfKey} from '../../../src/lib/kafka/partition-of.js'

describe('murmur2', () => {
  // The vectors of Apache Kafka's own UtilsTest.testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s is that of Java', (text, hash) => {
    const bytes = Buffer.from(text)
    expect(murmur2(bytes, 0, bytes.length)).toBe(hash)
  })

  it('reads a key in the middle of other bytes', () => {
    const bytes = Buffer.from('xxfoobaryy')
    expect(murmur2(bytes, 2, 6)).toBe(-790332482)
    expect(partitionOf(bytes, 2, 6, 6)).toBe(partitionOfKey(Buffer.from('foobar'), 6))
  })
})
