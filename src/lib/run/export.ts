/**
 * Payments to a file or stdout. On a schedule they take the way of every sink; without a rate they go straight from the
 * generator into the file, by several threads if asked, as fast as the disk or the reader takes them.
 */
import type {Writable} from 'node:stream'
import type {Clock} from '../base/clock.js'
import {generateParallel} from '../generate/parallel.js'
import {createPaymentStream, openStream} from '../generate/payment-stream.js'
import type {AccountRecord, GeneratedBlock, StreamInputs} from '../generate/stream.js'
import {createHistogram} from '../metrics/histogram.js'
import {createSchedule} from '../pace/create.js'
import type {Schedule} from '../pace/schedule.js'
import type {Plan} from '../scenario/plan.js'
import {openFileSink} from '../sink/file-sink.js'
import type {OutcomeListener, PaymentSink} from '../sink/sink.js'
import {openStdoutSink} from '../sink/stdout-sink.js'
import {generate} from './generate.js'
import type {GenerateProgress, GenerateSummary} from './generate-tally.js'
import {streamInputsOf} from './stream-of.js'

export interface ExportOptions {
  readonly plan: Plan
  readonly tag: string
  readonly startMs: number
  readonly key: StreamInputs['key']
  readonly shard?: StreamInputs['shard']
  readonly accounts: readonly AccountRecord[] | undefined
  /** `stdout` or a path. */
  readonly out: string
  readonly format: 'ndjson' | 'csv'
  /** Threads, when there is no rate. */
  readonly workers: number
  readonly stdout: Writable
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (progress: GenerateProgress) => void
  readonly onReleased: (block: GeneratedBlock, from: number, to: number) => void
}

const BLOCK_COUNT = 4096

/** @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
export async function exportPayments(options: ExportOptions): Promise<GenerateSummary> {
  const {plan, clock} = options
  const schedule = createSchedule(plan.load, {seed: plan.seed, maxCount: plan.maxCount})
  let startedUs = clock.nowUs()
  const inputs = streamInputsOf({...options, schedule, scheduleStartedUs: () => startedUs})
  const openSink = (onOutcome: OutcomeListener): Promise<PaymentSink> | PaymentSink =>
    options.out === 'stdout'
      ? openStdoutSink({stream: options.stdout, format: options.format, clock}, onOutcome)
      : openFileSink({path: options.out, format: options.format, clock}, onOutcome)
  if (schedule.meanRateTps === Number.POSITIVE_INFINITY) return exportUnpaced(options, {inputs, schedule, openSink})
  return generate({
    stream: createPaymentStream(inputs),
    schedule,
    isShard: options.shard !== undefined,
    openSink,
    clock,
    signal: options.signal,
    onStart: startUs => {
      startedUs = startUs
    },
    onProgress: options.onProgress,
    observe: {released: options.onReleased},
  })
}

async function exportUnpaced(
  options: ExportOptions,
  work: {
    readonly inputs: StreamInputs
    readonly schedule: Schedule
    readonly openSink: (onOutcome: OutcomeListener) => Promise<PaymentSink> | PaymentSink
  },
): Promise<GenerateSummary> {
  const {clock, signal, workers} = options
  const {totalCount} = work.schedule
  const startUs = clock.nowUs()
  let acked = 0
  let unknown = 0
  let sent = 0
  let simulatedFromMs: number | null = null
  let simulatedToMs: number | null = null
  const sink = await work.openSink(({state, sequences}) => {
    if (state === 'acked') acked += sequences.length
    else unknown += sequences.length
  })
  const readerGone = (): boolean => sink.ended?.aborted ?? false
  const blocks =
    workers === 1
      ? blocksOf(work.inputs, totalCount)
      : generateParallel(work.inputs, {count: totalCount, workers, blockSize: BLOCK_COUNT, signal})
  try {
    for await (const block of blocks) {
      const {payments} = block
      const room = sink.send({block: payments, from: 0, to: payments.count, dueUs: new Float64Array(0)})
      options.onReleased(block, 0, payments.count)
      sent += payments.count
      simulatedFromMs ??= payments.createdAtMs[0] ?? null
      simulatedToMs = payments.createdAtMs[payments.count - 1] ?? simulatedToMs
      if (room !== undefined) await room
      const elapsedUs = clock.nowUs() - startUs
      options.onProgress({
        ...{elapsedUs, planned: totalCount, sent, acked, failed: 0, unknown},
        ...{inFlight: sent - acked - unknown, ackedLastSecond: Math.round((acked * 1e6) / elapsedUs), latenessUs: 0},
      })
      if (signal.aborted || readerGone()) break
    }
  } finally {
    await sink.flush()
    await sink.close()
  }
  const wallUs = clock.nowUs() - startUs
  const isWhole = sent === totalCount || !(signal.aborted || readerGone())
  return {
    description: work.schedule.description,
    startUs,
    planned: options.shard === undefined ? totalCount : isWhole ? sent : Number.POSITIVE_INFINITY,
    due: sent,
    sent,
    acked,
    failed: 0,
    unknown,
    shortfall: 0,
    requestedTps: Number.POSITIVE_INFINITY,
    achievedTps: wallUs > 0 ? (acked / wallUs) * 1e6 : null,
    achievedRatio: null,
    wallUs,
    simulatedFromMs,
    simulatedToMs,
    warmupCount: 0,
    sentPerSecond: [],
    ackedPerSecond: [],
    lateness: createHistogram(),
    ackTime: createHistogram(),
    errors: [],
    interrupted: signal.aborted && !isWhole,
    readerGone: readerGone(),
  }
}

/** The stream's blocks up to a sequence number: of a shard, those of its debtors below it. */
async function* blocksOf(inputs: StreamInputs, endSequence: number): AsyncGenerator<GeneratedBlock> {
  const stream = openStream(inputs)
  for (;;) {
    const block = stream.take(BLOCK_COUNT, endSequence)
    if (block.payments.count === 0) return
    yield block
  }
}
