import {Args} from '@oclif/core'
import {reportFlags} from '../lib/cli/artefacts.js'
import {BaseCommand, useColor} from '../lib/cli/base-command.js'
import type {RunResult} from '../lib/report/result.js'

export default class Report extends BaseCommand<RunResult> {
  static override summary = 'Show a stored result, or turn it into HTML, JUnit, markdown, CSV or .hgrm.'
  static override description = 'Exits 0 whatever the verdict was: it reports, it does not judge.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> result.json',
    '<%= config.bin %> <%= command.id %> result.json --html report.html --markdown report.md',
    {
      description: 'The latencies of a load test for HdrHistogram’s plotter, and its seconds for a spreadsheet',
      command: '<%= config.bin %> <%= command.id %> result.json --hgrm latency.hgrm --csv seconds.csv',
    },
  ]
  static override args = {
    result: Args.string({description: 'Result JSON of `p2pay run --out` or `p2pay loadtest --out`.', required: true}),
  }
  static override flags = {...reportFlags}

  async run(): Promise<RunResult> {
    const {args, flags} = await this.parse(Report)
    const [{writeFigures}, {renderResult}, {readResult}] = await Promise.all([
      import('../lib/cli/artefacts.js'),
      import('../lib/report/table.js'),
      import('../lib/cli/result-file.js'),
    ])
    const result = await readResult(args.result)
    await writeFigures(result, flags)
    if (Object.keys(reportFlags).every(name => !(name in flags))) {
      this.log(renderResult(result, {color: useColor(process.stdout), width: process.stdout.columns ?? 100}))
    }
    return result
  }
}
