/**
 * OffsetFetch, versions 1 to 8.
 *
 *   request  = 1 to 7: group, [topic, [partition i32]] (null = all, 2+), require_stable bool (7)
 *              8:      [group, [topic, [partition i32]]], require_stable bool
 *   response = throttle i32 (3+), 1 to 7: topics, error i16 (2+); 8: [group, topics, error i16]
 *     topics = [topic, [partition i32, offset i64, leader_epoch i32 (5+), metadata, error i16]]
 *
 * A partition without a commit has offset -1 and no error.
 */
import {type BrokerState, defineApi} from '../api.js'
import type {Writer} from '../codec.js'
import {ERROR} from '../error-codes.js'

interface WantedGroup {
  readonly groupId: string
  /** null = all committed. */
  readonly topics: readonly {readonly name: string; readonly partitions: readonly number[]}[] | null
}

interface CommittedPartition {
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

interface CommittedGroup {
  readonly groupId: string
  readonly errorCode: number
  readonly topics: readonly {readonly name: string; readonly partitions: readonly CommittedPartition[]}[]
}

export const offsetFetch = defineApi<readonly WantedGroup[], readonly CommittedGroup[]>({
  key: 9,
  name: 'OffsetFetch',
  minVersion: 1,
  maxVersion: 8,
  flexibleFrom: 6,

  decode(reader, version) {
    const group = (): WantedGroup => {
      const groupId = reader.string()
      const topics = reader.nullableArray(() => {
        const topic = {name: reader.string(), partitions: reader.array(() => reader.int32())}
        reader.tags()
        return topic
      })
      return {groupId, topics}
    }
    const groups =
      version >= 8
        ? reader.array(() => {
            const wanted = group()
            reader.tags()
            return wanted
          })
        : [group()]
    if (version >= 7) reader.bool()
    reader.tags()
    return groups
  },

  handle: (groups, {broker}) => groups.map(wanted => committed(broker, wanted)),

  encode(groups, writer, version) {
    if (version >= 3) writer.int32(0)
    if (version >= 8) {
      writer.array(groups, group => {
        writer.string(group.groupId)
        encodeTopics(group, writer, version)
        writer.int16(group.errorCode).tags()
      })
    } else {
      for (const group of groups) {
        encodeTopics(group, writer, version)
        if (version >= 2) writer.int16(group.errorCode)
      }
    }
    writer.tags()
  },

  refuse: (groups, errorCode) => groups.map(({groupId}) => ({groupId, errorCode, topics: []})),

  topics: groups => groups.flatMap(group => (group.topics ?? []).map(topic => topic.name)),
})

function encodeTopics(group: CommittedGroup, writer: Writer, version: number): void {
  writer.array(group.topics, topic => {
    writer.string(topic.name)
    writer.array(topic.partitions, partition => {
      writer.int32(partition.partition).int64(partition.offset)
      if (version >= 5) writer.int32(partition.leaderEpoch)
      // Version 1 has no place for an error of the whole group.
      writer
        .string(partition.metadata)
        .int16(version === 1 ? group.errorCode : ERROR.none)
        .tags()
    })
    writer.tags()
  })
}

function committed({coordinator}: BrokerState, wanted: WantedGroup): CommittedGroup {
  const all = coordinator.offsets.ofGroup(wanted.groupId)
  const names =
    wanted.topics ?? [...(all ?? [])].map(([name, partitions]) => ({name, partitions: [...partitions.keys()]}))
  return {
    groupId: wanted.groupId,
    errorCode: ERROR.none,
    topics: names.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(partition => {
        const found = all?.get(name)?.get(partition)
        return {
          partition,
          offset: found?.offset ?? -1,
          leaderEpoch: found?.leaderEpoch ?? -1,
          metadata: found?.metadata ?? '',
        }
      }),
    })),
  }
}
