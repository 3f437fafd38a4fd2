/**
 * The detector's state together with the offsets it has seen. States are split into chunks, so that no single value
 * comes near PostgreSQL's limits; they are stored as they are, because compressing them costs more than it saves.
 */
import type {Migration} from './migration.js'

export const detectorSnapshots: Migration = {
  id: '0002_detector_snapshots',
  sql: `
CREATE TABLE public.detector_snapshots (
  consumer_group text NOT NULL,
  topic          text NOT NULL,
  shard          text NOT NULL,
  state_version  integer NOT NULL,
  offsets        jsonb NOT NULL,
  state_bytes    bigint NOT NULL,
  saved_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer_group, topic, shard)
);
COMMENT ON COLUMN public.detector_snapshots.offsets IS 'next offset by input partition, such as {"0": 1200}';

CREATE TABLE public.detector_snapshot_chunks (
  consumer_group text NOT NULL,
  topic          text NOT NULL,
  shard          text NOT NULL,
  position       integer NOT NULL,
  bytes          bytea NOT NULL,
  PRIMARY KEY (consumer_group, topic, shard, position),
  FOREIGN KEY (consumer_group, topic, shard) REFERENCES public.detector_snapshots ON DELETE CASCADE
);
ALTER TABLE public.detector_snapshot_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
`,
}
