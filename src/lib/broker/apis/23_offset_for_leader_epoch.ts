/**
 * OffsetForLeaderEpoch, versions 2 to 4: how a consumer finds out whether the log was cut under it (KIP-320). Here it
 * never is, and there is one epoch: the answer is the end of the log.
 *
 *   request  = replica i32 (3+), [topic, [partition i32, current_epoch i32, epoch i32]]
 *   response = throttle i32, [topic, [error i16, partition i32, epoch i32, end_offset i64]]
 */
import {defineApi, LEADER_EPOCH} from '../api.js'
import {ERROR} from '../error-codes.js'

interface OffsetForLeaderEpochRequest {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {readonly partition: number; readonly epoch: number}[]
  }[]
}

interface EpochEnd {
  readonly partition: number
  readonly errorCode: number
  readonly epoch: number
  readonly endOffset: number
}

interface OffsetForLeaderEpochResponse {
  readonly topics: readonly {readonly name: string; readonly partitions: readonly EpochEnd[]}[]
}

export const offsetForLeaderEpoch = defineApi<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  minVersion: 2,
  maxVersion: 4,
  flexibleFrom: 4,

  decode(reader, version) {
    if (version >= 3) reader.int32()
    const topics = reader.array(() => {
      const name = reader.string()
      const partitions = reader.array(() => {
        const partition = reader.int32()
        reader.int32()
        const epoch = reader.int32()
        reader.tags()
        return {partition, epoch}
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
      partitions: partitions.map(({partition, epoch}) => {
        const log = broker.storage.partition(name, partition)
        if (log === undefined) return failed(partition, ERROR.unknownTopicOrPartition)
        if (epoch > LEADER_EPOCH) return failed(partition, ERROR.unknownLeaderEpoch)
        return {partition, errorCode: ERROR.none, epoch: LEADER_EPOCH, endOffset: log.endOffset}
      }),
    })),
  }),

  encode(response, writer) {
    writer.int32(0)
    writer.array(response.topics, topic => {
      writer.string(topic.name)
      writer.array(topic.partitions, end =>
        writer.int16(end.errorCode).int32(end.partition).int32(end.epoch).int64(end.endOffset).tags(),
      )
      writer.tags()
    })
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition}) => failed(partition, errorCode)),
    })),
  }),

  topics: request => request.topics.map(topic => topic.name),
})

function failed(partition: number, errorCode: number): EpochEnd {
  return {partition, errorCode, epoch: -1, endOffset: -1}
}
