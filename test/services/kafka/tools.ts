/**
 * Kafka's own command-line tools, as a second opinion that nobody here wrote: what they count is what is there.
 */
import {type CommandResult, runCommand} from '../process.js'

/** For programs that live for a second: no optimising compiler, no concurrent collector. */
export const QUICK_JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'] as const

const TOOLS = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  consoleProducer: 'org.apache.kafka.tools.ConsoleProducer',
  consoleConsumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  consumerGroups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  getOffsets: 'org.apache.kafka.tools.GetOffsetShell',
  deleteRecords: 'org.apache.kafka.tools.DeleteRecordsCommand',
  producerPerformance: 'org.apache.kafka.tools.ProducerPerformance',
  brokerApiVersions: 'org.apache.kafka.tools.BrokerApiVersionsCommand',
} as const

export type KafkaTool = keyof typeof TOOLS

export interface KafkaToolOptions {
  readonly input?: string | Buffer
  readonly timeoutMs?: number
}

/**
 * Runs one of Kafka's tools with its usual flags, for example
 * `kafkaTool(classpath, 'topics', ['--bootstrap-server', brokers, '--list'])`.
 *
 * @throws Error with what it printed when it exits with anything but 0
 */
export function kafkaTool(
  classpath: string,
  tool: KafkaTool,
  args: readonly string[],
  options: KafkaToolOptions = {},
): Promise<CommandResult> {
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  return runCommand('java', [...QUICK_JVM, '-Xmx256m', quiet, '-cp', classpath, TOOLS[tool], ...args], options)
}

/** Records on a topic, counted by Kafka: the sum over its partitions of end offset minus beginning offset. */
export async function countRecords(classpath: string, brokers: string, topic: string): Promise<number> {
  const at = async (time: 'earliest' | 'latest'): Promise<number> => {
    const args = ['--bootstrap-server', brokers, '--topic', topic, '--time', time]
    const {stdout} = await kafkaTool(classpath, 'getOffsets', args)
    const lines = stdout.split('\n').filter(line => line.startsWith(`${topic}:`))
    if (lines.length === 0) throw new Error(`Kafka's GetOffsetShell says nothing about ${topic}:\n${stdout}`)
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(':') + 1)), 0)
  }
  const [first, end] = await Promise.all([at('earliest'), at('latest')])
  return end - first
}

/** Values of the first `count` records of a topic, read by Kafka's console consumer. */
export async function consoleConsume(
  classpath: string,
  brokers: string,
  options: {readonly topic: string; readonly count: number; readonly properties?: readonly string[]},
): Promise<string[]> {
  const {stdout} = await kafkaTool(classpath, 'consoleConsumer', [
    ...['--bootstrap-server', brokers, '--topic', options.topic, '--from-beginning'],
    ...['--max-messages', String(options.count), '--timeout-ms', '30000'],
    ...(options.properties ?? []).flatMap(property => ['--formatter-property', property]),
  ])
  return stdout.split('\n').filter(line => line !== '')
}
