/** Flags that several commands share, one definition each, so that they mean the same everywhere. */
import {Flags} from '@oclif/core'
import {parseDurationMs} from '../base/duration.js'
import {messageOf, UsageError} from '../base/errors.js'
import {DEFAULT_GROUP, DEFAULT_PARTITIONS, TOPICS} from '../payment/topics.js'

const KAFKA = 'KAFKA'
const DATABASE = 'DATABASE'

export const brokersFlag = Flags.string({
  char: 'b',
  description: 'Kafka brokers; without it the embedded broker is used.',
  env: 'P2PAY_BROKERS',
  helpValue: '<host:port,…>',
  helpGroup: KAFKA,
})

export const topicFlag = Flags.string({
  char: 't',
  description: 'Topic of the raw payments.',
  default: TOPICS.raw,
  helpValue: '<topic>',
  helpGroup: KAFKA,
})

export const propertyFlag = Flags.string({
  char: 'X',
  description: 'Client property in kcat’s words, such as security.protocol=sasl_ssl; repeatable.',
  multiple: true,
  multipleNonGreedy: true,
  helpValue: '<key=value>',
  helpGroup: KAFKA,
})

export const groupFlag = Flags.string({
  char: 'g',
  description: 'Consumer group.',
  default: DEFAULT_GROUP,
  helpValue: '<group>',
  helpGroup: KAFKA,
})

export const partitionsFlag = Flags.integer({
  description: `Partitions of topics that have to be created, by default ${DEFAULT_PARTITIONS}; topics that exist need at least as many as are asked for, and are never changed.`,
  min: 1,
  max: 1000,
  helpValue: '<n>',
  helpGroup: KAFKA,
})

/**
 * For `ensureTopics`: how many, and whether anybody asked for them.
 *
 * @param planned what a scenario says; our default when it says nothing
 */
export function partitionsOf(
  asked: number | undefined,
  planned = DEFAULT_PARTITIONS,
): readonly [number, 'asked' | 'default'] {
  const partitions = asked ?? planned
  return [partitions, asked === undefined && partitions === DEFAULT_PARTITIONS ? 'default' : 'asked']
}

export const legitTopicFlag = Flags.string({
  description: 'Topic of approved payments.',
  helpValue: '<topic>',
  default: TOPICS.legit,
  helpGroup: KAFKA,
})
export const fraudTopicFlag = Flags.string({
  description: 'Topic of payments to review or block.',
  helpValue: '<topic>',
  default: TOPICS.fraud,
  helpGroup: KAFKA,
})
export const alertsTopicFlag = Flags.string({
  description: 'Topic of alerts.',
  helpValue: '<topic>',
  default: TOPICS.alerts,
  helpGroup: KAFKA,
})
export const dlqTopicFlag = Flags.string({
  description: 'Topic of records that are not payments.',
  helpValue: '<topic>',
  default: TOPICS.dlq,
  helpGroup: KAFKA,
})

export const databaseUrlFlag = Flags.string({
  description: 'PostgreSQL; without it, and without brokers, the embedded database is used.',
  env: 'P2PAY_DATABASE_URL',
  helpValue: '<postgres://…>',
  helpGroup: DATABASE,
})

export const noDatabaseFlag = Flags.boolean({
  description: 'Do not store rows; the detector keeps its snapshot in a local file.',
  helpGroup: DATABASE,
})

/** A flag's duration in ms. @throws UsageError naming the flag */
export function durationFlag(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  try {
    return parseDurationMs(text)
  } catch (error) {
    throw new UsageError(`${flag}: ${messageOf(error)}`, {
      code: 'P2PAY_DURATION',
      suggestions: ['write a number with a unit, such as 250ms, 30s, 5m or 1h30m'],
    })
  }
}

/** What every command names that meets a whole pipeline: broker, topics by role, group and database. */
export const pipelineFlags = {
  brokers: brokersFlag,
  property: propertyFlag,
  topic: topicFlag,
  group: groupFlag,
  'legit-topic': legitTopicFlag,
  'fraud-topic': fraudTopicFlag,
  'alerts-topic': alertsTopicFlag,
  'dlq-topic': dlqTopicFlag,
  'database-url': {...databaseUrlFlag, exclusive: ['no-database']},
  'no-database': noDatabaseFlag,
}
