/** The table of decided payments, and what is looked up in it: by id range, by debtor, by flag. */
import type {Migration} from './migration.js'

export const payments: Migration = {
  id: '0001_payments',
  sql: `
CREATE TABLE public.payments (
  payment_id          uuid PRIMARY KEY,
  schema_version      smallint NOT NULL,
  created_at          timestamptz NOT NULL,
  payment_type        text NOT NULL,
  debtor_id           text NOT NULL,
  creditor_id         text NOT NULL,
  creditor_type       text NOT NULL,
  amount_minor        bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor <= 9007199254740991),
  currency            text NOT NULL,
  method              text NOT NULL,
  card_token          text,
  card_last_four      text,
  channel             text NOT NULL,
  country             text NOT NULL,
  creditor_country    text NOT NULL,
  ip_address          text NOT NULL,
  device_id           text NOT NULL,
  latitude            double precision NOT NULL,
  longitude           double precision NOT NULL,
  merchant_category   text,
  reference           text,
  original_payment_id text,
  status              text,
  sim_changed_at      timestamptz,
  decision            text NOT NULL CHECK (decision IN ('approve', 'review', 'block')),
  score               double precision NOT NULL CHECK (score >= 0 AND score <= 1),
  reasons             text[] NOT NULL,
  decided_at          timestamptz NOT NULL,
  source_partition    integer NOT NULL CHECK (source_partition >= 0),
  source_offset       bigint NOT NULL CHECK (source_offset >= 0),
  persisted_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN public.payments.amount_minor IS 'minor units of the currency; never above 2^53 - 1';
COMMENT ON COLUMN public.payments.created_at IS 'event time';
COMMENT ON COLUMN public.payments.decided_at IS 'wall clock of the detector, microseconds';

CREATE INDEX payments_debtor_created ON public.payments (debtor_id, created_at);
CREATE INDEX payments_flagged ON public.payments (decided_at) WHERE decision <> 'approve';

CREATE VIEW public.alerts AS
  SELECT payment_id, created_at, payment_type, debtor_id, creditor_id, amount_minor, currency, method, channel,
         country, creditor_country, ip_address, device_id, decision, score, reasons, decided_at, persisted_at
  FROM public.payments
  WHERE decision <> 'approve';
`,
}
