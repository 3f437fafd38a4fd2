/**
 * A run's load side, whole, wherever its payments go: manifest before the first send, journal as it goes, payments on
 * schedule.
 */
import {type Clock, nowMs} from '../base/clock.js'
import {createPaymentStream} from '../generate/payment-stream.js'
import type {AccountRecord, GeneratedBlock, StreamInputs} from '../generate/stream.js'
import {createSchedule} from '../pace/create.js'
import type {Plan} from '../scenario/plan.js'
import type {OutcomeListener, PaymentSink} from '../sink/sink.js'
import {generate} from './generate.js'
import type {GenerateProgress, GenerateSummary} from './generate-tally.js'
import {openJournal} from './journal.js'
import {streamDigest, writeManifest} from './manifest.js'
import {MANIFEST_VERSION, type Manifest, type RunPaths, runPaths} from './run-directory.js'
import {streamInputsOf} from './stream-of.js'

/** What of a run does not depend on where its payments go. */
export interface RunOptions {
  readonly plan: Plan
  readonly tag: string
  /** Undefined: event time begins at launch. */
  readonly startMs: number | undefined
  readonly key: StreamInputs['key']
  readonly shard?: StreamInputs['shard']
  readonly accounts?: AccountsFile | undefined
  /** p2pay's own directory, `.p2pay`. */
  readonly directory: string
  readonly command: string
  readonly version: string
  readonly nodeVersion: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress?: (progress: GenerateProgress) => void
  /** Rows [from, to) of the block were handed over. */
  readonly onReleased?: (block: GeneratedBlock, from: number, to: number) => void
}

/** Where a run's payments go, and what its manifest says of it. */
export interface Destination {
  readonly broker: Manifest['broker']
  readonly topics: Manifest['topics']
  readonly openSink: (onOutcome: OutcomeListener) => Promise<PaymentSink> | PaymentSink
}

export interface AccountsFile {
  readonly path: string
  readonly sha256: string
  readonly records: readonly AccountRecord[]
}

export interface Produced {
  readonly summary: GenerateSummary
  readonly manifest: Manifest
  readonly paths: RunPaths
}

/**
 * @param reach called once the stream is ready, before the manifest is written: topics keep their offsets from then on
 * @throws EnvironmentError the destination, disk
 * @throws UsageError the plan's population or accounts do not fit
 */
export async function sendRun(options: RunOptions, reach: () => Promise<Destination>): Promise<Produced> {
  const {plan, tag, clock} = options
  const schedule = createSchedule(plan.load, {seed: plan.seed, maxCount: plan.maxCount})
  const startMs = options.startMs ?? plan.startMs ?? nowMs(clock)
  let scheduleStartedUs = 0
  const stream = createPaymentStream(
    streamInputsOf({
      plan,
      tag,
      startMs,
      key: options.key,
      ...(options.shard === undefined ? {} : {shard: options.shard}),
      accounts: options.accounts?.records,
      schedule,
      scheduleStartedUs: () => scheduleStartedUs,
    }),
  )
  const {broker, topics, openSink} = await reach()
  const paths = runPaths(options.directory, tag, options.shard)
  const manifest: Manifest = {
    manifest_version: MANIFEST_VERSION,
    p2pay_version: options.version,
    node_version: options.nodeVersion,
    tag,
    seed: plan.seed,
    start: new Date(startMs).toISOString(),
    schedule_started_us: null,
    planned_count: Number.isFinite(schedule.totalCount) ? schedule.totalCount : null,
    warmup_count: plan.warmupCount,
    plan,
    plan_sha256: streamDigest(plan, options.accounts?.sha256 ?? null),
    accounts_file:
      options.accounts === undefined ? null : {path: options.accounts.path, sha256: options.accounts.sha256},
    key: options.key,
    shard: options.shard ?? null,
    broker,
    topics,
    command: options.command,
  }
  // Before anything that costs time on the schedule; written again with its beginning just before the first send.
  await writeManifest(paths.manifest, manifest)
  const journal = await openJournal(paths.journal, Number.isFinite(schedule.totalCount) ? schedule.totalCount : 0)
  const {onProgress, onReleased} = options
  const summary = await generate({
    stream,
    schedule,
    isShard: options.shard !== undefined,
    journal,
    openSink,
    clock,
    signal: options.signal,
    warmupCount: plan.warmupCount,
    onStart: async startUs => {
      scheduleStartedUs = startUs
      await writeManifest(paths.manifest, {...manifest, schedule_started_us: startUs})
    },
    ...(onProgress === undefined ? {} : {onProgress}),
    ...(onReleased === undefined ? {} : {observe: {released: onReleased}}),
  })
  return {summary, manifest: {...manifest, schedule_started_us: scheduleStartedUs}, paths}
}
