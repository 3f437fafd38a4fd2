/**
 * The generator's output: blocks of serialised payments with their labels beside them, never inside them.
 * Blocks are columns, so that a million payments make no million objects.
 */
import type {Typology} from '../payment/label.js'
import type {AccountRecord} from '../population/account-record.js'

export type {AccountRecord}

/** Serialised payments, in sequence order. A sink sees this and nothing of the labels. */
export interface PaymentBlock {
  readonly count: number
  /** Sequence numbers within the run, ascending; consecutive unless the stream is sharded. */
  readonly sequences: Float64Array
  /** Wire format v1, one payment after the other, without separators. */
  readonly bytes: Buffer
  /** count + 1 positions in `bytes`: payment i is bytes[offsets[i], offsets[i + 1]). */
  readonly offsets: Uint32Array
  /** The record key's bytes (by default the debtor id) within `bytes`: start position and length. */
  readonly keyStarts: Uint32Array
  readonly keyLengths: Uint16Array
  /** Event time, ms since the epoch; ascending. */
  readonly createdAtMs: Float64Array
  readonly amountsMinor: Float64Array
}

/** The truth of a block, row by row. */
export interface LabelBlock {
  /** 0 = not a fraud, else 1 + index in TYPOLOGIES. */
  readonly fraudTypology: Uint8Array
  /** 0 = not a look-alike, else 1 + index in TYPOLOGIES. */
  readonly lookAlikeTypology: Uint8Array
  /** 0 = no campaign, else a number that is unique within the run. */
  readonly campaign: Float64Array
  /** From 1; 0 = no campaign. */
  readonly step: Uint16Array
  /** Event time in ms; 0 = never. */
  readonly confirmedAtMs: Float64Array
}

export interface GeneratedBlock {
  readonly payments: PaymentBlock
  readonly labels: LabelBlock
}

/** An endless, seeded stream of payments; pulled, synchronous, the same for the same inputs. */
export interface PaymentStream {
  /**
   * The next payments of the stream, at least one and at most `maxCount`; with `endSequence` only those with sequence
   * numbers below it, none when there are no more. The arrays are fresh for each call and may be kept or transferred.
   */
  next(maxCount: number, endSequence?: number): GeneratedBlock
}

/** What determines the bytes, beside the p2pay version (design, section 5). */
export interface StreamInputs {
  readonly seed: number
  readonly runTag: string
  /** Event time of the stream's beginning, ms since the epoch. */
  readonly startMs: number
  readonly accountCount: number
  /** Fixed accounts (`--accounts FILE`) instead of made ones. */
  readonly accounts?: readonly AccountRecord[]
  /** Expected share of fraudulent payments, in [0, 0.5]. */
  readonly fraudRate: number
  /** Relative weights of fraud *payments* by typology; absent typologies do not occur. */
  readonly typologies: Readonly<Partial<Record<Typology, number>>>
  /** Expected share of look-alike payments, in [0, 0.5], independent of the fraud rate. */
  readonly lookAlikeRate: number
  /** Which field is the record key. */
  readonly key: KeyField
  /** `i/n` with 0 ≤ index < count: only debtors of this shard are emitted; sequence numbers stay global. */
  readonly shard?: {readonly index: number; readonly count: number}
  /** `wall`: event times are given by the schedule instead of the population's clock. */
  readonly eventTimeMs?: (sequence: number) => number
}

export const KEY_FIELDS = ['debtor_id', 'creditor_id', 'payment_id', 'none'] as const
export type KeyField = (typeof KEY_FIELDS)[number]

export const TYPOLOGY_NONE = 0
