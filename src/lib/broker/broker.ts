/** Port of the embedded broker: a Kafka-protocol server on loopback in its own worker thread (design, section 7). */
import type {EnvironmentError} from '../base/errors.js'
import type {Fault} from './fault.js'

export interface BrokerOptions {
  /** Where segment files live, such as `.p2pay/broker`; opened again after a stop or crash. */
  readonly directory: string
  /** 0 = any free one. */
  readonly port?: number
  /** Log bytes above which produce to topics with lagging groups is refused (retriable). */
  readonly quotaBytes?: number
  /** Default partition count for topics created on first use. */
  readonly partitions?: number
  /** Longest wait before appended bytes are fsynced, ms; a process crash loses nothing either way. */
  readonly syncIntervalMs?: number
  /** Told what a user may want to know: refused produce, closed connections with the reason, repaired files. */
  readonly log?: (line: string) => void
}

export interface EmbeddedBroker {
  /** `127.0.0.1:port`. */
  readonly address: string
  readonly clusterId: string
  /** Resolves when it has ended: undefined after `stop`, else why (its thread failed). Never rejects. */
  readonly closed: Promise<EnvironmentError | undefined>
  /** Replaces the fault plan: what goes wrong with which requests. Empty = nothing. */
  injectFaults(faults: readonly Fault[]): Promise<void>
  /** Flushes and closes; resolves when the port is free. */
  stop(): Promise<void>
}
