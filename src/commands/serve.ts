import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import {partitionsFlag, pipelineFlags} from '../lib/cli/flags.js'
import {leaveWithParent} from '../lib/cli/parent.js'

const HTTP = 'HTTP'

export default class Serve extends BaseCommand<undefined> {
  static override summary =
    'Run the HTTP API: payments in, acknowledged by the broker; decisions, alerts and scores out.'
  static override description =
    `POST /api/v1/payments answers 202 when the broker has acknowledged the payment on the raw topic, and a retry of it never makes a second one. With --detect the fraud detector runs in the same process and answers POST /api/v1/score. The API describes itself at /api/v1/docs.

With no broker named it uses the running embedded one of this directory, or hosts the embedded broker and database itself. Runs until Ctrl-C: takes nothing new, answers what is under way, drains the detector, exit 0.

With --json it prints one line when it is ready and one with a summary at the end.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> --detect',
    '<%= config.bin %> <%= command.id %> --host 0.0.0.0 --api-key-file key.txt -b localhost:9092 --database-url postgres://p2pay:p2pay@localhost/p2pay',
    {
      description: 'Send it a payment',
      command: 'curl -H content-type:application/json -d @payment.json http://127.0.0.1:8000/api/v1/payments',
    },
  ]
  static override flags = {
    host: Flags.string({
      description: 'Address to listen on; 0.0.0.0 is every IPv4 one of this machine.',
      default: '127.0.0.1',
      helpValue: '<address>',
      helpGroup: HTTP,
    }),
    port: Flags.integer({
      description: 'Port to listen on; 0 = any free one.',
      default: 8000,
      min: 0,
      max: 65_535,
      helpValue: '<port>',
      helpGroup: HTTP,
    }),
    'api-key-file': Flags.string({
      description: 'File with the key that clients must send as X-API-Key or bearer token; also from P2PAY_API_KEY.',
      helpValue: '<file>',
      helpGroup: HTTP,
    }),
    'ack-timeout': Flags.string({
      description: 'A payment that the broker has not acknowledged by then is answered with 503.',
      default: '10s',
      helpValue: '<duration>',
      helpGroup: HTTP,
    }),
    'score-budget': Flags.string({
      description: 'A score that took longer is answered with 503.',
      default: '100ms',
      helpValue: '<duration>',
      helpGroup: HTTP,
    }),
    'idempotency-ttl': Flags.string({
      description: 'How long a payment id and an Idempotency-Key are remembered.',
      default: '24h',
      helpValue: '<duration>',
      helpGroup: HTTP,
    }),
    'max-pending': Flags.integer({
      description: 'Payments that may wait for their acknowledgement at once; beyond it the answer is 503.',
      default: 10_000,
      min: 1,
      max: 1_000_000,
      helpValue: '<n>',
      helpGroup: HTTP,
    }),
    detect: Flags.boolean({description: 'Run the fraud detector in this process.'}),
    scenario: Flags.file({
      description: 'Take the detector’s thresholds and rule limits from this scenario file.',
      helpValue: '<file>',
      dependsOn: ['detect'],
    }),
    ...pipelineFlags,
    partitions: partitionsFlag,
  }

  async run(): Promise<undefined> {
    const {flags} = await this.parse(Serve)
    const {serveOutcome} = await import('../lib/cli/serve-outcome.js')
    // A default would count as given, and --scenario depends on it.
    const outcome = await serveOutcome(
      {...flags, detect: Boolean(flags.detect)},
      {
        progress: this.progress,
        signal: this.signal,
        clock: systemClock,
        onReady: (ready, line) => this.#say(ready, [line]),
      },
    )
    this.#say(outcome.summary, outcome.lines)
    this.setExitCode(outcome.exitCode)
    leaveWithParent(outcome.exitCode)
  }

  /** One line of JSON each time: whoever started it reads line by line. */
  #say(data: object, lines: readonly string[]): void {
    if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(data)}\n`)
    else for (const line of lines) this.log(line)
  }
}
