import {Args} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {EXIT} from '../lib/base/errors.js'
import {artefactFlags} from '../lib/cli/artefacts.js'
import {BaseCommand, useColor} from '../lib/cli/base-command.js'
import {partitionsFlag, pipelineFlags} from '../lib/cli/flags.js'
import {loadFlags, streamFlags} from '../lib/cli/load-flags.js'
import type {RunResult} from '../lib/report/result.js'

export default class Run extends BaseCommand<RunResult> {
  static override summary = 'Run a scenario: generate and detect together, balance the books, judge the thresholds.'
  static override description =
    `The schedule starts once all partitions are assigned. At the end every payment is followed by id from the plan to the database row, and thresholds decide: exit 0 passed, 99 failed, 4 inconclusive. The first Ctrl-C stops sending and drains: exit 130 with the partial result, and artefacts are written as on success and failure.

With no broker named it uses the running embedded one of this directory, or hosts the embedded broker and database itself.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> scenarios/smoke.yaml',
    '<%= config.bin %> <%= command.id %> scenarios/steady.yaml --html report.html --junit report.xml --out result.json',
    {
      description: 'Against real services, at another rate',
      command:
        '<%= config.bin %> <%= command.id %> scenarios/steady.yaml --tps 2000 -b localhost:9092 --database-url postgres://p2pay:p2pay@localhost/p2pay',
    },
  ]
  static override args = {scenario: Args.file({description: 'Scenario file.', required: true})}
  static override flags = {
    ...loadFlags,
    seed: streamFlags.seed,
    'fraud-rate': streamFlags['fraud-rate'],
    accounts: streamFlags.accounts,
    clock: streamFlags.clock,
    key: streamFlags.key,
    'run-tag': streamFlags['run-tag'],
    start: streamFlags.start,
    ...artefactFlags,
    ...pipelineFlags,
    partitions: partitionsFlag,
  }

  async run(): Promise<RunResult> {
    const {args, flags} = await this.parse(Run)
    const [{runOutcome}, {writeArtefacts}, {renderResult}] = await Promise.all([
      import('../lib/cli/run-outcome.js'),
      import('../lib/cli/artefacts.js'),
      import('../lib/report/table.js'),
    ])
    return runOutcome(
      {...flags, scenario: args.scenario},
      {
        progress: this.progress,
        signal: this.signal,
        clock: systemClock,
        command: this.commandLine,
        onResult: async made => {
          this.progress.done()
          // Files first: the reader of stdout may have gone. A file that cannot be written must not hide the result.
          const [written] = await Promise.allSettled([writeArtefacts(made, flags)])
          this.log(renderResult(made, {color: useColor(process.stdout), width: process.stdout.columns ?? 100}))
          if (written?.status === 'rejected') throw written.reason
          this.setExitCode(this.exitCodeOf(EXIT_OF[made.verdict]))
        },
      },
    )
  }
}

const EXIT_OF = {passed: EXIT.passed, failed: EXIT.failed, inconclusive: EXIT.inconclusive} as const
