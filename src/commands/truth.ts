import {Flags} from '@oclif/core'
import {BaseCommand} from '../lib/cli/base-command.js'

interface TruthSummary {
  readonly run_tag: string
  readonly payments: number
  readonly frauds: number
  /** Null: under --json stdout is for this summary, so the lines were not written. */
  readonly out: string | null
}

export default class Truth extends BaseCommand<TruthSummary> {
  static override summary = 'Write the truth about a run: which payments were frauds, of which typology.'
  static override description =
    'Regenerates the stream from the run’s manifest; labels never travel with the payments. One JSON object a line: payment_id, sequence, is_fraud, typology, look_alike_of, campaign_id, step, confirmed_at.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --run 0123456789ab > truth.ndjson',
    '<%= config.bin %> <%= command.id %> --run 0123456789ab --frauds-only',
  ]
  static override flags = {
    run: Flags.string({description: 'Tag of the run.', required: true, helpValue: '<tag>'}),
    'frauds-only': Flags.boolean({description: 'Leave legitimate payments out.'}),
    out: Flags.string({
      char: 'o',
      description: 'stdout or a file; with --json and no file, only the summary is made.',
      default: 'stdout',
      helpValue: '<stdout|file>',
    }),
  }

  async run(): Promise<TruthSummary> {
    const {flags} = await this.parse(Truth)
    const [{parseRunTag}, {truthOf}, {encodeLabel}, {writeLines}, {packageVersion}] = await Promise.all([
      import('../lib/payment/payment-id.js'),
      import('../lib/run/truth.js'),
      import('../lib/generate/labels.js'),
      import('../lib/cli/write-lines.js'),
      import('../lib/cli/version.js'),
    ])
    const tag = parseRunTag(flags.run)
    const counts = {payments: 0, frauds: 0}
    const lines = async function* (): AsyncGenerator<string> {
      for await (const label of truthOf({directory: flags.dir, tag, version: packageVersion()})) {
        counts.payments += 1
        if (label.isFraud) counts.frauds += 1
        if (label.isFraud || !flags['frauds-only']) yield encodeLabel(label)
      }
    }
    const out = this.jsonEnabled() && flags.out === 'stdout' ? null : flags.out
    if (out === null) {
      for await (const _ of lines()) if (this.signal.aborted) break
    } else {
      await writeLines(out, lines(), this.signal)
    }
    return {run_tag: tag, ...counts, out}
  }
}
