/**
 * Saves snapshots one shard after the other instead of all in one transaction: between two of them the database is
 * there for others, which matters where all share one session, as in the embedded one. Each shard has its own offsets,
 * so a save that breaks off leaves shards of different ages, and a restart replays to each what it lacks.
 */
import type {SnapshotStore} from '../../store/store.js'

export function shardByShard(store: SnapshotStore): SnapshotStore {
  return {
    saveSnapshots: async (owner, snapshots) => {
      for (const snapshot of snapshots) await store.saveSnapshots(owner, [snapshot])
    },
    loadSnapshots: (owner, shards) => store.loadSnapshots(owner, shards),
    dropSnapshots: (owner, partitions) => store.dropSnapshots(owner, partitions),
  }
}
