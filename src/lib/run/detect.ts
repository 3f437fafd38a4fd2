/**
 * The detector as a consumer: records in, decisions out, rows and offsets in step (design, sections 6 and 8).
 * Intake decides each record on arrival and hands it to a bounded outbox; one writer behind it stores rows, publishes
 * outputs and commits offsets, in this order. State follows the partitions through snapshots and replay.
 */
import type {Clock} from '../base/clock.js'
import type {Detector, DetectorStats} from '../detect/detector.js'
import {createHistogram} from '../metrics/histogram.js'
import type {LatencyHistogram} from '../metrics/metrics.js'
import type {TopicNames} from '../payment/topics.js'
import type {RecordPublisher} from '../sink/publisher.js'
import type {RecordSource} from '../source/source.js'
import type {PaymentStore, SnapshotStore} from '../store/store.js'
import {createCounters, createStateReport, type DetectCounters, type StateReport} from './detect/counters.js'
import type {DetectTrouble} from './detect/patience.js'
import {DetectSession} from './detect/session.js'
import type {DecidedPayment} from './detect/writer.js'

export interface DetectOptions {
  readonly source: RecordSource
  readonly publisher: RecordPublisher
  /** Null: no rows are stored, and what was decided before a crash cannot be adopted after it. */
  readonly store: PaymentStore | null
  /** Where state is kept; default: the store. Null: nowhere, a restart reads everything again. */
  readonly snapshots?: SnapshotStore | null | undefined
  readonly detector: Detector
  readonly topics: TopicNames
  readonly group: string
  readonly clock: Clock
  /** Ends the run in order: what was taken over is written and committed first. */
  readonly signal: AbortSignal
  /** Overlooks the group's committed offsets, once for each partition. */
  readonly fromBeginning?: boolean | undefined
  /** Ends the run when no record came for this long, everything is written and no lag is left. */
  readonly untilIdleMs?: number | undefined
  /** Ends the run after exactly this many records. */
  readonly maxMessages?: number | undefined
  readonly limits?: Partial<DetectLimits> | undefined
  /** Partitions are assigned and state is there: payments are decided from now on as they come. Called once. */
  readonly onReady?: ((ready: DetectReady) => void) | undefined
  /** After outputs of a batch are acknowledged. */
  readonly onDecided?: ((batch: readonly DecidedPayment[]) => void) | undefined
  readonly onTrouble?: ((trouble: DetectTrouble) => void) | undefined
}

/** The bounds of every queue, batch and wait. */
export interface DetectLimits {
  /** Records decided and not yet written; the source waits beyond. */
  readonly outboxCount: number
  readonly outboxBytes: number
  readonly batchCount: number
  /** Below a broker's usual 1 MB for a batch of one partition. */
  readonly batchBytes: number
  readonly lingerMs: number
  /** Least time between snapshots; they also never take more than 5 % of the time. */
  readonly snapshotIntervalMs: number
  /** Records of one partition read again at most to rebuild state. */
  readonly replayCount: number
  /** After a stop: to write, commit and save what is there. */
  readonly drainMs: number
  /** `onReady` waits this long for a replay. */
  readonly readyMs: number
}

export const DETECT_LIMITS: DetectLimits = {
  outboxCount: 20_000,
  outboxBytes: 64 * 1024 * 1024,
  batchCount: 1000,
  batchBytes: 768 * 1024,
  lingerMs: 10,
  snapshotIntervalMs: 10_000,
  replayCount: 5_000_000,
  drainMs: 30_000,
  readyMs: 30_000,
}

export interface DetectReady {
  readonly partitions: readonly number[]
  readonly partitionCount: number
  /** Live: they go on counting. */
  readonly counters: Readonly<DetectCounters>
}

export interface DetectSummary {
  readonly stoppedBy: 'signal' | 'idle' | 'max-messages'
  /** False: the drain deadline came first; what was not written is delivered again to the next detector. */
  readonly drained: boolean
  readonly undrainedCount: number
  readonly startedUs: number
  /** When `onReady` was due; null if never. */
  readonly readyUs: number | null
  readonly finishedUs: number
  readonly counters: DetectCounters
  readonly state: StateReport
  readonly detector: DetectorStats
  /** Due → decided, of payments with a due time. */
  readonly decisionTime: LatencyHistogram
  /** Due → row stored; empty without a database. */
  readonly rowTime: LatencyHistogram
}

/**
 * Runs until the signal, idleness or the maximum of messages ends it.
 *
 * @throws EnvironmentError when the source cannot be started; later trouble is waited for
 * @throws BugError and whatever else waiting does not cure, after the group was left
 */
export async function detect(options: DetectOptions): Promise<DetectSummary> {
  const counters = createCounters()
  const state = createStateReport()
  const decisionTime = createHistogram()
  const rowTime = createHistogram()
  const startedUs = options.clock.nowUs()
  const session = new DetectSession({
    ...options,
    snapshots: options.snapshots === undefined ? options.store : options.snapshots,
    limits: {...DETECT_LIMITS, ...options.limits},
    counters,
    state,
    onDecided: batch => {
      for (const {dueUs, decidedUs, persistedUs, deadLettered} of batch) {
        if (deadLettered || Number.isNaN(dueUs)) continue
        decisionTime.recordUs(decidedUs - dueUs)
        if (!Number.isNaN(persistedUs)) rowTime.recordUs(persistedUs - dueUs)
      }
      options.onDecided?.(batch)
    },
    onTrouble: trouble => {
      if (!trouble.recovered) counters.troubles += 1
      options.onTrouble?.(trouble)
    },
  })
  const end = await session.run()
  return {
    ...end,
    startedUs,
    finishedUs: options.clock.nowUs(),
    counters,
    state,
    detector: options.detector.stats,
    decisionTime,
    rowTime,
  }
}
