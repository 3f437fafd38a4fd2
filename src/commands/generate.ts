import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {UsageError} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import {brokersFlag, partitionsFlag, propertyFlag, topicFlag} from '../lib/cli/flags.js'
import type {GenerateSummaryJson} from '../lib/cli/generate-outcome.js'
import {loadFlags, streamFlags} from '../lib/cli/load-flags.js'
import {redactArguments} from '../lib/cli/redact.js'
import {LIMITS} from '../lib/scenario/limits.js'

const HTTP = 'HTTP'

export default class Generate extends BaseCommand<GenerateSummaryJson> {
  static override summary = 'Generate labelled payments at a target rate, to Kafka, an HTTP endpoint, a file or stdout.'
  static override description =
    `Payments are due on a schedule that never waits for anybody (open model): a broker or service that stalls shows up as lateness. The same inputs give the same bytes; labels never travel with the payments, --truth writes them to a file beside.

Without --duration or --count it sends for 60 s. To stdout or a file it writes as fast as it can unless --tps is given; to Kafka or over HTTP a rate is required. With no broker named it looks for the embedded one of \`p2pay detect\` or \`p2pay up\` in the same directory and waits up to 30 s for it.

To a URL each payment is one POST. A 2xx acknowledges it; 3xx, 4xx and a refused connection mean that it failed; after a 5xx, a timeout or a broken connection nobody can tell.

Exits 0 when every payment was acknowledged; 3 when the broker or service did not take some of them, or broker or disk is not there; 4 when of some nobody can tell whether they arrived; 130 after Ctrl-C, but 0 with --duration forever.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> --tps 500',
    '<%= config.bin %> <%= command.id %> --tps 2000 --duration 5m --brokers localhost:9092 --fraud-rate 0.001',
    {
      description: 'A file of 100,000 payments and the truth about them; the same bytes each time',
      command: '<%= config.bin %> <%= command.id %> --count 100000 --seed 7 --out payments.ndjson --truth truth.ndjson',
    },
    '<%= config.bin %> <%= command.id %> --count 5 --out stdout',
    {
      description: 'To an HTTP endpoint, one request for each payment',
      command: '<%= config.bin %> <%= command.id %> --tps 500 --out http://127.0.0.1:8000/api/v1/payments',
    },
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
      description: 'kafka, an http:// or https:// URL, stdout or a file.',
      default: 'kafka',
      helpValue: '<kafka|url|stdout|file>',
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
    concurrency: Flags.integer({
      char: 'c',
      description: 'Requests under way at once; what is due beyond waits.',
      default: 100,
      min: 1,
      max: LIMITS.concurrency,
      helpValue: '<n>',
      helpGroup: HTTP,
    }),
    header: Flags.string({
      char: 'H',
      description: '“Name: value” of every request; repeatable.',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: '<header>',
      helpGroup: HTTP,
    }),
    'api-key-env': Flags.string({
      description:
        'Send the value of this environment variable as X-API-Key, such as P2PAY_API_KEY; it is kept nowhere.',
      helpValue: '<name>',
      helpGroup: HTTP,
    }),
    timeout: Flags.string({
      description: 'Of a request, up to the last byte of the answer, or none.',
      default: '10s',
      helpValue: '<duration|none>',
      helpGroup: HTTP,
    }),
    insecure: Flags.boolean({description: 'Take any certificate.', helpGroup: HTTP}),
    cacert: Flags.file({
      description: 'Certificates of authorities to trust, PEM.',
      exclusive: ['insecure'],
      helpValue: '<file>',
      helpGroup: HTTP,
    }),
    brokers: brokersFlag,
    topic: topicFlag,
    property: propertyFlag,
    partitions: partitionsFlag,
  }

  async run(): Promise<GenerateSummaryJson> {
    const {flags} = await this.parse(Generate)
    const {generateToFile, generateToKafka, isAcknowledged} = await import('../lib/cli/generate-outcome.js')
    const toKafka = flags.out === 'kafka'
    const acknowledged = isAcknowledged(flags)
    if (acknowledged && flags.tps === undefined && flags.scenario === undefined) {
      throw new UsageError(`${toKafka ? 'To Kafka' : 'Over HTTP'} a rate is required`, {
        code: 'P2PAY_RATE_REQUIRED',
        suggestions: ['--tps 500', '--tps max for as fast as they are taken', 'or --scenario FILE'],
      })
    }
    if (acknowledged && flags.format !== undefined) {
      throw new UsageError('--format is for stdout and files', {
        code: 'P2PAY_FORMAT',
        suggestions: ['name a file with --out FILE', 'to Kafka and over HTTP payments go as JSON, one each'],
      })
    }
    const [{problemsOfOutputs}, {problemsError}] = await Promise.all([
      import('../lib/cli/output-files.js'),
      import('../lib/scenario/problem.js'),
    ])
    const problems = problemsOfOutputs([
      ...(acknowledged || flags.out === 'stdout' ? [] : [{flag: '--out', path: flags.out}]),
      ...(flags.truth === undefined ? [] : [{flag: '--truth', path: flags.truth}]),
    ])
    if (problems.length > 0) throw problemsError(undefined, problems)
    const context = {
      progress: this.progress,
      signal: this.signal,
      // Headers and the URL may hold secrets; the manifest keeps the line.
      command: this.commandLineOf(redactArguments(this.argv)),
      json: this.jsonEnabled(),
      clock: systemClock,
    }
    const outcome = toKafka
      ? await generateToKafka(flags, context)
      : acknowledged
        ? await (await import('../lib/cli/generate-http.js')).generateToHttp(flags, context)
        : await generateToFile(flags, context)
    // stdout belongs to the payments when they go there.
    if (flags.out === 'stdout') for (const line of outcome.lines) this.progress.note(line)
    else for (const line of outcome.lines) this.log(line)
    // A generation for ever has no other end than a signal.
    this.setExitCode(flags.duration === 'forever' ? outcome.exitCode : this.exitCodeOf(outcome.exitCode))
    return outcome.summary
  }
}
