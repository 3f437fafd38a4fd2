/**
 * Which partition a key belongs to: murmur2 as in Apache Kafka's Java client
 * (org.apache.kafka.common.utils.Utils.murmur2, BuiltInPartitioner.partitionForKey), so that p2pay, the Java tools and
 * `kcat -X partitioner=murmur2_random` agree. 32-bit integer arithmetic only.
 */
const SEED = 0x9747b28c | 0
const MULTIPLIER = 0x5bd1e995

/** Partition of the key bytes [start, start + length), in [0, partitionCount). */
export function partitionOf(bytes: Uint8Array, start: number, length: number, partitionCount: number): number {
  return (murmur2(bytes, start, length) & 0x7fffffff) % partitionCount
}

/** Partition of a whole key. */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return partitionOf(key, 0, key.length, partitionCount)
}

/** Signed 32-bit murmur2 of bytes [start, start + length). */
export function murmur2(bytes: Uint8Array, start: number, length: number): number {
  let hash = SEED ^ length
  const wordsEnd = start + (length & ~3)
  let at = start
  for (; at < wordsEnd; at += 4) {
    let word =
      (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> 24
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  const rest = length & 3
  if (rest === 3) hash ^= (bytes[at + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (bytes[at + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), MULTIPLIER)
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}
