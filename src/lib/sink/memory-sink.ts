/** Payments into a MemoryCluster. Outcomes, delays and a full buffer are on demand, for tests of what sits above. */
import type {Clock} from '../base/clock.js'
import type {Headers} from '../payment/record.js'
import {HEADERS} from '../payment/topics.js'
import type {OutcomeListener, OutgoingPayments, PaymentSink, SendState} from './sink.js'

export interface MemorySinkOptions {
  readonly topic: string
  readonly clock: Clock
  /** From hand-over to outcome, ms; default 0. */
  readonly settleMs?: number
  /** Payments taken over without an outcome above which `send` waits; default 10,000. */
  readonly maxInFlightCount?: number
  /** What becomes of a payment; default: acked. `failed` ones are not on the topic, `unknown` ones are. */
  readonly stateOf?: (sequence: number) => SendState
}

/** Where the payments go: a MemoryCluster. */
export interface SinkMemory {
  append(
    topic: string,
    record: {
      readonly key: Buffer | null
      readonly value: Buffer
      readonly headers: Headers
      readonly timestampMs: number
    },
  ): {readonly partition: number; readonly offset: number}
}

const MAX_IN_FLIGHT_COUNT = 10_000

export function openMemorySink(
  cluster: SinkMemory,
  options: MemorySinkOptions,
  onOutcome: OutcomeListener,
): PaymentSink {
  const {clock, topic} = options
  const maxInFlightCount = options.maxInFlightCount ?? MAX_IN_FLIGHT_COUNT
  const settleMs = options.settleMs ?? 0
  const pending = new Set<Promise<void>>()
  let inFlightCount = 0

  const carry = async (payments: OutgoingPayments, sentUs: number): Promise<void> => {
    if (settleMs > 0) await clock.sleep(settleMs)
    const settledUs = clock.nowUs()
    const {block, from, to, dueUs} = payments
    for (let row = from; row < to; row++) {
      const sequence = block.sequences[row] ?? 0
      const state = options.stateOf?.(sequence) ?? 'acked'
      const due = dueUs[row - from] ?? 0
      const keyStart = block.keyStarts[row] ?? 0
      const keyLength = block.keyLengths[row] ?? 0
      const at =
        state === 'failed'
          ? {partition: -1, offset: -1}
          : cluster.append(topic, {
              key: keyLength === 0 ? null : block.bytes.subarray(keyStart, keyStart + keyLength),
              value: block.bytes.subarray(block.offsets[row], block.offsets[row + 1]),
              headers: {[HEADERS.dueUs]: String(due)},
              timestampMs: Math.floor(due / 1000),
            })
      onOutcome({
        state,
        sequences: Float64Array.of(sequence),
        sentUs,
        settledUs,
        partition: state === 'acked' ? at.partition : -1,
        baseOffset: state === 'acked' ? at.offset : -1,
        ...(state === 'acked' ? {} : {errorCode: 'MEMORY_SINK', errorMessage: `asked to be ${state}`}),
      })
    }
    inFlightCount -= to - from
  }

  const settled = async (count: number): Promise<void> => {
    while (inFlightCount > count) await Promise.race(pending)
  }

  return {
    description: `${topic} in memory`,
    send(payments) {
      inFlightCount += payments.to - payments.from
      const work: Promise<void> = carry(payments, clock.nowUs()).finally(() => pending.delete(work))
      pending.add(work)
      return inFlightCount >= maxInFlightCount ? settled(maxInFlightCount - 1) : undefined
    },
    flush: () => settled(0),
    close: () => settled(0),
  }
}
