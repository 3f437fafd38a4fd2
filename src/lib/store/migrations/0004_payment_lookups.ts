/**
 * Indexes in the very order of the lists that are paged through (time, then id), so that a page costs what it shows;
 * and the time of decision of all payments, for what was decided in the last minute.
 */
import type {Migration} from './migration.js'

export const paymentLookups: Migration = {
  id: '0004_payment_lookups',
  sql: `
CREATE INDEX payments_debtor_time ON public.payments (debtor_id, created_at, payment_id);
DROP INDEX public.payments_debtor_created;
CREATE INDEX payments_flagged_time ON public.payments (decided_at, payment_id) WHERE decision <> 'approve';
DROP INDEX public.payments_flagged;
CREATE INDEX payments_decided ON public.payments (decided_at);
`,
}
