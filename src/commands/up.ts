import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {EXIT, UsageError} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import type {EmbeddedServices} from '../lib/cli/embedded-host.js'

interface UpSummary {
  readonly brokers: string
  readonly database_url: string
  readonly command: readonly string[] | null
  readonly exit_code: number | null
}

export default class Up extends BaseCommand<UpSummary | undefined> {
  static override summary = 'Run the embedded Kafka broker and PostgreSQL database on loopback.'
  static override description =
    `They run until Ctrl-C, or for as long as COMMAND runs; it finds their addresses in P2PAY_BROKERS and P2PAY_DATABASE_URL, and its exit code is that of \`p2pay up\`. Other p2pay commands in the same directory find them by themselves. What they hold is there again at the next start.

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
    port: Flags.integer({
      description: 'Port of the broker; 0 = any free one.',
      default: 19_092,
      min: 0,
      max: 65_535,
      helpValue: '<port>',
    }),
    'database-port': Flags.integer({
      description: 'Port of the database; 0 = any free one.',
      default: 15_432,
      min: 0,
      max: 65_535,
      helpValue: '<port>',
    }),
  }

  async run(): Promise<UpSummary | undefined> {
    const {flags, argv} = await this.parse(Up)
    const command = argv.map(String)
    const {claimOrFind, hostEmbedded} = await import('../lib/cli/embedded-host.js')
    const place = {
      directory: flags.dir,
      clock: systemClock,
      signal: this.signal,
      note: (text: string) => this.progress.note(text),
    }
    const found = await claimOrFind(place)
    if (!('release' in found)) {
      throw new UsageError(`The embedded services of ${flags.dir} are already up (process ${found.pid})`, {
        code: 'P2PAY_ALREADY_UP',
        suggestions: [`broker ${found.brokers}, database ${found.database_url}`, 'or use another --dir'],
      })
    }
    const services = await hostEmbedded(found, {...place, port: flags.port, databasePort: flags['database-port']})
    const addresses = {brokers: services.brokers, database_url: services.databaseUrl}
    try {
      if (command.length === 0) {
        await this.#untilStopped(services)
        this.setExitCode(EXIT.passed)
        return undefined
      }
      const {runChild} = await import('../lib/cli/child.js')
      const exitCode = await runChild(command, {
        environment: {P2PAY_BROKERS: services.brokers, P2PAY_DATABASE_URL: services.databaseUrl},
        signal: this.signal,
        interruptedBy: () => this.interruptedBy,
        // With --json stdout is ours alone.
        stdout: this.jsonEnabled() ? process.stderr : process.stdout,
      })
      this.setExitCode(exitCode)
      return {...addresses, command, exit_code: exitCode}
    } finally {
      await services.stop()
    }
  }

  /** Tells the addresses now: at the end nobody needs them. @throws EnvironmentError when a service ends by itself */
  async #untilStopped(services: EmbeddedServices): Promise<void> {
    const addresses = {brokers: services.brokers, database_url: services.databaseUrl}
    if (this.jsonEnabled()) this.logJson({...addresses, command: null, exit_code: null})
    this.log(`P2PAY_BROKERS=${services.brokers}`)
    this.log(`P2PAY_DATABASE_URL=${services.databaseUrl}`)
    const stopped = new Promise<undefined>(resolve => {
      if (this.signal.aborted) resolve(undefined)
      this.signal.addEventListener('abort', () => resolve(undefined))
    })
    const failure = await Promise.race([stopped, services.failed])
    if (failure !== undefined) throw failure
  }
}
