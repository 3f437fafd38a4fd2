/** What the HTTP API is built on; `run/serve.ts` puts the parts together. */
import type {Clock} from '../base/clock.js'
import type {Look} from '../detect/detector.js'
import type {Payment} from '../payment/payment.js'
import type {IngestSink} from '../sink/ingest-sink.js'
import type {ClaimTable} from '../store/claims.js'
import type {PaymentQueries} from '../store/payment-queries.js'

/** Decides without moving anything; there with `--detect` alone. */
export interface Scorer {
  /** @throws EnvironmentError P2PAY_DETECTOR_AWAY while there are no windows to look into */
  look(payment: Payment): Look
}

/** Live figures of the detector in this process. */
export interface DetectorFigures {
  readonly decided: number
  readonly approve: number
  readonly review: number
  readonly block: number
  readonly deadLettered: number
  readonly storedRows: number
  /** Decided and not yet written. */
  readonly outboxCount: number
}

export interface ApiOptions {
  readonly clock: Clock
  readonly version: string
  readonly ingest: IngestSink
  /** In the database, or in memory without one. */
  readonly claims: ClaimTable
  /** Null without a database: what needs it answers 503. */
  readonly queries: PaymentQueries | null
  /** Null without `--detect`: /score answers 503. */
  readonly scorer: Scorer | null
  /** Null without `--detect`. */
  readonly detector: (() => DetectorFigures) | null
  /**
   * Names who is told the latency of each decision of that detector, due → decided; called once at most. Absent:
   * decision latency is not measured.
   */
  readonly watchDecisions?: ((onDecided: (latencyUs: number) => void) => void) | undefined
  /** Records of the raw topic that the group has not committed, by partition; null when nobody could say. */
  readonly lag: () => Promise<ReadonlyMap<number, number> | null>
  /** For /readyz: what is wrong, empty when ready. */
  readonly troubles: () => Promise<readonly string[]>
  readonly limits: ApiLimits
  /** Compared in constant time with X-API-Key or Authorization: Bearer; undefined = everybody is let in. */
  readonly apiKey: string | undefined
  readonly onNote: (text: string) => void
}

/** The bounds of everything that a client could make grow. */
export interface ApiLimits {
  /** One payment, the wire format's own limit. */
  readonly bodyBytes: number
  /** NDJSON batches. */
  readonly batchBytes: number
  readonly batchCount: number
  /** From the request to the broker's ack; past it 503. */
  readonly ackTimeoutMs: number
  /** A decision of /score that took longer is not given: 503. */
  readonly scoreBudgetMs: number
  /** Payments taken over and without an outcome; beyond it 503. */
  readonly pendingCount: number
  readonly claimTtlMs: number
  /** Between the starts of two calls to the table of claims while few requests wait; 0 = none. */
  readonly claimPaceMs: number
  /** A whole request must be there within it (slow senders): 408. */
  readonly requestTimeoutMs: number
  readonly maxHeaderBytes: number
  readonly connections: number
  /** What Retry-After says, seconds. */
  readonly retryAfterS: number
}

export const API_LIMITS: ApiLimits = {
  bodyBytes: 65_536,
  batchBytes: 8 * 1024 * 1024,
  batchCount: 10_000,
  ackTimeoutMs: 10_000,
  scoreBudgetMs: 100,
  pendingCount: 10_000,
  claimTtlMs: 24 * 3_600_000,
  claimPaceMs: 0,
  requestTimeoutMs: 10_000,
  maxHeaderBytes: 16_384,
  connections: 10_000,
  retryAfterS: 1,
}

/** How many payments were answered with 503 without a word of the broker's. */
export interface LaterCounts {
  /** QUEUE_FULL: never taken over. */
  readonly refused: number
  /** ACK_TIMEOUT: an outcome came later, if at all. */
  readonly late: number
  /** DATABASE_UNAVAILABLE: their claims could not be made or read. */
  readonly unclaimed: number
}

/** A running API. */
export interface ApiServer {
  /** `http://127.0.0.1:8000`. */
  readonly url: string
  /** Payments answered with 503 that the ingest sink knows nothing of, or not yet; since the start. */
  laterCounts(): LaterCounts
  /** Takes no new request, answers those under way, then closes. */
  close(): Promise<void>
}
