/**
 * A load test, whole: manifest before the first request, journal and minted ids as it goes, then what became of the
 * payments behind the service when that can be seen, and the result. Ports come in open and are closed by the caller.
 */
import type {DetectionSummary} from '../../audit/detection.js'
import type {Ladder} from '../../audit/ladder.js'
import {type Clock, nowMs} from '../../base/clock.js'
import {Float64Column} from '../../base/column.js'
import {createPaymentStream} from '../../generate/payment-stream.js'
import type {HttpClient} from '../../http/http-client.js'
import type {LatencyHistogram} from '../../metrics/metrics.js'
import {judge as judgeThresholds} from '../../metrics/threshold.js'
import {createSchedule} from '../../pace/create.js'
import {type LatencyHistograms, metricSetOf, summarizeLatencies, verdictOf} from '../../report/assemble.js'
import {formatCount, plural} from '../../report/format.js'
import {RESULT_SCHEMA_VERSION, type RunResult} from '../../report/result.js'
import type {Plan} from '../../scenario/plan.js'
import {RunFacts} from '../facts.js'
import {openJournal, readJournal} from '../journal.js'
import {streamDigest, writeManifest} from '../manifest.js'
import type {AccountsFile} from '../produce.js'
import {type HttpManifest, MANIFEST_VERSION, type Manifest, type RunPaths, runPaths} from '../run-directory.js'
import {streamInputsOf} from '../stream-of.js'
import type {BeforeLoad, LoadedPipeline} from './aftermath.js'
import {type HttpFacts, httpHistograms, httpLoad, httpNotes, httpSection} from './http-section.js'
import {loadtest} from './loadtest.js'
import {mintedIdsPath, openMintedIds, readMintedIds} from './minted-ids.js'
import type {LoadModel, LoadScenario, LoadtestProgress, LoadtestSummary, ResponseJudge} from './options.js'
import type {RequestShape} from './request-shape.js'
import {createRequestSource} from './request-source.js'

export interface LoadRunOptions {
  readonly plan: Plan
  readonly tag: string
  /** Event time of the first payments, ms since the epoch. */
  readonly startMs: number
  readonly accounts?: AccountsFile | undefined
  readonly model: LoadModel
  readonly scenarios: readonly LoadScenario[]
  readonly shapes: readonly RequestShape[]
  readonly judge: ResponseJudge
  readonly client: HttpClient
  readonly facts: Pick<HttpFacts, 'target' | 'method' | 'keepAlive' | 'timeoutMs'>
  readonly sources: Pick<HttpManifest, 'pipeline' | 'targets' | 'body_sha256'>
  /** Behind the service, when its topics can be read. */
  readonly pipeline: LoadedPipeline | null
  /** Decisions are asked for at the service. */
  readonly follow: {readonly client: HttpClient; readonly serviceUrl: URL; readonly headers: readonly string[]} | null
  /** A service that this test started: it has to take everything, unless thresholds say what it has to. */
  readonly isOwn: boolean
  readonly databaseDescription: string | null
  /** What readers of the result should know of its requests. */
  readonly notes: readonly string[]
  /** p2pay's own directory, `.p2pay`. */
  readonly directory: string
  /** Without secrets, with tag and start. */
  readonly command: string
  readonly version: string
  readonly nodeVersion: string
  readonly machine: RunResult['run']['machine']
  readonly clock: Clock
  readonly signal: AbortSignal
  /** True when the service is gone. */
  readonly isOver?: (() => boolean) | undefined
  readonly onProgress?: ((progress: LoadtestProgress) => void) | undefined
  /** What happens before and after the load. */
  readonly onPhase?: ((text: string) => void) | undefined
}

export interface LoadRun {
  readonly result: RunResult
  readonly paths: RunPaths
  /** Not one connection came about. */
  readonly isUnreachable: boolean
}

/** What is under way at the end, of a client without a timeout. */
const DRAIN_MS = 60_000

/** @throws EnvironmentError disk, broker; UsageError accounts that do not fit */
export async function runLoadtest(options: LoadRunOptions): Promise<LoadRun> {
  const {plan, model, pipeline, clock, signal} = options
  const startedMs = nowMs(clock)
  if (pipeline !== null) options.onPhase?.('waiting for the detector to catch up')
  const before =
    pipeline === null
      ? null
      : await (await aftermath()).beforeLoad(pipeline, {signal, ...(options.isOver && {isOver: options.isOver})})
  const facts = pipeline === null && options.follow === null ? null : new RunFacts()
  const played = await play(options, {facts, before})
  const {summary, manifest, paths} = played
  const after = await lookBehind(options, {...played, facts, before})
  const http: HttpFacts = {
    ...options.facts,
    concurrency: model.concurrency,
    success: options.judge.description,
    queueCount: model.kind === 'open' ? model.queueCount : null,
  }
  const section = httpSection(summary, http)
  const load = httpLoad(summary)
  const histograms: LatencyHistograms = {
    ...httpHistograms(summary),
    ...(after.decisionTime === null ? {} : {'detect.decision_time': after.decisionTime}),
  }
  const {interrupted} = summary
  const {ladder, detection} = after
  const thresholds = judgeThresholds(
    plan.thresholds,
    metricSetOf({load, interrupted, histograms, ladder, detection, http: section}),
  )
  const refusedByOwn =
    options.isOwn && plan.thresholds.length === 0 && !interrupted ? summary.due - summary.succeeded : 0
  const notes = [
    ...options.notes,
    ...httpNotes(summary, http),
    ...(refusedByOwn === 0
      ? []
      : [
          `${formatCount(refusedByOwn)} of ${plural(summary.due, 'request')} were not accepted by the service of this test`,
        ]),
    ...after.notes,
  ]
  const isHopeless = summary.sent > 0 && summary.succeeded === 0 && !interrupted
  const verdict = verdictOf({load, thresholds, ladder, interrupted, inconclusive: after.isInconclusive})
  const result: RunResult = {
    schema_version: RESULT_SCHEMA_VERSION,
    run: {
      tag: options.tag,
      scenario: plan.name,
      scenario_sha256: manifest.plan_sha256,
      seed: plan.seed,
      started_at: new Date(startedMs).toISOString(),
      finished_at: new Date(nowMs(clock)).toISOString(),
      command: options.command,
      versions: {p2pay: options.version, node: options.nodeVersion},
      machine: options.machine,
      broker: pipeline?.kafka.brokers.join(',') ?? options.facts.target,
      cluster: pipeline?.kafka.clusterId ?? null,
      database: options.databaseDescription,
      interrupted,
    },
    load,
    latencies: summarizeLatencies(histograms),
    http: section,
    ladder,
    detection,
    thresholds,
    notes,
    verdict: isHopeless || refusedByOwn > 0 ? 'failed' : verdict,
  }
  return {result, paths, isUnreachable: isHopeless && isUnreachable(summary)}
}

/** There was no answer, and nothing has left us: no connection came about. */
function isUnreachable({sent, failed, journalled}: LoadtestSummary): boolean {
  return failed === 0 && journalled.failed === sent
}

interface Played {
  readonly summary: LoadtestSummary
  readonly manifest: Manifest
  readonly paths: RunPaths
  /** Wall clock µs; NaN when nobody knows, in the closed model. */
  readonly dueUsOf: ((sequence: number) => number) | undefined
}

async function play(
  options: LoadRunOptions,
  {facts, before}: {readonly facts: RunFacts | null; readonly before: BeforeLoad | null},
): Promise<Played> {
  const {plan, tag, model, clock} = options
  const schedule =
    model.kind === 'open' ? model.schedule : createSchedule(plan.load, {seed: plan.seed, maxCount: plan.maxCount})
  const plannedCount = model.kind === 'open' ? schedule.totalCount : model.requestCount
  let startUs = 0
  const stream = createPaymentStream(
    streamInputsOf({
      plan,
      tag,
      startMs: options.startMs,
      key: 'debtor_id',
      accounts: options.accounts?.records,
      schedule,
      scheduleStartedUs: () => startUs,
    }),
  )
  const dueUsOf = model.kind === 'open' ? (sequence: number) => startUs + schedule.dueUs(sequence) : undefined
  const source = createRequestSource({
    stream,
    tag,
    shapes: options.shapes,
    endSequence: plannedCount,
    // In the closed model a request is due when it goes, which is now.
    dueUsOf: facts === null ? undefined : (dueUsOf ?? (() => clock.nowUs())),
    onTaken: facts === null ? undefined : (block, row) => facts.generated(block, row, row + 1),
  })
  const paths = runPaths(options.directory, tag)
  const manifest = manifestOf(options, {plannedCount, topics: before?.manifestTopics ?? {}})
  await writeManifest(paths.manifest, manifest)
  const journal = await openJournal(paths.journal, Number.isFinite(plannedCount) ? plannedCount : 0)
  const summary = await loadtest({
    model,
    source,
    client: options.client,
    judge: options.judge,
    scenarios: options.scenarios,
    journal,
    mintedIds: openMintedIds(mintedIdsPath(paths.directory)),
    clock,
    signal: options.signal,
    warmupCount: plan.warmupCount,
    ...(Number.isFinite(options.facts.timeoutMs) ? {} : {drainMs: DRAIN_MS}),
    onStart: async atUs => {
      startUs = atUs
      source.prepare()
      await writeManifest(paths.manifest, {...manifest, schedule_started_us: atUs})
    },
    ...(options.onProgress === undefined ? {} : {onProgress: options.onProgress}),
  })
  return {summary, manifest, paths, dueUsOf}
}

function manifestOf(
  options: LoadRunOptions,
  {plannedCount, topics}: {readonly plannedCount: number; readonly topics: Manifest['topics']},
): Manifest {
  const {plan, accounts, pipeline, model} = options
  return {
    manifest_version: MANIFEST_VERSION,
    p2pay_version: options.version,
    node_version: options.nodeVersion,
    tag: options.tag,
    seed: plan.seed,
    start: new Date(options.startMs).toISOString(),
    schedule_started_us: null,
    planned_count: Number.isFinite(plannedCount) ? plannedCount : null,
    warmup_count: plan.warmupCount,
    plan,
    plan_sha256: streamDigest(plan, accounts?.sha256 ?? null),
    accounts_file: accounts === undefined ? null : {path: accounts.path, sha256: accounts.sha256},
    key: 'debtor_id',
    shard: null,
    broker:
      pipeline === null ? null : {address: pipeline.kafka.brokers.join(','), cluster_id: pipeline.kafka.clusterId},
    topics,
    command: options.command,
    http: {
      target: options.facts.target,
      method: options.facts.method,
      model: model.kind,
      concurrency: model.concurrency,
      success: options.judge.description,
      ...options.sources,
    },
  }
}

interface Behind {
  readonly ladder: Ladder | null
  readonly detection: DetectionSummary | null
  readonly decisionTime: LatencyHistogram | null
  readonly isInconclusive: boolean
  readonly notes: readonly string[]
}

/** What became of the payments after the service had answered. */
async function lookBehind(
  options: LoadRunOptions,
  {
    summary,
    paths,
    dueUsOf,
    facts,
    before,
  }: Played & {readonly facts: RunFacts | null; readonly before: BeforeLoad | null},
): Promise<Behind> {
  const {pipeline, follow, tag, clock, plan} = options
  const common = {tag, warmupCount: plan.warmupCount, journalPath: paths.journal, facts}
  if (pipeline !== null && before !== null) {
    const {takeAftermath} = await aftermath()
    const {drained, ...found} = await takeAftermath({
      ...pipeline,
      ...common,
      before,
      plannedCount: summary.due,
      dueUsOf,
      isOver: options.isOver,
      onProgress: lag =>
        options.onPhase?.(`waiting for the detector${lag === null ? '' : `: ${formatCount(lag)} payments to go`}`),
    })
    return {...found, isInconclusive: !drained || found.ladder === null}
  }
  if (follow === null) return {ladder: null, detection: null, decisionTime: null, isInconclusive: false, notes: []}
  const [{followDecisions}, {gradeOf}, minted] = await Promise.all([
    import('./follow.js'),
    aftermath(),
    mintedIds(paths),
  ])
  const {drained, decisionTime, notes} = await followDecisions({
    ...common,
    ...follow,
    mintedIdOf: sequence => minted.get(sequence),
    dueUsOf: dueUsOf ?? (await sentTimes(paths.journal)),
    clock,
    signal: options.signal,
    onProgress: ({decided, followed}) =>
      options.onPhase?.(`following: ${formatCount(decided)} of ${formatCount(followed)} payments are decided`),
  })
  const all = [...notes]
  const grading = {warmupCount: plan.warmupCount, plannedCount: summary.due}
  return {
    ladder: null,
    detection: gradeOf(facts, grading, all),
    decisionTime,
    isInconclusive: !drained,
    notes: all,
  }
}

/** Loaded when it is wanted: who tests a service of somebody else's waits for no Kafka client to load. */
function aftermath(): Promise<typeof import('./aftermath.js')> {
  return import('./aftermath.js')
}

async function mintedIds(paths: RunPaths): Promise<ReadonlyMap<number, string>> {
  const ids = new Map<number, string>()
  for await (const {sequence, id} of readMintedIds(mintedIdsPath(paths.directory))) ids.set(sequence, id)
  return ids
}

async function sentTimes(journalPath: string): Promise<(sequence: number) => number> {
  const times = new Float64Column()
  for await (const entries of readJournal(journalPath)) {
    for (const {sequence, sentUs} of entries) times.set(sequence, sentUs)
  }
  return sequence => times.get(sequence) || Number.NaN
}
