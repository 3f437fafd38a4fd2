import {EXIT} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import type {Check} from '../lib/cli/checks.js'
import {brokersFlag, databaseUrlFlag, groupFlag, propertyFlag} from '../lib/cli/flags.js'

interface Diagnosis {
  readonly checks: readonly Check[]
  readonly healthy: boolean
}

export default class Doctor extends BaseCommand<Diagnosis> {
  static override summary = 'Check node, broker, topics, database, migrations and clock: each ok, or what to do.'
  static override description = 'Changes nothing. Exits 0 when all is well, 3 when something has to be done.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --brokers localhost:9092 --database-url postgres://p2pay:p2pay@localhost/p2pay',
  ]
  static override flags = {
    brokers: brokersFlag,
    property: propertyFlag,
    group: groupFlag,
    'database-url': databaseUrlFlag,
  }

  async run(): Promise<Diagnosis> {
    const {flags} = await this.parse(Doctor)
    const {diagnose} = await import('../lib/cli/checks.js')
    const checks = await diagnose({
      brokers: flags.brokers,
      properties: flags.property ?? [],
      databaseUrl: flags['database-url'],
      directory: flags.dir,
      group: flags.group,
    })
    const width = Math.max(...checks.map(check => check.name.length))
    for (const check of checks) {
      const mark = {ok: '✓', note: '!', wrong: '✗'}[check.state]
      this.log(`${mark} ${check.name.padEnd(width)}  ${check.text}`)
      for (const step of check.steps) this.log(`  ${' '.repeat(width)}  → ${step}`)
    }
    const healthy = checks.every(check => check.state !== 'wrong')
    this.setExitCode(healthy ? EXIT.passed : EXIT.environment)
    return {checks, healthy}
  }
}
