/** Starts the embedded broker in a worker thread, so that a busy main thread never delays a produce or a heartbeat. */
import {Worker} from 'node:worker_threads'
import {EnvironmentError} from '../base/errors.js'
import {workerUrl} from '../base/worker-url.js'
import type {BrokerOptions, EmbeddedBroker} from './broker.js'
import type {Fault} from './fault.js'
import type {FromWorker, ToWorker} from './worker-messages.js'

const FAILED = 'P2PAY_BROKER_FAILED'

/**
 * @throws EnvironmentError P2PAY_BROKER_START when the port is taken, the directory is in use by another live process
 *   or not writable, or the disk is full
 */
export async function startEmbeddedBroker(options: BrokerOptions): Promise<EmbeddedBroker> {
  const {log, ...plain} = options
  const worker = new Worker(workerUrl(import.meta.url, './worker.js'), {workerData: plain})
  const link = new WorkerLink(worker, log ?? (() => {}))
  const {address, clusterId} = await link.started
  let stopped: Promise<void> | undefined
  return {
    address,
    clusterId,
    closed: link.ended,
    injectFaults: faults => link.ask({kind: 'faults', faults}),
    stop: () => {
      // A thread that has failed is stopped already; its files are as after a kill, which the next start repairs.
      stopped ??= link.ask({kind: 'stop'}).then(
        () => link.end(),
        () => link.end(),
      )
      return stopped
    },
  }
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The parent's end of the worker: matches answers to what was asked, and knows when the thread is gone. */
class WorkerLink {
  readonly started: Promise<{address: string; clusterId: string}>
  /** Resolves when the thread has ended: undefined after a stop, else why. */
  readonly ended: Promise<EnvironmentError | undefined>
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #isStopping = false
  #failure: EnvironmentError | undefined

  constructor(worker: Worker, log: (line: string) => void) {
    this.#worker = worker
    this.started = new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        switch (message.kind) {
          case 'started':
            resolve(message)
            break
          case 'done':
            this.#waiting.get(message.id)?.resolve()
            this.#waiting.delete(message.id)
            break
          case 'log':
            log(message.line)
            break
          case 'failed':
            this.#failure = new EnvironmentError(message.message, message)
            reject(this.#failure)
            break
        }
      })
      worker.on('error', cause => {
        this.#failure = new EnvironmentError(`the embedded broker failed: ${cause.message}`, {code: FAILED, cause})
        reject(this.#failure)
      })
    })
    this.ended = new Promise(resolve => {
      worker.on('exit', () => {
        const failure = this.#failure ?? new EnvironmentError('the thread of the embedded broker ended', {code: FAILED})
        this.#failure = failure
        for (const waiting of this.#waiting.values()) waiting.reject(failure)
        this.#waiting.clear()
        resolve(this.#isStopping ? undefined : failure)
      })
    })
  }

  ask(question: {kind: 'faults'; faults: readonly Fault[]} | {kind: 'stop'}): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (question.kind === 'stop') this.#isStopping = true
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject})
      const message: ToWorker = {...question, id}
      this.#worker.postMessage(message)
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
