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

/** A row of the audit's range scan; the database's bigint is a safe integer here. */
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

/**
 * At least one row of a batch is not something the table takes: a NUL character, a value out of range, an id that is
 * no UUID. Nothing of the batch was stored; the caller bisects it and dead-letters the row.
 */
export class RowError extends Error {
  readonly code = 'P2PAY_ROW_REFUSED'

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : {cause})
    this.name = 'RowError'
  }
}

/** Where a detector's state lives between runs: the database, or local files when there is none. */
export interface SnapshotStore {
  /**
   * Replaces the snapshots of (group, topic, shard), all or none. A snapshot that is behind the stored one in any
   * partition is left out: older offsets never replace newer ones.
   */
  saveSnapshots(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void>
  /** The stored snapshots among these shards, in the order asked; shards without one are left out. */
  loadSnapshots(owner: SnapshotOwner, shards: readonly string[]): Promise<readonly Snapshot[]>
  /** Removes the snapshots that have seen one of these partitions: its offsets mean other records from now on. */
  dropSnapshots(owner: SnapshotOwner, partitions: readonly number[]): Promise<void>
}

export interface PaymentStore extends SnapshotStore {
  /** For the first line of a run: server version, host, database. No password. */
  readonly description: string
  /**
   * Inserts rows, idempotent by payment id: the first writer wins, also within one batch. All or none.
   * @returns the stored decision of each row that was not new (redelivered or sent twice), in the order of `rows`;
   *   the number of new rows is therefore `rows.length` minus the length of the answer
   * @throws EnvironmentError code P2PAY_DATABASE_DOWN when the database is gone (worth waiting for: the rows may or
   *   may not be stored, and inserting them again settles it); RowError when single rows are refused (worth bisecting)
   */
  insert(rows: readonly PaymentRow[]): Promise<readonly StoredDecision[]>
  /** Rows of an id range (both ends inclusive) in id order, in pages of `pageSize`. */
  scan(
    range: {readonly first: string; readonly last: string},
    pageSize: number,
  ): AsyncIterable<readonly StoredPayment[]>
  count(range: {readonly first: string; readonly last: string}): Promise<number>
  /** Deletes the rows of an id range, and the claims on its ids (store/claims.ts); returns how many rows. */
  deleteRange(range: {readonly first: string; readonly last: string}): Promise<number>
  close(): Promise<void>
}

export interface SnapshotOwner {
  readonly group: string
  readonly topic: string
}
