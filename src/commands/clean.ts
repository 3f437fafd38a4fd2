import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {UsageError} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import {brokersFlag, databaseUrlFlag, propertyFlag} from '../lib/cli/flags.js'

interface CleanSummary {
  readonly run_tag: string
  readonly rows: number | null
  readonly files: string | null
}

export default class Clean extends BaseCommand<CleanSummary> {
  static override summary = 'Remove what a run left: its rows and its run directory.'
  static override description =
    'Rows, and claims on payment ids, are deleted by the run’s id range. Records on topics stay: retention is the broker’s, and other runs may share them.'
  static override examples = ['<%= config.bin %> <%= command.id %> --run 0123456789ab']
  static override flags = {
    run: Flags.string({description: 'Tag of the run.', required: true, helpValue: '<tag>'}),
    'keep-rows': Flags.boolean({description: 'Remove the run directory only.'}),
    brokers: brokersFlag,
    property: propertyFlag,
    'database-url': databaseUrlFlag,
  }

  async run(): Promise<CleanSummary> {
    const {flags} = await this.parse(Clean)
    const [{parseRunTag, paymentIdRange}, {runPaths}, {removeDirectory}] = await Promise.all([
      import('../lib/payment/payment-id.js'),
      import('../lib/run/run-directory.js'),
      import('../lib/cli/remove-directory.js'),
    ])
    const tag = parseRunTag(flags.run)
    let rows: number | null = null
    if (!flags['keep-rows']) {
      if (flags.brokers !== undefined && flags['database-url'] === undefined) {
        throw new UsageError('A Kafka broker is named, but no database to clean', {
          code: 'P2PAY_DATABASE_NOT_NAMED',
          suggestions: ['name it with --database-url', 'or keep its rows with --keep-rows'],
        })
      }
      rows = await this.deleteRows(flags, paymentIdRange(tag))
      this.log(`✓ ${rows} rows deleted`)
    }
    const directory = runPaths(flags.dir, tag).directory
    const removed = await removeDirectory(directory)
    this.log(removed ? `✓ ${directory} removed` : `✓ no run directory ${directory}`)
    return {run_tag: tag, rows, files: removed ? directory : null}
  }

  private async deleteRows(
    flags: {readonly 'database-url': string | undefined; readonly dir: string},
    range: {readonly first: string; readonly last: string},
  ): Promise<number> {
    const {openStore} = await import('../lib/store/open.js')
    if (flags['database-url'] !== undefined) {
      const store = await openStore(flags['database-url'])
      return store.deleteRange(range).finally(() => store.close())
    }
    const {openServices} = await import('../lib/cli/services.js')
    const services = await openServices({
      brokers: undefined,
      properties: [],
      databaseUrl: undefined,
      database: 'wanted',
      directory: flags.dir,
      whenAbsent: 'host',
      clock: systemClock,
      signal: this.signal,
      note: text => this.progress.note(text),
    })
    try {
      const {openPaymentStore} = await import('../lib/cli/detector-ports.js')
      const store = await openPaymentStore(services)
      if (store === null) return 0
      return await store.deleteRange(range).finally(() => store.close())
    } finally {
      await services.close()
    }
  }
}
