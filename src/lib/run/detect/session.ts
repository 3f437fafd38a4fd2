/**
 * One life of the detector in its group: assignments come and go, intake and writer run side by side, and whatever ends
 * it (signal, idleness, enough records, a bug) leads through the same drain.
 */
import {sharedAbort} from '../../base/shared-abort.js'
import type {SourceRecord} from '../../payment/record.js'
import type {SourceHandlers} from '../../source/source.js'
import type {SnapshotStore} from '../../store/store.js'
import {addNote, type DetectCounters, type StateReport} from './counters.js'
import {untilIdle} from './idle.js'
import {Intake} from './intake.js'
import type {DetectLimits, DetectOptions, DetectSummary} from './options.js'
import {Outbox} from './outbox.js'
import {Partition, type Remembered} from './partition.js'
import {Abandoned, type DetectTrouble, isTrouble, Patience, TroubleLine} from './patience.js'
import {Restorer} from './restore.js'
import {Snapshots} from './snapshots.js'
import {aborted, Wake} from './wake.js'
import {type DecidedPayment, Writer} from './writer.js'

export interface SessionOptions extends Omit<DetectOptions, 'limits' | 'snapshots' | 'onDecided' | 'onTrouble'> {
  readonly snapshots: SnapshotStore | null
  readonly limits: DetectLimits
  readonly counters: DetectCounters
  readonly state: StateReport
  readonly onDecided: (batch: readonly DecidedPayment[]) => void
  readonly onTrouble: (trouble: DetectTrouble) => void
}

export type SessionEnd = Pick<DetectSummary, 'stoppedBy' | 'drained' | 'undrainedCount' | 'readyUs'>

/** Leaving the group may take this long; the broker would notice our absence by itself. */
const LEAVE_MS = 10_000
const FAILED_DRAIN_MS = 5000

export class DetectSession {
  readonly #options: SessionOptions
  readonly #outbox: Outbox
  readonly #intake: Intake
  readonly #writer: Writer
  readonly #restorer: Restorer
  readonly #snapshots: Snapshots
  /** Take nothing over any more, write what there is. */
  readonly #stopping = sharedAbort()
  /** Write nothing any more either. */
  readonly #abandoned = sharedAbort()
  readonly #progress = new Wake()
  readonly #releaseHandlers: () => void
  #partitions: ReadonlyMap<number, Partition> = new Map()
  /** Decisions of partitions that were lost, for when they come back. */
  readonly #rememberedLost = new Map<number, Map<number, Remembered>>()
  #assignment = new AbortController()
  #isStarted = false
  #isPrepared = false
  #stoppedBy: DetectSummary['stoppedBy'] = 'signal'
  #failure: {readonly error: unknown} | undefined

  constructor(options: SessionOptions) {
    const {source, publisher, store, detector, snapshots, topics, group, clock, limits, counters, state} = options
    const {onDecided, onTrouble} = options
    const owner = {group, topic: topics.raw}
    const assigned = (): ReadonlyMap<number, Partition> => this.#partitions
    let release = (): void => {}
    const drained = new Promise<void>(resolve => {
      release = resolve
    })
    this.#options = options
    this.#releaseHandlers = release
    this.#outbox = new Outbox({maxCount: limits.outboxCount, maxBytes: limits.outboxBytes})
    this.#restorer = new Restorer({
      source,
      detector,
      snapshots,
      owner,
      clock,
      report: state,
      sourcePatience: new Patience('asking for offsets', clock, onTrouble),
      snapshotPatience: new Patience('loading snapshots', clock, onTrouble),
      maxReplayCount: limits.replayCount,
      fromBeginning: options.fromBeginning ?? false,
      onDropping: ids => this.#snapshots.forget(ids),
    })
    this.#snapshots = new Snapshots({
      detector,
      store: snapshots,
      owner,
      clock,
      intervalMs: limits.snapshotIntervalMs,
      counters,
      report: state,
      assigned,
      patience: new Patience('saving the last snapshot', clock, onTrouble),
      onTrouble,
      onFatal: error => this.#fail(error),
    })
    this.#intake = new Intake({
      source,
      detector,
      outbox: this.#outbox,
      counters,
      clock,
      stopping: this.#stopping.signal,
      drained,
      maxMessages: options.maxMessages ?? Number.POSITIVE_INFINITY,
      onFull: () => this.#stop('max-messages'),
      onRemade: () => this.#assign([...this.#partitions.keys()]),
    })
    this.#writer = new Writer({
      outbox: this.#outbox,
      source,
      publisher,
      store,
      topics,
      clock,
      counters,
      limits: {maxCount: limits.batchCount, maxBytes: limits.batchBytes, lingerMs: limits.lingerMs},
      assigned: () => this.#partitions.values(),
      stopping: this.#stopping.signal,
      abandoned: this.#abandoned.signal,
      onDecided,
      onTrouble,
      onCommitted: () => this.#snapshots.offer(),
    })
  }

  async run(): Promise<SessionEnd> {
    const {source, signal} = this.#options
    const onSignal = (): void => this.#stop('signal')
    if (signal.aborted) this.#stop('signal')
    signal.addEventListener('abort', onSignal, {once: true})
    let readyUs: number | null = null
    const writing = this.#guarded(this.#writer.run())
    if (!this.#stopping.signal.aborted) {
      this.#isStarted = true
      const starting = source.start(this.#handlers()).catch((error: unknown) => this.#fail(error))
      await Promise.race([starting, aborted(this.#stopping.signal)])
      void this.#guarded(
        this.#untilReady().then(async atUs => {
          readyUs = atUs
          await this.#watchIdleness()
        }),
      )
      await aborted(this.#stopping.signal)
    }
    const drained = await this.#drain(writing)
    signal.removeEventListener('abort', onSignal)
    if (this.#failure !== undefined) throw this.#failure.error
    return {stoppedBy: this.#stoppedBy, drained, undrainedCount: this.#outbox.count, readyUs}
  }

  #handlers(): SourceHandlers {
    const {onTrouble} = this.#options
    return {
      onAssigned: partitions => this.#assign(partitions),
      onRecords: (partition, records, highWatermark) => this.#deliver(partition, records, highWatermark),
      onTrouble: message => onTrouble({activity: 'reading', message, recovered: false, lastedMs: 0}),
      onFailed: error => {
        this.#failure ??= {error}
        this.#stop('signal')
      },
    }
  }

  #assign(ids: readonly number[]): void {
    const {detector, counters} = this.#options
    const before = this.#partitions
    this.#partitions = new Map(ids.map(id => [id, before.get(id) ?? this.#newPartition(id)]))
    for (const [id, partition] of before) {
      if (this.#partitions.has(id)) continue
      partition.lost = true
      this.#rememberedLost.set(id, partition.remembered)
      detector.drop(id)
    }
    const dropped = this.#outbox.dropLost()
    counters.dropped += dropped
    this.#intake.giveBack(dropped)

    this.#assignment.abort()
    this.#assignment = new AbortController()
    const prepared = this.#prepare(AbortSignal.any([this.#assignment.signal, this.#stopping.signal]))
    for (const partition of this.#partitions.values()) partition.prepared = prepared
  }

  #newPartition(id: number): Partition {
    const remembered = this.#rememberedLost.get(id)
    this.#rememberedLost.delete(id)
    return new Partition(id, remembered)
  }

  /** Never rejects: an assignment that was taken back is nobody's trouble. */
  async #prepare(signal: AbortSignal): Promise<void> {
    await this.#guarded(
      this.#restorer.prepare([...this.#partitions.values()], signal).then(() => {
        this.#isPrepared = true
      }),
    )
    this.#progress.notify()
  }

  async #deliver(id: number, records: readonly SourceRecord[], highWatermark: number): Promise<void> {
    const partition = this.#partitions.get(id)
    // Fetched before it was taken from us.
    if (partition === undefined) return
    await this.#guarded(this.#intake.deliver(partition, records, highWatermark))
    this.#progress.notify()
  }

  /** When records are decided as they come; null if the end came first. */
  async #untilReady(): Promise<number | null> {
    const {clock, limits, counters, state, onReady} = this.#options
    const stopping = this.#stopping.signal
    while (!this.#isPrepared && !stopping.aborted) await this.#progress.wait()
    const patient = new AbortController()
    let isPatient = true
    const deadline = clock.sleep(limits.readyMs, patient.signal).then(() => {
      isPatient = false
    })
    while (isPatient && !stopping.aborted && this.#isReplaying()) await Promise.race([this.#progress.wait(), deadline])
    patient.abort()
    if (stopping.aborted) return null
    const readyUs = clock.nowUs()
    onReady?.({
      partitions: [...this.#partitions.keys()].sort((a, b) => a - b),
      partitionCount: this.#restorer.partitionCount,
      counters,
      state,
    })
    return readyUs
  }

  #isReplaying(): boolean {
    return [...this.#partitions.values()].some(partition => partition.isReplaying)
  }

  async #watchIdleness(): Promise<void> {
    const {untilIdleMs, source, clock, state, onTrouble} = this.#options
    if (untilIdleMs === undefined || this.#stopping.signal.aborted) return
    this.#intake.lastDeliveryUs = clock.nowUs()
    await untilIdle({
      untilIdleMs,
      source,
      clock,
      report: state,
      lastDeliveryUs: () => this.#intake.lastDeliveryUs,
      isWritten: () =>
        this.#outbox.count === 0 &&
        !this.#writer.isBusy &&
        [...this.#partitions.values()].every(partition => partition.written <= partition.committed),
      assigned: () => this.#partitions.values(),
      stopping: this.#stopping.signal,
      onTrouble,
    })
    this.#stop('idle')
  }

  /** Writes, commits and saves what is there, within a deadline; then leaves the group. */
  async #drain(writing: Promise<void>): Promise<boolean> {
    const {clock, limits, source, state, onTrouble} = this.#options
    const abandoned = this.#abandoned.signal
    const inTime = new AbortController()
    // A source that has given up takes no commits: what is decided is still stored and published.
    const drainMs = this.#failure === undefined ? limits.drainMs : Math.min(limits.drainMs, FAILED_DRAIN_MS)
    void clock.sleep(drainMs, inTime.signal).then(() => {
      if (!inTime.signal.aborted) this.#abandon()
    })
    // A call that hangs does not hold up the end: whatever it still does is safe to be done again.
    await Promise.race([writing, aborted(abandoned)])
    const drained = !abandoned.aborted
    if (drained) {
      const saving = this.#guarded(this.#snapshots.finish(abandoned))
      await Promise.race([saving, aborted(abandoned)])
      if (abandoned.aborted) addNote(state, 'the last snapshot could not be saved in time: a restart reads more again')
    }
    inTime.abort()
    this.#abandon()
    this.#releaseHandlers()
    if (!this.#isStarted) return drained
    const left = new AbortController()
    const leaving = source.stop().catch((error: unknown) => {
      if (isTrouble(error)) new TroubleLine('leaving the group', clock, onTrouble).failed(error)
      else this.#fail(error)
    })
    await Promise.race([leaving, clock.sleep(LEAVE_MS, left.signal)])
    left.abort()
    return drained
  }

  #stop(by: DetectSummary['stoppedBy']): void {
    if (this.#stopping.signal.aborted) return
    this.#stoppedBy = by
    this.#stopping.abort()
    this.#outbox.notify()
    this.#progress.notify()
  }

  #abandon(): void {
    this.#abandoned.abort()
    this.#outbox.notify()
  }

  #fail(error: unknown): void {
    this.#failure ??= {error}
    this.#stop('signal')
    this.#abandon()
  }

  /** Waits for a task whose failure is the failure of all; having been given up is none. */
  async #guarded(task: Promise<void>): Promise<void> {
    try {
      await task
    } catch (error) {
      if (!(error instanceof Abandoned)) this.#fail(error)
    }
  }
}
