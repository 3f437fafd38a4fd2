/**
 * The record batch, version 2 (KIP-98), as the broker sees it: a 61-byte header that it checks and an opaque body.
 *
 *   base offset i64 · length i32 · leader epoch i32 · magic i8 · crc u32 · attributes i16 · last offset delta i32 ·
 *   base timestamp i64 · max timestamp i64 · producer id i64 · producer epoch i16 · base sequence i32 · count i32
 *
 * The checksum covers everything from the attributes on, so base offset and leader epoch are patched in place.
 */
import {gunzipSync} from 'node:zlib'
import {crc32c} from './crc32c.js'
import {ERROR} from './error-codes.js'

export const BATCH_HEADER_BYTES = 61
/** Base offset and length, the part that the length field does not count. */
export const BATCH_PREFIX_BYTES = 12

const AT = {
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const

const TWO_32 = 4_294_967_296
const HIGHEST_KNOWN_CODEC = 4
const CODEC_ZSTD = 4
const CODEC_GZIP = 1
const TRANSACTIONAL_OR_CONTROL = 0x30

export interface BatchHeader {
  readonly baseOffset: number
  /** Of the whole batch with its prefix. */
  readonly sizeBytes: number
  readonly attributes: number
  readonly lastOffset: number
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
}

/** Reads the header at `at`; the caller has made sure that 61 bytes are there. */
export function batchHeader(bytes: Buffer, at = 0): BatchHeader {
  const baseOffset = int64(bytes, at)
  const lastOffsetDelta = bytes.readInt32BE(at + AT.lastOffsetDelta)
  return {
    baseOffset,
    sizeBytes: bytes.readInt32BE(at + AT.length) + BATCH_PREFIX_BYTES,
    attributes: bytes.readInt16BE(at + AT.attributes),
    lastOffset: baseOffset + lastOffsetDelta,
    lastOffsetDelta,
    baseTimestampMs: int64(bytes, at + AT.baseTimestamp),
    maxTimestampMs: int64(bytes, at + AT.maxTimestamp),
    producerId: int64(bytes, at + AT.producerId),
    producerEpoch: bytes.readInt16BE(at + AT.producerEpoch),
    baseSequence: bytes.readInt32BE(at + AT.baseSequence),
    recordCount: bytes.readInt32BE(at + AT.count),
  }
}

/** Whether the bytes hold exactly one well-formed batch with a right checksum (recovery after a crash). */
export function isSoundBatch(batch: Buffer): boolean {
  return (
    batch.length >= BATCH_HEADER_BYTES &&
    batch.readInt32BE(AT.length) + BATCH_PREFIX_BYTES === batch.length &&
    batch.readInt8(AT.magic) === 2 &&
    batch.readInt32BE(AT.lastOffsetDelta) >= 0 &&
    batch.readUInt32BE(AT.crc) === crc32c(batch, AT.attributes)
  )
}

export interface BatchRefusal {
  readonly errorCode: number
  readonly message: string
}

/**
 * Checks what a producer sent for one partition. The records themselves stay unread: compressed batches are stored
 * as they came, and a consumer checks the same CRC again.
 *
 * @returns why it is refused, or undefined
 */
export function refusalOf(batch: Buffer, limits: {maxBytes: number; zstdAllowed: boolean}): BatchRefusal | undefined {
  const refuse = (errorCode: number, message: string): BatchRefusal => ({errorCode, message})
  if (batch.length > AT.magic && batch.readInt8(AT.magic) < 2) {
    return refuse(ERROR.unsupportedForMessageFormat, 'only record batches of version 2 are stored')
  }
  if (batch.length < BATCH_HEADER_BYTES) {
    return refuse(ERROR.corruptMessage, 'the batch is shorter than its header')
  }
  if (batch.length > limits.maxBytes) {
    return refuse(ERROR.messageTooLarge, `the batch has ${batch.length} bytes, the limit is ${limits.maxBytes}`)
  }
  const sizeBytes = batch.readInt32BE(AT.length) + BATCH_PREFIX_BYTES
  if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > batch.length) {
    return refuse(ERROR.corruptMessage, 'the length field does not fit the batch')
  }
  if (sizeBytes < batch.length) {
    return refuse(ERROR.invalidRecord, 'exactly one batch per partition is allowed')
  }
  if (batch.readInt8(AT.magic) !== 2) {
    return refuse(ERROR.unsupportedForMessageFormat, 'only record batches of version 2 are stored')
  }
  if (batch.readUInt32BE(AT.crc) !== crc32c(batch, AT.attributes)) {
    return refuse(ERROR.corruptMessage, 'the checksum does not fit the batch')
  }
  const {attributes, recordCount, lastOffsetDelta} = batchHeader(batch)
  if (recordCount <= 0 || lastOffsetDelta !== recordCount - 1) {
    return refuse(ERROR.invalidRecord, `the batch claims ${recordCount} records up to delta ${lastOffsetDelta}`)
  }
  if (attributes & TRANSACTIONAL_OR_CONTROL) {
    return refuse(ERROR.invalidRecord, 'transactional and control batches are not supported')
  }
  const codec = attributes & 7
  if (codec > HIGHEST_KNOWN_CODEC || (codec === CODEC_ZSTD && !limits.zstdAllowed)) {
    return refuse(ERROR.unsupportedCompression, `compression codec ${codec} is not known to this version`)
  }
  return undefined
}

/** Gives the batch its place in the log: base offset, and leader epoch 0 (one node, never an election). */
export function placeBatch(batch: Buffer, baseOffset: number): void {
  batch.writeInt32BE(Math.floor(baseOffset / TWO_32), 0)
  batch.writeUInt32BE(baseOffset >>> 0, 4)
  batch.writeInt32BE(0, AT.leaderEpoch)
}

interface RecordSlice {
  readonly start: number
  readonly end: number
  readonly offset: number
  readonly timestampMs: number
}

/** Where each record lies in the uncompressed body. */
function* records(header: BatchHeader, body: Buffer): Generator<RecordSlice> {
  let at = 0
  // Zigzag varints as in protocol buffers; arithmetic, because timestamp deltas may pass 32 bits.
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = body.readUInt8(at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  for (let index = 0; index < header.recordCount; index++) {
    const start = at
    const length = varint()
    const end = at + length
    at++ // attributes
    const timestampMs = header.baseTimestampMs + varint()
    const offset = header.baseOffset + varint()
    yield {start, end, offset, timestampMs}
    at = end
  }
}

/** The body as plain records, or undefined when the codec is not one that Node itself can undo. */
function plainBody(batch: Buffer, header: BatchHeader): Buffer | undefined {
  const body = batch.subarray(BATCH_HEADER_BYTES)
  const codec = header.attributes & 7
  if (codec === 0) return body
  return codec === CODEC_GZIP ? gunzipSync(body) : undefined
}

/**
 * The first record at or after a time. In a batch whose codec we cannot undo (snappy, lz4, zstd) that is the batch's
 * first record: a reader starts a little early, never late.
 */
export function firstAtOrAfter(batch: Buffer, timestampMs: number): {offset: number; timestampMs: number} | undefined {
  const header = batchHeader(batch)
  if (header.maxTimestampMs < timestampMs) return undefined
  const body = plainBody(batch, header)
  if (body === undefined) return {offset: header.baseOffset, timestampMs: header.maxTimestampMs}
  for (const record of records(header, body)) {
    if (record.timestampMs >= timestampMs) return {offset: record.offset, timestampMs: record.timestampMs}
  }
  return undefined
}

/**
 * Fault injection: the batch without one record. The others keep their offsets and the batch its sequence numbers,
 * so that nothing but the missing record tells. Undefined when there is nothing left or the codec cannot be undone.
 */
export function withoutRecord(batch: Buffer, index: number): Buffer | undefined {
  const header = batchHeader(batch)
  const body = plainBody(batch, header)
  if (body === undefined || header.recordCount <= 1) return undefined
  const kept = [...records(header, body)].filter((_, position) => position !== index)
  const smaller = Buffer.concat([
    batch.subarray(0, BATCH_HEADER_BYTES),
    ...kept.map(record => body.subarray(record.start, record.end)),
  ])
  smaller.writeInt32BE(smaller.length - BATCH_PREFIX_BYTES, AT.length)
  smaller.writeInt16BE(header.attributes & ~7, AT.attributes)
  smaller.writeInt32BE(kept.length, AT.count)
  smaller.writeUInt32BE(crc32c(smaller, AT.attributes), AT.crc)
  return smaller
}
