/**
 * DeleteTopics, versions 1 to 6.
 *
 *   request  = 1 to 5: [name];  6: [name, topic_id uuid];  timeout i32
 *   response = throttle i32, [name, topic_id uuid (6+), error i16, message (5+)]
 *
 * Its files and the offsets that groups have committed on it go at once.
 */
import {messageOf} from '../../base/errors.js'
import {type BrokerState, defineApi, NO_UUID} from '../api.js'
import {ERROR} from '../error-codes.js'

interface TopicRef {
  readonly name: string | null
  readonly id: string
}

interface DeletedTopic extends TopicRef {
  readonly errorCode: number
  readonly message: string | null
}

export const deleteTopics = defineApi<readonly TopicRef[], readonly DeletedTopic[]>({
  key: 20,
  name: 'DeleteTopics',
  minVersion: 1,
  maxVersion: 6,
  flexibleFrom: 4,

  decode(reader, version) {
    const topics = reader.array((): TopicRef => {
      if (version <= 5) return {name: reader.string(), id: NO_UUID}
      const topic = {name: reader.nullableString(), id: reader.uuid()}
      reader.tags()
      return topic
    })
    reader.int32()
    reader.tags()
    return topics
  },

  handle: (topics, {broker}) => topics.map(topic => remove(broker, topic)),

  encode(deleted, writer, version) {
    writer.int32(0)
    writer.array(deleted, topic => {
      writer.string(topic.name ?? (version >= 6 ? null : ''))
      if (version >= 6) writer.uuid(topic.id)
      writer.int16(topic.errorCode)
      if (version >= 5) writer.string(topic.message)
      writer.tags()
    })
    writer.tags()
  },

  refuse: (topics, errorCode) => topics.map(topic => ({...topic, errorCode, message: null})),

  topics: topics => topics.flatMap(topic => topic.name ?? []),
})

function remove(broker: BrokerState, ref: TopicRef): DeletedTopic {
  const topic = ref.name === null ? broker.storage.topicById(ref.id) : broker.storage.topic(ref.name)
  if (topic === undefined) {
    const errorCode = ref.name === null ? ERROR.unknownTopicId : ERROR.unknownTopicOrPartition
    return {...ref, errorCode, message: 'there is no such topic'}
  }
  const named = {name: topic.name, id: topic.id}
  try {
    broker.storage.deleteTopic(topic)
    for (const log of topic.partitions) broker.waiters.gone(log)
    broker.coordinator.offsets.deleteTopic(topic.name)
    return {...named, errorCode: ERROR.none, message: null}
  } catch (error) {
    broker.log(`topic ${topic.name} was not deleted cleanly: ${messageOf(error)}`)
    return {...named, errorCode: ERROR.storageError, message: messageOf(error)}
  }
}
