/**
 * When state is written down. A snapshot is taken in one go, so state and offsets in it are one, and it is kept back
 * until everything that it has seen is committed: then a restart finds state that never knows more than the outputs do,
 * and decides on what comes again as if nothing had happened.
 */
import type {Clock} from '../../base/clock.js'
import type {Detector, ShardSnapshot} from '../../detect/detector.js'
import {debtorShard} from '../../detect/shard-name.js'
import type {SnapshotOwner, SnapshotStore} from '../../store/store.js'
import {addNote, type DetectCounters, type StateReport} from './counters.js'
import type {Partition} from './partition.js'
import {type DetectTrouble, isTrouble, type Patience, TroubleLine} from './patience.js'

/** Snapshots take a twentieth of the time at most. */
const COST_FACTOR = 20
/** The first one comes early: a detector that never lives for an interval would replay more each time. */
const FIRST_MS = 1000

export interface SnapshotsOptions {
  readonly detector: Detector
  /** Null: none are kept. */
  readonly store: SnapshotStore | null
  readonly owner: SnapshotOwner
  readonly clock: Clock
  readonly intervalMs: number
  readonly counters: DetectCounters
  readonly report: StateReport
  readonly assigned: () => ReadonlyMap<number, Partition>
  readonly patience: Patience
  readonly onTrouble: (trouble: DetectTrouble) => void
  /** A background task failed for a reason that waiting does not cure. */
  readonly onFatal: (error: unknown) => void
}

interface Pending {
  readonly shards: readonly ShardSnapshot[]
  /** Which life of its topic each partition was in. */
  readonly incarnations: ReadonlyMap<number, number>
  readonly takenUs: number
  /** Time that taking it cost. */
  readonly costUs: number
}

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #saving: TroubleLine
  #pending: Pending | undefined
  #underWay: Promise<void> | undefined
  #dueUs: number
  /** Offsets of the latest saved ones, by shard. */
  readonly #saved = new Map<string, ReadonlyMap<number, number>>()

  constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#saving = new TroubleLine('saving a snapshot', options.clock, options.onTrouble)
    this.#dueUs = options.clock.nowUs() + Math.min(FIRST_MS, options.intervalMs) * 1000
  }

  /** Called whenever offsets were committed: takes what is due, saves what is covered. Returns at once. */
  offer(): void {
    const {store, clock, onFatal} = this.#options
    if (store === null || this.#underWay !== undefined) return
    if (this.#pending !== undefined && this.#isOutlived(this.#pending)) this.#pending = undefined
    if (this.#pending === undefined && clock.nowUs() >= this.#dueUs) this.#take()
    const pending = this.#pending
    if (pending === undefined || !this.#isCovered(pending)) return
    this.#pending = undefined
    this.#underWay = this.#saveOnce(store, pending)
      .catch(onFatal)
      .finally(() => {
        this.#underWay = undefined
      })
  }

  /** What was saved of these partitions is about to be removed. Resolves when no save is under way. */
  async forget(ids: readonly number[]): Promise<void> {
    await this.#underWay
    for (const [shard, offsets] of this.#saved) {
      if (ids.some(id => offsets.has(id))) this.#saved.delete(shard)
    }
  }

  /** The last one, at stop. @throws Abandoned when the signal aborts first */
  async finish(signal: AbortSignal): Promise<void> {
    const {store, patience, report} = this.#options
    if (store === null) return
    await this.#underWay
    this.#take()
    const pending = this.#pending
    if (pending === undefined) return
    if (!this.#isCovered(pending)) {
      addNote(report, 'the last snapshot was not saved: not everything that it had seen was committed')
      return
    }
    const shards = this.#current(pending)
    await patience.untilDone(() => store.saveSnapshots(this.#options.owner, shards), signal)
    this.#noteSaved(shards)
  }

  #take(): void {
    const {detector, clock, assigned} = this.#options
    const startedUs = clock.nowUs()
    const changed = detector
      .snapshot([...assigned().keys()])
      .filter(({shard, offsets}) => offsets.size > 0 && !isSame(offsets, this.#saved.get(shard)))
    const nowUs = clock.nowUs()
    this.#dueUs = nowUs + this.#options.intervalMs * 1000
    if (changed.length === 0) {
      this.#pending = undefined
      return
    }
    const incarnations = new Map([...assigned()].map(([id, {incarnation}]) => [id, incarnation]))
    this.#pending = {shards: changed, incarnations, takenUs: nowUs, costUs: Math.max(0, nowUs - startedUs)}
  }

  /** Whether the topic was made anew since: its offsets would never cover the old ones, or cover them wrongly. */
  #isOutlived({incarnations}: Pending): boolean {
    const assigned = this.#options.assigned()
    return [...incarnations].some(([id, incarnation]) => (assigned.get(id)?.incarnation ?? incarnation) !== incarnation)
  }

  /** Whether all that the shards have seen of our partitions is committed. What others own now is theirs to say. */
  #isCovered({shards}: Pending): boolean {
    const assigned = this.#options.assigned()
    return shards.every(({offsets}) =>
      [...offsets].every(([id, offset]) => {
        const partition = assigned.get(id)
        return partition === undefined || (offset <= partition.committed && !partition.isRemade)
      }),
    )
  }

  /** Without the debtor shards of partitions that were lost since: their next owner writes those. */
  #current({shards}: Pending): ShardSnapshot[] {
    const assigned = this.#options.assigned()
    const lost = (shard: ShardSnapshot): boolean =>
      [...shard.offsets.keys()].some(id => shard.shard === debtorShard(id) && !assigned.has(id))
    return shards.filter(shard => !lost(shard))
  }

  async #saveOnce(store: SnapshotStore, pending: Pending): Promise<void> {
    const {owner, clock, intervalMs} = this.#options
    const shards = this.#current(pending)
    const startedUs = clock.nowUs()
    try {
      await store.saveSnapshots(owner, shards)
    } catch (error) {
      if (!isTrouble(error)) throw error
      // The next one comes anyway; until then a restart would replay a little more.
      this.#saving.failed(error)
      return
    }
    this.#saving.succeeded()
    this.#noteSaved(shards)
    const costUs = pending.costUs + clock.nowUs() - startedUs
    this.#dueUs = pending.takenUs + Math.max(intervalMs * 1000, costUs * COST_FACTOR)
  }

  #noteSaved(shards: readonly ShardSnapshot[]): void {
    this.#options.counters.snapshots += 1
    for (const {shard, offsets} of shards) this.#saved.set(shard, offsets)
  }
}

function isSame(offsets: ReadonlyMap<number, number>, others: ReadonlyMap<number, number> | undefined): boolean {
  return offsets.size === others?.size && [...offsets].every(([id, offset]) => others.get(id) === offset)
}
