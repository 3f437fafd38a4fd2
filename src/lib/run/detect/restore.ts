/**
 * Fits state and offsets together when partitions are assigned. A shard restored from a snapshot (or still in memory)
 * has seen records up to some offset; the source is sent back to it, and what lies between and the committed offset is
 * read again without output. The shards' own watermarks make every record count once, so the replay may start too
 * early but never too late. What cannot be had any more makes the state partial, never the start fail.
 */
import type {Clock} from '../../base/clock.js'
import {messageOf} from '../../base/errors.js'
import type {Detector, ShardSnapshot} from '../../detect/detector.js'
import {debtorShard, SHARED_SHARD} from '../../detect/shard-name.js'
import type {PartitionOffsets} from '../../payment/record.js'
import type {RecordSource} from '../../source/source.js'
import type {Snapshot, SnapshotOwner, SnapshotStore} from '../../store/store.js'
import {addNote, type StateReport} from './counters.js'
import type {Partition} from './partition.js'
import {Abandoned, isUnusable, type Patience} from './patience.js'

export interface RestoreOptions {
  readonly source: RecordSource
  readonly detector: Detector
  readonly snapshots: SnapshotStore | null
  readonly owner: SnapshotOwner
  readonly clock: Clock
  readonly report: StateReport
  readonly sourcePatience: Patience
  readonly snapshotPatience: Patience
  /** Records of one partition read again at most. */
  readonly maxReplayCount: number
  readonly fromBeginning: boolean
  /** Stored snapshots of these partitions are about to be removed; resolves when none is being saved. */
  readonly onDropping: (ids: readonly number[]) => Promise<void>
}

interface Bounds {
  readonly earliest: number
  readonly end: number
}

type BoundsMap = ReadonlyMap<number, Bounds>

/** For a partition that the cluster did not speak of. */
const UNKNOWN_BOUNDS: Bounds = {earliest: 0, end: Number.POSITIVE_INFINITY}

/** A topic that looks shorter than what was read of it is looked at again: a new leader may lag for a moment. */
const SHRUNKEN_LOOKS = 3
const SHRUNKEN_WAIT_MS = 500

export class Restorer {
  readonly #options: RestoreOptions
  /** Partitions of the first assignment whose committed offsets are to be overlooked (from the beginning). */
  readonly #begun = new Set<number>()
  #isFirst = true
  /** Of the topic; 0 until the first assignment is prepared. */
  partitionCount = 0

  constructor(options: RestoreOptions) {
    this.#options = options
  }

  /**
   * @param signal aborts as soon as another assignment has come: then nothing more is touched
   * @throws Abandoned when the signal aborts
   */
  async prepare(partitions: readonly Partition[], signal: AbortSignal): Promise<void> {
    const {source, sourcePatience} = this.#options
    const ids = partitions.map(partition => partition.id)
    const stored = await sourcePatience.untilDone(() => source.committed(ids), signal)
    const bounds = await this.#bounds(partitions, stored, signal)

    // Partitions whose committed offset does not count: everything that they have is new.
    const anew = partitions.filter(partition => this.#isAnew(partition, stored.get(partition.id), bounds))
    const fresh = new Set([
      ...anew,
      ...partitions.filter(({id}) => this.#options.fromBeginning && !this.#begun.has(id)),
    ])
    const committedOf = (partition: Partition): number | undefined =>
      fresh.has(partition) ? undefined : stored.get(partition.id)
    await this.#dropOutlived(
      partitions.filter(one => committedOf(one) === undefined),
      signal,
    )
    if (fresh.size > 0) {
      // First of all, else a rebalance or a crash before the first commit would go on at the old offsets.
      const offsets = new Map([...fresh].filter(({id}) => stored.has(id)).map(({id}) => [id, earliestOf(bounds, id)]))
      await sourcePatience.untilDone(() => source.commit(offsets), signal)
    }
    const behind = partitions.filter(one => (this.#debtorNext(one.id) ?? 0) < (committedOf(one) ?? 0))
    const shards = await this.#load(behind, signal)
    if (signal.aborted) throw new Abandoned('preparing partitions')

    for (const partition of anew) this.#startAnew(partition, stored.get(partition.id), bounds)
    if (this.#isFirst) this.#takeOver(shards.get(SHARED_SHARD), bounds)
    for (const partition of partitions) {
      const {id} = partition
      const snapshot = shards.get(debtorShard(id))
      if ((snapshot?.offsets.get(id) ?? -1) > (this.#debtorNext(id) ?? -1)) this.#takeOver(snapshot, bounds)
      const committed = committedOf(partition)
      if (committed === undefined) this.#begin(partition, earliestOf(bounds, id), fresh.has(partition))
      else this.#resume(partition, committed, earliestOf(bounds, id))
      this.#begun.add(id)
    }
    if (partitions.length > 0) this.#isFirst = false
    this.partitionCount = bounds.size
    this.#notePartialAssignment(partitions.length, bounds.size)
  }

  /**
   * Partitions that begin have no use for snapshots of former records; and as older offsets never replace newer ones,
   * those would stay, and be taken for ours as soon as the topic has grown past them.
   */
  async #dropOutlived(beginning: readonly Partition[], signal: AbortSignal): Promise<void> {
    const {snapshots, owner, snapshotPatience} = this.#options
    if (snapshots === null || beginning.length === 0) return
    const ids = beginning.map(({id}) => id)
    await this.#options.onDropping(ids)
    await snapshotPatience.untilDone(() => snapshots.dropSnapshots(owner, ids), signal)
  }

  async #bounds(
    partitions: readonly Partition[],
    committed: PartitionOffsets,
    signal: AbortSignal,
  ): Promise<BoundsMap> {
    const {source, sourcePatience, clock} = this.#options
    let bounds = await sourcePatience.untilDone(() => source.bounds(), signal)
    for (let look = 1; look < SHRUNKEN_LOOKS; look++) {
      if (!partitions.some(({id}) => this.#readUntil(id, committed.get(id)) > endOf(bounds, id))) return bounds
      await clock.sleep(SHRUNKEN_WAIT_MS, signal)
      bounds = await sourcePatience.untilDone(() => source.bounds(), signal)
    }
    return bounds
  }

  #readUntil(id: number, committed: number | undefined): number {
    return Math.max(committed ?? 0, this.#debtorNext(id) ?? 0)
  }

  /** Remembered until it is acted upon: the topic may have grown by the time of the next look. */
  #isAnew(partition: Partition, committed: number | undefined, bounds: BoundsMap): boolean {
    partition.isRemade ||= this.#readUntil(partition.id, committed) > endOf(bounds, partition.id)
    return partition.isRemade
  }

  /** A topic made anew or cut: offsets mean other records now, so what was tied to the old ones is dropped. */
  #startAnew(partition: Partition, committed: number | undefined, bounds: BoundsMap): void {
    const {detector, report} = this.#options
    const {id} = partition
    addNote(
      report,
      `partition ${id} was read until ${this.#readUntil(id, committed)} and now ends at ${endOf(bounds, id)} with other records: the topic was made anew or cut, and is read from its earliest record`,
    )
    partition.startAnew()
    detector.drop(id)
    const shared = detector.snapshot([]).find(({shard}) => shard === SHARED_SHARD)
    if (shared !== undefined) this.#restore(withoutStale(shared, bounds, id))
  }

  #notePartialAssignment(assignedCount: number, partitionCount: number): void {
    if (assignedCount === 0 || assignedCount >= partitionCount) return
    const {report} = this.#options
    report.shared = 'partial'
    addNote(
      report,
      `this detector has ${assignedCount} of ${partitionCount} partitions: state shared between debtors is partial`,
    )
  }

  async #load(behind: readonly Partition[], signal: AbortSignal): Promise<ReadonlyMap<string, Snapshot>> {
    const {snapshots, owner, snapshotPatience} = this.#options
    if (snapshots === null || behind.length === 0) return new Map()
    const wanted = behind.map(({id}) => debtorShard(id))
    if (this.#isFirst) wanted.push(SHARED_SHARD)
    const load = (some: readonly string[]): Promise<readonly Snapshot[]> =>
      snapshotPatience.untilDone(() => snapshots.loadSnapshots(owner, some), signal)
    let loaded: readonly Snapshot[]
    try {
      loaded = await load(wanted)
    } catch (error) {
      if (!isUnusable(error)) throw error
      // One of them is damaged: the others are still good.
      const each: Snapshot[] = []
      for (const shard of wanted) each.push(...(await this.#usable(shard, () => load([shard]))))
      loaded = each
    }
    return new Map(loaded.map(snapshot => [snapshot.shard, snapshot]))
  }

  async #usable(shard: string, load: () => Promise<readonly Snapshot[]>): Promise<readonly Snapshot[]> {
    try {
      return await load()
    } catch (error) {
      if (!isUnusable(error)) throw error
      addNote(this.#options.report, `the snapshot of ${shard} cannot be read: ${messageOf(error)}`)
      return []
    }
  }

  #takeOver(snapshot: Snapshot | undefined, bounds: BoundsMap): void {
    if (snapshot === undefined) return
    if (snapshot.shard === SHARED_SHARD) {
      this.#restore(withoutStale(snapshot, bounds))
      return
    }
    const beyond = [...snapshot.offsets].some(([id, offset]) => offset > endOf(bounds, id))
    if (beyond) addNote(this.#options.report, `the snapshot of ${snapshot.shard} belongs to an earlier topic: not used`)
    else this.#restore(snapshot)
  }

  #restore(snapshot: ShardSnapshot): void {
    try {
      this.#options.detector.restore(snapshot)
    } catch (error) {
      if (!isUnusable(error)) throw error
      addNote(this.#options.report, `the snapshot of ${snapshot.shard} does not fit: ${messageOf(error)}`)
    }
  }

  /** A partition without a committed offset: everything that it has is new. */
  #begin(partition: Partition, earliest: number, mustSeek: boolean): void {
    partition.committed = earliest
    partition.written = Math.max(partition.written, earliest)
    // Without an offset the source begins at the earliest record by itself.
    if (mustSeek) this.#seek(partition, earliest)
    else partition.expected ??= earliest
  }

  #resume(partition: Partition, committed: number, earliest: number): void {
    const {id} = partition
    if (committed < earliest) {
      addNote(
        this.#options.report,
        `records ${committed} to ${earliest - 1} of partition ${id} were deleted before they were read`,
      )
    }
    const resumeAt = Math.max(committed, earliest)
    partition.committed = committed
    partition.written = Math.max(partition.written, committed)
    partition.liveFrom = Math.max(partition.liveFrom, resumeAt)
    partition.replayUntil = 0
    partition.confirmedGapAt = -1
    const from = this.#replayFrom(id, resumeAt, earliest)
    if (from < resumeAt) {
      partition.replayUntil = resumeAt
      this.#seek(partition, from)
    } else if (committed < earliest) this.#seek(partition, earliest)
    else partition.expected = Math.max(partition.expected ?? 0, resumeAt)
  }

  /** Where state wants to read again, in [earliest, resumeAt]. */
  #replayFrom(id: number, resumeAt: number, earliest: number): number {
    const {report, maxReplayCount, detector} = this.#options
    const {debtor, shared} = detector.nextOffset(id)
    const lowest = Math.max(earliest, resumeAt - maxReplayCount)
    if (debtor === undefined && lowest < resumeAt)
      addNote(report, `partition ${id} has no usable snapshot: state is rebuilt from ${resumeAt - lowest} records`)
    const debtorNeed = Math.min(debtor ?? 0, resumeAt)
    if (debtorNeed < lowest) report.debtor = 'partial'
    // A partition that comes from another detector was never in our shared shard. To read all of it again at each
    // rebalance would cost more than it gives, with shared state being partial then anyway.
    const sharedNeed = Math.min(shared ?? (this.#isFirst ? 0 : debtorNeed), resumeAt)
    if (sharedNeed < lowest || (shared === undefined && sharedNeed > 0)) report.shared = 'partial'
    const wanted = Math.min(debtorNeed, sharedNeed)
    if (wanted < lowest) {
      const why = lowest === earliest ? 'older ones are deleted' : `at most ${maxReplayCount} are read again`
      addNote(report, `state of partition ${id} is partial: it lacks records ${wanted} to ${lowest - 1}; ${why}`)
    }
    return Math.max(wanted, lowest)
  }

  #seek(partition: Partition, offset: number): void {
    partition.seeks += 1
    partition.expected = offset
    this.#options.source.seek(partition.id, offset)
  }

  #debtorNext(id: number): number | undefined {
    return this.#options.detector.nextOffset(id).debtor
  }
}

function earliestOf(bounds: BoundsMap, id: number): number {
  return (bounds.get(id) ?? UNKNOWN_BOUNDS).earliest
}

function endOf(bounds: BoundsMap, id: number): number {
  return (bounds.get(id) ?? UNKNOWN_BOUNDS).end
}

/** The shared shard without watermarks that lie beyond a partition's end (or of one partition). */
function withoutStale(snapshot: ShardSnapshot, bounds: BoundsMap, dropped?: number): ShardSnapshot {
  const offsets = [...snapshot.offsets].filter(([id, offset]) => id !== dropped && offset <= endOf(bounds, id))
  return {...snapshot, offsets: new Map(offsets)}
}
