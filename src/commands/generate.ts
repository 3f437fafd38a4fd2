import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {UsageError} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import {brokersFlag, partitionsFlag, propertyFlag, topicFlag} from '../lib/cli/flags.js'
import type {GenerateSummaryJson} from '../lib/cli/generate-outcome.js'
import {loadFlags, streamFlags} from '../lib/cli/load-flags.js'

export default class Generate extends BaseCommand<GenerateSummaryJson> {
  static override summary = 'Generate labelled payments at a target rate, to Kafka, a file or stdout.'
  static override description =
    `Payments are due on a schedule that never waits for anybody (open model): a broker that stalls shows up as lateness. The same inputs give the same bytes; labels never travel with the payments, --truth writes them to a file beside.

Without --duration or --count it sends for 60 s. To stdout or a file it writes as fast as it can unless --tps is given; to Kafka a rate is required. With no broker named it looks for the embedded one of \`p2pay detect\` or \`p2pay up\` in the same directory and waits up to 30 s for it.

Exits 0 when every payment was acknowledged; 3 when the broker did not take some of them, or broker or disk is not there; 4 when of some nobody can tell whether they arrived; 130 after Ctrl-C, but 0 with --duration forever.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> --tps 500',
    '<%= config.bin %> <%= command.id %> --tps 2000 --duration 5m --brokers localhost:9092 --fraud-rate 0.001',
    {
      description: 'A file of 100,000 payments and the truth about them; the same bytes each time',
      command: '<%= config.bin %> <%= command.id %> --count 100000 --seed 7 --out payments.ndjson --truth truth.ndjson',
    },
    '<%= config.bin %> <%= command.id %> --count 5 --out stdout',
    {
      description: 'Into a cluster with TLS and SCRAM; the password comes from P2PAY_KAFKA_SASL_PASSWORD',
      command:
        '<%= config.bin %> <%= command.id %> --tps 500 -b kafka1:9093 -X security.protocol=sasl_ssl -X sasl.mechanism=SCRAM-SHA-512 -X sasl.username=p2pay',
    },
  ]
  static override flags = {
    ...loadFlags,
    ...streamFlags,
    out: Flags.string({
      char: 'o',
      description: 'kafka, stdout or a file.',
      default: 'kafka',
      helpValue: '<kafka|stdout|file>',
      helpGroup: 'OUTPUT',
    }),
    format: Flags.option({
      options: ['ndjson', 'csv'] as const,
      description: 'Format of stdout and files; by default ndjson, csv for a file that ends in .csv.',
      helpGroup: 'OUTPUT',
    })(),
    truth: Flags.string({
      description: 'Write the labels of the payments to this file, as NDJSON.',
      helpValue: '<file>',
      helpGroup: 'OUTPUT',
    }),
    workers: Flags.integer({
      description: 'Threads that generate, for stdout and files without a rate; the bytes are the same for any number.',
      default: 1,
      min: 1,
      max: 64,
      helpValue: '<n>',
      helpGroup: 'OUTPUT',
    }),
    brokers: brokersFlag,
    topic: topicFlag,
    property: propertyFlag,
    partitions: partitionsFlag,
  }

  async run(): Promise<GenerateSummaryJson> {
    const {flags} = await this.parse(Generate)
    const toKafka = flags.out === 'kafka'
    if (toKafka && flags.tps === undefined && flags.scenario === undefined) {
      throw new UsageError('To Kafka a rate is required', {
        code: 'P2PAY_RATE_REQUIRED',
        suggestions: ['--tps 500', '--tps max for as fast as the broker takes them', 'or --scenario FILE'],
      })
    }
    if (toKafka && flags.format !== undefined) {
      throw new UsageError('--format is for stdout and files', {
        code: 'P2PAY_FORMAT',
        suggestions: ['name a file with --out FILE', 'records on Kafka are JSON, one payment each'],
      })
    }
    const {generateToFile, generateToKafka} = await import('../lib/cli/generate-outcome.js')
    const context = {
      progress: this.progress,
      signal: this.signal,
      command: this.commandLine,
      json: this.jsonEnabled(),
      clock: systemClock,
    }
    const outcome = toKafka ? await generateToKafka(flags, context) : await generateToFile(flags, context)
    // stdout belongs to the payments when they go there.
    if (flags.out === 'stdout') for (const line of outcome.lines) this.progress.note(line)
    else for (const line of outcome.lines) this.log(line)
    // A generation for ever has no other end than a signal.
    this.setExitCode(flags.duration === 'forever' ? outcome.exitCode : this.exitCodeOf(outcome.exitCode))
    return outcome.summary
  }
}
