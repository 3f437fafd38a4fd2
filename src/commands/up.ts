import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {UsageError} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'

interface UpSummary {
  readonly brokers: string
  readonly database_url: string
  readonly command: string[] | null
  readonly exit_code: number | null
}

export default class Up extends BaseCommand<UpSummary> {
  static override summary = 'Run the embedded Kafka broker and PostgreSQL database on loopback.'
  static override description = `They run until Ctrl-C, or for as long as COMMAND runs, which finds their addresses in
P2PAY_BROKERS and P2PAY_DATABASE_URL. Other p2pay commands in the same directory find them by themselves.
Single node, loopback only, no TLS, no transactions: for development and CI, not for production.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'Run a test suite against them; exits with its code',
      command: '<%= config.bin %> <%= command.id %> -- npm run test:mine',
    },
    {
      description: 'Look at the raw payments with kcat from another terminal',
      command: 'kcat -b 127.0.0.1:19092 -C -t payments.raw -o beginning -c 5',
    },
  ]
  static override strict = false
  static override usage = 'up [--port <port>] [--database-port <port>] [-- COMMAND…]'
  static override flags = {
    port: Flags.integer({description: 'Port of the broker; 0 = any free one.', default: 19_092, min: 0, max: 65_535}),
    'database-port': Flags.integer({
      description: 'Port of the database; 0 = any free one.',
      default: 15_432,
      min: 0,
      max: 65_535,
    }),
  }

  async run(): Promise<UpSummary> {
    const {flags, argv} = await this.parse(Up)
    const command = argv.map(String)
    const {findAnnouncement} = await import('../lib/cli/announcement.js')
    const running = await findAnnouncement(flags.dir)
    if (running !== undefined) {
      throw new UsageError(`The embedded services of ${flags.dir} are already up (process ${running.pid})`, {
        code: 'P2PAY_ALREADY_UP',
        suggestions: [`broker ${running.brokers}, database ${running.database_url}`, 'or use another --dir'],
      })
    }
    const {hostEmbedded} = await import('../lib/cli/services.js')
    const services = await hostEmbedded({
      directory: flags.dir,
      clock: systemClock,
      note: text => this.progress.note(text),
      port: flags.port,
      databasePort: flags['database-port'],
    })
    const summary = {brokers: services.brokers, database_url: services.databaseUrl}
    try {
      if (command.length === 0) {
        this.log(`P2PAY_BROKERS=${services.brokers}`)
        this.log(`P2PAY_DATABASE_URL=${services.databaseUrl}`)
        if (!this.signal.aborted) await new Promise(resolve => this.signal.addEventListener('abort', resolve))
        this.setExitCode(0)
        return {...summary, command: null, exit_code: null}
      }
      const {runChild} = await import('../lib/cli/child.js')
      const exitCode = await runChild(command, {
        environment: {P2PAY_BROKERS: services.brokers, P2PAY_DATABASE_URL: services.databaseUrl},
        signal: this.signal,
      })
      this.setExitCode(exitCode)
      return {...summary, command, exit_code: exitCode}
    } finally {
      await services.stop()
    }
  }
}
