/** The detector's outputs into a MemoryCluster, with broker failures on demand. */
import {EnvironmentError} from '../base/errors.js'
import type {OutputRecord} from '../payment/record.js'
import type {RecordPublisher} from './publisher.js'

export interface MemoryPublisher extends RecordPublisher {
  /**
   * The next `times` calls of publish reject. `before` append: nothing is written; `after`: everything is,
   * and the acknowledgement is lost.
   */
  failNext(times: number, when: 'before' | 'after'): void
}

/** Where the records go: a MemoryCluster. */
export interface PublisherMemory {
  append(topic: string, record: OutputRecord): unknown
}

export function openMemoryPublisher(cluster: PublisherMemory): MemoryPublisher {
  let failures = 0
  let failWhen: 'before' | 'after' = 'before'
  return {
    async publish(records) {
      const failing = failures > 0
      if (failing) failures--
      if (!failing || failWhen === 'after') for (const record of records) cluster.append(record.topic, record)
      if (failing) throw new EnvironmentError('The memory broker refused to answer', {code: 'P2PAY_BROKER_UNREACHABLE'})
    },
    async close() {},
    failNext(times, when) {
      failures = times
      failWhen = when
    },
  }
}
