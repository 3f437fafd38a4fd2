/**
 * Rings of counts in buckets of event time, within a record of words: the buckets' numbers first, their counts behind.
 */

/** 13 buckets: the one of the payment and the twelve before, so a window is its length and at most a bucket more. */
export const BUCKETS = 13
/** False when the bucket is gone: its place holds a later one. Each place knows its bucket, so one payment dated into
 * the far future costs one place, not the ring. */
export function addToBucket(words: Int32Array, stampsAt: number, bucket: number): boolean {
  const place = stampsAt + (bucket % BUCKETS)
  const stamp = words[place]
  if (stamp > bucket) return false
  if (stamp < bucket) {
    words[place] = bucket
    words[place + BUCKETS] = 0
  }
  words[place + BUCKETS]++
  return true
}

/** Over the bucket and the twelve before it. */
export function bucketSum(words: Int32Array, stampsAt: number, bucket: number): number {
  let sum = 0
  for (let place = stampsAt; place < stampsAt + BUCKETS; place++) {
    const age = bucket - words[place]
    if (age >= 0 && age < BUCKETS) sum += words[place + BUCKETS]
  }
  return sum
}
