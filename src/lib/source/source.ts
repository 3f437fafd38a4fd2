/** Where the detector reads from: a consumer group (kafka), a file, or memory. */
import type {EnvironmentError} from '../base/errors.js'
import type {PartitionOffsets, SourceRecord} from '../payment/record.js'

export interface SourceHandlers {
  /**
   * Called when partitions are assigned, before any of their records, and again after each rebalance; never while a
   * handler of an earlier assignment still runs. `seek` may be called from here.
   */
  onAssigned(partitions: readonly number[]): void
  /**
   * Records of one partition in offset order. The source delivers no further records of that partition until the
   * promise resolves, keeps the group membership alive meanwhile, and calls again with the same records when it
   * rejects. `offsets` that are never committed are delivered again after a rebalance or restart.
   * @param highWatermark the partition's end offset when the records were fetched
   */
  onRecords(partition: number, records: readonly SourceRecord[], highWatermark: number): Promise<void>
  /** Infrastructure trouble, for the progress line; the source goes on trying. */
  onTrouble?(message: string): void
  /** The source has given up (access refused, topic gone): nothing more will be delivered. */
  onFailed?(error: EnvironmentError): void
}

export interface RecordSource {
  readonly description: string
  /** Joins and starts delivery; resolves once the first assignment is there. @throws EnvironmentError */
  start(handlers: SourceHandlers): Promise<void>
  /** The group's committed offsets (next to read) of the given partitions; absent = none. */
  committed(partitions: readonly number[]): Promise<PartitionOffsets>
  /** The earliest offset still there and the end offset, by partition. */
  bounds(): Promise<ReadonlyMap<number, {readonly earliest: number; readonly end: number}>>
  /** The next delivery of the partition starts at `offset`; records in flight are dropped. */
  seek(partition: number, offset: number): void
  /**
   * Commits the next offsets to read; resolves only when the group has taken them. Partitions lost meanwhile are
   * ignored.
   * @throws EnvironmentError when nothing can be committed now (broker gone, group being joined again): try again
   */
  commit(offsets: PartitionOffsets): Promise<void>
  /** Stops delivery and leaves the group. */
  stop(): Promise<void>
}
