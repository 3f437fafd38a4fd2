/**
 * Rows of payments as columns: one binary PostgreSQL array per column, for `INSERT … SELECT FROM unnest(…)`.
 * Binary arrays cost the client and the server less than text, and carry timestamps and numbers exactly.
 *
 * Array format (array_send in the server's arrayfuncs.c), big-endian: int32 dimensions, int32 has-null flag, int32
 * element type, then per dimension int32 size and int32 lower bound, then per element int32 length (−1 = null), bytes.
 */
import {type PaymentRow, RowError} from './store.js'

type ColumnType = 'uuid' | 'text' | 'int2' | 'int4' | 'int8' | 'float8' | 'timestamptz'

type ColumnValue = string | number | bigint | undefined

interface Column {
  readonly name: string
  readonly type: ColumnType
  /** Timestamps are µs since the Unix epoch; event times are bigint, because beyond 2255 they exceed safe integers. */
  readonly of: (row: PaymentRow) => ColumnValue
  /** What the INSERT selects when it is not the column as it came. */
  readonly select?: string
}

const ELEMENT_OID: Readonly<Record<ColumnType, number>> = {
  uuid: 2950,
  text: 25,
  int2: 21,
  int4: 23,
  int8: 20,
  float8: 701,
  timestamptz: 1184,
}

/** µs from the Unix epoch to PostgreSQL's, 2000-01-01. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n

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

/** A binary uuid[] of ids. @throws RowError when one is not a UUID */
export function encodeIds(ids: readonly string[]): Buffer {
  const writer = new ArrayWriter('uuid', ids.length)
  for (const id of ids) writer.uuid(id)
  return writer.finish()
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

/** Bytes of a number; the others are not numbers. */
const WIDTH: Readonly<Record<ColumnType, number>> = {
  uuid: 0,
  text: 0,
  int2: 2,
  int4: 4,
  int8: 8,
  float8: 8,
  timestamptz: 0,
}
const HEADER_BYTES = 20
const INITIAL_BYTES_PER_ELEMENT = 24
const MAX_UTF8_BYTES_PER_UNIT = 3

class ArrayWriter {
  #buffer: Buffer
  #length = HEADER_BYTES

  constructor(type: ColumnType, count: number) {
    this.#buffer = Buffer.allocUnsafe(HEADER_BYTES + count * INITIAL_BYTES_PER_ELEMENT)
    this.#buffer.writeInt32BE(1, 0)
    this.#buffer.writeInt32BE(0, 4)
    this.#buffer.writeInt32BE(ELEMENT_OID[type], 8)
    this.#buffer.writeInt32BE(count, 12)
    this.#buffer.writeInt32BE(1, 16)
  }

  value(type: ColumnType, value: ColumnValue): void {
    if (value === undefined) this.#null()
    else if (typeof value === 'string') type === 'uuid' ? this.uuid(value) : this.#text(value)
    else if (type === 'timestamptz') this.#timestamp(BigInt(value))
    else this.#number(type, Number(value))
  }

  uuid(text: string): void {
    if (!UUID.test(text)) throw new RowError(`"${text}" is not a UUID`)
    const at = this.#element(16)
    this.#buffer.write(text.replaceAll('-', ''), at, 'hex')
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #null(): void {
    this.#buffer.writeInt32BE(1, 4)
    this.#reserve(4)
    this.#length = this.#buffer.writeInt32BE(-1, this.#length)
  }

  #text(text: string): void {
    if (text.includes('\0')) throw new RowError('holds a NUL character')
    const start = this.#length + 4
    this.#reserve(4 + text.length * MAX_UTF8_BYTES_PER_UNIT)
    const byteCount = this.#buffer.write(text, start, 'utf8')
    // Encoding would replace a lone surrogate without a word; only non-ASCII text can hold one.
    if (byteCount !== text.length && LONE_SURROGATE.test(text)) throw new RowError('holds half a surrogate pair')
    this.#buffer.writeInt32BE(byteCount, this.#length)
    this.#length = start + byteCount
  }

  #timestamp(us: bigint): void {
    const at = this.#element(8)
    this.#buffer.writeBigInt64BE(us - POSTGRES_EPOCH_US, at)
  }

  #number(type: ColumnType, value: number): void {
    // The place is taken first: making room may exchange the buffer.
    const at = this.#element(WIDTH[type])
    switch (type) {
      case 'float8':
        this.#buffer.writeDoubleBE(finite(value), at)
        return
      case 'int8':
        this.#buffer.writeBigInt64BE(BigInt(integer(value, Number.MAX_SAFE_INTEGER)), at)
        return
      case 'int4':
        this.#buffer.writeInt32BE(integer(value, 0x7fffffff), at)
        return
      case 'int2':
        this.#buffer.writeInt16BE(integer(value, 0x7fff), at)
        return
      default:
        throw new RowError(`is the number ${value}`)
    }
  }

  /** Room for an element of known length; returns where its bytes go. */
  #element(byteCount: number): number {
    this.#reserve(4 + byteCount)
    const at = this.#buffer.writeInt32BE(byteCount, this.#length)
    this.#length = at + byteCount
    return at
  }

  #reserve(byteCount: number): void {
    if (this.#length + byteCount <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + byteCount))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const LONE_SURROGATE = /\p{Surrogate}/u
/** The last moment that a Date can hold; PostgreSQL's timestamps reach further. */
const MAX_DATE_MS = 8.64e15

function integer(value: number, max: number): number {
  if (!Number.isSafeInteger(value) || Math.abs(value) > max) throw new RowError(`is ${value}, out of range`)
  return value
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new RowError(`is ${value}, not a number`)
  return value
}
