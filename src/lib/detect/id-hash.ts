/**
 * A 64-bit hash of an id, as two 32-bit lanes: entities are known to the detector by this hash alone, so ids stay
 * opaque and of no fixed length. With a million entities of a kind, two share a hash with a chance of 3e-8
 * (birthday bound); they would then share their windows.
 */
import {mix32} from '../base/random.js'

/** One object serves a hot loop: `of` leaves its answer in `low` and `high`. */
export class IdHash {
  low = 0
  high = 0

  /** Over the UTF-16 units of the text. Two multiply-xor lanes (FNV's way) with different primes, then avalanche. */
  of(text: string): this {
    let low = 0x2f0b4c47
    let high = 0x61c88647
    const length = text.length
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index)
      low = Math.imul(low ^ unit, 0x01000193)
      high = Math.imul(high ^ unit, 0x27d4eb2f)
      high ^= high >>> 15
    }
    this.low = mix32(low ^ Math.imul(length, 0x9e3779b1))
    this.high = mix32(high ^ this.low)
    return this
  }
}

/** The name of an entity in digests and comparisons: 16 hex digits. */
export function entityKey(low: number, high: number): string {
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0')
}

/** The key under which an id's windows are listed. */
export function entityKeyOf(id: string): string {
  const hash = new IdHash().of(id)
  return entityKey(hash.low, hash.high)
}
