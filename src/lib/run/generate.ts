/**
 * The use case behind `generate` and the load side of `run`: payments from the stream to the sink, each when the
 * schedule wants it (open model: due = start + schedule, never re-based on responses). A sink that stalls shows up as
 * lateness; after it, what is overdue goes out at once and nothing is dropped. Memory does not grow with the run.
 */
import type {Clock} from '../base/clock.js'
import type {GeneratedBlock, PaymentStream} from '../generate/stream.js'
import type {Schedule} from '../pace/schedule.js'
import type {OutcomeListener, PaymentSink, SendOutcome} from '../sink/sink.js'
import {type GenerateEnd, type GenerateProgress, type GenerateSummary, GenerateTally} from './generate-tally.js'
import type {Journal} from './journal.js'

export interface GenerateOptions {
  readonly stream: PaymentStream
  readonly schedule: Schedule
  /** The stream is a shard: only the schedule's payments that it owns, each when the schedule wants it. */
  readonly isShard?: boolean
  /** Opens the sink on the given listener; it is flushed and closed here. */
  readonly openSink: (onOutcome: OutcomeListener) => Promise<PaymentSink> | PaymentSink
  /** Closed here. */
  readonly journal?: Journal
  readonly clock: Clock
  /** Aborting stops the release; what was handed over is drained and the summary is made. */
  readonly signal: AbortSignal
  /** The first payments by sequence that are left out of the latencies. */
  readonly warmupCount?: number
  /** Called when the schedule begins, before the first send: the place to write its start into the manifest. */
  readonly onStart?: (startUs: number) => Promise<void> | void
  readonly onProgress?: (progress: GenerateProgress) => void
  readonly observe?: GenerateObserver
}

/** Lets a run collect facts by sequence. Called synchronously on the sending path: cheap, please. */
export interface GenerateObserver {
  /** Rows [from, to) were handed to the sink; entry 0 of dueUs (wall clock µs) belongs to row `from`. */
  released?(block: GeneratedBlock, from: number, to: number, dueUs: Float64Array): void
  settled?(outcome: SendOutcome): void
}

/** Rows generated at once: half a millisecond of work, so that no tick is missed. */
const BLOCK_COUNT = 256
/** Blocks kept ready for the next ticks. */
const BLOCKS_AHEAD = 8
const TICK_MS = 1
/** Longest sleep between two payments, so that progress and stopping stay lively. */
const MAX_SLEEP_MS = 50
/** Payments released in a row before the event loop gets its turn. */
const MAX_BURST_COUNT = 8192
const PROGRESS_INTERVAL_US = 500_000

/**
 * @throws EnvironmentError when the sink or the journal is beyond recovery; what was sent is flushed and journalled
 *   as far as possible before
 */
export async function generate(options: GenerateOptions): Promise<GenerateSummary> {
  const {clock, schedule, journal, observe} = options
  const tally = new GenerateTally(schedule, options.warmupCount ?? 0)
  let end: Pick<GenerateEnd, 'isWhole' | 'overdueCount'>
  let sink: PaymentSink
  try {
    sink = await options.openSink(outcome => {
      tally.settled(outcome)
      journal?.record(outcome)
      observe?.settled?.(outcome)
    })
  } catch (error) {
    if (journal !== undefined) await settle(journal.close())
    throw error
  }
  const stop = sink.ended === undefined ? options.signal : AbortSignal.any([options.signal, sink.ended])
  try {
    const startUs = clock.nowUs()
    tally.start(startUs)
    await options.onStart?.(startUs)
    end = await release(options, {sink, tally, startUs, stop})
  } finally {
    tally.stop(clock.nowUs())
    await drain(sink, journal)
  }
  return tally.summary({
    ...end,
    isShard: options.isShard ?? false,
    stoppedBySignal: options.signal.aborted,
    readerGone: sink.ended?.aborted ?? false,
  })
}

/** Both are tried, the first error wins: a full disk must not hide what the broker still acknowledges. */
async function drain(sink: PaymentSink, journal: Journal | undefined): Promise<void> {
  const results = []
  results.push(await settle(sink.flush()))
  results.push(await settle(sink.close()))
  if (journal !== undefined) results.push(await settle(journal.close()))
  const failed = results.find(result => result.status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

async function settle(work: Promise<void>): Promise<PromiseSettledResult<void>> {
  return (await Promise.allSettled([work]))[0]
}

interface Release {
  readonly sink: PaymentSink
  readonly tally: GenerateTally
  readonly startUs: number
  readonly stop: AbortSignal
}

async function release(
  options: GenerateOptions,
  {sink, tally, startUs, stop}: Release,
): Promise<Pick<GenerateEnd, 'isWhole' | 'overdueCount'>> {
  const {clock, schedule, journal} = options
  const ahead = new BlocksAhead(options.stream, schedule.totalCount)
  const paced = schedule.meanRateTps !== Number.POSITIVE_INFINITY
  let burstCount = 0
  let nextProgressUs = startUs

  ahead.fill()
  while (!ahead.isAtEnd() && !stop.aborted) {
    const nowUs = clock.nowUs()
    if (nowUs >= nextProgressUs) {
      options.onProgress?.(tally.progress(nowUs))
      nextProgressUs = nowUs + PROGRESS_INTERVAL_US
    }
    const dueCount = schedule.countDue(nowUs - startUs)
    while (burstCount < MAX_BURST_COUNT && !stop.aborted) {
      const due = ahead.dueRows(dueCount)
      if (due === undefined) break
      const {block, from, to} = due
      const turnUs = clock.nowUs()
      // Without a rate a payment is due when it is its turn: lateness and latency count from there.
      const dueUs = block.payments.sequences
        .subarray(from, to)
        .map(sequence => (paced ? startUs + schedule.dueUs(sequence) : turnUs))
      tally.released(block, from, to, dueUs, turnUs)
      options.observe?.released?.(block, from, to, dueUs)
      const room = sink.send({block: block.payments, from, to, dueUs})
      burstCount += to - from
      ahead.consume(to - from)
      if (room !== undefined) {
        // A full sink may take as long as its retries: whoever stops does not wait for it here.
        await unlessAborted(room, stop)
        burstCount = 0
      }
      const journalRoom = journal?.room()
      if (journalRoom !== undefined) await journalRoom
    }
    const next = stop.aborted ? undefined : ahead.nextSequence()
    if (next === undefined) break
    ahead.fill()
    const waitMs = (startUs + schedule.dueUs(next) - clock.nowUs()) / 1000
    // Overdue (a burst was cut short): let timers and sockets run, then go on at once.
    await clock.sleep(waitMs <= 0 ? 0 : Math.max(TICK_MS, Math.min(MAX_SLEEP_MS, Math.floor(waitMs))), stop)
    burstCount = 0
  }
  const endUs = clock.nowUs()
  options.onProgress?.(tally.progress(endUs))
  const isWhole = ahead.isAtEnd()
  return {isWhole, overdueCount: isWhole || !paced ? 0 : ahead.countDue(schedule.countDue(endUs - startUs))}
}

/**
 * Waits for `work`, or for the signal. Unlike a race with one promise for the whole run, it leaves nothing behind on
 * what outlives it.
 */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve()
    signal.addEventListener('abort', stop, {once: true})
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Blocks generated before they are due, and how far the first one is used up. */
class BlocksAhead {
  readonly #stream: PaymentStream
  readonly #endSequence: number
  readonly #blocks: GeneratedBlock[] = []
  #isExhausted = false
  #usedCount = 0

  /** @param endSequence the schedule's payments are those below it */
  constructor(stream: PaymentStream, endSequence: number) {
    this.#stream = stream
    this.#endSequence = endSequence
  }

  /** One block a call: the work is spread over the ticks. */
  fill(): void {
    if (this.#blocks.length >= BLOCKS_AHEAD || this.#isExhausted) return
    const block = this.#stream.next(BLOCK_COUNT, this.#endSequence)
    if (block.payments.count === 0) this.#isExhausted = true
    else this.#blocks.push(block)
  }

  isAtEnd(): boolean {
    return this.#head() === undefined
  }

  /** The sequence number of the next payment; undefined at the end. */
  nextSequence(): number | undefined {
    return this.#head()?.payments.sequences[this.#usedCount]
  }

  /** Unused rows [from, to) of the first block with sequence numbers below `dueCount`; undefined when there are none. */
  dueRows(dueCount: number): {readonly block: GeneratedBlock; readonly from: number; readonly to: number} | undefined {
    const block = this.#head()
    if (block === undefined) return undefined
    const from = this.#usedCount
    const to = rowOf(block, dueCount)
    return to > from ? {block, from, to} : undefined
  }

  consume(count: number): void {
    this.#usedCount += count
  }

  /** Uses up what is due, to count it: what a stop has left behind. */
  countDue(dueCount: number): number {
    let count = 0
    for (let due = this.dueRows(dueCount); due !== undefined; due = this.dueRows(dueCount)) {
      count += due.to - due.from
      this.consume(due.to - due.from)
    }
    return count
  }

  #head(): GeneratedBlock | undefined {
    const [first] = this.#blocks
    if (first !== undefined && this.#usedCount < first.payments.count) return first
    if (first !== undefined) this.#blocks.shift()
    this.#usedCount = 0
    if (this.#blocks.length === 0) this.fill()
    return this.#blocks[0]
  }
}

/** The first row with this sequence number or a later one. */
function rowOf({payments}: GeneratedBlock, sequence: number): number {
  let low = 0
  let high = payments.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((payments.sequences[middle] ?? sequence) < sequence) low = middle + 1
    else high = middle
  }
  return low
}
