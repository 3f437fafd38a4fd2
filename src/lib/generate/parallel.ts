/**
 * The same stream made by several threads. Blocks are ranges of sequence numbers; worker w makes blocks w, w + n, … and
 * only counts the payments in between. Blocks are moved, not copied, and come out in order; each worker may be a fixed
 * number of blocks ahead of the reader, so memory stays bounded however slowly they are read.
 */
import {once} from 'node:events'
import {Worker} from 'node:worker_threads'
import {assert} from '../base/assert.js'
import {BugError, UsageError} from '../base/errors.js'
import {workerUrl} from '../base/worker-url.js'
import {checkInputs} from './inputs.js'
import type {GeneratedBlock, StreamInputs} from './stream.js'

export interface ParallelOptions {
  /** Sequence numbers [0, count) of the whole stream; a shard yields its part of them. May be Infinity. */
  readonly count: number
  readonly workers: number
  /** Payments of the whole stream per block. */
  readonly blockSize?: number
  /** Ends the iteration early and without an error. */
  readonly signal?: AbortSignal
}

export const DEFAULT_BLOCK_SIZE = 8192
const MAX_WORKERS = 64
const MAX_BLOCK_SIZE = 1_000_000
/** Blocks that a worker may have made and nobody has read. */
const BLOCKS_AHEAD = 2

/** What a worker thread is told at its start. */
export interface WorkerTask {
  readonly inputs: StreamInputs
  readonly count: number
  readonly blockSize: number
  readonly workers: number
  readonly worker: number
}

/**
 * Blocks in sequence order; of a shard, those that hold payments of it.
 *
 * @throws UsageError when the options are out of range or the inputs hold a function, which no thread can be sent
 */
export async function* generateParallel(
  inputs: StreamInputs,
  options: ParallelOptions,
): AsyncGenerator<GeneratedBlock> {
  const {count, workers, signal} = options
  const blockSize = options.blockSize ?? DEFAULT_BLOCK_SIZE
  checkInputs(inputs)
  checkOptions(inputs, {count, workers, blockSize})
  const blockCount = Math.ceil(count / blockSize)
  const threads = Array.from(
    {length: Math.min(workers, blockCount)},
    (_, worker) => new BlockThread({inputs, count, blockSize, workers: Math.min(workers, blockCount), worker}),
  )
  const abort = (): void => {
    for (const thread of threads) thread.stop()
  }
  signal?.addEventListener('abort', abort, {once: true})
  try {
    for (let block = 0; block < blockCount && !signal?.aborted; block++) {
      const made = await threads[block % threads.length].next()
      if (made === undefined) return
      if (made.payments.count > 0) yield made
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    await Promise.all(threads.map(thread => thread.close()))
  }
}

/** One worker thread and the blocks that it has made ahead. */
class BlockThread {
  readonly #worker: Worker
  readonly #ready: GeneratedBlock[] = []
  #wake: (() => void) | undefined
  #error: Error | undefined
  #stopped = false

  constructor(task: WorkerTask) {
    this.#worker = new Worker(workerUrl(import.meta.url, './generate-worker.js'), {workerData: task})
    this.#worker.on('message', (block: GeneratedBlock) => {
      this.#ready.push(withBuffer(block))
      this.#wake?.()
    })
    this.#worker.on('error', error => {
      this.#error = error instanceof Error ? error : new BugError(String(error))
      this.stop()
    })
    this.#worker.on('exit', () => this.stop())
    for (let ahead = 0; ahead < BLOCKS_AHEAD; ahead++) this.#worker.postMessage('next')
  }

  /** The thread's next block in its order; undefined when it was stopped. */
  async next(): Promise<GeneratedBlock | undefined> {
    while (this.#ready.length === 0 && !this.#stopped) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#error !== undefined) throw this.#error
    const block = this.#stopped ? undefined : this.#ready.shift()
    if (block !== undefined) this.#worker.postMessage('next')
    return block
  }

  stop(): void {
    this.#stopped = true
    this.#wake?.()
  }

  async close(): Promise<void> {
    this.stop()
    if (this.#worker.threadId === -1) return
    const exit = once(this.#worker, 'exit')
    await Promise.all([this.#worker.terminate(), exit])
  }
}

/** A Buffer arrives from another thread as a plain Uint8Array. */
function withBuffer(block: GeneratedBlock): GeneratedBlock {
  const {bytes} = block.payments
  return {...block, payments: {...block.payments, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)}}
}

function checkOptions(
  inputs: StreamInputs,
  options: {readonly count: number; readonly workers: number; readonly blockSize: number},
): void {
  if (inputs.eventTimeMs !== undefined) {
    throw new UsageError('event times from the wall clock cannot be made by several workers', {
      code: 'P2PAY_PARALLEL_WALL_CLOCK',
      suggestions: ['use --clock simulated', 'or a single worker'],
    })
  }
  const {count, workers, blockSize} = options
  assert(count >= 0 && (Number.isSafeInteger(count) || count === Number.POSITIVE_INFINITY), `${count} payments`)
  if (!Number.isSafeInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
    throw new UsageError(`${workers} workers cannot generate`, {
      code: 'P2PAY_WORKERS',
      suggestions: [`ask for 1 to ${MAX_WORKERS} workers`],
    })
  }
  if (!Number.isSafeInteger(blockSize) || blockSize < 1 || blockSize > MAX_BLOCK_SIZE) {
    throw new UsageError(`a block cannot hold ${blockSize} payments`, {
      code: 'P2PAY_BLOCK_SIZE',
      suggestions: [`ask for 1 to ${MAX_BLOCK_SIZE}`],
    })
  }
}
