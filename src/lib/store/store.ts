/** Port to the database: rows of decided payments and the detector's snapshots. */
import type {Decision, DecisionKind} from '../payment/decision.js'
import type {Payment} from '../payment/payment.js'
import type {PartitionOffsets} from '../payment/record.js'

/** A decided payment, as it becomes a row. */
export interface PaymentRow {
  readonly payment: Payment
  readonly decision: Decision
  /** Wall clock µs since the epoch. */
  readonly decidedUs: number
  readonly partition: number
  readonly offset: number
}

export interface StoredDecision {
  readonly paymentId: string
  readonly decision: Decision
  readonly decidedUs: number
}

/** A row of the audit's range scan; money as bigint never leaves the store as text. */
export interface StoredPayment {
  readonly paymentId: string
  readonly kind: DecisionKind
  readonly score: number
  readonly amountMinor: number
  readonly currency: string
}

export interface Snapshot {
  /** Which state: `debtor/3` (of input partition 3) or `shared`. */
  readonly shard: string
  /** Next offset of each input partition that the state has seen; state and offsets are one. */
  readonly offsets: PartitionOffsets
  /** Version of the state's layout; another version is not restored. */
  readonly stateVersion: number
  readonly state: Buffer
}

export interface PaymentStore {
  /** For the first line of a run: server version, host, database. No password. */
  readonly description: string
  /**
   * Inserts rows, idempotent by payment id: the first writer wins.
   * @returns the decisions already stored for rows that were not new (redelivered or sent twice)
   * @throws EnvironmentError code P2PAY_DATABASE_DOWN when the database is gone (worth waiting for);
   *   RowError when single rows are refused (worth bisecting)
   */
  insert(rows: readonly PaymentRow[]): Promise<readonly StoredDecision[]>
  /** Replaces the snapshots of (group, topic, shard), all or none; older offsets never replace newer ones. */
  saveSnapshots(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void>
  loadSnapshots(owner: SnapshotOwner, shards: readonly string[]): Promise<readonly Snapshot[]>
  /** Rows of an id range in id order, in pages of `pageSize`. */
  scan(
    range: {readonly first: string; readonly last: string},
    pageSize: number,
  ): AsyncIterable<readonly StoredPayment[]>
  count(range: {readonly first: string; readonly last: string}): Promise<number>
  /** Deletes the rows of an id range; returns how many. */
  deleteRange(range: {readonly first: string; readonly last: string}): Promise<number>
  close(): Promise<void>
}

export interface SnapshotOwner {
  readonly group: string
  readonly topic: string
}
