import {describe, expect, it} from 'vitest'
import {generateParallel, type ParallelOptions} from '../../../src/lib/generate/parallel.js'
import type {GeneratedBlock, StreamInputs} from '../../../src/lib/generate/stream.js'
import {streamInputs} from '../../support/stream-inputs.js'
import {digestOf, firstBlocks, rowsOf} from '../../support/stream-rows.js'

async function blocksOf(inputs: StreamInputs, options: ParallelOptions): Promise<GeneratedBlock[]> {
  const blocks: GeneratedBlock[] = []
  for await (const block of generateParallel(inputs, options)) blocks.push(block)
  return blocks
}

describe('parallel generation', () => {
  const inputs = streamInputs({fraudRate: 0.05})
  const whole = digestOf(firstBlocks(inputs, 10_000))

  it.each([
    [1, 4096],
    [2, 1000],
    [4, 777],
    [3, 20_000],
  ])('by %i workers in blocks of %i gives the stream of one thread', async (workers, blockSize) => {
    const blocks = await blocksOf(inputs, {count: 10_000, workers, blockSize})
    expect(digestOf(blocks)).toBe(whole)
    expect(blocks.slice(0, -1).every(block => block.payments.count === blockSize)).toBe(true)
    expect(blocks.every(block => Buffer.isBuffer(block.payments.bytes))).toBe(true)
  })

  it('of shards gives the whole stream together', async () => {
    const shards = await Promise.all(
      [0, 1].map(index => blocksOf({...inputs, shard: {index, count: 2}}, {count: 4000, workers: 2, blockSize: 500})),
    )
    const rows = shards
      .flat()
      .flatMap(rowsOf)
      .sort((a, b) => a.sequence - b.sequence)
    expect(rows.map(row => row.json)).toEqual(
      firstBlocks(inputs, 4000)
        .flatMap(rowsOf)
        .map(row => row.json),
    )
  })

  it('of fixed accounts sends them to the workers', async () => {
    const accounts = [
      {accountId: 'a', kind: 'person', country: 'DE', currency: 'EUR', latitude: 52.5, longitude: 13.4},
      {accountId: 'b', kind: 'person', country: 'DE', currency: 'EUR', latitude: 52.5, longitude: 13.4},
      {
        accountId: 'c',
        kind: 'merchant',
        country: 'DE',
        currency: 'EUR',
        latitude: 52.5,
        longitude: 13.4,
        merchantCategory: '5411',
      },
    ] as const
    const blocks = await blocksOf({...inputs, accounts}, {count: 600, workers: 2, blockSize: 200})
    expect(digestOf(blocks)).toBe(digestOf(firstBlocks({...inputs, accounts}, 600)))
  })

  it('of nothing yields nothing', async () => {
    expect(await blocksOf(inputs, {count: 0, workers: 2})).toEqual([])
  })

  it('without end stops when the reader does', async () => {
    let blocks = 0
    for await (const block of generateParallel(inputs, {count: Number.POSITIVE_INFINITY, workers: 2, blockSize: 500})) {
      expect(block.payments.count).toBe(500)
      if (++blocks === 5) break
    }
    expect(blocks).toBe(5)
  })

  it('without end stops when it is aborted, without an error', async () => {
    const controller = new AbortController()
    let blocks = 0
    const options = {count: Number.POSITIVE_INFINITY, workers: 2, blockSize: 500, signal: controller.signal}
    for await (const _ of generateParallel(inputs, options)) if (++blocks === 3) controller.abort()
    expect(blocks).toBe(3)
  })

  it('does not begin when it was aborted before', async () => {
    expect(await blocksOf(inputs, {count: 1000, workers: 2, signal: AbortSignal.abort()})).toEqual([])
  })

  it.each([
    ['event times from a function', {eventTimeMs: (sequence: number) => sequence}, {}, 'P2PAY_PARALLEL_WALL_CLOCK'],
    ['no workers', {}, {workers: 0}, 'P2PAY_WORKERS'],
    ['a thousand workers', {}, {workers: 1000}, 'P2PAY_WORKERS'],
    ['empty blocks', {}, {blockSize: 0}, 'P2PAY_BLOCK_SIZE'],
    ['inputs that make no stream', {fraudRate: 2}, {}, 'P2PAY_STREAM_INPUTS'],
    ['accounts that cannot trade', {accounts: []}, {}, 'P2PAY_ACCOUNTS'],
  ])('refuses %s', async (_name, changes, options, code) => {
    const generating = blocksOf({...inputs, ...changes}, {count: 10, workers: 1, ...options})
    await expect(generating).rejects.toMatchObject({code})
  })
})
