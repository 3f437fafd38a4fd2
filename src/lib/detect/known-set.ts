/** Small exact sets of hashes within a record of words, the latest used first; further columns go with each hash. */

/** A set's word for a hash: 0 marks a free place. */
export function known(low: number): number {
  return low === 0 ? 1 : low
}

export function findKnown(words: Int32Array, at: number, size: number, hash: number): number {
  for (let index = 0; index < size; index++) if (words[at + index] === hash) return index
  return -1
}

/**
 * Moves a hash with its columns to the front of its set; a new one pushes out the one that was not used for longest.
 *
 * @returns whether it is new, and its further columns are the caller's to fill
 */
export function toFront(words: Int32Array, at: number, size: number, hash: number, columns: number): boolean {
  const found = findKnown(words, at, size, hash)
  if (found === 0) return false
  const from = found < 0 ? size - 1 : found
  for (let column = 0; column < columns; column++) {
    const front = at + column * size
    const value = words[front + from]
    for (let index = front + from; index > front; index--) words[index] = words[index - 1]
    words[front] = value
  }
  words[at] = hash
  return found < 0
}
