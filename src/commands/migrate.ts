import {UsageError} from '../lib/base/errors.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import {databaseUrlFlag} from '../lib/cli/flags.js'

interface MigrateSummary {
  readonly database: string
  readonly applied: readonly string[]
  readonly current: number
}

export default class Migrate extends BaseCommand<MigrateSummary> {
  static override summary = 'Bring a PostgreSQL database to the newest schema.'
  static override description =
    'Migrations run in order, each in a transaction; a second call finds nothing to do. The embedded database is migrated by itself.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --database-url postgres://p2pay:p2pay@localhost/p2pay',
    'P2PAY_DATABASE_URL=postgres://localhost/p2pay <%= config.bin %> <%= command.id %>',
  ]
  static override flags = {'database-url': databaseUrlFlag}

  async run(): Promise<MigrateSummary> {
    const {flags} = await this.parse(Migrate)
    const {findAnnouncement} = await import('../lib/cli/announcement.js')
    const url = flags['database-url'] ?? (await findAnnouncement(flags.dir))?.database_url
    if (url === undefined) {
      throw new UsageError('No database is named', {
        code: 'P2PAY_DATABASE_NOT_NAMED',
        suggestions: ['--database-url postgres://user:password@host/database', 'or set P2PAY_DATABASE_URL'],
      })
    }
    const {migrate} = await import('../lib/store/migrate.js')
    const {applied, current} = await migrate(url)
    for (const id of applied) this.log(`✓ ${id}`)
    this.log(applied.length === 0 ? `✓ up to date at migration ${current}` : `✓ now at migration ${current}`)
    return {database: withoutPassword(url), applied, current}
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url)
  parsed.password = ''
  return parsed.href
}
