/**
 * The one writer behind the outbox. For each batch, whatever partitions it mixes: rows are stored, then outputs are
 * published, then offsets are committed, and no step begins before the one ahead of it is acknowledged. What is away is
 * waited for; a record that is refused goes to the dead-letter topic alone.
 */
import {present} from '../../base/assert.js'
import type {Clock} from '../../base/clock.js'
import type {DecisionKind} from '../../payment/decision.js'
import type {OutputRecord} from '../../payment/record.js'
import type {TopicNames} from '../../payment/topics.js'
import type {RecordPublisher} from '../../sink/publisher.js'
import type {RecordSource} from '../../source/source.js'
import type {PaymentRow, PaymentStore, StoredDecision} from '../../store/store.js'
import {Committer} from './committer.js'
import {countDeadLetter, countDecision, type DetectCounters} from './counters.js'
import type {Outbox, Taken} from './outbox.js'
import {outputsOf, strippedDeadLetterOf} from './outputs.js'
import type {Partition} from './partition.js'
import {Abandoned, type DetectTrouble, Patience} from './patience.js'
import {bisect, isRecordError, type Refusal, refusalOf} from './refusal.js'

/** What became of one record; for grading and measuring. Times are wall clock µs, NaN where there is none. */
export interface DecidedPayment {
  /** Undefined for what is no payment. */
  readonly paymentId: string | undefined
  readonly value: Buffer | null
  readonly partition: number
  readonly offset: number
  /** Undefined for what was dead-lettered undecided. */
  readonly kind: DecisionKind | undefined
  readonly score: number
  readonly dueUs: number
  readonly decidedUs: number
  readonly persistedUs: number
  readonly publishedUs: number
  /** The decision was in the table before. */
  readonly adopted: boolean
  readonly deadLettered: boolean
  /** Set with `deadLettered`. */
  readonly errorCode: string | undefined
}

export interface BatchLimits {
  readonly maxCount: number
  readonly maxBytes: number
  /** A small batch waits this long for company: the decision is made already, and each write has a price. */
  readonly lingerMs: number
}

export interface WriterOptions {
  readonly outbox: Outbox
  readonly source: RecordSource
  readonly publisher: RecordPublisher
  /** Null: rows are not stored. */
  readonly store: PaymentStore | null
  readonly topics: TopicNames
  readonly clock: Clock
  readonly counters: DetectCounters
  readonly limits: BatchLimits
  /** The partitions that are ours now. */
  readonly assigned: () => Iterable<Partition>
  /** Write what there is, then end. */
  readonly stopping: AbortSignal
  /** End now, whatever is left. */
  readonly abandoned: AbortSignal
  readonly onDecided: (batch: readonly DecidedPayment[]) => void
  readonly onTrouble: (trouble: DetectTrouble) => void
  /** State and offsets may have come together: a moment for a snapshot. */
  readonly onCommitted: () => void
}

export class Writer {
  readonly #options: WriterOptions
  readonly #storing: Patience
  readonly #publishing: Patience
  readonly #committer: Committer
  readonly #startedUs: number
  /** A batch is between outbox and topics. */
  isBusy = false

  constructor(options: WriterOptions) {
    const {clock, onTrouble} = options
    this.#options = options
    this.#storing = new Patience('storing rows', clock, onTrouble)
    this.#publishing = new Patience('publishing', clock, onTrouble)
    this.#committer = new Committer(options)
    this.#startedUs = clock.nowUs()
  }

  /**
   * Ends after `stopping` with an empty outbox and everything committed, or at `abandoned`.
   * @throws Abandoned in the latter case; bugs
   */
  async run(): Promise<void> {
    const {outbox, limits, stopping, abandoned, clock} = this.#options
    while (!abandoned.aborted) {
      if (outbox.count === 0) {
        if (this.#committer.hasWork) {
          await this.#sleepUnlessWork(this.#committer.waitMs)
          await this.#committer.commit()
        } else if (stopping.aborted) return
        else await outbox.changed()
        continue
      }
      if (outbox.count < limits.maxCount && !stopping.aborted) await clock.sleep(limits.lingerMs, stopping)
      this.isBusy = true
      await this.#write(outbox.take(limits.maxCount, limits.maxBytes))
      this.isBusy = false
    }
    throw new Abandoned('writing')
  }

  async #write(batch: readonly Taken[]): Promise<void> {
    if (batch.length === 0) return
    await this.#store(batch)
    await this.#publish(batch)
    for (const {partition, incarnation, record} of batch) {
      if (partition.incarnation === incarnation && partition.written <= record.offset)
        partition.written = record.offset + 1
    }
    this.#account(batch)
    await this.#committer.commit()
  }

  /** Each payment id once per insert: its later twins adopt what became of the first. */
  async #store(batch: readonly Taken[]): Promise<void> {
    let open = batch.filter(taken => taken.refusal === undefined && !taken.persisted)
    while (open.length > 0) {
      const firsts = new Map<string, Taken>()
      const twins: Taken[] = []
      for (const taken of open) {
        const {paymentId} = present(taken.payment, 'the payment')
        if (firsts.has(paymentId)) twins.push(taken)
        else firsts.set(paymentId, taken)
      }
      await this.#insert([...firsts.values()])
      open = twins.filter(twin => {
        const first = present(firsts.get(present(twin.payment, 'the payment').paymentId), 'the first twin')
        // Of a first that was refused nothing is stored: the twin may still be good.
        if (first.refusal !== undefined) return true
        this.#adopt(twin, first)
        if (first.partition !== twin.partition || first.record.offset !== twin.record.offset)
          this.#options.counters.duplicates += 1
        return false
      })
    }
  }

  async #insert(batch: readonly Taken[]): Promise<void> {
    const {store, abandoned, counters, clock} = this.#options
    const attempt = async (part: readonly Taken[]): Promise<void> => {
      const stored = store === null ? [] : await this.#storing.untilDone(() => store.insert(part.map(rowOf)), abandoned)
      const byId = new Map(stored.map(one => [one.paymentId, one]))
      const persistedUs = store === null ? Number.NaN : clock.nowUs()
      for (const taken of part) {
        const before = byId.get(present(taken.payment, 'the payment').paymentId)
        taken.persisted = true
        taken.persistedUs = persistedUs
        if (before === undefined) counters.storedRows += store === null ? 0 : 1
        else if (!isOwn(before, taken)) {
          this.#adopt(taken, before)
          if (before.decidedUs >= this.#startedUs) counters.duplicates += 1
        }
      }
    }
    await bisect(batch, attempt, (taken, error) => {
      taken.refusal = refusalOf(error, 'ROW_REFUSED')
    })
  }

  #adopt(taken: Taken, from: Pick<Taken, 'decision' | 'decidedUs'> & {readonly persistedUs?: number}): void {
    taken.decision = from.decision
    taken.decidedUs = from.decidedUs
    taken.adopted = true
    taken.persisted = true
    if (from.persistedUs !== undefined) taken.persistedUs = from.persistedUs
    this.#options.counters.adopted += 1
  }

  async #publish(batch: readonly Taken[]): Promise<void> {
    const {topics, clock} = this.#options
    await bisect(
      batch,
      part => this.#send(part.flatMap(taken => outputsOf(taken, topics))),
      (taken, error) => this.#deadLetter(taken, refusalOf(error, 'PUBLISH_REFUSED')),
    )
    const publishedUs = clock.nowUs()
    for (const taken of batch) taken.publishedUs = publishedUs
  }

  /** What the output topics refuse goes to the dead-letter topic; what that refuses too goes there stripped. */
  async #deadLetter(taken: Taken, refusal: Refusal): Promise<void> {
    const {topics} = this.#options
    if (taken.refusal === undefined) {
      taken.refusal = refusal
      try {
        return await this.#send(outputsOf(taken, topics))
      } catch (error) {
        if (!isRecordError(error)) throw error
      }
    }
    await this.#send([strippedDeadLetterOf(taken, taken.refusal, topics)])
  }

  async #send(records: readonly OutputRecord[]): Promise<void> {
    const {publisher, abandoned, counters} = this.#options
    await this.#publishing.untilDone(() => publisher.publish(records), abandoned)
    counters.published += records.length
  }

  async #sleepUnlessWork(ms: number): Promise<void> {
    const {outbox, clock, stopping} = this.#options
    if (ms <= 0 || stopping.aborted) return
    const slept = new AbortController()
    await Promise.race([outbox.changed(), clock.sleep(ms, slept.signal)])
    // With a reason: without one an error is made each time, stack and all.
    slept.abort('slept')
  }

  #account(batch: readonly Taken[]): void {
    const {counters, onDecided} = this.#options
    for (const {refusal, decision} of batch) {
      if (refusal !== undefined) countDeadLetter(counters, refusal.code)
      else countDecision(counters, present(decision, 'the decision').kind)
    }
    onDecided(batch.map(decidedOf))
  }
}

/** Our own row, from an insert whose answer was lost, or that came again: the same, and no adoption. */
function isOwn(stored: StoredDecision, {decision, ownDecidedUs}: Taken): boolean {
  return (
    stored.decidedUs === ownDecidedUs &&
    stored.decision.kind === decision?.kind &&
    stored.decision.score.toFixed(4) === decision.score.toFixed(4)
  )
}

function rowOf({payment, decision, ownDecidedUs, record}: Taken): PaymentRow {
  return {
    payment: present(payment, 'the payment'),
    decision: present(decision, 'the decision'),
    decidedUs: ownDecidedUs,
    partition: record.partition,
    offset: record.offset,
  }
}

function decidedOf(taken: Taken): DecidedPayment {
  return {
    paymentId: taken.payment?.paymentId,
    value: taken.record.value,
    partition: taken.record.partition,
    offset: taken.record.offset,
    kind: taken.decision?.kind,
    score: taken.decision?.score ?? Number.NaN,
    dueUs: taken.dueUs,
    // A payment sent twice was decided before the second one was due: that one's own decision counts.
    decidedUs: taken.dueUs > taken.decidedUs ? taken.ownDecidedUs : taken.decidedUs,
    persistedUs: taken.persistedUs,
    publishedUs: taken.publishedUs,
    adopted: taken.adopted,
    deadLettered: taken.refusal !== undefined,
    errorCode: taken.refusal?.code,
  }
}
