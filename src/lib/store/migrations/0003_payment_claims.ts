/**
 * The idempotency table: many rows inserted, each updated once within a second and deleted a day later. Only columns
 * without an index change when a claim is accepted or taken over, and pages are left half empty, so that the new
 * version of a row finds its place beside the old one and no index is touched (HOT); the old one's place is free again
 * without a vacuum. Keys compare as bytes: no locale decides who claimed first, and comparing is cheap.
 */
import type {Migration} from './migration.js'

export const paymentClaims: Migration = {
  id: '0003_payment_claims',
  sql: `
CREATE TABLE public.payment_claims (
  scope      text COLLATE "C" NOT NULL CHECK (scope IN ('payment', 'key')),
  claim_key  text COLLATE "C" NOT NULL CHECK (char_length(claim_key) BETWEEN 1 AND 255),
  payment_id uuid NOT NULL,
  owner      uuid NOT NULL,
  claimed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  state      text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'accepted')),
  digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
  value      bytea NOT NULL CHECK (octet_length(value) <= 1048576),
  PRIMARY KEY (scope, claim_key)
) WITH (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05
);
COMMENT ON TABLE public.payment_claims IS 'who has claimed a payment id or an Idempotency-Key first; gone after expires_at';
COMMENT ON COLUMN public.payment_claims.claimed_at IS 'of the claim, or of the last take-over: the lease counts from here';
COMMENT ON COLUMN public.payment_claims.digest IS 'SHA-256 of the canonical fields as the client gave them';
COMMENT ON COLUMN public.payment_claims.value IS 'the bytes that go to the raw topic';

CREATE INDEX payment_claims_expiry ON public.payment_claims (expires_at);
CREATE INDEX payment_claims_keyed ON public.payment_claims (payment_id) WHERE scope = 'key';
`,
}
