/**
 * Payment ids: UUID version 8 (RFC 9562, section 5.8) with the run tag in the high bits and the sequence number
 * big-endian in the low bits, so that a primary-key range is a run and index inserts are sequential.
 *
 * Layout: `tttttttt-tttt-8000-8000-ssssssssssss`, t = run tag (48 bits), s = sequence (48 bits).
 * Only the generator and the audit may read into an id; a detector must treat it as opaque.
 */
import {UsageError} from '../base/errors.js'

/** 12 lower-case hex digits. */
export type RunTag = string

const RUN_TAG = /^[0-9a-f]{12}$/
const MAX_SEQUENCE = 0xffffffffffff

export function parseRunTag(text: string): RunTag {
  if (!RUN_TAG.test(text)) {
    throw new UsageError(`"${text}" is not a run tag`, {
      code: 'P2PAY_RUN_TAG',
      suggestions: ['a run tag is 12 lower-case hex digits, such as 0123456789ab; a run prints its own'],
    })
  }
  return text
}

/** @param sequence integer in [0, 2^48) */
export function paymentIdOf(tag: RunTag, sequence: number): string {
  return `${tag.slice(0, 8)}-${tag.slice(8)}-8000-8000-${sequence.toString(16).padStart(12, '0')}`
}

/** Smallest and largest id of a run, both inclusive, for range scans. */
export function paymentIdRange(tag: RunTag): {readonly first: string; readonly last: string} {
  return {first: paymentIdOf(tag, 0), last: paymentIdOf(tag, MAX_SEQUENCE)}
}

/** The sequence number when the id belongs to the run, undefined for anybody else's id. */
export function sequenceOf(tag: RunTag, paymentId: string): number | undefined {
  if (paymentId.length !== 36 || !paymentId.startsWith(`${tag.slice(0, 8)}-${tag.slice(8)}-8000-8000-`))
    return undefined
  const hex = paymentId.slice(24)
  return /^[0-9a-f]{12}$/.test(hex) ? Number.parseInt(hex, 16) : undefined
}
