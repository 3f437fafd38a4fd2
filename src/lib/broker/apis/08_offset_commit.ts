/**
 * OffsetCommit, versions 2 to 8.
 *
 *   request  = group, generation i32, member, instance (7+), retention i64 (2 to 4),
 *              [topic, [partition i32, offset i64, leader_epoch i32 (6+), metadata]]
 *   response = throttle i32 (3+), [topic, [partition, error i16]]
 *
 * Written to the offsets file before the answer; never refused for the disk quota, and kept until the group or the
 * topic is deleted. A full disk is COORDINATOR_NOT_AVAILABLE, which clients retry. Generation -1 without a member id
 * is a consumer that manages itself (or an administrator): only while the group has no members.
 */
import {defineApi} from '../api.js'
import type {OffsetEntry} from '../offset-store.js'

interface OffsetCommitRequest {
  readonly groupId: string
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly Omit<OffsetEntry, 'topic'>[]
  }[]
}

interface OffsetCommitResponse {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {readonly partition: number; readonly errorCode: number}[]
  }[]
}

export const offsetCommit = defineApi<OffsetCommitRequest, OffsetCommitResponse>({
  key: 8,
  name: 'OffsetCommit',
  minVersion: 2,
  maxVersion: 8,
  flexibleFrom: 8,

  decode(reader, version) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    const instanceId = version >= 7 ? reader.nullableString() : null
    if (version <= 4) reader.int64()
    const topics = reader.array(() => {
      const name = reader.string()
      const partitions = reader.array(() => {
        const entry = {
          partition: reader.int32(),
          offset: reader.int64(),
          leaderEpoch: version >= 6 ? reader.int32() : -1,
          metadata: reader.nullableString(),
        }
        reader.tags()
        return entry
      })
      reader.tags()
      return {name, partitions}
    })
    reader.tags()
    return {groupId, generation, memberId, instanceId, topics}
  },

  handle(request, {broker}) {
    const entries = request.topics.flatMap(({name, partitions}) =>
      partitions.map(partition => ({topic: name, ...partition})),
    )
    const errorCodes = broker.coordinator.commit(
      request.groupId,
      request,
      entries,
      entry => broker.storage.partition(entry.topic, entry.partition) !== undefined,
    )
    let next = 0
    return {
      topics: request.topics.map(({name, partitions}) => ({
        name,
        partitions: partitions.map(({partition}) => ({partition, errorCode: errorCodes[next++] ?? 0})),
      })),
    }
  },

  encode(response, writer, version) {
    if (version >= 3) writer.int32(0)
    writer.array(response.topics, topic => {
      writer.string(topic.name)
      writer.array(topic.partitions, answer => writer.int32(answer.partition).int16(answer.errorCode).tags())
      writer.tags()
    })
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition}) => ({partition, errorCode})),
    })),
  }),

  topics: request => request.topics.map(topic => topic.name),
})
