import {createHash} from 'node:crypto'
import {createPaymentStream} from '../../src/lib/generate/payment-stream.js'
import type {GeneratedBlock, StreamInputs} from '../../src/lib/generate/stream.js'

/** One generated payment as text, with its truth. */
export interface StreamRow {
  readonly sequence: number
  readonly json: string
  readonly key: string
  readonly createdAtMs: number
  readonly amountMinor: number
  readonly fraudTypology: number
  readonly lookAlikeTypology: number
  readonly campaign: number
  readonly step: number
  readonly confirmedAtMs: number
}

/** The first blocks of a stream that hold `count` payments together. */
export function firstBlocks(inputs: StreamInputs, count: number, blockSize = 1000): GeneratedBlock[] {
  const stream = createPaymentStream(inputs)
  const blocks: GeneratedBlock[] = []
  for (let made = 0; made < count; ) {
    const block = stream.next(Math.min(blockSize, count - made))
    blocks.push(block)
    made += block.payments.count
  }
  return blocks
}

export function firstRows(inputs: StreamInputs, count: number, blockSize = 1000): StreamRow[] {
  return firstBlocks(inputs, count, blockSize).flatMap(rowsOf)
}

export function rowsOf({payments, labels}: GeneratedBlock): StreamRow[] {
  const {bytes, offsets, keyStarts, keyLengths} = payments
  return Array.from({length: payments.count}, (_, row) => ({
    sequence: payments.sequences[row],
    json: bytes.toString('utf8', offsets[row], offsets[row + 1]),
    key: bytes.toString('utf8', keyStarts[row], keyStarts[row] + keyLengths[row]),
    createdAtMs: payments.createdAtMs[row],
    amountMinor: payments.amountsMinor[row],
    fraudTypology: labels.fraudTypology[row],
    lookAlikeTypology: labels.lookAlikeTypology[row],
    campaign: labels.campaign[row],
    step: labels.step[row],
    confirmedAtMs: labels.confirmedAtMs[row],
  }))
}

/** SHA-256 of everything in the blocks, payments and labels, independent of where the blocks were cut. */
export function digestOf(blocks: readonly GeneratedBlock[]): string {
  const hash = createHash('sha256')
  for (const row of blocks.flatMap(rowsOf)) hash.update(`${JSON.stringify(row)}\n`)
  return hash.digest('hex')
}
