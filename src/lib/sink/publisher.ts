/** Port through which the detector publishes its outputs. */
import type {OutputRecord} from '../payment/record.js'

export interface RecordPublisher {
  /**
   * Publishes and waits for the acknowledgement of all in-sync replicas. Retries are the caller's:
   * a record may be on its topic twice after an error, never absent after success.
   * @throws EnvironmentError when the broker did not acknowledge
   */
  publish(records: readonly OutputRecord[]): Promise<void>
  close(): Promise<void>
}
