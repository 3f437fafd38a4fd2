/**
 * Fetch, versions 4 to 12 (13 and later name topics by id).
 *
 *   request  = cluster_id tag(12+), replica i32, max_wait i32, min_bytes i32, max_bytes i32, isolation i8,
 *              session i32 (7+), session_epoch i32 (7+),
 *              [topic, [partition i32, leader_epoch i32 (9+), offset i64, last_epoch i32 (12+), log_start i64 (5+),
 *              max_bytes i32]], forgotten [topic, [i32]] (7+), rack (11+)
 *   response = throttle i32, error i16 (7+), session i32 (7+),
 *              [topic, [partition, error i16, high_watermark i64, last_stable i64, log_start i64 (5+),
 *              aborted [], preferred_replica i32 (11+), records bytes]]
 *
 * Whole batches, at least one however long if any partition has data; then up to max_bytes per partition and in all.
 * With less than min_bytes it waits for appends up to max_wait, without polling. Sessions (KIP-227) are answered with
 * id 0, "none": the client then names all its partitions each time.
 */
import {defineApi, type RequestContext} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {PartitionLog} from '../partition-log.js'
import type {LogSlice} from '../segment.js'

const FETCH_SESSION_ID_NOT_FOUND = 70
/** A fetch answer is built in memory: no client gets more at once, whatever it asks for. */
const RESPONSE_BYTES_MAX = 64 * 1024 * 1024
/** About what an answer has beside the records, for each topic. */
const PARTITION_BYTES = 1024
const NO_RECORDS = Buffer.alloc(0)

interface PartitionFetch {
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

interface FetchRequest {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly sessionId: number
  readonly topics: readonly {readonly name: string; readonly partitions: readonly PartitionFetch[]}[]
}

interface PartitionData {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly slice: LogSlice | undefined
}

interface FetchResponse {
  readonly errorCode: number
  readonly byteCount: number
  readonly topics: readonly {readonly name: string; readonly partitions: readonly PartitionData[]}[]
}

export const fetch = defineApi<FetchRequest, FetchResponse>({
  key: 1,
  name: 'Fetch',
  minVersion: 4,
  maxVersion: 12,
  flexibleFrom: 12,

  decode(reader, version) {
    reader.int32() // replica: consumers only
    const maxWaitMs = reader.int32()
    const minBytes = reader.int32()
    const maxBytes = reader.int32()
    reader.int8() // isolation: without transactions both levels see the same
    const sessionId = version >= 7 ? reader.int32() : 0
    if (version >= 7) reader.int32()
    const topics = reader.array(() => {
      const name = reader.string()
      const partitions = reader.array(() => {
        const partition = reader.int32()
        if (version >= 9) reader.int32()
        const offset = reader.int64()
        if (version >= 12) reader.int32()
        if (version >= 5) reader.int64()
        const partitionMaxBytes = reader.int32()
        reader.tags()
        return {partition, offset, maxBytes: partitionMaxBytes}
      })
      reader.tags()
      return {name, partitions}
    })
    if (version >= 7) {
      reader.array(() => {
        reader.string()
        reader.array(() => reader.int32())
        reader.tags()
      })
    }
    if (version >= 11) reader.string()
    reader.tags()
    return {maxWaitMs, minBytes, maxBytes, sessionId, topics}
  },

  handle(request, context) {
    if (request.sessionId !== 0) return {errorCode: FETCH_SESSION_ID_NOT_FOUND, byteCount: 0, topics: []}
    const found = collect(request, context)
    if (found.byteCount >= request.minBytes || request.maxWaitMs <= 0 || hasError(found)) return found
    const logs = logsOf(request, context)
    if (logs.length === 0) return found
    return context.broker.waiters
      .wait({
        logs,
        missingBytes: request.minBytes - found.byteCount,
        maxWaitMs: request.maxWaitMs,
        gone: context.gone,
      })
      .then(() => collect(request, context))
  },

  encode(response, writer, version) {
    writer.expect(response.byteCount + PARTITION_BYTES * response.topics.length)
    writer.int32(0)
    if (version >= 7) writer.int16(response.errorCode).int32(0)
    writer.array(response.topics, topic => {
      writer.string(topic.name)
      writer.array(topic.partitions, data => {
        writer.int32(data.partition).int16(data.errorCode).int64(data.highWatermark).int64(data.highWatermark)
        if (version >= 5) writer.int64(data.logStartOffset)
        writer.array([], () => {})
        if (version >= 11) writer.int32(-1)
        if (data.slice === undefined) writer.bytes(NO_RECORDS)
        else {
          writer.bytesLength(data.slice.byteCount)
          data.slice.segment.read(data.slice.position, writer.reserve(data.slice.byteCount))
        }
        writer.tags()
      })
      writer.tags()
    })
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    errorCode: ERROR.none,
    byteCount: 0,
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition}) => failed(partition, errorCode)),
    })),
  }),

  topics: request => request.topics.map(topic => topic.name),
})

function failed(partition: number, errorCode: number): PartitionData {
  return {partition, errorCode, highWatermark: -1, logStartOffset: -1, slice: undefined}
}

function hasError(response: FetchResponse): boolean {
  return response.topics.some(topic => topic.partitions.some(data => data.errorCode !== ERROR.none))
}

function logsOf(request: FetchRequest, {broker}: RequestContext): PartitionLog[] {
  const logs: PartitionLog[] = []
  for (const topic of request.topics) {
    for (const {partition} of topic.partitions) {
      const log = broker.storage.partition(topic.name, partition)
      if (log !== undefined) logs.push(log)
    }
  }
  return logs
}

function collect(request: FetchRequest, {broker}: RequestContext): FetchResponse {
  let byteCount = 0
  const maxBytes = Math.min(request.maxBytes, RESPONSE_BYTES_MAX)
  const topics = request.topics.map(({name, partitions}) => ({
    name,
    partitions: partitions.map((wanted): PartitionData => {
      const log = broker.storage.partition(name, wanted.partition)
      if (log === undefined) return failed(wanted.partition, ERROR.unknownTopicOrPartition)
      if (wanted.offset < log.startOffset || wanted.offset > log.endOffset) {
        return failed(wanted.partition, ERROR.offsetOutOfRange)
      }
      const room = maxBytes - byteCount
      let slice = room > 0 || byteCount === 0 ? log.slice(wanted.offset, Math.min(wanted.maxBytes, room)) : undefined
      // A slice has at least one batch; only the first in the answer may break the total limit.
      if (slice !== undefined && byteCount > 0 && slice.byteCount > room) slice = undefined
      byteCount += slice?.byteCount ?? 0
      return {
        partition: wanted.partition,
        errorCode: ERROR.none,
        highWatermark: log.endOffset,
        logStartOffset: log.startOffset,
        slice,
      }
    }),
  }))
  return {errorCode: ERROR.none, byteCount, topics}
}
