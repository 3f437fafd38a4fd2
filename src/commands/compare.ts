import {Args, Flags} from '@oclif/core'
import {EXIT} from '../lib/base/errors.js'
import {BaseCommand, useColor} from '../lib/cli/base-command.js'
import type {Comparison} from '../lib/report/comparison.js'

export default class Compare extends BaseCommand<Comparison> {
  static override summary = 'Hold a result against an earlier one: what got better, stayed the same, got worse.'
  static override description =
    `Rates, error rate, latencies (p50, p95, p99, max), books and detection, each with its ratio. Within the noise nothing has changed. Percentiles with fewer than ten samples beyond them, and so every maximum, are shown and do not decide.

Runs that are not alike are refused with every reason (exit 2): another kind, model, rate, count, concurrency, seed or scenario; another path, method, body size or success rule; another machine or version of p2pay; interrupted or inconclusive. Hosts may differ.

Exits 0 whatever changed; with --fail-on-regression 99 when something got worse.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> base.json new.json',
    {
      description: 'In CI: fail the build when something is more than 10 % worse, and comment it',
      command:
        '<%= config.bin %> <%= command.id %> base.json new.json --fail-on-regression --noise 10% --markdown compare.md',
    },
  ]
  static override args = {
    base: Args.string({description: 'Result JSON to hold against.', required: true}),
    new: Args.string({description: 'Result JSON of the same load, later.', required: true}),
  }
  static override flags = {
    'fail-on-regression': Flags.boolean({description: 'Exit 99 when something got worse beyond the noise.'}),
    noise: Flags.string({
      description: 'Change that is none: a share, as 5% or 0.05.',
      default: '5%',
      helpValue: '<share>',
    }),
    force: Flags.boolean({description: 'Show runs that are not alike all the same, with the reasons and no verdict.'}),
    markdown: Flags.string({
      description: 'Write the comparison as markdown.',
      helpValue: '<file>',
      helpGroup: 'ARTEFACTS',
    }),
    junit: Flags.string({
      description: 'Write the comparison as JUnit XML.',
      helpValue: '<file>',
      helpGroup: 'ARTEFACTS',
    }),
  }

  async run(): Promise<Comparison> {
    const {args, flags} = await this.parse(Compare)
    const [{compareOutcome}, {renderComparison}] = await Promise.all([
      import('../lib/cli/compare-outcome.js'),
      import('../lib/report/compare-table.js'),
    ])
    const comparison = await compareOutcome({...flags, ...args})
    this.log(renderComparison(comparison, {color: useColor(process.stdout), width: process.stdout.columns ?? 100}))
    if (flags['fail-on-regression'] && comparison.verdict === 'worse') this.setExitCode(EXIT.failed)
    return comparison
  }
}
