/**
 * The detector as a part of a service: it starts and ends with it, its trouble is a matter of notes and readiness,
 * and its windows answer questions about payments that nobody has sent yet.
 */
import type {DetectorFigures} from '../../api/ports.js'
import {EnvironmentError, messageOf} from '../../base/errors.js'
import type {Look} from '../../detect/detector.js'
import type {Payment} from '../../payment/payment.js'
import type {DecidedPayment} from '../detect/writer.js'
import {type DetectLimits, type DetectOptions, type DetectReady, type DetectSummary, detect} from '../detect.js'
import {shardByShard} from './shard-by-shard.js'

export interface ServiceDetectorOptions
  extends Pick<
    DetectOptions,
    'detector' | 'source' | 'publisher' | 'store' | 'snapshots' | 'topics' | 'group' | 'clock'
  > {
  readonly onNote: (note: string) => void
}

export class ServiceDetector {
  /** Resolves when payments are decided as they come, or when that will never be. */
  readonly ready: Promise<void>
  readonly #options: ServiceDetectorOptions
  readonly #stopping = new AbortController()
  /** What is wrong now, by what was tried. */
  readonly #troubles = new Map<string, string>()
  #becomeReady: () => void = () => {}
  #ready: DetectReady | undefined
  #running: Promise<DetectSummary | null> | undefined
  #failure: {readonly error: unknown} | undefined
  #toldNotes = 0
  #onDecided: (latencyUs: number) => void = () => {}

  constructor(options: ServiceDetectorOptions) {
    this.#options = options
    this.ready = new Promise(resolve => {
      this.#becomeReady = resolve
    })
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined
  }

  /** Partitions that it was given first; null until then. */
  get partitions(): {readonly assigned: number; readonly all: number} | null {
    return this.#ready === undefined ? null : {assigned: this.#ready.partitions.length, all: this.#ready.partitionCount}
  }

  get troubles(): readonly string[] {
    if (this.#failure !== undefined) return [`the detector gave up: ${messageOf(this.#failure.error)}`]
    return [
      ...(this.#ready === undefined ? ['the detector is not ready yet: it joins its group or reads its state'] : []),
      ...[...this.#troubles].map(([activity, message]) => `the detector, ${activity}: ${message}`),
    ]
  }

  get figures(): DetectorFigures {
    const counters = this.#ready?.counters
    if (counters === undefined) return NOTHING_YET
    const {consumed, decided, approve, review, block, deadLettered, storedRows, dropped} = counters
    const outboxCount = Math.max(0, consumed - decided - deadLettered - dropped)
    return {decided, approve, review, block, deadLettered, storedRows, outboxCount}
  }

  /** Names who is told due → decided of each decision, µs. */
  watch(onDecided: (latencyUs: number) => void): void {
    this.#onDecided = onDecided
  }

  /** @throws EnvironmentError P2PAY_DETECTOR_AWAY while there are no windows to look into */
  look(payment: Payment, partition: number): Look {
    if (this.#ready === undefined || this.#failure !== undefined) {
      throw new EnvironmentError(this.troubles[0] ?? 'the detector is away', {code: 'P2PAY_DETECTOR_AWAY'})
    }
    return this.#options.detector.look(payment, partition)
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Drains it. @returns null when it had given up @throws what it died of, when that was no trouble but a bug */
  async stop(): Promise<DetectSummary | null> {
    this.#stopping.abort()
    const summary = await this.#running
    const error = this.#failure?.error
    if (error !== undefined && !(error instanceof EnvironmentError)) throw error
    return summary ?? null
  }

  async #run(): Promise<DetectSummary | null> {
    const {onNote, store} = this.#options
    const snapshots = this.#options.snapshots === undefined ? store : this.#options.snapshots
    try {
      const summary = await detect({
        ...this.#options,
        snapshots: snapshots === null ? null : shardByShard(snapshots),
        signal: this.#stopping.signal,
        limits: BESIDE_AN_API,
        onReady: ready => {
          this.#ready = ready
          this.#tellNotes()
          this.#becomeReady()
        },
        onDecided: batch => {
          this.#tell(batch)
          this.#tellNotes()
        },
        onTrouble: ({activity, message, recovered}) => {
          if (recovered) this.#troubles.delete(activity)
          else if (activity !== PASSING) this.#troubles.set(activity, message)
          onNote(recovered ? `the detector: ${message}` : `! the detector, ${activity}: ${message}`)
        },
      })
      this.#tellNotes(summary.state.notes)
      return summary
    } catch (error) {
      this.#failure = {error}
      onNote(`! the detector gave up: ${messageOf(error)}; payments are still taken, and decided after a restart`)
      return null
    } finally {
      this.#becomeReady()
    }
  }

  #tell(batch: readonly DecidedPayment[]): void {
    for (const {dueUs, decidedUs, adopted, deadLettered} of batch) {
      if (!adopted && !deadLettered && decidedUs >= dueUs) this.#onDecided(decidedUs - dueUs)
    }
  }

  #tellNotes(notes = this.#ready?.state.notes ?? []): void {
    for (; this.#toldNotes < notes.length; this.#toldNotes++) this.#options.onNote(`! ${notes[this.#toldNotes]}`)
  }
}

/**
 * Beside an API, which waits for the same database and the same thread: no statement that others would have to wait
 * long for, and fewer of them. Rows and outputs come a moment later; decisions are made on arrival all the same. A
 * restart reads the payments of a minute again, which takes a second or two.
 */
const BESIDE_AN_API: Partial<DetectLimits> = {batchCount: 250, lingerMs: 25, snapshotIntervalMs: 60_000}

/** The source tells of each lost connection and never of its end: a note, not a state. */
const PASSING = 'reading'

const NOTHING_YET: DetectorFigures = {
  decided: 0,
  approve: 0,
  review: 0,
  block: 0,
  deadLettered: 0,
  storedRows: 0,
  outboxCount: 0,
}
