/**
 * Rows of payments as columns: one binary PostgreSQL array per column, for `INSERT … SELECT FROM unnest(…)`.
 */
import {ArrayWriter, type ElementType, type ElementValue, integer, MAX_DATE_MS} from './binary-array.js'
import {type PaymentRow, RowError} from './store.js'

interface Column {
  readonly name: string
  readonly type: ElementType
  /** Timestamps are µs since the Unix epoch; event times are bigint, because beyond 2255 they exceed safe integers. */
  readonly of: (row: PaymentRow) => ElementValue
  /** What the INSERT selects when it is not the column as it came. */
  readonly select?: string
}

export const PAYMENT_COLUMNS: readonly Column[] = [
  {name: 'payment_id', type: 'uuid', of: row => row.payment.paymentId},
  {name: 'schema_version', type: 'int2', of: row => row.payment.schemaVersion},
  {name: 'created_at', type: 'timestamptz', of: row => usOfMs(row.payment.createdAtMs)},
  {name: 'payment_type', type: 'text', of: row => row.payment.paymentType},
  {name: 'debtor_id', type: 'text', of: row => row.payment.debtorId},
  {name: 'creditor_id', type: 'text', of: row => row.payment.creditorId},
  {name: 'creditor_type', type: 'text', of: row => row.payment.creditorType},
  {name: 'amount_minor', type: 'int8', of: row => row.payment.amountMinor},
  {name: 'currency', type: 'text', of: row => row.payment.currency},
  {name: 'method', type: 'text', of: row => row.payment.method},
  {name: 'card_token', type: 'text', of: row => row.payment.cardToken},
  {name: 'card_last_four', type: 'text', of: row => row.payment.cardLastFour},
  {name: 'channel', type: 'text', of: row => row.payment.channel},
  {name: 'country', type: 'text', of: row => row.payment.country},
  {name: 'creditor_country', type: 'text', of: row => row.payment.creditorCountry},
  {name: 'ip_address', type: 'text', of: row => row.payment.ipAddress},
  {name: 'device_id', type: 'text', of: row => row.payment.deviceId},
  {name: 'latitude', type: 'float8', of: row => row.payment.latitude},
  {name: 'longitude', type: 'float8', of: row => row.payment.longitude},
  {name: 'merchant_category', type: 'text', of: row => row.payment.merchantCategory},
  {name: 'reference', type: 'text', of: row => row.payment.reference},
  {name: 'original_payment_id', type: 'text', of: row => row.payment.originalPaymentId},
  {name: 'status', type: 'text', of: row => row.payment.status},
  {name: 'sim_changed_at', type: 'timestamptz', of: ({payment}) => usOfMs(payment.simChangedAtMs)},
  {name: 'decision', type: 'text', of: row => row.decision.kind},
  {name: 'score', type: 'float8', of: row => row.decision.score},
  // Arrays of arrays cannot be unnested by row, so the list of reasons travels as the text of an array.
  {name: 'reasons', type: 'text', of: row => arrayLiteral(row.decision.reasons), select: 'reasons::text[]'},
  {name: 'decided_at', type: 'timestamptz', of: row => integer(row.decidedUs, Number.MAX_SAFE_INTEGER)},
  {name: 'source_partition', type: 'int4', of: row => row.partition},
  {name: 'source_offset', type: 'int8', of: row => row.offset},
]

/**
 * One binary array per column of PAYMENT_COLUMNS, in their order.
 *
 * @throws RowError naming the first row and column that PostgreSQL could not hold
 */
export function encodeColumns(rows: readonly PaymentRow[]): Buffer[] {
  return PAYMENT_COLUMNS.map(column => encodeColumn(column, rows))
}

function encodeColumn(column: Column, rows: readonly PaymentRow[]): Buffer {
  const writer = new ArrayWriter(column.type, rows.length)
  for (const row of rows) {
    try {
      writer.value(column.type, column.of(row))
    } catch (error) {
      if (!(error instanceof RowError)) throw error
      throw new RowError(`payment ${row.payment.paymentId}: ${column.name} ${error.message}`, error)
    }
  }
  return writer.finish()
}

function usOfMs(ms: number | undefined): bigint | undefined {
  return ms === undefined ? undefined : BigInt(integer(ms, MAX_DATE_MS)) * 1000n
}

/** `{"a","b"}`; the server's own quoting rules. */
function arrayLiteral(items: readonly string[]): string {
  return `{${items.map(item => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}
