import {readFile} from 'node:fs/promises'
import {Args} from '@oclif/core'
import {UsageError} from '../lib/base/errors.js'
import {reportFlags} from '../lib/cli/artefacts.js'
import {BaseCommand, useColor} from '../lib/cli/base-command.js'
import type {RunResult} from '../lib/report/result.js'

export default class Report extends BaseCommand<RunResult> {
  static override summary = 'Show a stored result, or turn it into HTML, JUnit or markdown.'
  static override description = 'Exits 0 whatever the verdict was: it reports, it does not judge.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> result.json',
    '<%= config.bin %> <%= command.id %> result.json --html report.html --markdown report.md',
  ]
  static override args = {result: Args.string({description: 'Result JSON of `p2pay run --out`.', required: true})}
  static override flags = {...reportFlags}

  async run(): Promise<RunResult> {
    const {args, flags} = await this.parse(Report)
    const [{writeArtefacts}, {renderResult}, {parseResult}] = await Promise.all([
      import('../lib/cli/artefacts.js'),
      import('../lib/report/table.js'),
      import('../lib/report/parse.js'),
    ])
    const text = await readFile(args.result, 'utf8').catch(cause => {
      throw new UsageError(`The result ${args.result} cannot be read`, {
        code: 'P2PAY_RESULT_FILE',
        suggestions: ['make one with `p2pay run SCENARIO --out result.json`'],
        cause,
      })
    })
    const {result, problems} = parseResult(text)
    if (result === undefined) {
      throw new UsageError(`${args.result} is not a result of p2pay run: ${problems.join('; ')}`, {
        code: 'P2PAY_RESULT',
        suggestions: ['make one with `p2pay run SCENARIO --out result.json`'],
      })
    }
    await writeArtefacts(result, flags)
    if (Object.keys(reportFlags).every(name => !(name in flags))) {
      this.log(renderResult(result, {color: useColor(process.stdout), width: process.stdout.columns ?? 100}))
    }
    return result
  }
}
