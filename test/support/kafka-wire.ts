/**
 * The Kafka protocol by hand, for tests that need more control than a client library gives: record batches with any
 * header, and a connection that sends any frame.
 */
import {once} from 'node:events'
import {connect, type Socket} from 'node:net'
import {gzipSync} from 'node:zlib'
import {Reader, Writer} from '../../src/lib/broker/codec.js'
import {crc32c} from '../../src/lib/broker/crc32c.js'

export interface BatchOptions {
  readonly baseTimestampMs?: number
  /** Timestamp of record i: base + i * step. Default 1. */
  readonly stepMs?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly compression?: 'gzip'
}

/** A record batch of format 2 with one record per value, base offset 0. */
export function batchOf(values: readonly string[], options: BatchOptions = {}): Buffer {
  const baseTimestampMs = options.baseTimestampMs ?? 1_700_000_000_000
  const stepMs = options.stepMs ?? 1
  const plain = Buffer.concat(values.map((value, index) => record(value, index, index * stepMs)))
  const body = options.compression === 'gzip' ? gzipSync(plain) : plain
  const writer = new Writer(false, 61 + body.length)
  writer
    .int64(0)
    .int32(49 + body.length)
    .int32(-1)
    .int8(2)
    .int32(0)
  writer.int16(options.compression === 'gzip' ? 1 : 0).int32(values.length - 1)
  writer.int64(baseTimestampMs).int64(baseTimestampMs + Math.max(0, values.length - 1) * stepMs)
  writer.int64(options.producerId ?? -1).int16(options.producerEpoch ?? (options.producerId === undefined ? -1 : 0))
  writer.int32(options.baseSequence ?? (options.producerId === undefined ? -1 : 0)).int32(values.length)
  writer.reserve(body.length).set(body)
  return sealed(writer.finish())
}

/** The batch with a right checksum again, after a test has changed its header. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

function record(value: string, offsetDelta: number, timestampDelta: number): Buffer {
  const bytes = Buffer.from(value)
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(offsetDelta),
    varint(-1),
    varint(bytes.length),
    bytes,
    varint(0),
  ])
  return Buffer.concat([varint(body.length), body])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

/** Base offset and record count of each batch in what a fetch returned. */
export function batchesIn(records: Buffer): {baseOffset: number; recordCount: number}[] {
  const found: {baseOffset: number; recordCount: number}[] = []
  for (let at = 0; at < records.length; at += 12 + records.readInt32BE(at + 8)) {
    found.push({baseOffset: Number(records.readBigInt64BE(at)), recordCount: records.readInt32BE(at + 57)})
  }
  return found
}

/** The header of version 1 (classic) and a body. */
export function requestFrame(
  key: number,
  version: number,
  options: {correlationId?: number; body?: (writer: Writer) => void} = {},
): Buffer {
  const writer = new Writer(false)
  writer
    .int32(0)
    .int16(key)
    .int16(version)
    .int32(options.correlationId ?? 1)
    .string('wire')
  options.body?.(writer)
  writer.patchInt32(writer.length - 4, 0)
  return writer.finish()
}

export class WireClient {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #isClosed = false
  readonly #changed: (() => void)[] = []
  #correlationId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    const changed = (): void => {
      for (const wake of this.#changed.splice(0)) wake()
    }
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk])
      changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      changed()
    })
  }

  static async connect(address: string): Promise<WireClient> {
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return new WireClient(socket)
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** The next answer, after its size: from the correlation id on; undefined when the server has closed. */
  async receive(): Promise<Reader | undefined> {
    for (;;) {
      const frameBytes = this.#received.length >= 4 ? this.#received.readInt32BE(0) : Number.POSITIVE_INFINITY
      if (this.#received.length >= 4 + frameBytes) {
        const frame = this.#received.subarray(4, 4 + frameBytes)
        this.#received = this.#received.subarray(4 + frameBytes)
        return new Reader(frame)
      }
      if (this.#isClosed) return undefined
      await new Promise<void>(resolve => this.#changed.push(resolve))
    }
  }

  /** Sends a classic request and gives the body of its answer; undefined when the server has closed. */
  async call(key: number, version: number, body: (writer: Writer) => void): Promise<Reader | undefined> {
    const correlationId = ++this.#correlationId
    this.send(requestFrame(key, version, {correlationId, body}))
    const reader = await this.receive()
    reader?.int32()
    return reader
  }

  close(): void {
    this.#socket.destroy()
  }
}

/**
 * Commits an offset of partition 0 as a consumer that manages itself.
 *
 * @returns the error code
 */
export async function commitOffset(client: WireClient, group: string, topic: string, offset: number): Promise<number> {
  const reader = await client.call(8, 2, writer =>
    writer
      .string(group)
      .int32(-1)
      .string('')
      .int64(-1)
      .array([topic], name =>
        writer.string(name).array([0], partition => writer.int32(partition).int64(offset).string(null)),
      ),
  )
  if (reader === undefined) throw new Error('the connection was closed')
  reader.int32()
  reader.string()
  reader.int32()
  reader.int32()
  return reader.int16()
}
