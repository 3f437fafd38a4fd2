/**
 * Brings batches of payments to a settled outcome: acked, failed or unknown, each payment exactly once. Retries are
 * bounded by count and by time since the payments were handed over.
 *
 * The rule that everything here serves: after a failed attempt kafkajs has rolled its sequence numbers back, so either
 * the same batch goes again through the same producer (the broker knows whether it has it), or it is given up as
 * *unknown* and that producer is never used again. A batch is *failed* only when no attempt can have left it behind.
 */
import type {Clock} from '../base/clock.js'
import {messageOf} from '../base/errors.js'
import type {KafkaConnection} from '../kafka/connection.js'
import type {AttemptResult, ProduceRecord} from '../kafka/idempotent-producer.js'
import {KafkaProducers, type Lease} from './kafka-producers.js'
import type {OutcomeListener, SendState} from './sink.js'

/** Payments of one partition that travel together. */
export interface DeliveryBatch {
  readonly partition: number
  readonly sequences: readonly number[]
  readonly records: readonly ProduceRecord[]
  /** When the oldest of them was handed over, wall clock µs. */
  readonly enqueuedUs: number
}

export interface DeliveryOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  readonly deliveryTimeoutMs: number
  readonly onOutcome: OutcomeListener
}

/** A backstop: with the longest pause between attempts this is more than any sensible delivery timeout. */
const MAX_ATTEMPTS = 1000
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

/** What is known of a group of batches so far. */
interface Progress {
  readonly deadlineUs: number
  /** When the first attempt began that wrote to a connection; 0 before. */
  sentUs: number
  lease: Lease | undefined
  /** Whether it was acquired for these batches, or for the larger group that they came from. */
  ownsLease: boolean
  /** An earlier attempt may have been appended. */
  maybeAppended: boolean
}

type AttemptError = Extract<AttemptResult, {kind: 'error'}>

export class KafkaDelivery {
  readonly #options: DeliveryOptions
  readonly #clock: Clock
  readonly #producers: KafkaProducers
  #leaders: ReadonlyMap<number, number>

  constructor(options: DeliveryOptions, leaders: ReadonlyMap<number, number>) {
    this.#options = options
    this.#clock = options.connection.clock
    this.#producers = new KafkaProducers(options.connection, options.topic)
    this.#leaders = leaders
  }

  /** Node id of the partition's leader as far as known: batches of one leader go in one request. */
  leaderOf(partition: number): number {
    return this.#leaders.get(partition) ?? -1
  }

  /** Opens the first producer. @throws EnvironmentError */
  async open(): Promise<void> {
    this.#producers.release(await this.#producers.acquire())
  }

  /** Settles every payment of the batches, one batch a partition; never rejects. */
  async deliver(batches: readonly DeliveryBatch[]): Promise<void> {
    const oldestUs = Math.min(...batches.map(batch => batch.enqueuedUs))
    const deadlineUs = oldestUs + this.#options.deliveryTimeoutMs * 1000
    await this.#settle(batches, {deadlineUs, sentUs: 0, lease: undefined, ownsLease: false, maybeAppended: false})
  }

  close(): Promise<void> {
    return this.#producers.close()
  }

  async #settle(batches: readonly DeliveryBatch[], progress: Progress): Promise<void> {
    try {
      await this.#attempts(batches, progress)
    } finally {
      this.#dropLease(progress)
    }
  }

  async #attempts(batches: readonly DeliveryBatch[], progress: Progress): Promise<void> {
    let last: AttemptError | undefined
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // At least one attempt, however long the payments have waited in the queue.
      if (attempt > 0 && this.#clock.nowUs() >= progress.deadlineUs) break
      const result = await this.#attempt(batches, progress)
      if (result.kind === 'acked') return this.#acknowledge(batches, progress, result.baseOffsets)
      if (result.kind === 'spread') {
        for (const group of this.#byLeader(batches)) await this.#settle(group, inherit(progress))
        return
      }
      last = result
      if (await this.#decide(batches, progress, result)) return
      const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10))
      const leftMs = Math.max(0, (progress.deadlineUs - this.#clock.nowUs()) / 1000)
      await this.#clock.sleep(Math.min(pauseMs, leftMs))
    }
    this.#giveUp(batches, progress, last)
  }

  /**
   * Draws the consequence of a failed attempt.
   * @returns true when every payment of the batches is settled, false when the same batches are to be tried again
   */
  async #decide(batches: readonly DeliveryBatch[], progress: Progress, error: AttemptError): Promise<boolean> {
    const earlier = progress.maybeAppended
    const single = batches.length === 1 ? batches[0] : undefined
    // A whole-topic refusal or a refusal of the only batch is certain; other partitions of a request may be in.
    const certain = !error.written || error.refusal === 'topic' || (single !== undefined && error.refusal !== 'none')
    if (!certain) progress.maybeAppended = true
    switch (error.refusal) {
      case 'topic':
        this.#finish(batches, progress, earlier ? 'unknown' : 'failed', error)
        return true
      case 'too-large':
        if (single !== undefined && single.records.length > 1) {
          // Size alone decides: no earlier attempt of this batch can have been taken.
          for (const half of halves(single)) await this.#settle([half], {...inherit(progress), maybeAppended: false})
          return true
        }
        return this.#oneByOne(batches, progress, () => this.#finish(batches, progress, 'failed', error))
      case 'content':
        return this.#oneByOne(batches, progress, () => this.#finish(batches, progress, 'failed', error))
      case 'duplicate':
        return this.#oneByOne(batches, progress, () => {
          if (earlier) this.#acknowledge(batches, progress, new Map())
          else this.#finish(batches, progress, 'unknown', error)
        })
      case 'sequence':
        if (single !== undefined && !earlier) {
          // Nothing of it is on the broker, and this producer is of no more use: a fresh one may start over.
          if (progress.lease !== undefined) this.#producers.retire(progress.lease)
          return false
        }
        return this.#oneByOne(batches, progress, () => this.#finish(batches, progress, 'unknown', error))
      case 'later':
      case 'none':
        return false
    }
  }

  /** Several partitions: each is settled by itself, for the answer does not tell which one it means. */
  async #oneByOne(batches: readonly DeliveryBatch[], progress: Progress, settleOnly: () => void): Promise<true> {
    if (batches.length === 1) settleOnly()
    else for (const batch of batches) await this.#settle([batch], inherit(progress))
    return true
  }

  async #attempt(batches: readonly DeliveryBatch[], progress: Progress): Promise<AttemptResult> {
    // Batches that no broker can have need not stay with a producer that others gave up.
    if (progress.lease?.isRetired && !progress.maybeAppended) this.#dropLease(progress)
    if (progress.lease === undefined) {
      try {
        progress.lease = await this.#producers.acquire()
        progress.ownsLease = true
      } catch (error) {
        return {kind: 'error', refusal: 'none', written: false, code: 'NO_CONNECTION', message: messageOf(error)}
      }
    }
    const {producer} = progress.lease
    const beganUs = this.#clock.nowUs()
    const result = await this.#within(producer.attempt(batches), progress)
    const isWritten = result.kind === 'acked' || (result.kind === 'error' && result.written)
    if (isWritten && progress.sentUs === 0) progress.sentUs = beganUs
    if (producer.leaders.size > 0) this.#leaders = new Map(producer.leaders)
    return result
  }

  #dropLease(progress: Progress): void {
    if (progress.ownsLease && progress.lease !== undefined) this.#producers.release(progress.lease)
    progress.lease = undefined
    progress.ownsLease = false
  }

  #byLeader(batches: readonly DeliveryBatch[]): Iterable<readonly DeliveryBatch[]> {
    const groups = new Map<number, DeliveryBatch[]>()
    for (const batch of batches) {
      const leader = this.leaderOf(batch.partition)
      const group = groups.get(leader)
      if (group === undefined) groups.set(leader, [batch])
      else group.push(batch)
    }
    return groups.values()
  }

  /** kafkajs bounds its requests; should it ever not come back, the outcome is unknown and we go on. */
  async #within(attempt: Promise<AttemptResult>, progress: Progress): Promise<AttemptResult> {
    const {requestTimeoutMs, connectTimeoutMs} = this.#options.connection.settings
    const leftMs = Math.max(0, (progress.deadlineUs - this.#clock.nowUs()) / 1000)
    const limitMs = leftMs + requestTimeoutMs + 2 * connectTimeoutMs
    const answered = new AbortController()
    const overdue = this.#clock.sleep(limitMs, answered.signal).then((): AttemptResult => {
      const message = `no result within ${Math.round(limitMs)} ms`
      return {kind: 'error', refusal: 'none', written: true, code: 'REQUEST_TIMEOUT', message}
    })
    try {
      return await Promise.race([attempt, overdue])
    } finally {
      // With a reason: without one an error is made each time, stack and all.
      answered.abort('answered')
    }
  }

  #giveUp(batches: readonly DeliveryBatch[], progress: Progress, last: AttemptError | undefined): void {
    const error: AttemptError = last ?? {
      kind: 'error',
      refusal: 'none',
      written: false,
      code: 'DELIVERY_TIMEOUT',
      message: 'no attempt was made',
    }
    this.#finish(batches, progress, progress.maybeAppended ? 'unknown' : 'failed', error)
  }

  #acknowledge(batches: readonly DeliveryBatch[], {sentUs}: Progress, baseOffsets: ReadonlyMap<number, number>): void {
    const settledUs = this.#clock.nowUs()
    for (const {partition, sequences} of batches) {
      const baseOffset = baseOffsets.get(partition) ?? -1
      this.#options.onOutcome({
        state: 'acked',
        sequences: Float64Array.from(sequences),
        sentUs,
        settledUs,
        partition,
        baseOffset,
      })
    }
  }

  #finish(batches: readonly DeliveryBatch[], progress: Progress, state: SendState, error: AttemptError): void {
    // A sequence number of an unknown batch was rolled back: the next batch on it could be taken for a duplicate.
    if (state === 'unknown' && progress.lease !== undefined) this.#producers.retire(progress.lease)
    const settledUs = this.#clock.nowUs()
    for (const {sequences} of batches) {
      this.#options.onOutcome({
        state,
        sequences: Float64Array.from(sequences),
        sentUs: progress.sentUs,
        settledUs,
        partition: -1,
        baseOffset: -1,
        errorCode: error.code,
        errorMessage: error.message,
      })
    }
  }
}

/** For a part of a group: the same producer, which the group keeps until its parts are settled. */
function inherit(progress: Progress): Progress {
  return {...progress, ownsLease: false}
}

function halves(batch: DeliveryBatch): readonly DeliveryBatch[] {
  const middle = Math.ceil(batch.records.length / 2)
  return [
    {...batch, sequences: batch.sequences.slice(0, middle), records: batch.records.slice(0, middle)},
    {...batch, sequences: batch.sequences.slice(middle), records: batch.records.slice(middle)},
  ]
}
