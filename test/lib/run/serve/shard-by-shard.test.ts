import {describe, expect, it} from 'vitest'
import {shardByShard} from '../../../../src/lib/run/serve/shard-by-shard.js'
import type {Snapshot, SnapshotStore} from '../../../../src/lib/store/store.js'

const OWNER = {group: 'g', topic: 't'}

function snapshotOf(shard: string): Snapshot {
  return {shard, offsets: new Map([[0, 1]]), stateVersion: 1, state: Buffer.alloc(1)}
}

describe('snapshots saved shard by shard', () => {
  it('are one call each, one after the other, and none after the one that failed', async () => {
    const saved: string[][] = []
    let underWay = 0
    const store: SnapshotStore = {
      saveSnapshots: async (_owner, snapshots) => {
        expect(++underWay).toBe(1)
        await Promise.resolve()
        underWay--
        if (snapshots.some(({shard}) => shard === 'shared')) throw new Error('gone')
        saved.push(snapshots.map(({shard}) => shard))
      },
      loadSnapshots: async () => [],
      dropSnapshots: async () => {},
    }
    const shards = ['debtor/0', 'debtor/1', 'shared', 'debtor/2'].map(snapshotOf)
    await expect(shardByShard(store).saveSnapshots(OWNER, shards)).rejects.toThrow('gone')
    expect(saved).toEqual([['debtor/0'], ['debtor/1']])
  })
})
