/**
 * A run's load side on Kafka, whole, on topics that are there: manifest before the first send, journal as it goes,
 * payments on schedule. `generate` is this alone; `run` has the detector beside it.
 */
import {type Clock, nowMs} from '../base/clock.js'
import {createPaymentStream} from '../generate/payment-stream.js'
import type {AccountRecord, GeneratedBlock, StreamInputs} from '../generate/stream.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {createSchedule} from '../pace/create.js'
import type {PartitionOffsets} from '../payment/record.js'
import type {TopicNames} from '../payment/topics.js'
import type {Plan} from '../scenario/plan.js'
import {openKafkaSink} from '../sink/kafka-sink.js'
import {generate} from './generate.js'
import type {GenerateProgress, GenerateSummary} from './generate-tally.js'
import {openJournal} from './journal.js'
import {streamDigest, writeManifest} from './manifest.js'
import {MANIFEST_VERSION, type Manifest, type RunPaths, runPaths} from './run-directory.js'
import {streamInputsOf} from './stream-of.js'

export interface ProduceOptions {
  readonly plan: Plan
  readonly tag: string
  /** Undefined: event time begins at launch. */
  readonly startMs: number | undefined
  readonly key: StreamInputs['key']
  readonly shard?: StreamInputs['shard']
  readonly accounts?: AccountsFile | undefined
  /** p2pay's own directory, `.p2pay`. */
  readonly directory: string
  readonly kafka: KafkaConnection
  readonly brokers: string
  /** Topics of the run; `generate` alone knows the raw one. */
  readonly topics: Pick<TopicNames, 'raw'> & Partial<TopicNames>
  readonly command: string
  readonly version: string
  readonly nodeVersion: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress?: (progress: GenerateProgress) => void
  /** Rows [from, to) of the block were handed over. */
  readonly onReleased?: (block: GeneratedBlock, from: number, to: number) => void
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
 * @throws EnvironmentError broker, topics, disk
 * @throws UsageError the plan's population or accounts do not fit
 */
export async function produce(options: ProduceOptions): Promise<Produced> {
  const {plan, tag, clock, kafka} = options
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
  const topics: Record<string, Manifest['topics'][string]> = {}
  for (const [role, name] of Object.entries(options.topics)) {
    topics[role] = {name, start_offsets: listOffsets(await kafka.admin.endOffsets(name))}
  }
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
    broker: {address: options.brokers, cluster_id: kafka.clusterId},
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
    openSink: onOutcome => openKafkaSink(kafka, {topic: options.topics.raw}, onOutcome),
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

/** Offsets by partition as a list, partition 0 first. */
export function listOffsets(offsets: PartitionOffsets): number[] {
  return Array.from({length: Math.max(-1, ...offsets.keys()) + 1}, (_, partition) => offsets.get(partition) ?? 0)
}

/** The list of a manifest, back as a map. */
export function offsetsOfList(list: readonly number[]): PartitionOffsets {
  return new Map(list.entries())
}
