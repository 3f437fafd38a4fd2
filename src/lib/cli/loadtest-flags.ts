/** Flags of `p2pay loadtest`, in the words of hey, vegeta, curl and k6 where those agree. */
import {Flags} from '@oclif/core'
import {type ArtefactFiles, artefactFlags} from './artefacts.js'
import {pipelineFlags} from './flags.js'
import {loadFlags, streamFlags} from './load-flags.js'

const LOAD = 'LOAD'
const REQUEST = 'REQUEST'
const ANSWER = 'ANSWER'
const TLS = 'TLS'
const FOLLOW = 'FOLLOW'

/** A number, NaN for what is none: what is wrong with it is told together with what is wrong with the rest. */
const count = Flags.custom<number>({parse: async text => (/^-?\d+$/.test(text) ? Number(text) : Number.NaN)})

export const loadtestFlags = {
  requests: count({
    char: 'n',
    description: 'How many requests; 200 when neither --duration nor a rate is given.',
    helpValue: '<n>',
    helpGroup: LOAD,
  }),
  concurrency: count({
    char: 'c',
    description:
      'Requests under way at once: 50 by default in the closed model, in the open one as many as the rate makes in a second, within 50 and 1,000.',
    helpValue: '<n>',
    helpGroup: LOAD,
  }),
  duration: Flags.string({
    description: 'How long to begin requests, such as 30s or 5m, or forever; 30s for --rate alone.',
    helpValue: '<duration>',
    helpGroup: LOAD,
  }),
  rate: Flags.string({
    description: 'Open model: requests per second; with --stages, at their beginning.',
    helpValue: '<per second>',
    helpGroup: LOAD,
  }),
  stages: Flags.string({
    description: 'Open model: straight lines from rate to rate, such as 10s:100,1m:2000 (duration:target).',
    helpValue: '<stages>',
    helpGroup: LOAD,
  }),
  arrivals: loadFlags.arrivals,
  queue: Flags.string({
    description:
      'Open model: how many requests may wait for a free connection, as a number or in time of the highest rate; past it they are dropped and counted. 10s by default.',
    helpValue: '<n|duration>',
    helpGroup: LOAD,
  }),
  warmup: count({
    description: 'First requests whose latencies are left out; by default the scenario’s, or 0.',
    helpValue: '<n>',
    helpGroup: LOAD,
  }),
  threshold: Flags.string({
    description: 'What must hold, as metric:expression, such as http.response_time:p(99)<250ms; repeatable.',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: '<metric:expression>',
    helpGroup: LOAD,
  }),
  scenario: Flags.file({
    description:
      'Scenario file: its load (rates are open, shared-iterations closed) and thresholds; flags override it.',
    helpValue: '<file>',
    helpGroup: 'STREAM',
  }),
  seed: streamFlags.seed,
  'fraud-rate': streamFlags['fraud-rate'],
  accounts: streamFlags.accounts,
  'run-tag': streamFlags['run-tag'],
  start: streamFlags.start,
  method: Flags.string({
    char: 'm',
    description: 'POST by default; GET, HEAD, DELETE and OPTIONS go without a body unless --body gives one.',
    helpValue: '<method>',
    helpGroup: REQUEST,
  }),
  header: Flags.string({
    char: 'H',
    description: '“Name: value”; may have {{placeholders}}; repeatable.',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: '<header>',
    helpGroup: REQUEST,
  }),
  body: Flags.string({
    description:
      'Body instead of the payment itself: a text, or @FILE, with {{placeholders}} such as {{payment_id}}, {{amount}} or {{payment}}.',
    helpValue: '<text|@file>',
    helpGroup: REQUEST,
  }),
  'content-type': Flags.string({
    description: 'Of the body; application/json by default.',
    helpValue: '<type>',
    helpGroup: REQUEST,
  }),
  targets: Flags.file({
    description: 'Requests in vegeta’s JSON format, one a line, taken in turn; those without a body carry a payment.',
    exclusive: ['pipeline', 'method'],
    helpValue: '<file>',
    helpGroup: REQUEST,
  }),
  pipeline: Flags.file({
    description: 'Pipeline map: how payments look to the service, and how it answers.',
    helpValue: '<file>',
    helpGroup: REQUEST,
  }),
  'api-key-env': Flags.string({
    description: 'Send the value of this environment variable as X-API-Key, such as P2PAY_API_KEY; it is kept nowhere.',
    helpValue: '<name>',
    helpGroup: REQUEST,
  }),
  timeout: Flags.string({
    description: 'From sending to the last byte, or none.',
    default: '10s',
    helpValue: '<duration|none>',
    helpGroup: REQUEST,
  }),
  'no-keep-alive': Flags.boolean({description: 'A new connection for each request.', helpGroup: REQUEST}),
  success: Flags.string({
    description: 'Statuses that are success, such as 2xx, 200,202 or 200-299; 2xx by default.',
    helpValue: '<statuses>',
    helpGroup: ANSWER,
  }),
  'success-body': Flags.string({
    description: 'Regular expression that the body must match as well.',
    helpValue: '<regex>',
    helpGroup: ANSWER,
  }),
  'response-id': Flags.string({
    description:
      'Where in a JSON answer the service’s own id of the payment is, such as data.id, or none; payment_id by default. Ids other than the payment’s own are kept beside the journal.',
    helpValue: '<path|none>',
    helpGroup: ANSWER,
  }),
  insecure: Flags.boolean({description: 'Take any certificate.', helpGroup: TLS}),
  cacert: Flags.file({
    description: 'Certificates of authorities to trust, PEM.',
    exclusive: ['insecure'],
    helpValue: '<file>',
    helpGroup: TLS,
  }),
  cert: Flags.file({
    description: 'Client certificate, PEM.',
    dependsOn: ['key'],
    helpValue: '<file>',
    helpGroup: TLS,
  }),
  key: Flags.file({
    description: 'Key of the client certificate, PEM.',
    dependsOn: ['cert'],
    helpValue: '<file>',
    helpGroup: TLS,
  }),
  follow: Flags.boolean({
    description:
      'Wait for the decision of each accepted payment and report due → decided: from the topics when brokers are named, else by asking the service for it.',
    helpGroup: FOLLOW,
  }),
  ...pipelineFlags,
  ...artefactFlags,
}

export interface LoadtestFlags extends ArtefactFiles {
  readonly dir: string
  readonly requests: number | undefined
  readonly concurrency: number | undefined
  readonly duration: string | undefined
  readonly rate: string | undefined
  readonly stages: string | undefined
  readonly arrivals: 'uniform' | 'poisson' | undefined
  readonly queue: string | undefined
  readonly warmup: number | undefined
  readonly threshold: readonly string[] | undefined
  readonly scenario: string | undefined
  readonly seed: number | undefined
  readonly 'fraud-rate': string | undefined
  readonly accounts: string | undefined
  readonly 'run-tag': string | undefined
  readonly start: string | undefined
  readonly method: string | undefined
  readonly header: readonly string[] | undefined
  readonly body: string | undefined
  readonly 'content-type': string | undefined
  readonly targets: string | undefined
  readonly pipeline: string | undefined
  readonly 'api-key-env': string | undefined
  readonly timeout: string
  readonly 'no-keep-alive': boolean
  readonly success: string | undefined
  readonly 'success-body': string | undefined
  readonly 'response-id': string | undefined
  readonly insecure: boolean
  readonly cacert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly follow: boolean
  readonly brokers: string | undefined
  readonly property: readonly string[] | undefined
  readonly topic: string
  readonly group: string
  readonly 'legit-topic': string
  readonly 'fraud-topic': string
  readonly 'alerts-topic': string
  readonly 'dlq-topic': string
  readonly 'database-url': string | undefined
  readonly 'no-database': boolean
}
