/** A detector's snapshots in PostgreSQL: one header row and as many chunks as the state needs, in one transaction. */
import {assert} from '../base/assert.js'
import {EnvironmentError} from '../base/errors.js'
import type {PartitionOffsets} from '../payment/record.js'
import type {Query} from './query.js'
import type {Snapshot, SnapshotOwner} from './store.js'

/** Largest bytea of one row. */
export const CHUNK_BYTES = 1_048_576

// A partition that the new state does not know counts as offset −1: a state that has seen less never replaces one
// that has seen more. The conflicting row is locked, so two savers of one shard cannot pass each other.
const UPSERT_HEADER = `
INSERT INTO public.detector_snapshots AS stored
  (consumer_group, topic, shard, state_version, offsets, state_bytes, saved_at)
VALUES ($1, $2, $3, $4, $5, $6, now())
ON CONFLICT (consumer_group, topic, shard) DO UPDATE
  SET state_version = excluded.state_version, offsets = excluded.offsets, state_bytes = excluded.state_bytes,
      saved_at = excluded.saved_at
  WHERE NOT EXISTS (
    SELECT 1 FROM jsonb_each_text(stored.offsets) AS old(partition, next)
    WHERE old.next::bigint > coalesce((excluded.offsets ->> old.partition)::bigint, -1))
RETURNING shard`

const DELETE_CHUNKS = `
DELETE FROM public.detector_snapshot_chunks WHERE consumer_group = $1 AND topic = $2 AND shard = $3`

const INSERT_CHUNK = `
INSERT INTO public.detector_snapshot_chunks (consumer_group, topic, shard, position, bytes) VALUES ($1, $2, $3, $4, $5)`

const DELETE_SNAPSHOTS = `
DELETE FROM public.detector_snapshots WHERE consumer_group = $1 AND topic = $2 AND offsets ?| $3::text[]`

const SELECT_HEADER = `
SELECT state_version, offsets::text, state_bytes::text FROM public.detector_snapshots
WHERE consumer_group = $1 AND topic = $2 AND shard = $3`

const SELECT_CHUNKS = `
SELECT bytes FROM public.detector_snapshot_chunks
WHERE consumer_group = $1 AND topic = $2 AND shard = $3 ORDER BY position`

/** Within the caller's transaction. */
export async function writeSnapshots(
  query: Query,
  owner: SnapshotOwner,
  snapshots: readonly Snapshot[],
): Promise<void> {
  // In one order for everybody, so that two savers never wait for each other.
  const ordered = [...snapshots].sort((a, b) => (a.shard < b.shard ? -1 : 1))
  for (const snapshot of ordered) {
    const key = [owner.group, owner.topic, snapshot.shard]
    const header = [...key, snapshot.stateVersion, offsetsToJson(snapshot.offsets), snapshot.state.length]
    const {count} = await query(UPSERT_HEADER, header)
    if (count === 0) continue
    await query(DELETE_CHUNKS, key)
    for (let start = 0, position = 0; start < snapshot.state.length; start += CHUNK_BYTES, position++) {
      await query(INSERT_CHUNK, [...key, position, snapshot.state.subarray(start, start + CHUNK_BYTES)])
    }
  }
}

/** Within a transaction that sees one state of the tables (repeatable read). */
export async function readSnapshots(
  query: Query,
  owner: SnapshotOwner,
  shards: readonly string[],
): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = []
  for (const shard of shards) {
    const key = [owner.group, owner.topic, shard]
    const {rows} = await query(SELECT_HEADER, key)
    const header = rows[0]
    if (header === undefined) continue
    const chunks = await query(SELECT_CHUNKS, key)
    const state = Buffer.concat(chunks.rows.map(row => toBuffer(row[0])))
    if (state.length !== Number(header[2])) {
      throw new EnvironmentError(`The stored snapshot of ${shard} has ${state.length} bytes instead of ${header[2]}`, {
        code: 'P2PAY_SNAPSHOT',
        suggestions: ['delete its row from detector_snapshots; the detector then starts it anew'],
      })
    }
    snapshots.push({shard, offsets: offsetsFromJson(String(header[1])), stateVersion: Number(header[0]), state})
  }
  return snapshots
}

/** Their chunks go with them. */
export async function deleteSnapshots(
  query: Query,
  owner: SnapshotOwner,
  partitions: readonly number[],
): Promise<void> {
  await query(DELETE_SNAPSHOTS, [owner.group, owner.topic, partitions.map(String)])
}

/** `{"0": 1200}`; also the form in snapshot files. */
export function offsetsToJson(offsets: PartitionOffsets): string {
  return JSON.stringify(Object.fromEntries(offsets))
}

export function offsetsFromJson(json: string): Map<number, number> {
  const entries = Object.entries(JSON.parse(json) as Record<string, unknown>)
  return new Map(entries.map(([partition, offset]) => [Number(partition), Number(offset)]))
}

function toBuffer(value: unknown): Buffer {
  assert(Buffer.isBuffer(value), 'a bytea did not arrive as a Buffer')
  return value
}
