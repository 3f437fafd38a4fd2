import type {GeneratedBlock, PaymentStream} from '../../src/lib/generate/stream.js'

export interface PlainStreamOptions {
  /** The key of a payment; null = none. Default: `debtor-<sequence mod 20>`. */
  readonly keyOf?: (sequence: number) => string | null
  /** Length of a payment's bytes at least. */
  readonly bytesOf?: (sequence: number) => number
}

/** A stream of recognisable payments without a population: `{"sequence":7,"key":"debtor-7"}`, a second apart. */
export function plainStream(options: PlainStreamOptions = {}): PaymentStream {
  let next = 0
  return {
    next(maxCount) {
      const from = next
      next += maxCount
      return plainBlock(from, maxCount, options)
    },
  }
}

export function plainBlock(firstSequence: number, count: number, options: PlainStreamOptions = {}): GeneratedBlock {
  const keyOf = options.keyOf ?? (sequence => `debtor-${sequence % 20}`)
  const texts: string[] = []
  const offsets = new Uint32Array(count + 1)
  const keyStarts = new Uint32Array(count)
  const keyLengths = new Uint16Array(count)
  for (let row = 0; row < count; row++) {
    const sequence = firstSequence + row
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
      sequences: Float64Array.from({length: count}, (_, row) => firstSequence + row),
      bytes: Buffer.from(texts.join(''), 'latin1'),
      offsets,
      keyStarts,
      keyLengths,
      createdAtMs: Float64Array.from({length: count}, (_, row) => 1000 * (firstSequence + row)),
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
