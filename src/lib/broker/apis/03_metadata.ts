/**
 * Metadata, versions 0 to 12.
 *
 *   request  = [topic_id uuid (10+), name] (null = all, 1+; empty = all in 0), allow_auto_creation bool (4+),
 *              include_cluster_operations bool (8 to 10), include_topic_operations bool (8+)
 *   response = throttle i32 (3+), [node i32, host, port i32, rack (1+)], cluster_id (2+), controller i32 (1+),
 *              [error i16, name, topic_id (10+), is_internal bool (1+), [error i16, partition i32, leader i32,
 *              epoch i32 (7+), replicas [i32], isr [i32], offline [i32] (5+)], operations i32 (8+)],
 *              cluster_operations i32 (8 to 10)
 *
 * A named topic that does not exist is created with the default partition count when the client allows it (always
 * before version 4), and is in this very answer.
 */
import {messageOf} from '../../base/errors.js'
import {type BrokerState, defineApi, LEADER_EPOCH, NO_UUID, NODE_ID, OPERATIONS_UNKNOWN} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {Topic} from '../storage.js'

interface MetadataRequest {
  /** null = all. */
  readonly topics: readonly {readonly name: string | null; readonly id: string}[] | null
  readonly allowAutoCreation: boolean
}

interface TopicMetadata {
  readonly errorCode: number
  readonly name: string | null
  readonly id: string
  readonly partitionCount: number
}

interface MetadataResponse {
  readonly host: string
  readonly port: number
  readonly clusterId: string
  readonly topics: readonly TopicMetadata[]
}

export const metadata = defineApi<MetadataRequest, MetadataResponse>({
  key: 3,
  name: 'Metadata',
  minVersion: 0,
  maxVersion: 12,
  flexibleFrom: 9,

  decode(reader, version) {
    const named = reader.nullableArray(() => {
      const id = version >= 10 ? reader.uuid() : NO_UUID
      const name = version >= 10 ? reader.nullableString() : reader.string()
      reader.tags()
      return {id, name}
    })
    const allowAutoCreation = version >= 4 ? reader.bool() : true
    if (version >= 8 && version <= 10) reader.bool()
    if (version >= 8) reader.bool()
    reader.tags()
    return {topics: version === 0 && named?.length === 0 ? null : named, allowAutoCreation}
  },

  handle(request, {broker}) {
    const topics =
      request.topics === null
        ? broker.storage.topics().map(described)
        : request.topics.map(({name, id}) => {
            if (name !== null) return find(broker, name, request.allowAutoCreation)
            const topic = broker.storage.topicById(id)
            return topic === undefined ? missing(null, ERROR.unknownTopicId, id) : described(topic)
          })
    return {host: broker.host, port: broker.port, clusterId: broker.storage.clusterId, topics}
  },

  encode(response, writer, version) {
    if (version >= 3) writer.int32(0)
    writer.array([NODE_ID], () => {
      writer.int32(NODE_ID).string(response.host).int32(response.port)
      if (version >= 1) writer.string(null)
      writer.tags()
    })
    if (version >= 2) writer.string(response.clusterId)
    if (version >= 1) writer.int32(NODE_ID)
    writer.array(response.topics, topic => {
      // Only version 12 can leave the name of an unknown id out.
      writer.int16(topic.errorCode).string(topic.name ?? (version >= 12 ? null : ''))
      if (version >= 10) writer.uuid(topic.id)
      if (version >= 1) writer.bool(false)
      writer.array([...Array(topic.partitionCount).keys()], partition => {
        writer.int16(ERROR.none).int32(partition).int32(NODE_ID)
        if (version >= 7) writer.int32(LEADER_EPOCH)
        writer.array([NODE_ID], node => writer.int32(node)).array([NODE_ID], node => writer.int32(node))
        if (version >= 5) writer.array([], () => {})
        writer.tags()
      })
      if (version >= 8) writer.int32(OPERATIONS_UNKNOWN)
      writer.tags()
    })
    if (version >= 8 && version <= 10) writer.int32(OPERATIONS_UNKNOWN)
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    host: '127.0.0.1',
    port: 0,
    clusterId: '',
    topics: (request.topics ?? []).map(({name, id}) => missing(name, errorCode, id)),
  }),

  topics: request => (request.topics ?? []).flatMap(topic => topic.name ?? []),
})

function described(topic: Topic): TopicMetadata {
  return {errorCode: ERROR.none, name: topic.name, id: topic.id, partitionCount: topic.partitions.length}
}

function missing(name: string | null, errorCode: number, id = NO_UUID): TopicMetadata {
  return {errorCode, name, id, partitionCount: 0}
}

function find(broker: BrokerState, name: string, mayCreate: boolean): TopicMetadata {
  const topic = broker.storage.topic(name)
  if (topic !== undefined) return described(topic)
  if (broker.storage.nameProblem(name) !== undefined) return missing(name, ERROR.invalidTopic)
  if (!mayCreate) return missing(name, ERROR.unknownTopicOrPartition)
  if (!broker.storage.hasRoomFor(broker.defaultPartitions)) return missing(name, ERROR.invalidPartitions)
  try {
    return described(broker.storage.createTopic(name, broker.defaultPartitions))
  } catch (error) {
    broker.log(`topic ${name} was not created: ${messageOf(error)}`)
    return missing(name, ERROR.storageError)
  }
}
