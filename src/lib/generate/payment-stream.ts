/**
 * The stream as blocks of bytes with their labels beside them. Blocks are cut wherever the caller likes: the bytes
 * depend on the inputs alone.
 */
import {assert} from '../base/assert.js'
import {buildPopulation, type Population} from '../population/population.js'
import {checkInputs} from './inputs.js'
import {PaymentWriter} from './payment-writer.js'
import type {GeneratedBlock, PaymentStream, StreamInputs} from './stream.js'
import {Walk} from './walk.js'

/** Room per payment that a block starts with; the slab grows when payments are longer. */
const EXPECTED_BYTES = 576
const MAX_BLOCK = 1_000_000

/**
 * An endless stream; the population is built here (about a second for a million accounts).
 *
 * @param population when the caller has built it already, from the same inputs
 * @throws UsageError when the inputs are out of range
 */
export function createPaymentStream(inputs: StreamInputs, population?: Population): PaymentStream {
  return openStream(inputs, population)
}

/** The stream with its position, for those who generate parts of it. */
export function openStream(inputs: StreamInputs, population?: Population): BlockStream {
  checkInputs(inputs)
  return new BlockStream(inputs, population ?? buildPopulation(inputs))
}

export class BlockStream implements PaymentStream {
  readonly #walk: Walk
  readonly #writer: PaymentWriter
  readonly #eventTimeMs: ((sequence: number) => number) | undefined

  constructor(inputs: StreamInputs, population: Population) {
    this.#walk = new Walk(inputs, population)
    this.#writer = new PaymentWriter(population, inputs.key)
    this.#eventTimeMs = inputs.eventTimeMs
  }

  next(maxCount: number): GeneratedBlock {
    return this.take(maxCount, Number.POSITIVE_INFINITY)
  }

  /** Passes over all payments before this sequence number. */
  skipTo(sequence: number): void {
    this.#walk.skipTo(sequence)
  }

  /**
   * The next payments with sequence numbers below `endSequence`, at most `maxCount`; none when there are none.
   * Event times given from outside must ascend; labels' confirmation keeps its distance from the payment.
   */
  take(maxCount: number, endSequence: number): GeneratedBlock {
    assert(Number.isSafeInteger(maxCount) && maxCount > 0 && maxCount <= MAX_BLOCK, `a block of ${maxCount} payments`)
    const walk = this.#walk
    const writer = this.#writer
    const columns = new BlockColumns(Math.min(maxCount, Math.max(1, endSequence - walk.nextSequence)))
    let slab: Buffer = Buffer.allocUnsafeSlow(columns.capacity * EXPECTED_BYTES + writer.maxBytes)
    let position = 0
    let row = 0
    while (row < columns.capacity && walk.advance(endSequence)) {
      if (slab.length - position < writer.maxBytes) slab = grow(slab, position)
      const {draft, sequence, campaign, timeMs} = walk
      const createdAtMs = this.#eventTimeMs === undefined ? timeMs : Math.floor(this.#eventTimeMs(sequence))
      position = writer.write(slab, position, draft, sequence, createdAtMs)
      columns.sequences[row] = sequence
      columns.offsets[row + 1] = position
      columns.keyStarts[row] = writer.keyStart
      columns.keyLengths[row] = writer.keyLength
      columns.createdAtMs[row] = createdAtMs
      columns.amountsMinor[row] = draft.amountMinor
      if (campaign !== undefined) {
        columns.fraudTypology[row] = campaign.fraudTypology
        columns.lookAlikeTypology[row] = campaign.lookAlikeTypology
        columns.campaign[row] = campaign.number
        columns.step[row] = walk.step
        if (campaign.confirmedAtMs > 0) columns.confirmedAtMs[row] = campaign.confirmedAtMs + createdAtMs - timeMs
      }
      row++
    }
    return columns.cut(row, slab.subarray(0, position))
  }
}

class BlockColumns {
  readonly capacity: number
  readonly sequences: Float64Array
  readonly offsets: Uint32Array
  readonly keyStarts: Uint32Array
  readonly keyLengths: Uint16Array
  readonly createdAtMs: Float64Array
  readonly amountsMinor: Float64Array
  readonly fraudTypology: Uint8Array
  readonly lookAlikeTypology: Uint8Array
  readonly campaign: Float64Array
  readonly step: Uint16Array
  readonly confirmedAtMs: Float64Array

  constructor(capacity: number) {
    this.capacity = capacity
    this.sequences = new Float64Array(capacity)
    this.offsets = new Uint32Array(capacity + 1)
    this.keyStarts = new Uint32Array(capacity)
    this.keyLengths = new Uint16Array(capacity)
    this.createdAtMs = new Float64Array(capacity)
    this.amountsMinor = new Float64Array(capacity)
    this.fraudTypology = new Uint8Array(capacity)
    this.lookAlikeTypology = new Uint8Array(capacity)
    this.campaign = new Float64Array(capacity)
    this.step = new Uint16Array(capacity)
    this.confirmedAtMs = new Float64Array(capacity)
  }

  cut(count: number, bytes: Buffer): GeneratedBlock {
    const whole = count === this.capacity
    return {
      payments: {
        count,
        sequences: whole ? this.sequences : this.sequences.slice(0, count),
        bytes,
        offsets: whole ? this.offsets : this.offsets.slice(0, count + 1),
        keyStarts: whole ? this.keyStarts : this.keyStarts.slice(0, count),
        keyLengths: whole ? this.keyLengths : this.keyLengths.slice(0, count),
        createdAtMs: whole ? this.createdAtMs : this.createdAtMs.slice(0, count),
        amountsMinor: whole ? this.amountsMinor : this.amountsMinor.slice(0, count),
      },
      labels: {
        fraudTypology: whole ? this.fraudTypology : this.fraudTypology.slice(0, count),
        lookAlikeTypology: whole ? this.lookAlikeTypology : this.lookAlikeTypology.slice(0, count),
        campaign: whole ? this.campaign : this.campaign.slice(0, count),
        step: whole ? this.step : this.step.slice(0, count),
        confirmedAtMs: whole ? this.confirmedAtMs : this.confirmedAtMs.slice(0, count),
      },
    }
  }
}

function grow(slab: Buffer, used: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(slab.length * 2)
  slab.copy(larger, 0, 0, used)
  return larger
}
