/**
 * From delivered records to decided ones: decode, decide at once, hand over to the outbox. A delivery counts as taken
 * over only when all of it is in the outbox, so a full outbox is what slows the source down. Records that only state
 * needs (a replay), and records that were taken over before, move the shards' watermarks and nothing else.
 */
import type {Clock} from '../../base/clock.js'
import type {Detector} from '../../detect/detector.js'
import {decodePayment} from '../../payment/decode.js'
import type {SourceRecord} from '../../payment/record.js'
import {HEADERS} from '../../payment/topics.js'
import type {RecordSource} from '../../source/source.js'
import type {DetectCounters} from './counters.js'
import type {Outbox, Taken} from './outbox.js'
import type {Partition} from './partition.js'
import {refusalOfProblems} from './refusal.js'

/** Records decided without a look at anything else: about 10 ms of work. */
const CHUNK_COUNT = 256
/** What an output weighs beyond value, key and headers of its input. */
const OUTPUT_OVERHEAD_BYTES = 200

export interface IntakeOptions {
  readonly source: RecordSource
  readonly detector: Detector
  readonly outbox: Outbox
  readonly counters: DetectCounters
  readonly clock: Clock
  /** No record is taken over once it is aborted. */
  readonly stopping: AbortSignal
  /** Handlers return only then, so that the source does not race through records that nobody takes. */
  readonly drained: Promise<void>
  readonly maxMessages: number
  /** `maxMessages` records are taken over. */
  readonly onFull: () => void
  /** A partition turned out to have other records than before: everything is to be prepared again. */
  readonly onRemade: () => void
}

export class Intake {
  readonly #options: IntakeOptions
  #remaining: number
  /** Wall clock µs of the latest delivery. */
  lastDeliveryUs: number

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#remaining = options.maxMessages
    this.lastDeliveryUs = options.clock.nowUs()
  }

  /** Resolves when the records are taken over or need not be. */
  async deliver(partition: Partition, records: readonly SourceRecord[], highWatermark: number): Promise<void> {
    const {outbox, clock, stopping, drained} = this.#options
    const first = records[0]
    if (first === undefined) return
    this.lastDeliveryUs = clock.nowUs()
    const {seeks} = partition
    await this.#prepared(partition)
    if (!stopping.aborted && !this.#isStale(partition, seeks)) {
      if (this.#leavesGap(partition, first.offset) || this.#isRemade(partition, first, highWatermark)) return
      partition.highWatermark = highWatermark
      for (let from = 0; from < records.length; from += CHUNK_COUNT) {
        this.#chunk(partition, records.slice(from, from + CHUNK_COUNT))
        // Others get their turn: the writer, heartbeats, the other partitions.
        if (from + CHUNK_COUNT < records.length) await clock.sleep(0, stopping)
        while (!outbox.hasRoom && !stopping.aborted && !partition.lost) await outbox.changed()
        await this.#prepared(partition)
        if (stopping.aborted || this.#isStale(partition, seeks)) break
      }
    }
    if (stopping.aborted) await drained
  }

  /** Gives back the places of records that were dropped with their partition. */
  giveBack(count: number): void {
    this.#remaining += count
  }

  async #prepared(partition: Partition): Promise<void> {
    for (let awaited: Promise<void> | undefined; awaited !== partition.prepared; ) {
      awaited = partition.prepared
      await awaited
    }
  }

  /** Lost, or fetched before the source was sent elsewhere. */
  #isStale(partition: Partition, seeks: number): boolean {
    return partition.lost || partition.seeks !== seeks
  }

  /**
   * Offsets may be missing for good reasons (transaction markers, compaction, retention), or because somebody skipped
   * records. The source is asked once for what is missing; what it then has is all there is.
   */
  #leavesGap(partition: Partition, offset: number): boolean {
    const {expected} = partition
    if (expected === undefined || offset <= expected || partition.confirmedGapAt === offset) return false
    partition.confirmedGapAt = offset
    partition.seeks += 1
    this.#options.source.seek(partition.id, expected)
    return true
  }

  /** The topic was deleted and made again while we read it, and the source began anew. */
  #isRemade(partition: Partition, first: SourceRecord, highWatermark: number): boolean {
    if (first.offset >= partition.liveFrom) return false
    const known = partition.remembered.get(first.offset)
    const differs = known !== undefined && known.paymentId !== paymentIdOf(first)
    if (highWatermark >= partition.liveFrom && !differs) return false
    partition.isRemade = true
    this.#options.onRemade()
    return true
  }

  #chunk(partition: Partition, records: readonly SourceRecord[]): void {
    for (const record of records) {
      if (record.offset < partition.liveFrom) this.#feed(partition, record)
      else if (this.#remaining > 0) this.#take(partition, record)
      else break
      partition.expected = record.offset + 1
    }
    this.#options.outbox.notify()
  }

  #feed(partition: Partition, record: SourceRecord): void {
    const {detector, counters} = this.#options
    if (record.offset < partition.replayUntil) counters.replayed += 1
    const position = {partition: partition.id, offset: record.offset}
    const decoded = decodePayment(record.value)
    if (decoded.ok) detector.decide(decoded.payment, position)
    else detector.skip(position)
  }

  #take(partition: Partition, record: SourceRecord): void {
    const {detector, counters, outbox, clock} = this.#options
    const position = {partition: partition.id, offset: record.offset}
    const decoded = decodePayment(record.value)
    const payment = decoded.ok ? decoded.payment : undefined
    const known = partition.remembered.get(record.offset)
    const again = known !== undefined && known.paymentId === payment?.paymentId ? known : undefined
    // Also of a record that comes again the shards must know: theirs may have been dropped and restored meanwhile.
    let decision = payment === undefined ? undefined : detector.decide(payment, position)
    if (payment === undefined) detector.skip(position)
    if (again !== undefined) {
      decision = again.decision
      counters.redelivered += 1
    }
    const decidedUs = again?.decidedUs ?? clock.nowUs()
    if (again === undefined)
      partition.remembered.set(record.offset, {paymentId: payment?.paymentId, decision, decidedUs})
    const taken: Taken = {
      partition,
      incarnation: partition.incarnation,
      record,
      payment,
      decision,
      refusal: decoded.ok ? undefined : refusalOfProblems(decoded),
      dueUs: dueUsOf(record),
      ownDecidedUs: decidedUs,
      decidedUs,
      persistedUs: Number.NaN,
      publishedUs: Number.NaN,
      adopted: false,
      persisted: false,
      bytes: bytesOf(record),
    }
    partition.liveFrom = record.offset + 1
    counters.consumed += 1
    outbox.append(taken)
    this.#remaining -= 1
    if (this.#remaining === 0) this.#options.onFull()
  }
}

function paymentIdOf(record: SourceRecord): string | undefined {
  const decoded = decodePayment(record.value)
  return decoded.ok ? decoded.payment.paymentId : undefined
}

/** µs since the epoch; NaN without the header or with nonsense in it. */
function dueUsOf(record: SourceRecord): number {
  const header = record.headers[HEADERS.dueUs]
  if (header === undefined) return Number.NaN
  const dueUs = Number(typeof header === 'string' ? header : header.toString('latin1'))
  return Number.isFinite(dueUs) && dueUs > 0 ? dueUs : Number.NaN
}

function bytesOf({key, value, headers}: SourceRecord): number {
  let bytes = OUTPUT_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0)
  return bytes
}
