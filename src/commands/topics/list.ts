import {BaseCommand} from '../../lib/cli/base-command.js'
import {brokersFlag, propertyFlag} from '../../lib/cli/flags.js'

interface ListedTopic {
  readonly name: string
  readonly partitions: number
  readonly records: number
}

/** Topics asked for at the same time: a cluster may have thousands. */
const MAX_CONCURRENT = 8

export default class TopicsList extends BaseCommand<{readonly topics: ListedTopic[]}> {
  static override summary = 'List the topics with their partitions and records.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --brokers localhost:9092 --json',
  ]
  static override flags = {brokers: brokersFlag, property: propertyFlag}

  async run(): Promise<{readonly topics: ListedTopic[]}> {
    const {flags} = await this.parse(TopicsList)
    const {withKafka} = await import('../../lib/cli/kafka-command.js')
    const context = {signal: this.signal, note: (text: string) => this.progress.note(text)}
    return withKafka(flags, context, async ({kafka}) => {
      const names = await kafka.admin.listTopics()
      const infos = await kafka.admin.describeTopics(names)
      const {default: pLimit} = await import('p-limit')
      const limit = pLimit(MAX_CONCURRENT)
      const topics = await limit.map(infos, async ({name, partitions}) => {
        const bounds = await kafka.admin.offsetBounds(name)
        const records = [...bounds.values()].reduce((sum, {earliest, end}) => sum + end - earliest, 0)
        return {name, partitions: partitions.length, records}
      })
      if (topics.length === 0) this.log('no topics yet; p2pay generate makes them, or p2pay topics create NAME')
      const width = Math.max(5, ...topics.map(topic => topic.name.length))
      if (topics.length > 0) this.log(`${'topic'.padEnd(width)}  partitions     records`)
      for (const topic of topics) {
        this.log(
          `${topic.name.padEnd(width)}  ${String(topic.partitions).padStart(10)}  ${String(topic.records).padStart(10)}`,
        )
      }
      return {topics}
    })
  }
}
