import {Args} from '@oclif/core'
import {BaseCommand} from '../../lib/cli/base-command.js'
import {brokersFlag, partitionsFlag, partitionsOf, propertyFlag} from '../../lib/cli/flags.js'
import {TOPICS} from '../../lib/payment/topics.js'

interface CreatedTopics {
  readonly created: readonly string[]
  readonly existing: readonly string[]
  readonly notes: readonly string[]
}

export default class TopicsCreate extends BaseCommand<CreatedTopics> {
  static override summary = 'Create topics, by default all that the pipeline needs.'
  static override description =
    'Topics that exist are checked and never changed: one with fewer partitions than asked ends with exit 3.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> payments.raw --partitions 12 --brokers localhost:9092',
  ]
  static override strict = false
  static override args = {topic: Args.string({description: 'Topics; default: raw, legit, fraud, alerts and dlq.'})}
  static override flags = {brokers: brokersFlag, property: propertyFlag, partitions: partitionsFlag}

  async run(): Promise<CreatedTopics> {
    const {flags, argv} = await this.parse(TopicsCreate)
    const names = argv.length > 0 ? argv.map(String) : Object.values(TOPICS)
    const {withKafka} = await import('../../lib/cli/kafka-command.js')
    const context = {signal: this.signal, note: (text: string) => this.progress.note(text)}
    return withKafka(flags, context, async ({kafka}) => {
      const [partitions, origin] = partitionsOf(flags.partitions)
      const ensured = await kafka.admin.ensureTopics(names, partitions, origin)
      const existing = names.filter(name => !ensured.created.includes(name))
      for (const name of ensured.created) this.log(`✓ created ${name} with ${partitions} partitions`)
      for (const name of existing) this.log(`✓ ${name} exists with ${ensured.partitionCounts.get(name)} partitions`)
      return {created: ensured.created, existing, notes: ensured.notes}
    })
  }
}
