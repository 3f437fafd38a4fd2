import type {GeneratedBlock, PaymentStream} from '../../src/lib/generate/stream.js'

export interface PlainStreamOptions {
  /** The key of a payment; null = none. Default: `debtor-<sequence mod 20>`. */
  readonly keyOf?: (sequence: number) => string | null
  /** Length of a payment's bytes at least. */
  readonly bytesOf?: (sequence: number) => number
  /** A shard: only these payments. */
  readonly owns?: (sequence: number) => boolean
}

/** A stream of recognisable payments without a population: `{"sequence":7,"key":"debtor-7"}`, a second apart. */
export function plainStream(options: PlainStreamOptions = {}): PaymentStream {
  const owns = options.owns ?? (() => true)
  let next = 0
  return {
    next(maxCount, endSequence = Number.POSITIVE_INFINITY) {
      const sequences: number[] = []
      for (; sequences.length < maxCount && next < endSequence; next++) if (owns(next)) sequences.push(next)
      return blockOf(sequences, options)
    },
  }
}

export function plainBlock(firstSequence: number, count: number, options: PlainStreamOptions = {}): GeneratedBlock {
  return blockOf(
    Array.from({length: count}, (_, row) => firstSequence + row),
    options,
  )
}

function blockOf(sequences: readonly number[], options: PlainStreamOptions): GeneratedBlock {
  const count = sequences.length
  const keyOf = options.keyOf ?? (sequence => `debtor-${sequence % 20}`)
  const texts: string[] = []
  const offsets = new Uint32Array(count + 1)
  const keyStarts = new Uint32Array(count)
  const keyLengths = new Uint16Array(count)
  for (const [row, sequence] of sequences.entries()) {
    const key = keyOf(sequence)
    const head = `{"sequence":${sequence},"key":"`
    const tail = '"}'
    const padding = Math.max(0, (options.bytesOf?.(sequence) ?? 0) - head.length - (key ?? '').length - tail.length)
    const text = head + (key ?? '') + tail.padEnd(padding + tail.length, ' ')
    const start = offsets[row] ?? 0
    keyStarts[row] = start + head.length
    keyLengths[row] = key === null ? 0 : key.length
    offsets[row + 1] = start + text.length
    texts.push(text)
  }
  return {
    payments: {
      count,
      sequences: Float64Array.from(sequences),
      bytes: Buffer.from(texts.join(''), 'latin1'),
      offsets,
      keyStarts,
      keyLengths,
      createdAtMs: Float64Array.from(sequences, sequence => 1000 * sequence),
      amountsMinor: new Float64Array(count).fill(100),
    },
    labels: {
      fraudTypology: new Uint8Array(count),
      lookAlikeTypology: new Uint8Array(count),
      campaign: new Float64Array(count),
      step: new Uint16Array(count),
      confirmedAtMs: new Float64Array(count),
    },
  }
}

/** The sequence number that plainStream wrote into a payment. */
export function plainSequenceOf(value: Buffer | null): number {
  return Number(/"sequence":(\d+)/.exec(value?.toString('latin1') ?? '')?.[1])
}
