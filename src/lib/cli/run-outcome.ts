/** Opens everything that `p2pay run` needs, runs the scenario, closes everything. */
import {cpus} from 'node:os'
import {type Clock, nowMs} from '../base/clock.js'
import type {StreamInputs} from '../generate/stream.js'
import {parseRunTag} from '../payment/payment-id.js'
import {formatCount} from '../report/format.js'
import type {RunResult} from '../report/result.js'
import type {RunProgress} from '../run/scenario-run.js'
import {type ArtefactFiles, problemsOfArtefacts} from './artefacts.js'
import {type DetectFlags, topicsOf} from './detect-outcome.js'
import {openDetectorPorts, openDetectorServices} from './detector-ports.js'
import {partitionsOf} from './flags.js'
import {isPaced, progressLine} from './generate-outcome.js'
import {freshRunTag, type PlanFlags, planOf} from './plan.js'
import type {Progress} from './progress.js'
import {packageVersion} from './version.js'

export type RunFlags = PlanFlags &
  Pick<
    DetectFlags,
    | 'dir'
    | 'brokers'
    | 'property'
    | 'topic'
    | 'group'
    | 'legit-topic'
    | 'fraud-topic'
    | 'alerts-topic'
    | 'dlq-topic'
    | 'database-url'
    | 'no-database'
  > & {
    readonly scenario: string
    readonly key: StreamInputs['key']
    readonly 'run-tag': string | undefined
  } & ArtefactFiles

export interface RunContext {
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly command: string
  /** Called with the result before the services are closed: that may take as long as others use them. */
  readonly onResult: (result: RunResult) => Promise<void>
}

export async function runOutcome(flags: RunFlags, context: RunContext): Promise<RunResult> {
  const {progress, signal, clock} = context
  const [{runScenario}, {checkPlan}, planned] = await Promise.all([
    import('../run/scenario-run.js'),
    import('../run/check-plan.js'),
    planOf(flags, {problems: problemsOfArtefacts(flags)}),
  ])
  checkPlan(planned.plan)
  const topics = topicsOf(flags)
  const tag = flags['run-tag'] === undefined ? await freshRunTag() : parseRunTag(flags['run-tag'])
  const startMs = planned.plan.startMs ?? nowMs(clock)
  const services = await openDetectorServices(flags, context)
  try {
    const ensured = await services.kafka.admin.ensureTopics(
      Object.values(topics),
      ...partitionsOf(flags.partitions, planned.plan.partitions),
    )
    const ports = await openDetectorPorts(services, {topics, group: flags.group, directory: flags.dir, clock})
    try {
      const database = ports.store?.description ?? null
      progress.note(`${services.kafka.description}; ${database ?? 'no database'}`)
      progress.note(`run ${tag}: ${planned.plan.name}, seed ${planned.plan.seed}`)
      for (const note of ensured.notes) progress.note(`! ${note}`)
      const result = await runScenario({
        ...ports,
        plan: planned.plan,
        tag,
        startMs,
        key: flags.key,
        accounts: planned.accounts,
        directory: flags.dir,
        kafka: services.kafka,
        brokers: services.brokers,
        topics,
        group: flags.group,
        databaseDescription: database,
        machine: {cpus: cpus().length, platform: `${process.platform}-${process.arch}`},
        command: repeatingCommand(context.command, {tag, startMs}),
        version: packageVersion(),
        nodeVersion: process.version,
        clock,
        signal,
        onProgress: state => progress.update(() => runLine(state, isPaced(planned.plan))),
        onNote: note => progress.note(`! ${note}`),
      })
      await context.onResult(result)
      return result
    } finally {
      await ports.close()
    }
  } finally {
    await services.close()
  }
}

function runLine(state: RunProgress, paced: boolean): string {
  if (state.load === undefined) return `${state.phase}: the detector has decided on ${formatCount(state.decidedCount)}`
  return `${progressLine(state.load, {paced})}, decided ${formatCount(state.decidedCount)}`
}

/** The command line that sends the same bytes again: with the tag and start that this run drew. */
function repeatingCommand(command: string, run: {readonly tag: string; readonly startMs: number}): string {
  const tag = command.includes('--run-tag') ? '' : ` --run-tag ${run.tag}`
  const start = command.includes('--start') ? '' : ` --start ${new Date(run.startMs).toISOString()}`
  return `${command}${tag}${start}`
}
