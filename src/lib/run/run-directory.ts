/**
 * The run directory `.p2pay/runs/<tag>/`: `manifest.json`, written before the first send, and `journal.bin`, one
 * fixed-width record per sequence number. With both, anybody can regenerate the stream and say what became of each
 * payment; what was not journalled before a crash is *unknown*.
 */
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import type {Plan} from '../scenario/plan.js'

export const MANIFEST_VERSION = 1

export interface Manifest {
  readonly manifest_version: typeof MANIFEST_VERSION
  readonly p2pay_version: string
  readonly node_version: string
  readonly tag: string
  readonly seed: number
  /** Event time of the stream's beginning, ISO 8601. */
  readonly start: string
  /** Wall clock of the schedule's beginning, µs since the epoch; null until the schedule starts. */
  readonly schedule_started_us: number | null
  /** Infinity (no bound) is null. */
  readonly planned_count: number | null
  readonly warmup_count: number
  readonly plan: Plan
  /** SHA-256 of the canonical JSON of the plan and every file that it draws on. */
  readonly plan_sha256: string
  readonly accounts_file: {readonly path: string; readonly sha256: string} | null
  readonly key: string
  readonly shard: {readonly index: number; readonly count: number} | null
  readonly broker: {readonly address: string; readonly cluster_id: string | null} | null
  /** Topics with their end offsets by partition before the first send. No secrets. */
  readonly topics: Readonly<Record<string, {readonly name: string; readonly start_offsets: readonly number[]}>>
  readonly command: string
  /** Of a load test; absent for other runs. */
  readonly http?: HttpManifest
}

/** Where requests went and what they were made of, without secrets. Their payments are the stream's. */
export interface HttpManifest {
  /** URL without credentials, or `3 targets of targets.json`. */
  readonly target: string
  readonly method: string
  readonly model: 'closed' | 'open'
  readonly concurrency: number
  /** What counted as acknowledged. */
  readonly success: string
  readonly pipeline: {readonly path: string; readonly sha256: string} | null
  readonly targets: {readonly path: string; readonly sha256: string} | null
  /** SHA-256 of the template of `--body`, hex. */
  readonly body_sha256: string | null
}

/**
 * Where a run keeps its files, below p2pay's own directory (`.p2pay`). Each shard of a run has a place of its own within
 * the run's: several may be sent from one machine at once.
 */
export function runPaths(directory: string, tag: string, shard?: Manifest['shard']): RunPaths {
  const whole = join(directory, 'runs', tag)
  const run = shard ? join(whole, `shard-${shard.index + 1}-of-${shard.count}`) : whole
  return {directory: run, manifest: join(run, 'manifest.json'), journal: join(run, 'journal.bin')}
}

/** The places of a run: its own, or those of its shards, by name; its own when there is nothing. */
export async function placesOfRun(directory: string, tag: string): Promise<readonly RunPaths[]> {
  const whole = runPaths(directory, tag)
  const names = await readdir(whole.directory).catch((): string[] => [])
  const shards = names.flatMap(name => {
    const [, index, count] = /^shard-(\d+)-of-(\d+)$/.exec(name) ?? []
    return index === undefined ? [] : [runPaths(directory, tag, {index: Number(index) - 1, count: Number(count)})]
  })
  return names.includes('manifest.json') || shards.length === 0 ? [whole] : shards
}

export interface RunPaths {
  readonly directory: string
  readonly manifest: string
  readonly journal: string
}

/**
 * State of a payment in the journal. `unknown` is what a missing, torn or unwritten record reads as (the process died
 * before it was written), `unknown-outcome` is what the sink said of it. `unsent` is read for unwritten records of a
 * journal that was closed in order: nothing was in flight any more, so what has no record was never handed over.
 */
export const JOURNAL_STATES = ['unknown', 'unsent', 'acked', 'failed', 'unknown-outcome'] as const
export type JournalState = (typeof JOURNAL_STATES)[number]

export interface JournalEntry {
  readonly sequence: number
  readonly state: JournalState
  /** −1 when not known. */
  readonly partition: number
  readonly offset: number
  /** µs since the epoch; 0 when not known. */
  readonly sentUs: number
  readonly settledUs: number
}
