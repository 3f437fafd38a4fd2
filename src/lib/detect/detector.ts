/**
 * The detector's core: payments in, decisions out, synchronous, no I/O. It knows neither Kafka nor the database, and
 * never the truth. State is sharded by input partition for what belongs to the debtor; one shard holds what is shared
 * (creditor, device, IP, card). Each shard remembers the next offset it expects of each input partition, so a
 * redelivered payment never moves a counter twice.
 */
import type {Decision} from '../payment/decision.js'
import type {Payment} from '../payment/payment.js'

export interface InputPosition {
  readonly partition: number
  readonly offset: number
}

export interface ShardSnapshot {
  /** `debtor/<partition>` or `shared`. */
  readonly shard: string
  readonly offsets: ReadonlyMap<number, number>
  readonly stateVersion: number
  readonly state: Buffer
}

/** A rule that hit, and what it added to the score, before the sum is clamped to 1. */
export interface Factor {
  readonly rule: string
  /** In (0, 1]. */
  readonly impact: number
  readonly description: string
}

export interface Look {
  readonly decision: Decision
  /** Strongest first; empty when no rule hit. */
  readonly factors: readonly Factor[]
}

export interface Detector {
  /**
   * Decides on a payment and moves the windows, each shard at most once per input position.
   * A payment whose position a shard has seen is decided by looking only.
   */
  decide(payment: Payment, position: InputPosition): Decision
  /**
   * What `decide` would say of a payment that came now, as the next of its partition. Moves nothing: only the stream
   * moves windows, so the answer holds until the next payment is decided. A payment that the stream has brought
   * already is answered as its redelivery would be, without counting it twice, for as long as it is among the debtor's
   * latest 16; later it counts as a further payment. A late one sees what it would see in the stream: nothing that
   * happened after it in event time.
   *
   * @param partition that of the payment's key: it names the debtor's shard, which need not be here
   */
  look(payment: Payment, partition: number): Look
  /** Marks a record that is not a payment as seen (dead-lettered ones), so that offsets stay contiguous. */
  skip(position: InputPosition): void
  /** The next offset the shards of this partition expect; undefined when the partition is new to them. */
  nextOffset(partition: number): {readonly debtor: number | undefined; readonly shared: number | undefined}
  /** State of the given partitions' debtor shards and of the shared shard, as of now. */
  snapshot(partitions: readonly number[]): ShardSnapshot[]
  /**
   * Takes a snapshot over in place of the shard's state.
   * @throws EnvironmentError code P2PAY_SNAPSHOT when layout or version do not fit
   */
  restore(snapshot: ShardSnapshot): void
  /** Forgets a partition's debtor shard (it moved to another detector). */
  drop(partition: number): void
  readonly stats: DetectorStats
}

export interface DetectorStats {
  readonly entityCount: Readonly<Record<string, number>>
  readonly stateBytes: number
  /** Events older than the windows that still hold them. */
  readonly lateCount: number
  readonly evictedCount: number
}
