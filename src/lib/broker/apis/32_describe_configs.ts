/**
 * DescribeConfigs, versions 1 to 4, for topics and for this broker.
 *
 *   request  = [type i8, name, [key] (null = all)], include_synonyms bool, include_documentation bool (3+)
 *   response = throttle i32, [error i16, message, type i8, name, [name, value, read_only bool, source i8,
 *              sensitive bool, [synonym, value, source i8], type i8 (3+), documentation (3+)]]
 */
import {type BrokerState, defineApi, NODE_ID} from '../api.js'
import {ERROR} from '../error-codes.js'
import {type ConfigValue, effectiveConfigs} from '../topic-config.js'

const TYPE_TOPIC = 2
const TYPE_BROKER = 4
const SOURCE_TOPIC = 1
const SOURCE_DEFAULT = 5

interface Resource {
  readonly type: number
  readonly name: string
  /** null = all. */
  readonly keys: readonly string[] | null
}

interface DescribedResource {
  readonly resource: Resource
  readonly errorCode: number
  readonly message: string | null
  readonly configs: readonly ConfigValue[]
}

export const describeConfigs = defineApi<readonly Resource[], readonly DescribedResource[]>({
  key: 32,
  name: 'DescribeConfigs',
  minVersion: 1,
  maxVersion: 4,
  flexibleFrom: 4,

  decode(reader, version) {
    const resources = reader.array(() => {
      const resource = {
        type: reader.int8(),
        name: reader.string(),
        keys: reader.nullableArray(() => reader.string()),
      }
      reader.tags()
      return resource
    })
    reader.bool()
    if (version >= 3) reader.bool()
    reader.tags()
    return resources
  },

  handle: (resources, {broker}) => resources.map(resource => describe(broker, resource)),

  encode(described, writer, version) {
    writer.int32(0)
    writer.array(described, ({resource, errorCode, message, configs}) => {
      writer.int16(errorCode).string(message).int8(resource.type).string(resource.name)
      writer.array(configs, config => {
        writer
          .string(config.name)
          .string(config.value)
          .bool(resource.type === TYPE_BROKER)
        writer.int8(config.isDefault ? SOURCE_DEFAULT : SOURCE_TOPIC).bool(false)
        writer.array([], () => {})
        if (version >= 3) writer.int8(0).string(null)
        writer.tags()
      })
      writer.tags()
    })
    writer.tags()
  },

  refuse: (resources, errorCode) => resources.map(resource => refused(resource, errorCode, null)),
})

function refused(resource: Resource, errorCode: number, message: string | null): DescribedResource {
  return {resource, errorCode, message, configs: []}
}

function describe(broker: BrokerState, resource: Resource): DescribedResource {
  const select = (configs: readonly ConfigValue[]): DescribedResource => ({
    resource,
    errorCode: ERROR.none,
    message: null,
    configs: configs.filter(config => resource.keys === null || resource.keys.includes(config.name)),
  })
  if (resource.type === TYPE_TOPIC) {
    const topic = broker.storage.topic(resource.name)
    return topic === undefined
      ? refused(resource, ERROR.unknownTopicOrPartition, `there is no topic "${resource.name}"`)
      : select(effectiveConfigs(topic.configs))
  }
  if (resource.type === TYPE_BROKER && (resource.name === String(NODE_ID) || resource.name === '')) {
    return select(
      [
        ['broker.id', NODE_ID],
        ['num.partitions', broker.defaultPartitions],
        ['message.max.bytes', broker.maxMessageBytes],
        ['auto.create.topics.enable', true],
        ['default.replication.factor', 1],
      ].map(([name, value]) => ({name: String(name), value: String(value), isDefault: true})),
    )
  }
  return refused(resource, ERROR.invalidRequest, 'only topics and broker 1 have settings')
}
