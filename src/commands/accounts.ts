import {Flags} from '@oclif/core'
import {BaseCommand} from '../lib/cli/base-command.js'

interface AccountsSummary {
  readonly accounts: number
  readonly seed: number
  readonly run_tag: string
  /** Null: under --json stdout is for this summary, so the lines were not written. */
  readonly out: string | null
}

export default class Accounts extends BaseCommand<AccountsSummary> {
  static override summary = 'Export the accounts of a population, one JSON object a line.'
  static override description =
    'For pipelines that must know their accounts beforehand: load them there, then generate with --accounts FILE and the same --seed.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --count 1000 --seed 7 > accounts.ndjson',
    '<%= config.bin %> generate --tps 500 --accounts accounts.ndjson',
  ]
  static override flags = {
    count: Flags.integer({
      description: 'How many accounts.',
      default: 2000,
      min: 10,
      max: 10_000_000,
      helpValue: '<n>',
    }),
    seed: Flags.integer({
      description: 'Seed of everything random.',
      default: 1,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      helpValue: '<n>',
    }),
    'run-tag': Flags.string({
      description: 'Tag that the account ids carry; default: from the seed.',
      helpValue: '<tag>',
    }),
    out: Flags.string({
      char: 'o',
      description: 'stdout or a file; with --json and no file, only the summary is made.',
      default: 'stdout',
      helpValue: '<stdout|file>',
    }),
  }

  async run(): Promise<AccountsSummary> {
    const {flags} = await this.parse(Accounts)
    const [{buildPopulation, exportAccounts}, {encodeAccount}, {runTagFromSeed}, {parseRunTag}, {writeLines}] =
      await Promise.all([
        import('../lib/population/population.js'),
        import('../lib/population/accounts-file.js'),
        import('../lib/generate/defaults.js'),
        import('../lib/payment/payment-id.js'),
        import('../lib/cli/write-lines.js'),
      ])
    const runTag = flags['run-tag'] === undefined ? runTagFromSeed(flags.seed) : parseRunTag(flags['run-tag'])
    const population = buildPopulation({seed: flags.seed, runTag, accountCount: flags.count})
    const lines = exportAccounts(population)
    const out = this.jsonEnabled() && flags.out === 'stdout' ? null : flags.out
    if (out !== null) {
      await writeLines(
        out,
        (function* () {
          for (const account of lines) yield encodeAccount(account)
        })(),
        this.signal,
      )
    }
    return {accounts: flags.count, seed: flags.seed, run_tag: runTag, out}
  }
}
