/**
 * DeleteRecords, versions 0 to 2.
 *
 *   request  = [topic, [partition i32, offset i64]], timeout i32
 *   response = throttle i32, [topic, [partition, low_watermark i64, error i16]]
 *
 * Moves the start of the log to the offset (-1 = its end); files go when all their records are before it.
 */
import {messageOf} from '../../base/errors.js'
import {type BrokerState, defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'

const TO_THE_END = -1

interface DeleteRecordsRequest {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {readonly partition: number; readonly offset: number}[]
  }[]
}

interface DeletedRecords {
  readonly partition: number
  readonly lowWatermark: number
  readonly errorCode: number
}

interface DeleteRecordsResponse {
  readonly topics: readonly {readonly name: string; readonly partitions: readonly DeletedRecords[]}[]
}

export const deleteRecords = defineApi<DeleteRecordsRequest, DeleteRecordsResponse>({
  key: 21,
  name: 'DeleteRecords',
  minVersion: 0,
  maxVersion: 2,
  flexibleFrom: 2,

  decode(reader) {
    const topics = reader.array(() => {
      const name = reader.string()
      const partitions = reader.array(() => {
        const partition = {partition: reader.int32(), offset: reader.int64()}
        reader.tags()
        return partition
      })
      reader.tags()
      return {name, partitions}
    })
    reader.int32()
    reader.tags()
    return {topics}
  },

  handle: (request, {broker}) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition, offset}) => remove(broker, name, partition, offset)),
    })),
  }),

  encode(response, writer) {
    writer.int32(0)
    writer.array(response.topics, topic => {
      writer.string(topic.name)
      writer.array(topic.partitions, deleted =>
        writer.int32(deleted.partition).int64(deleted.lowWatermark).int16(deleted.errorCode).tags(),
      )
      writer.tags()
    })
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition}) => ({partition, lowWatermark: -1, errorCode})),
    })),
  }),

  topics: request => request.topics.map(topic => topic.name),
})

function remove(broker: BrokerState, topic: string, partition: number, offset: number): DeletedRecords {
  const refused = (errorCode: number): DeletedRecords => ({partition, lowWatermark: -1, errorCode})
  const log = broker.storage.partition(topic, partition)
  if (log === undefined) return refused(ERROR.unknownTopicOrPartition)
  const target = offset === TO_THE_END ? log.endOffset : offset
  if (target < 0 || target > log.endOffset) return refused(ERROR.offsetOutOfRange)
  try {
    broker.storage.deleteBefore(log, target)
    return {partition, lowWatermark: log.startOffset, errorCode: ERROR.none}
  } catch (error) {
    broker.log(`records of ${topic}-${partition} were not deleted: ${messageOf(error)}`)
    return refused(ERROR.storageError)
  }
}
