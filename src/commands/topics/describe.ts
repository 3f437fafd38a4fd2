import {Args} from '@oclif/core'
import {EnvironmentError} from '../../lib/base/errors.js'
import {BaseCommand} from '../../lib/cli/base-command.js'
import {brokersFlag, groupFlag, propertyFlag} from '../../lib/cli/flags.js'
import {TOPICS} from '../../lib/payment/topics.js'

interface DescribedPartition {
  readonly partition: number
  readonly leader: number
  readonly replicas: readonly number[]
  readonly in_sync: readonly number[]
  readonly earliest: number
  readonly end: number
  /** Next offset of the group; null when it has committed none. */
  readonly committed: number | null
  readonly lag: number
}

interface DescribedTopic {
  readonly topic: string
  readonly group: string
  readonly partitions: readonly DescribedPartition[]
}

export default class TopicsDescribe extends BaseCommand<DescribedTopic> {
  static override summary = 'Show a topic’s partitions, offsets and a group’s lag.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> payments.raw',
    '<%= config.bin %> <%= command.id %> payments.raw --group my-detector --brokers localhost:9092',
  ]
  static override args = {topic: Args.string({description: 'Topic.', default: TOPICS.raw})}
  static override flags = {brokers: brokersFlag, property: propertyFlag, group: groupFlag}

  async run(): Promise<DescribedTopic> {
    const {args, flags} = await this.parse(TopicsDescribe)
    const {withKafka} = await import('../../lib/cli/kafka-command.js')
    const context = {signal: this.signal, note: (text: string) => this.progress.note(text)}
    return withKafka(flags, context, async ({kafka}) => {
      const [info] = await kafka.admin.describeTopics([args.topic])
      if (info === undefined) {
        throw new EnvironmentError(`Topic ${args.topic} does not exist`, {
          code: 'P2PAY_TOPIC_MISSING',
          suggestions: [`create it: p2pay topics create ${args.topic}`, 'p2pay topics list shows what is there'],
        })
      }
      const lags = await kafka.admin.lagOf(flags.group, args.topic)
      const partitions = info.partitions.map(one => {
        const lag = lags.find(entry => entry.partition === one.partition)
        return {
          partition: one.partition,
          leader: one.leader,
          replicas: one.replicas,
          in_sync: one.inSync,
          earliest: lag?.earliest ?? 0,
          end: lag?.end ?? 0,
          committed: lag?.committed ?? null,
          lag: lag?.lag ?? 0,
        }
      })
      this.log(`${args.topic}: ${partitions.length} partitions, group ${flags.group}`)
      this.log('partition    earliest         end   committed         lag')
      for (const one of partitions) {
        const columns = [one.earliest, one.end, one.committed ?? 'n/a', one.lag]
        this.log(`${String(one.partition).padStart(9)}${columns.map(value => String(value).padStart(12)).join('')}`)
      }
      return {topic: args.topic, group: flags.group, partitions}
    })
  }
}
