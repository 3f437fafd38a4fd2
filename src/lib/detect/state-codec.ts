/**
 * A shard's windows as bytes: a header, then for each slab its sizes and its records, longest untouched first. The same
 * state gives the same bytes, whatever its history of growth. Numbers are in the machine's byte order, which the magic
 * number tells; a snapshot of the other order, layout or version is refused.
 */
import {EnvironmentError} from '../base/errors.js'
import type {Slab} from './slab.js'

/** Raised with every change of a record's layout or meaning. */
export const STATE_VERSION = 1

const MAGIC = 0x70327031
const HEADER_WORDS = 4
const SLAB_HEADER_WORDS = 8

/** A slab with the count that goes with it. */
export interface StatefulWindows {
  readonly slab: Slab
  lateCount: number
}

export function encodeState(parts: readonly StatefulWindows[]): Buffer {
  let totalWords = HEADER_WORDS
  for (const {slab} of parts) totalWords += SLAB_HEADER_WORDS + slab.count * slab.recordWords
  const words = new Int32Array(totalWords)
  const doubles = new Float64Array(words.buffer)
  words.set([MAGIC, STATE_VERSION, parts.length, 0])
  let position = HEADER_WORDS
  for (const {slab, lateCount} of parts) {
    words[position] = slab.recordWords
    words[position + 1] = slab.count
    doubles[position / 2 + 1] = lateCount
    doubles[position / 2 + 2] = slab.evictedCount
    position += SLAB_HEADER_WORDS
    slab.copyTo(words, position)
    position += slab.count * slab.recordWords
  }
  return Buffer.from(words.buffer)
}

export interface DecodedSlab {
  readonly recordWords: number
  readonly count: number
  readonly lateCount: number
  readonly evictedCount: number
  /** The records, longest untouched first. */
  readonly words: Int32Array
  readonly doubles: Float64Array
}

/**
 * @param recordWords the record lengths of the slabs that are expected, in order
 * @throws EnvironmentError code P2PAY_SNAPSHOT when these are not bytes of such a state
 */
export function decodeState(shard: string, state: Buffer, recordWords: readonly number[]): DecodedSlab[] {
  if (state.length % 8 !== 0 || state.length < HEADER_WORDS * 4) throw misfit(shard, 'it is cut off')
  // A copy of its own: aligned, whatever the buffer came out of.
  const words = new Int32Array(state.length / 4)
  new Uint8Array(words.buffer).set(state)
  const doubles = new Float64Array(words.buffer)
  if (words[0] !== MAGIC) throw misfit(shard, 'it is none, or from a machine of the other byte order')
  if (words[1] !== STATE_VERSION) throw misfit(shard, `its version is ${words[1]}, not ${STATE_VERSION}`)
  if (words[2] !== recordWords.length) throw misfit(shard, `it has ${words[2]} tables, not ${recordWords.length}`)
  const slabs: DecodedSlab[] = []
  let position = HEADER_WORDS
  for (const expected of recordWords) {
    if (position + SLAB_HEADER_WORDS > words.length) throw misfit(shard, 'it is cut off')
    const count = words[position + 1]
    if (words[position] !== expected) throw misfit(shard, `its records have ${words[position]} words, not ${expected}`)
    const begin = position + SLAB_HEADER_WORDS
    const end = begin + count * expected
    if (count < 0 || end > words.length) throw misfit(shard, 'it is cut off')
    slabs.push({
      recordWords: expected,
      count,
      lateCount: doubles[position / 2 + 1],
      evictedCount: doubles[position / 2 + 2],
      words: words.subarray(begin, end),
      doubles: doubles.subarray(begin / 2, end / 2),
    })
    position = end
  }
  if (position !== words.length) throw misfit(shard, 'it is longer than its tables')
  return slabs
}

/** Fills empty windows with a decoded slab. */
export function takeOver(windows: StatefulWindows, decoded: DecodedSlab): void {
  windows.lateCount = decoded.lateCount
  windows.slab.evictedCount = decoded.evictedCount
  windows.slab.copyFrom(decoded.words)
}

export function misfit(shard: string, why: string): EnvironmentError {
  return new EnvironmentError(`The snapshot of shard ${shard} does not fit: ${why}`, {
    code: 'P2PAY_SNAPSHOT',
    suggestions: [
      'detect with the version of p2pay that wrote it',
      'or remove the snapshot and start a new group with --from-beginning, which builds the windows again',
    ],
  })
}
