import {Args} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {BaseCommand, useColor} from '../lib/cli/base-command.js'
import {loadtestFlags} from '../lib/cli/loadtest-flags.js'
import {redactArguments} from '../lib/cli/redact.js'
import type {RunResult} from '../lib/report/result.js'

export default class Loadtest extends BaseCommand<RunResult> {
  static override summary = 'Load an HTTP service with generated payments, and measure what it does under it.'
  static override description =
    `Without a rate it is a closed model: --concurrency requests are under way, and the next one goes when an answer has come. With --rate or --stages it is an open model: requests are due on a schedule that waits for nobody, and latency counts from there as well, so that a service that stalls cannot hide whom it kept waiting.

Without URL it starts a \`p2pay serve --detect\` of its own, waits until every payment is decided and stored, and balances the books. Every request carries a payment of a seeded stream; what was sent is journalled below .p2pay/runs and can be made again.

Without --requests, --duration and a rate it sends 200 requests, 50 at once.

Exits 0 when something succeeded and all thresholds held; 99 when one was breached, the books do not balance, or nothing succeeded; 3 when the target cannot be reached at all; 4 when it cannot be told; 130 after Ctrl-C, with the partial result.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> --requests 10000 --concurrency 200',
    "<%= config.bin %> <%= command.id %> http://127.0.0.1:8000/api/v1/payments --rate 500 --duration 1m --threshold 'http.planned_time:p(99)<250ms' --html report.html",
    {
      description: 'Up to 2,000 requests/s in a minute, with arrivals as irregular as real payers are',
      command:
        '<%= config.bin %> <%= command.id %> http://127.0.0.1:8000/api/v1/payments --stages 10s:100,1m:2000 --arrivals poisson',
    },
    {
      description:
        'A service that wants another body, with {{payment_id}} and {{amount}} in order.json, and answers 201 with an id of its own',
      command:
        '<%= config.bin %> <%= command.id %> http://127.0.0.1:8080/transactions --body @order.json --success 201 --response-id transactionId',
    },
  ]
  static override args = {
    url: Args.string({name: 'url', description: 'Where requests go; may have {{placeholders}} in path and query.'}),
  }
  static override flags = loadtestFlags

  async run(): Promise<RunResult> {
    const {args, flags} = await this.parse(Loadtest)
    const [{loadtestOutcome}, {writeArtefacts}] = await Promise.all([
      import('../lib/cli/loadtest-outcome.js'),
      import('../lib/cli/artefacts.js'),
    ])
    return loadtestOutcome(args.url, flags, {
      progress: this.progress,
      signal: this.signal,
      clock: systemClock,
      command: this.commandLineOf(redactArguments(this.argv)),
      onResult: async (result, exitCode) => {
        this.progress.done()
        // Files first: the reader of stdout may have gone. A file that cannot be written must not hide the result.
        const [written] = await Promise.allSettled([writeArtefacts(result, flags)])
        if (!this.jsonEnabled()) {
          const {renderResult} = await import('../lib/report/table.js')
          this.log(renderResult(result, {color: useColor(process.stdout), width: process.stdout.columns ?? 100}))
        }
        if (written?.status === 'rejected') throw written.reason
        this.setExitCode(this.exitCodeOf(exitCode))
      },
    })
  }
}
