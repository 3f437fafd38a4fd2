/**
 * CreatePartitions, versions 0 to 3.
 *
 *   request  = [topic, count i32, [[broker i32]] (null = automatic)], timeout i32, validate_only bool
 *   response = throttle i32, [topic, error i16, message]
 *
 * The count is the new total; it can only grow.
 */
import {messageOf} from '../../base/errors.js'
import {type BrokerState, defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'
import {PARTITIONS_PER_TOPIC_MAX} from '../storage.js'

interface CreatePartitionsRequest {
  readonly topics: readonly {readonly name: string; readonly count: number}[]
  readonly validateOnly: boolean
}

interface TopicAnswer {
  readonly name: string
  readonly errorCode: number
  readonly message: string | null
}

export const createPartitions = defineApi<CreatePartitionsRequest, readonly TopicAnswer[]>({
  key: 37,
  name: 'CreatePartitions',
  minVersion: 0,
  maxVersion: 3,
  flexibleFrom: 2,

  decode(reader) {
    const topics = reader.array(() => {
      const name = reader.string()
      const count = reader.int32()
      reader.nullableArray(() => {
        reader.array(() => reader.int32())
        reader.tags()
      })
      reader.tags()
      return {name, count}
    })
    reader.int32()
    const validateOnly = reader.bool()
    reader.tags()
    return {topics, validateOnly}
  },

  handle: ({topics, validateOnly}, {broker}) =>
    topics.map(({name, count}) => ({name, ...grow(broker, name, count, validateOnly)})),

  encode(answers, writer) {
    writer.int32(0)
    writer.array(answers, answer => writer.string(answer.name).int16(answer.errorCode).string(answer.message).tags())
    writer.tags()
  },

  refuse: ({topics}, errorCode) => topics.map(({name}) => ({name, errorCode, message: null})),

  topics: request => request.topics.map(topic => topic.name),
})

function grow(broker: BrokerState, name: string, count: number, validateOnly: boolean): Omit<TopicAnswer, 'name'> {
  const topic = broker.storage.topic(name)
  if (topic === undefined) return {errorCode: ERROR.unknownTopicOrPartition, message: 'there is no such topic'}
  const present = topic.partitions.length
  if (count <= present || count > PARTITIONS_PER_TOPIC_MAX || !broker.storage.hasRoomFor(count - present)) {
    return {errorCode: ERROR.invalidPartitions, message: `the topic has ${present} partitions and cannot have ${count}`}
  }
  if (validateOnly) return {errorCode: ERROR.none, message: null}
  try {
    broker.storage.addPartitions(topic, count)
    return {errorCode: ERROR.none, message: null}
  } catch (error) {
    broker.log(`topic ${name} got no more partitions: ${messageOf(error)}`)
    return {errorCode: ERROR.storageError, message: messageOf(error)}
  }
}
