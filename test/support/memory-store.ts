/** A database of two tables in memory: payments and snapshots, with the contract of store/store.ts. */
import {
  type PaymentRow,
  type PaymentStore,
  RowError,
  type Snapshot,
  type SnapshotOwner,
  type StoredDecision,
  type StoredPayment,
} from '../../src/lib/store/store.js'
import type {Life} from './memory-kafka.js'

/** What survives the process. */
export class MemoryTables {
  readonly rows = new Map<string, PaymentRow>()
  readonly snapshots = new Map<string, Snapshot>()
}

export interface TestStoreOptions {
  /** Rows that the table does not take. */
  readonly refuse?: (row: PaymentRow) => boolean
  readonly insertMs?: number
}

export class TestStore implements PaymentStore {
  readonly description = 'memory'
  readonly #tables: MemoryTables
  readonly #life: Life
  readonly #options: TestStoreOptions
  inserts = 0

  constructor(tables: MemoryTables, life: Life, options: TestStoreOptions = {}) {
    this.#tables = tables
    this.#life = life
    this.#options = options
  }

  async insert(rows: readonly PaymentRow[]): Promise<readonly StoredDecision[]> {
    this.inserts += 1
    await this.#life.step('insert', this.#options.insertMs ?? 1)
    if (rows.some(row => this.#options.refuse?.(row) === true)) throw new RowError('a row is refused')
    const known: StoredDecision[] = []
    for (const row of rows) {
      const {paymentId} = row.payment
      const before = this.#tables.rows.get(paymentId)
      if (before === undefined) this.#tables.rows.set(paymentId, row)
      else known.push({paymentId, decision: before.decision, decidedUs: before.decidedUs})
    }
    await this.#life.step('inserted')
    return known
  }

  async saveSnapshots(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void> {
    await this.#life.step('save', 1)
    for (const snapshot of snapshots) {
      const id = JSON.stringify([owner.group, owner.topic, snapshot.shard])
      const before = this.#tables.snapshots.get(id)
      const isBehind = [...(before?.offsets ?? [])].some(([p, offset]) => (snapshot.offsets.get(p) ?? 0) < offset)
      if (!isBehind) this.#tables.snapshots.set(id, snapshot)
    }
    await this.#life.step('saved')
  }

  async loadSnapshots(owner: SnapshotOwner, shards: readonly string[]): Promise<readonly Snapshot[]> {
    await this.#life.step('load', 1)
    return shards.flatMap(shard => {
      const snapshot = this.#tables.snapshots.get(JSON.stringify([owner.group, owner.topic, shard]))
      return snapshot === undefined ? [] : [snapshot]
    })
  }

  async dropSnapshots(owner: SnapshotOwner, partitions: readonly number[]): Promise<void> {
    await this.#life.step('drop', 1)
    for (const [id, {offsets}] of this.#tables.snapshots) {
      const isOwn = id.startsWith(JSON.stringify([owner.group, owner.topic]).slice(0, -1))
      if (isOwn && partitions.some(partition => offsets.has(partition))) this.#tables.snapshots.delete(id)
    }
  }

  async *scan(): AsyncIterable<readonly StoredPayment[]> {}

  async count(): Promise<number> {
    return this.#tables.rows.size
  }

  async deleteRange(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {}
}
