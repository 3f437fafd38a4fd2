/** What `p2pay generate` does with its flags, to Kafka, to files and (in generate-http.ts) over HTTP, and how it tells of it. */
import type {Clock} from '../base/clock.js'
import {parseDurationMs} from '../base/duration.js'
import {EXIT, UsageError} from '../base/errors.js'
import type {GeneratedBlock, StreamInputs} from '../generate/stream.js'
import {formatCount, formatMs, formatShare, formatTps, plural} from '../report/format.js'
import type {GenerateProgress, GenerateSummary} from '../run/generate-tally.js'
import {LIMITS} from '../scenario/limits.js'
import {partitionsOf} from './flags.js'
import {freshRunTag, type PlanFlags, type PlannedStream, parseShard, planOf} from './plan.js'
import type {Progress} from './progress.js'
import {openServices} from './services.js'
import {openTruthFile, type TruthFile} from './truth-file.js'
import {packageVersion} from './version.js'

export interface GenerateFlags extends PlanFlags {
  readonly dir: string
  readonly out: string
  readonly format: 'ndjson' | 'csv' | undefined
  readonly truth: string | undefined
  readonly workers: number
  readonly key: StreamInputs['key']
  readonly 'run-tag': string | undefined
  readonly shard: string | undefined
  readonly brokers: string | undefined
  readonly topic: string
  readonly property: readonly string[] | undefined
}

export interface GenerateContext {
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly command: string
  readonly json: boolean
  readonly clock: Clock
}

export interface GenerateOutcome {
  readonly summary: GenerateSummaryJson
  /** For people. */
  readonly lines: readonly string[]
  readonly exitCode: number
}

/** The `--json` of `p2pay generate`. What was not measured is null. */
export interface GenerateSummaryJson {
  readonly run_tag: string
  readonly seed: number
  readonly destination: string
  readonly planned: number | null
  readonly sent: number
  readonly acked: number | null
  readonly failed: number | null
  readonly unknown: number | null
  readonly requested_tps: number | null
  readonly achieved_tps: number | null
  readonly achieved_ratio: number | null
  readonly shortfall: number | null
  readonly lateness_us: LatencyLine | null
  readonly ack_time_us: LatencyLine | null
  readonly simulated_s: number | null
  readonly speed_up: number | null
  readonly errors: GenerateSummary['errors']
  readonly manifest: string | null
  readonly truth: string | null
  readonly command: string
}

interface LatencyLine {
  readonly count: number
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}

export async function generateToKafka(flags: GenerateFlags, context: GenerateContext): Promise<GenerateOutcome> {
  const {progress, clock} = context
  const unbounded = isUnbounded(flags)
  const planned = await planOf(unbounded ? withoutBound(flags) : flags)
  announceDefault(flags, planned, progress)
  if (flags.key !== 'debtor_id') {
    progress.note(
      `! with --key ${flags.key} a debtor's payments spread over partitions: detectors keep only part of its history`,
    )
  }
  const {parseRunTag} = await import('../payment/payment-id.js')
  const tag = flags['run-tag'] === undefined ? await freshRunTag() : parseRunTag(flags['run-tag'])
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard)
  const services = await openServices({
    brokers: flags.brokers,
    properties: flags.property ?? [],
    databaseUrl: undefined,
    database: 'none',
    directory: flags.dir,
    whenAbsent: 'wait',
    clock,
    signal: context.signal,
    note: text => progress.note(text),
  })
  let truth: TruthFile | undefined
  try {
    progress.note(`${services.kafka.description}, topic ${flags.topic}`)
    progress.note(`run ${tag}, seed ${planned.plan.seed}`)
    const {notes} = await services.kafka.admin.ensureTopics(
      [flags.topic],
      ...partitionsOf(flags.partitions, planned.plan.partitions),
    )
    for (const note of notes) progress.note(`! ${note}`)
    if (flags.truth !== undefined) truth = openTruthFile(flags.truth, tag)
    const {produce} = await import('../run/produce.js')
    const {summary, paths} = await produce({
      plan: planned.plan,
      tag,
      startMs: planned.plan.startMs,
      key: flags.key,
      ...(shard === undefined ? {} : {shard}),
      accounts: planned.accounts,
      directory: flags.dir,
      kafka: services.kafka,
      brokers: services.brokers,
      topics: {raw: flags.topic},
      command: context.command,
      version: packageVersion(),
      nodeVersion: process.version,
      clock,
      signal: unbounded ? deadlineOf(flags, context) : context.signal,
      onProgress: load => progress.update(() => progressLine(load, {paced: isPaced(planned.plan)})),
      onReleased: (block, from, to) => truth?.write(block, from, to),
    })
    progress.done()
    const outcome = outcomeOf(summary, {tag, planned, flags, context, destination: `topic ${flags.topic}`, unbounded})
    return {...outcome, summary: {...outcome.summary, manifest: paths.manifest}}
  } finally {
    truth?.close()
    await services.close()
  }
}

export async function generateToFile(flags: GenerateFlags, context: GenerateContext): Promise<GenerateOutcome> {
  const {progress} = context
  const planned = await planOf(flags)
  const {plan} = planned
  announceDefault(flags, planned, progress)
  const [{runTagFromSeed, startMsFromSeed}, {parseRunTag}, {exportPayments}] = await Promise.all([
    import('../generate/defaults.js'),
    import('../payment/payment-id.js'),
    import('../run/export.js'),
  ])
  const tag = flags['run-tag'] === undefined ? runTagFromSeed(plan.seed) : parseRunTag(flags['run-tag'])
  const format = flags.format ?? (flags.out.endsWith('.csv') ? 'csv' : 'ndjson')
  if (flags.out === 'stdout' && context.json) {
    throw new UsageError('--json and --out stdout both want stdout', {
      code: 'P2PAY_STDOUT_TAKEN',
      suggestions: ['write the payments to a file with --out FILE'],
    })
  }
  const truth = flags.truth === undefined ? undefined : openTruthFile(flags.truth, tag)
  try {
    const summary = await exportPayments({
      plan,
      tag,
      startMs: plan.startMs ?? startMsFromSeed(plan.seed),
      key: flags.key,
      ...(flags.shard === undefined ? {} : {shard: parseShard(flags.shard)}),
      accounts: planned.accounts?.records,
      out: flags.out,
      format,
      workers: flags.workers,
      stdout: process.stdout,
      clock: context.clock,
      signal: context.signal,
      onProgress: load => progress.update(() => writtenLine(load, isPaced(plan))),
      onReleased: (block: GeneratedBlock, from: number, to: number) => truth?.write(block, from, to),
    })
    progress.done()
    return outcomeOf(summary, {tag, planned, flags, context, destination: flags.out, unbounded: false})
  } finally {
    truth?.close()
  }
}

/** Somebody at the other end says what became of a payment: the broker, or the service behind the URL. */
export function isAcknowledged({out}: Pick<GenerateFlags, 'out'>): boolean {
  return out === 'kafka' || isHttpUrl(out)
}

export function isHttpUrl(out: string): boolean {
  return /^https?:\/\//i.test(out)
}

export function announceDefault(flags: GenerateFlags, {plan}: PlannedStream, progress: Progress): void {
  if (flags.duration !== undefined || flags.count !== undefined || flags.scenario !== undefined) return
  const [phase] = plan.load
  progress.note(
    phase?.executor === 'shared-iterations' && !isAcknowledged(flags)
      ? `no --duration and no --count: ${formatCount(phase.count)} payments, as many as 500 payments/s make in 60 s`
      : 'no --duration and no --count: sending for 60 s',
  )
}

/** Without a rate and a count: its only end is the wall's. */
export function isUnbounded(flags: GenerateFlags): boolean {
  return flags.tps === 'max' && flags.count === undefined
}

/** Without a rate a duration is the wall's: the count is whatever is taken in that time. */
export function withoutBound<Flags extends GenerateFlags>(flags: Flags): Flags {
  return {...flags, count: LIMITS.count, duration: undefined, warmupCount: 0}
}

/** The signal, and at the latest the end of the wall's time. */
export function deadlineOf(flags: GenerateFlags, context: GenerateContext): AbortSignal {
  return deadline(context, wallDurationMs(flags))
}

function wallDurationMs(flags: GenerateFlags): number {
  if (flags.duration === undefined) return 60_000
  return flags.duration === 'forever' ? Number.POSITIVE_INFINITY : parseDurationMs(flags.duration)
}

/** Ends a run without a rate after its time. */
function deadline({clock, signal}: GenerateContext, durationMs: number): AbortSignal {
  if (!Number.isFinite(durationMs)) return signal
  const controller = new AbortController()
  void clock.sleep(durationMs, signal).then(() => controller.abort())
  return controller.signal
}

export function isPaced(plan: PlannedStream['plan']): boolean {
  return plan.load.some(phase => phase.executor !== 'shared-iterations')
}

export function progressLine(load: GenerateProgress, {paced}: {readonly paced: boolean}): string {
  const troubles =
    load.failed + load.unknown > 0 ? `, ${formatCount(load.failed)} failed, ${formatCount(load.unknown)} unknown` : ''
  return `${secondsOf(load)}  sent ${formatCount(load.sent)}${ofPlanned(load)}, acked ${formatCount(load.acked)}${troubles}, ${formatCount(load.ackedLastSecond)}/s${latenessOf(load, paced)}`
}

function writtenLine(load: GenerateProgress, paced: boolean): string {
  return `${secondsOf(load)}  wrote ${formatCount(load.acked)}${ofPlanned(load)}, ${formatCount(load.ackedLastSecond)}/s${latenessOf(load, paced)}`
}

function secondsOf(load: GenerateProgress): string {
  return `${Math.floor(load.elapsedUs / 1e6)} s`
}

function ofPlanned({planned}: GenerateProgress): string {
  return Number.isFinite(planned) && planned < LIMITS.count ? ` of ${formatCount(planned)}` : ''
}

/** Without a rate nothing is late. */
function latenessOf(load: GenerateProgress, paced: boolean): string {
  return paced ? `, lateness ${formatMs(load.latenessUs)} ms` : ''
}

export function outcomeOf(
  summary: GenerateSummary,
  run: {
    readonly tag: string
    readonly planned: PlannedStream
    readonly flags: GenerateFlags
    readonly context: GenerateContext
    readonly destination: string
    /** Its count is nothing but a bound. */
    readonly unbounded: boolean
  },
): GenerateOutcome {
  const {tag, planned, flags, context, destination} = run
  const paced = Number.isFinite(summary.requestedTps)
  const acknowledged = isAcknowledged(flags)
  const line = (histogram: GenerateSummary['lateness']): LatencyLine => ({
    count: histogram.count,
    p50: histogram.percentileUs(50),
    p99: histogram.percentileUs(99),
    max: histogram.maxUs,
  })
  const lateness = paced ? line(summary.lateness) : null
  const ackTime = acknowledged ? line(summary.ackTime) : null
  const simulatedS =
    summary.simulatedFromMs === null || summary.simulatedToMs === null
      ? null
      : (summary.simulatedToMs - summary.simulatedFromMs) / 1000
  const wallS = summary.wallUs / 1e6
  const speedUp = simulatedS === null || wallS === 0 ? null : simulatedS / wallS
  const lines = [
    acknowledged
      ? `sent ${formatCount(summary.sent)}, acked ${formatCount(summary.acked)}, failed ${formatCount(summary.failed)}, unknown ${formatCount(summary.unknown)}`
      : `wrote ${formatCount(summary.sent)} payments to ${destination}`,
    paced
      ? `requested ${formatTps(summary.requestedTps)}, achieved ${formatTps(summary.achievedTps)} (${formatShare(summary.achievedRatio)}), shortfall ${formatCount(summary.shortfall)}`
      : `unpaced, ${formatTps(summary.achievedTps)}`,
    ...(lateness === null ? [] : [`lateness ${latencyText(lateness)}`]),
    ...(ackTime === null ? [] : [`due → acked ${latencyText(ackTime)}`]),
    ...(lateness === null || summary.warmupCount === 0
      ? []
      : [`latencies leave out the first ${plural(summary.warmupCount, 'payment')} (warm-up)`]),
    ...summary.errors.map(error => `! ${error.code}: ${formatCount(error.count)} payments (${error.example})`),
    ...(acknowledged ? [`the truth about them: p2pay truth --run ${tag}`] : []),
  ]
  const summaryJson: GenerateSummaryJson = {
    run_tag: tag,
    seed: planned.plan.seed,
    destination,
    planned: Number.isFinite(summary.planned) && !run.unbounded ? summary.planned : null,
    sent: summary.sent,
    acked: acknowledged ? summary.acked : null,
    failed: acknowledged ? summary.failed : null,
    unknown: acknowledged ? summary.unknown : null,
    requested_tps: paced ? summary.requestedTps : null,
    achieved_tps: summary.achievedTps,
    achieved_ratio: summary.achievedRatio,
    shortfall: acknowledged ? summary.shortfall : null,
    lateness_us: lateness,
    ack_time_us: ackTime,
    simulated_s: simulatedS,
    speed_up: speedUp,
    errors: summary.errors,
    manifest: null,
    truth: flags.truth ?? null,
    command: context.command,
  }
  return {
    summary: summaryJson,
    lines,
    // What the other end did not take is the environment's doing; what nobody can tell is inconclusive.
    exitCode: summary.failed > 0 ? EXIT.environment : summary.unknown > 0 ? EXIT.inconclusive : EXIT.passed,
  }
}

function latencyText(line: LatencyLine): string {
  if (line.count === 0) return 'n/a'
  return `p50 ${formatMs(line.p50)} ms, p99 ${formatMs(line.p99)} ms, max ${formatMs(line.max)} ms`
}
