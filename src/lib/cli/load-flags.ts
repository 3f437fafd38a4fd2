/** Flags that describe the stream and its load; `generate` has them all, and they override a scenario file. */
import {Flags} from '@oclif/core'
import {KEY_FIELDS} from '../generate/stream.js'

const STREAM = 'STREAM'
const LOAD = 'LOAD'

export const loadFlags = {
  tps: Flags.string({
    description: 'Payments per second, or max for as fast as they are taken.',
    helpValue: '<rate|max>',
    helpGroup: LOAD,
  }),
  duration: Flags.string({
    description: 'How long to send, such as 30s or 5m, or forever.',
    exclusive: ['count'],
    helpValue: '<duration>',
    helpGroup: LOAD,
  }),
  count: Flags.integer({
    description: 'How many payments to send.',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    helpValue: '<n>',
    helpGroup: LOAD,
  }),
  arrivals: Flags.option({
    options: ['uniform', 'poisson'] as const,
    description: 'Gaps between payments: all alike, or exponential as from many independent payers.',
    helpGroup: LOAD,
  })(),
}

export const streamFlags = {
  scenario: Flags.file({
    description: 'Scenario file; flags override it.',
    helpValue: '<file>',
    helpGroup: STREAM,
  }),
  seed: Flags.integer({
    description: 'Seed of everything random; by default the scenario’s, or 1.',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    helpValue: '<n>',
    helpGroup: STREAM,
  }),
  'fraud-rate': Flags.string({
    description: 'Expected share of fraudulent payments, 0 to 0.5; by default the scenario’s, or 0.01.',
    helpValue: '<share>',
    helpGroup: STREAM,
  }),
  accounts: Flags.string({
    description:
      'How many accounts, or an NDJSON file of them as `p2pay accounts` writes it; by default the scenario’s, or 2000.',
    helpValue: '<n|file>',
    helpGroup: STREAM,
  }),
  clock: Flags.option({
    options: ['simulated', 'wall'] as const,
    description: 'Event times from the population’s own clock (the default), or from the schedule.',
    helpGroup: STREAM,
  })(),
  key: Flags.option({
    options: KEY_FIELDS,
    description: 'Field that becomes the record key.',
    default: 'debtor_id' as const,
    helpGroup: STREAM,
  })(),
  'run-tag': Flags.string({
    description: 'Repeat an earlier run: its 12 hex digits. To Kafka the same bytes need its --start, too.',
    helpValue: '<tag>',
    helpGroup: STREAM,
  }),
  start: Flags.string({
    description: 'Event time of the first payments, ISO 8601; to Kafka by default the time of launch.',
    helpValue: '<time>',
    helpGroup: STREAM,
  }),
  shard: Flags.string({
    description:
      'Send only the i-th of n parts of the stream, split by debtor, each payment when the whole stream wants it; i counts from 1, --tps and --count are the whole stream’s.',
    helpValue: '<i/n>',
    helpGroup: STREAM,
  }),
}
