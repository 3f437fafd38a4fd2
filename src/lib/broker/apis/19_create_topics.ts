/**
 * CreateTopics, versions 2 to 7.
 *
 *   request  = [name, partitions i32, replication i16, [partition i32, [broker i32]], [config, value]],
 *              timeout i32, validate_only bool
 *   response = throttle i32, [name, topic_id uuid (7+), error i16, message, partitions i32 (5+), replication i16 (5+),
 *              [config, value, read_only bool, source i8, sensitive bool] (5+)]
 *
 * Partitions -1 is the broker's default, replication is -1 or 1. With validate_only nothing is made.
 */
import {messageOf} from '../../base/errors.js'
import {type BrokerState, defineApi, NO_UUID, NODE_ID} from '../api.js'
import {ERROR} from '../error-codes.js'
import {PARTITIONS_MAX, PARTITIONS_PER_TOPIC_MAX} from '../storage.js'
import {type ConfigValue, configProblem, effectiveConfigs} from '../topic-config.js'

const SOURCE_TOPIC = 1
const SOURCE_DEFAULT = 5

interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly assignments: readonly {readonly partition: number; readonly brokers: readonly number[]}[]
  readonly configs: readonly {readonly name: string; readonly value: string | null}[]
}

interface CreateTopicsRequest {
  readonly topics: readonly NewTopic[]
  readonly validateOnly: boolean
}

interface CreatedTopic {
  readonly name: string
  readonly id: string
  readonly errorCode: number
  readonly message: string | null
  readonly partitions: number
  readonly configs: readonly ConfigValue[]
}

export const createTopics = defineApi<CreateTopicsRequest, readonly CreatedTopic[]>({
  key: 19,
  name: 'CreateTopics',
  minVersion: 2,
  maxVersion: 7,
  flexibleFrom: 5,

  decode(reader) {
    const topics = reader.array(() => {
      const topic = {
        name: reader.string(),
        partitions: reader.int32(),
        replication: reader.int16(),
        assignments: reader.array(() => {
          const assignment = {partition: reader.int32(), brokers: reader.array(() => reader.int32())}
          reader.tags()
          return assignment
        }),
        configs: reader.array(() => {
          const config = {name: reader.string(), value: reader.nullableString()}
          reader.tags()
          return config
        }),
      }
      reader.tags()
      return topic
    })
    reader.int32()
    const validateOnly = reader.bool()
    reader.tags()
    return {topics, validateOnly}
  },

  handle: ({topics, validateOnly}, {broker}) =>
    topics.map(topic => {
      const isTwice = topics.filter(other => other.name === topic.name).length > 1
      return isTwice
        ? refused(topic.name, ERROR.invalidRequest, 'the topic is in the request twice')
        : create(broker, topic, validateOnly)
    }),

  encode(created, writer, version) {
    writer.int32(0)
    writer.array(created, topic => {
      writer.string(topic.name)
      if (version >= 7) writer.uuid(topic.id)
      writer.int16(topic.errorCode).string(topic.message)
      if (version >= 5) {
        const isMade = topic.errorCode === ERROR.none
        writer.int32(isMade ? topic.partitions : -1).int16(isMade ? 1 : -1)
        writer.array(topic.configs, config => {
          writer.string(config.name).string(config.value).bool(false)
          writer
            .int8(config.isDefault ? SOURCE_DEFAULT : SOURCE_TOPIC)
            .bool(false)
            .tags()
        })
      }
      writer.tags()
    })
    writer.tags()
  },

  refuse: ({topics}, errorCode) => topics.map(({name}) => refused(name, errorCode, null)),

  topics: request => request.topics.map(topic => topic.name),
})

function refused(name: string, errorCode: number, message: string | null): CreatedTopic {
  return {name, id: NO_UUID, errorCode, message, partitions: -1, configs: []}
}

function create(broker: BrokerState, topic: NewTopic, validateOnly: boolean): CreatedTopic {
  const {name} = topic
  if (broker.storage.topic(name) !== undefined) {
    return refused(name, ERROR.topicAlreadyExists, `topic "${name}" already exists`)
  }
  const nameProblem = broker.storage.nameProblem(name)
  if (nameProblem !== undefined) return refused(name, ERROR.invalidTopic, nameProblem)
  const replicas = [topic.replication, ...topic.assignments.map(assignment => assignment.brokers.length)]
  if (replicas.some(count => count !== 1 && count !== -1)) {
    return refused(name, ERROR.invalidReplicationFactor, 'there is one broker, so replication is 1')
  }
  if (topic.assignments.some(({brokers}, index) => brokers[0] !== NODE_ID || !hasPartition(topic, index))) {
    return refused(name, ERROR.invalidReplicaAssignment, `partitions from 0 up go to broker ${NODE_ID}`)
  }
  const asked = topic.assignments.length > 0 ? topic.assignments.length : topic.partitions
  const partitions = asked === -1 ? broker.defaultPartitions : asked
  if (partitions < 1 || partitions > PARTITIONS_PER_TOPIC_MAX || !broker.storage.hasRoomFor(partitions)) {
    const limits = `1 to ${PARTITIONS_PER_TOPIC_MAX} partitions a topic, ${PARTITIONS_MAX} in all`
    return refused(name, ERROR.invalidPartitions, `${partitions} partitions: the broker takes ${limits}`)
  }
  for (const config of topic.configs) {
    const problem = configProblem(config.name, config.value)
    if (problem !== undefined) return refused(name, ERROR.invalidConfig, `${config.name}: ${problem}`)
  }
  const configs = new Map(
    topic.configs.flatMap(({name: key, value}) => (value === null ? [] : [[key, value] as const])),
  )
  const result = {
    name,
    id: NO_UUID,
    errorCode: ERROR.none,
    message: null,
    partitions,
    configs: effectiveConfigs(configs),
  }
  if (validateOnly) return result
  try {
    return {...result, id: broker.storage.createTopic(name, partitions, configs).id}
  } catch (error) {
    broker.log(`topic ${name} was not created: ${messageOf(error)}`)
    return refused(name, ERROR.storageError, messageOf(error))
  }
}

function hasPartition(topic: NewTopic, partition: number): boolean {
  return topic.assignments.some(assignment => assignment.partition === partition)
}
