/** What the detect use case takes, within which bounds it works, and what it says in the end. */
import type {Clock} from '../../base/clock.js'
import type {Detector, DetectorStats} from '../../detect/detector.js'
import type {LatencyHistogram} from '../../metrics/metrics.js'
import type {TopicNames} from '../../payment/topics.js'
import type {RecordPublisher} from '../../sink/publisher.js'
import type {RecordSource} from '../../source/source.js'
import type {PaymentStore, SnapshotStore} from '../../store/store.js'
import type {DetectCounters, StateReport} from './counters.js'
import type {DetectTrouble} from './patience.js'
import type {DecidedPayment} from './writer.js'

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
  /** Least time between snapshots, after a first one that comes early; they never take more than 5 % of the time. */
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
  /** Live as well: whether the windows are complete, and why not. */
  readonly state: Readonly<StateReport>
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
