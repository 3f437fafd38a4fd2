/**
 * ListOffsets, versions 1 to 7.
 *
 *   request  = replica i32, isolation i8 (2+), [topic, [partition i32, leader_epoch i32 (4+), timestamp i64]]
 *   response = throttle i32 (2+), [topic, [partition, error i16, timestamp i64, offset i64, leader_epoch i32 (4+)]]
 *
 * Timestamp -1 is the end of the log, -2 its start, -3 the record with the highest timestamp; any other the first
 * record at or after that time, offset -1 when all are older.
 */
import {defineApi, LEADER_EPOCH} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {PartitionLog} from '../partition-log.js'

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3

interface ListOffsetsRequest {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {readonly partition: number; readonly timestampMs: number}[]
  }[]
}

interface FoundOffset {
  readonly partition: number
  readonly errorCode: number
  readonly timestampMs: number
  readonly offset: number
}

interface ListOffsetsResponse {
  readonly topics: readonly {readonly name: string; readonly partitions: readonly FoundOffset[]}[]
}

export const listOffsets = defineApi<ListOffsetsRequest, ListOffsetsResponse>({
  key: 2,
  name: 'ListOffsets',
  minVersion: 1,
  maxVersion: 7,
  flexibleFrom: 6,

  decode(reader, version) {
    reader.int32()
    if (version >= 2) reader.int8()
    const topics = reader.array(() => {
      const name = reader.string()
      const partitions = reader.array(() => {
        const partition = reader.int32()
        if (version >= 4) reader.int32()
        const timestampMs = reader.int64()
        reader.tags()
        return {partition, timestampMs}
      })
      reader.tags()
      return {name, partitions}
    })
    reader.tags()
    return {topics}
  },

  handle: (request, {broker}) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition, timestampMs}) => {
        const log = broker.storage.partition(name, partition)
        return log === undefined
          ? {partition, errorCode: ERROR.unknownTopicOrPartition, timestampMs: -1, offset: -1}
          : {partition, errorCode: ERROR.none, ...find(log, timestampMs)}
      }),
    })),
  }),

  encode(response, writer, version) {
    if (version >= 2) writer.int32(0)
    writer.array(response.topics, topic => {
      writer.string(topic.name)
      writer.array(topic.partitions, found => {
        writer.int32(found.partition).int16(found.errorCode).int64(found.timestampMs).int64(found.offset)
        if (version >= 4) writer.int32(found.errorCode === ERROR.none && found.offset >= 0 ? LEADER_EPOCH : -1)
        writer.tags()
      })
      writer.tags()
    })
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition}) => ({partition, errorCode, timestampMs: -1, offset: -1})),
    })),
  }),

  topics: request => request.topics.map(topic => topic.name),
})

function find(log: PartitionLog, timestampMs: number): {offset: number; timestampMs: number} {
  if (timestampMs === LATEST) return {offset: log.endOffset, timestampMs: -1}
  if (timestampMs === EARLIEST) return {offset: log.startOffset, timestampMs: -1}
  const found = timestampMs === MAX_TIMESTAMP ? log.latestByTime() : log.firstAtOrAfter(timestampMs)
  return found ?? {offset: -1, timestampMs: -1}
}
