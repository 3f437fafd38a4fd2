import {Flags} from '@oclif/core'
import {systemClock} from '../lib/base/clock.js'
import {BaseCommand} from '../lib/cli/base-command.js'
import type {DetectSummaryJson} from '../lib/cli/detect-outcome.js'
import {partitionsFlag, pipelineFlags} from '../lib/cli/flags.js'

export default class Detect extends BaseCommand<DetectSummaryJson> {
  static override summary = 'Run the fraud detector: raw payments in, decisions out to topics and the database.'
  static override description =
    `Approved payments go to the legit topic, those to review or block to the fraud topic with an alert, what is no payment to the DLQ. Offsets are committed only after outputs are published and rows are stored; a restart goes on from its snapshot. A new group starts at the earliest record.

With no broker named it uses the running embedded one of this directory, or hosts the embedded broker and database itself. Runs until Ctrl-C (exit 0 once drained), --until-idle or --max-messages.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --brokers localhost:9092 --database-url postgres://p2pay:p2pay@localhost/p2pay',
    {
      description: 'Work off what is there, then end; store nothing',
      command: '<%= config.bin %> <%= command.id %> -b localhost:9092 --no-database --until-idle 5s',
    },
  ]
  static override flags = {
    ...pipelineFlags,
    partitions: partitionsFlag,
    scenario: Flags.file({
      description: 'Take the detector’s thresholds and rule limits from this scenario file.',
      helpValue: '<file>',
    }),
    'from-beginning': Flags.boolean({description: 'Read from the earliest record, whatever the group has committed.'}),
    'until-idle': Flags.string({
      description: 'End when no payment came for this long and nothing is left to do.',
      helpValue: '<duration>',
    }),
    'max-messages': Flags.integer({description: 'End after this many records.', min: 1, helpValue: '<n>'}),
  }

  async run(): Promise<DetectSummaryJson> {
    const {flags} = await this.parse(Detect)
    const {runDetector} = await import('../lib/cli/detect-outcome.js')
    const outcome = await runDetector(flags, {
      progress: this.progress,
      signal: this.signal,
      clock: systemClock,
    })
    for (const line of outcome.lines) this.log(line)
    // Without a bound a signal is its ordinary end.
    const bounded = flags['until-idle'] !== undefined || flags['max-messages'] !== undefined
    const isCutShort = bounded && outcome.summary.stopped_by === 'signal'
    this.setExitCode(isCutShort ? this.exitCodeOf(outcome.exitCode) : outcome.exitCode)
    return outcome.summary
  }
}
