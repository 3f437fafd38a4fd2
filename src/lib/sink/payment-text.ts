/** Payments as lines: NDJSON is the wire bytes themselves, CSV has one column per field. */
import {csvHeader, csvRows} from '../generate/csv.js'
import type {OutgoingPayments} from './sink.js'

export const TEXT_FORMATS = ['ndjson', 'csv'] as const
export type TextFormat = (typeof TEXT_FORMATS)[number]

const NEW_LINE = 0x0a

/** What stands before the first line; empty for NDJSON. */
export function textHeader(format: TextFormat): Buffer {
  return Buffer.from(format === 'csv' ? csvHeader() : '')
}

export function paymentText({block, from, to}: OutgoingPayments, format: TextFormat): Buffer {
  if (format === 'csv') return Buffer.from(csvRows(block, from, to))
  const start = block.offsets[from] ?? 0
  const end = block.offsets[to] ?? start
  const text = Buffer.allocUnsafe(end - start + to - from)
  let at = 0
  for (let row = from; row < to; row++) {
    at += block.bytes.copy(text, at, block.offsets[row], block.offsets[row + 1])
    text[at++] = NEW_LINE
  }
  return text
}
