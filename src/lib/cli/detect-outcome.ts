/** What `p2pay detect` does with its flags, and how it tells of it. */
import type {Clock} from '../base/clock.js'
import {EXIT} from '../base/errors.js'
import type {DetectorStats} from '../detect/detector.js'
import type {KafkaConnection} from '../kafka/connection.js'
import type {TopicNames} from '../payment/topics.js'
import {formatCount, formatMs} from '../report/format.js'
import type {DetectCounters, StateReport} from '../run/detect/counters.js'
import type {DetectSummary} from '../run/detect.js'
import {openDetectorPorts, openDetectorServices} from './detector-ports.js'
import {durationFlag, partitionsOf} from './flags.js'
import type {Progress} from './progress.js'

export interface DetectFlags {
  readonly dir: string
  readonly brokers: string | undefined
  readonly property: readonly string[] | undefined
  readonly topic: string
  readonly group: string
  readonly 'legit-topic': string
  readonly 'fraud-topic': string
  readonly 'alerts-topic': string
  readonly 'dlq-topic': string
  readonly partitions: number | undefined
  readonly 'database-url': string | undefined
  readonly 'no-database': boolean
  readonly scenario: string | undefined
  readonly 'from-beginning': boolean
  readonly 'until-idle': string | undefined
  readonly 'max-messages': number | undefined
}

export interface DetectOutcome {
  readonly summary: DetectSummaryJson
  /** For people. */
  readonly lines: readonly string[]
  readonly exitCode: number
}

/** The `--json` of `p2pay detect`. Times in µs; what was not measured is null. */
export interface DetectSummaryJson {
  readonly broker: string
  readonly database: string | null
  readonly group: string
  readonly stopped_by: DetectSummary['stoppedBy']
  readonly drained: boolean
  /** Records on the topic behind the group's offsets at the end; null when nobody could say. */
  readonly lag: number | null
  readonly counters: DetectCounters
  readonly decision_time_us: {
    readonly count: number
    readonly p50: number | null
    readonly p95: number | null
    readonly p99: number | null
    readonly max: number | null
  }
  readonly state: StateReport & DetectorStats
}

export function topicsOf(
  flags: Pick<DetectFlags, 'topic' | 'legit-topic' | 'fraud-topic' | 'alerts-topic' | 'dlq-topic'>,
): TopicNames {
  return {
    raw: flags.topic,
    legit: flags['legit-topic'],
    fraud: flags['fraud-topic'],
    alerts: flags['alerts-topic'],
    dlq: flags['dlq-topic'],
  }
}

export async function runDetector(
  flags: DetectFlags,
  context: {readonly progress: Progress; readonly signal: AbortSignal; readonly clock: Clock},
): Promise<DetectOutcome> {
  const {progress, signal, clock} = context
  const [{detect}, {createDetector}, {planOf}] = await Promise.all([
    import('../run/detect.js'),
    import('../detect/create.js'),
    import('./plan.js'),
  ])
  const untilIdleMs = durationFlag('--until-idle', flags['until-idle'])
  const {plan} = await planOf({scenario: flags.scenario})
  const detector = createDetector(plan.detector)
  const topics = topicsOf(flags)
  const services = await openDetectorServices(flags, context)
  try {
    const ensured = await services.kafka.admin.ensureTopics(Object.values(topics), ...partitionsOf(flags.partitions))
    for (const note of ensured.notes) progress.note(`! ${note}`)
    const ports = await openDetectorPorts(services, {topics, group: flags.group, directory: flags.dir, clock})
    try {
      const database = ports.store?.description ?? null
      progress.note(`${services.kafka.description}; ${database ?? 'no database'}`)
      let counters: Readonly<DetectCounters> | undefined
      const watching = new AbortController()
      const watched = watch(() => counters, {progress, clock, signal: watching.signal})
      const summary = await detect({
        ...ports,
        detector,
        topics,
        group: flags.group,
        clock,
        signal: AbortSignal.any([signal, services.failed]),
        fromBeginning: flags['from-beginning'],
        untilIdleMs,
        maxMessages: flags['max-messages'],
        onReady: ready => {
          counters = ready.counters
          progress.note(
            `detecting: group ${flags.group}, ${ready.partitions.length} of ${ready.partitionCount} partitions of ${topics.raw}`,
          )
        },
        onTrouble: trouble => progress.note(`${trouble.recovered ? '✓' : '!'} ${trouble.message}`),
      }).finally(async () => {
        watching.abort()
        await watched
        progress.done()
      })
      if (services.failed.aborted) throw services.failed.reason
      const lag = await lagOf(services.kafka, flags.group, topics.raw)
      return outcomeOf(summary, {broker: services.brokers, database, group: flags.group, lag})
    } finally {
      await ports.close()
    }
  } finally {
    await services.close()
  }
}

/** Records left for the next detector; null when nobody can say. */
async function lagOf(kafka: KafkaConnection, group: string, topic: string): Promise<number | null> {
  return kafka.admin.lagOf(group, topic).then(
    partitions => partitions.reduce((sum, partition) => sum + partition.lag, 0),
    () => null,
  )
}

const WATCH_MS = 250

async function watch(
  counters: () => Readonly<DetectCounters> | undefined,
  {progress, clock, signal}: {readonly progress: Progress; readonly clock: Clock; readonly signal: AbortSignal},
): Promise<void> {
  let lastCount = 0
  let lastUs = clock.nowUs()
  while (!signal.aborted) {
    await clock.sleep(WATCH_MS, signal)
    const now = counters()
    if (now === undefined || (now.decided === lastCount && process.stderr.isTTY !== true)) continue
    progress.update(() => {
      const nowUs = clock.nowUs()
      const rate = ((now.decided - lastCount) * 1e6) / Math.max(1, nowUs - lastUs)
      lastCount = now.decided
      lastUs = nowUs
      return countersLine(now, rate)
    })
  }
}

function countersLine(counters: Readonly<DetectCounters>, rate: number): string {
  const {approve, review, block, deadLettered} = counters
  return `decided ${formatCount(counters.decided)} (${formatCount(Math.round(rate))}/s): approve ${formatCount(approve)}, review ${formatCount(review)}, block ${formatCount(block)}, dlq ${formatCount(deadLettered)}`
}

function latencyText(times: DetectSummary['decisionTime']): string {
  if (times.count === 0) return 'n/a'
  const at = (percentile: number): string => `p${percentile} ${formatMs(times.percentileUs(percentile))} ms`
  return `${at(50)}, ${at(95)}, ${at(99)}, max ${formatMs(times.maxUs)} ms (${formatCount(times.count)} payments)`
}

export function outcomeOf(
  summary: DetectSummary,
  run: {
    readonly broker: string
    readonly database: string | null
    readonly group: string
    readonly lag: number | null
  },
): DetectOutcome {
  const {counters, decisionTime, state, detector} = summary
  const reasons = Object.entries(counters.deadLetteredByCode).map(([code, count]) => `${code} ${formatCount(count)}`)
  const lines = [
    `consumed ${formatCount(counters.consumed)}, decided ${formatCount(counters.decided)}: approve ${formatCount(counters.approve)}, review ${formatCount(counters.review)}, block ${formatCount(counters.block)}`,
    `rows stored ${run.database === null ? 'n/a' : formatCount(counters.storedRows)}, already there ${formatCount(counters.adopted)}, dead-lettered ${formatCount(counters.deadLettered)}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`,
    `due → decided ${latencyText(decisionTime)}`,
    ...state.notes.map(note => `! ${note}`),
    ...(summary.drained
      ? []
      : [`! not drained: ${formatCount(summary.undrainedCount)} records will be delivered again`]),
    ...(run.lag === null || run.lag === 0
      ? []
      : [`${formatCount(run.lag)} records are left on the topic for the next detector of the group`]),
  ]
  const summaryJson: DetectSummaryJson = {
    broker: run.broker,
    database: run.database,
    group: run.group,
    stopped_by: summary.stoppedBy,
    drained: summary.drained,
    lag: run.lag,
    counters,
    decision_time_us: {
      count: decisionTime.count,
      p50: decisionTime.percentileUs(50),
      p95: decisionTime.percentileUs(95),
      p99: decisionTime.percentileUs(99),
      max: decisionTime.maxUs,
    },
    state: {...state, ...detector},
  }
  return {
    summary: summaryJson,
    lines,
    exitCode: summary.drained ? EXIT.passed : EXIT.inconclusive,
  }
}
