/**
 * Payments as CSV (RFC 4180): one header, one row for each payment, CRLF line ends, quotes where a value needs them.
 * Columns are the wire format's fields in wire order; fields that a payment does not have are empty.
 */
import type {PaymentBlock} from './stream.js'

export const CSV_COLUMNS = [
  'schema_version',
  'payment_id',
  'created_at',
  'payment_type',
  'debtor_id',
  'creditor_id',
  'creditor_type',
  'amount_minor',
  'currency',
  'method',
  'card_token',
  'card_last_four',
  'channel',
  'country',
  'creditor_country',
  'ip_address',
  'device_id',
  'latitude',
  'longitude',
  'merchant_category',
  'reference',
  'original_payment_id',
  'status',
  'sim_changed_at',
] as const

const LINE_END = '\r\n'

/** The header line with its line end. */
export function csvHeader(): string {
  return CSV_COLUMNS.join(',') + LINE_END
}

/** Rows [from, to) of a block, each with its line end. */
export function csvRows(block: PaymentBlock, from = 0, to = block.count): string {
  let text = ''
  for (let row = from; row < to; row++) {
    const json = block.bytes.toString('utf8', block.offsets[row], block.offsets[row + 1])
    const fields: Record<string, unknown> = JSON.parse(json)
    let separator = ''
    for (const column of CSV_COLUMNS) {
      text += separator + csvValue(fields[column])
      separator = ','
    }
    text += LINE_END
  }
  return text
}

function csvValue(value: unknown): string {
  if (value === undefined) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
