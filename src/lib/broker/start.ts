/** Starts the embedded broker in a worker thread, so that a busy main thread never delays a produce or a heartbeat. */
import {Worker} from 'node:worker_threads'
import {EnvironmentError} from '../base/errors.js'
import {workerUrl} from '../base/worker-url.js'
import type {BrokerOptions, EmbeddedBroker} from './broker.js'
import type {Fault} from './fault.js'
import type {FromWorker, ToWorker} from './worker-messages.js'

/**
 * @throws EnvironmentError P2PAY_BROKER_START when the port is taken, the directory is in use by another live process
 *   or not writable, or the disk is full
 */
export async function startEmbeddedBroker(options: BrokerOptions): Promise<EmbeddedBroker> {
  const {log, ...plain} = options
  const worker = new Worker(workerUrl(import.meta.url, './worker.js'), {workerData: plain})
  return WorkerBroker.over(worker, log ?? (() => {}))
}

class WorkerBroker implements EmbeddedBroker {
  readonly address: string
  readonly clusterId: string
  readonly #worker: Worker
  readonly #waiting: Map<number, {resolve: () => void; reject: (error: Error) => void}>
  #lastId = 0
  #stopped: Promise<void> | undefined

  private constructor(
    worker: Worker,
    started: {address: string; clusterId: string},
    waiting: Map<number, {resolve: () => void; reject: (error: Error) => void}>,
  ) {
    this.#worker = worker
    this.#waiting = waiting
    this.address = started.address
    this.clusterId = started.clusterId
  }

  static over(worker: Worker, log: (line: string) => void): Promise<WorkerBroker> {
    const waiting = new Map<number, {resolve: () => void; reject: (error: Error) => void}>()
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        reject(error)
        for (const waiter of waiting.values()) waiter.reject(error)
        waiting.clear()
      }
      worker.on('message', (message: FromWorker) => {
        switch (message.kind) {
          case 'started':
            resolve(new WorkerBroker(worker, message, waiting))
            break
          case 'done':
            waiting.get(message.id)?.resolve()
            waiting.delete(message.id)
            break
          case 'log':
            log(message.line)
            break
          case 'failed':
            fail(new EnvironmentError(message.message, {code: message.code, suggestions: message.suggestions}))
            break
        }
      })
      worker.on('error', cause => {
        log(`the broker's thread failed: ${cause.message}`)
        fail(new EnvironmentError('the embedded broker failed', {code: 'P2PAY_BROKER_FAILED', cause}))
      })
      worker.on('exit', code =>
        fail(new EnvironmentError(`the embedded broker ended (${code})`, {code: 'P2PAY_BROKER_FAILED'})),
      )
    })
  }

  injectFaults(faults: readonly Fault[]): Promise<void> {
    return this.#ask(id => ({kind: 'faults', id, faults}))
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#ask(id => ({kind: 'stop', id})).then(async () => {
      await this.#worker.terminate()
    })
    return this.#stopped
  }

  #ask(message: (id: number) => ToWorker): Promise<void> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject})
      this.#worker.postMessage(message(id))
    })
  }
}
