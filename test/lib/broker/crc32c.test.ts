import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {crc32c} from '../../../src/lib/broker/crc32c.js'

/** The definition, bit by bit. */
function reference(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

describe('crc32c', () => {
  it.each([
    {name: 'the check value of the catalogue', bytes: Buffer.from('123456789'), expected: 0xe3069283},
    {name: '32 zeroes (RFC 3720 B.4)', bytes: Buffer.alloc(32), expected: 0x8a9136aa},
    {name: '32 ones (RFC 3720 B.4)', bytes: Buffer.alloc(32, 0xff), expected: 0x62a8ab43},
    {name: '0 to 31 (RFC 3720 B.4)', bytes: Buffer.from(Array.from({length: 32}, (_, i) => i)), expected: 0x46dd794e},
    {name: 'nothing', bytes: Buffer.alloc(0), expected: 0},
  ])('knows $name', ({bytes, expected}) => {
    expect(crc32c(bytes)).toBe(expected)
  })

  it('equals the bitwise definition on any range of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 100}), fc.nat(40), fc.nat(100), (bytes, start, end) => {
        const until = Math.min(end, bytes.length)
        expect(crc32c(bytes, start, until)).toBe(reference(bytes.slice(start, Math.max(start, until))))
      }),
    )
  })
})
