/**
 * The ladder: every payment of a run counted by id at each stage, and the identities between the stages
 * (design, section 6): planned ≥ sent ≥ acked; acked (+ arrived unknown) = on raw = legit + fraud + dlq;
 * rows = legit + fraud; alerts = fraud. Each identity holds for ids, not only for totals.
 */

/** Where a payment of the run can be seen. */
export const STAGES = ['raw', 'legit', 'fraud', 'dlq', 'rows', 'alerts'] as const
export type Stage = (typeof STAGES)[number]

/** Distinct payment ids of this run at each stage; null = the stage was not looked at. */
export interface Ladder {
  readonly planned: number
  readonly sent: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  readonly onRaw: number | null
  readonly legit: number | null
  readonly fraud: number | null
  readonly dlq: number | null
  readonly rows: number | null
  readonly alerts: number | null
  /** Records of others (another run, another producer) met at a stage; they are nobody's loss. */
  readonly foreign: Readonly<Partial<Record<Stage, number>>>
  readonly anomalies: readonly LadderAnomaly[]
  /** No fatal anomaly. */
  readonly balanced: boolean
}

export const ANOMALY_KINDS = [
  /** There at the stage before (for `raw`: acknowledged), and absent at `stage`. */
  'lost',
  /** More than once at `stage`. A topic: normal for at-least-once, counted. The table: fatal. */
  'duplicate',
  /** Of this run's tag, never sent (or refused before append); at the first stage that shows it. */
  'phantom',
  /** Sent, with an outcome that is unknown, and it did arrive: explained, counted. */
  'arrived-unknown',
  /** Sent, at `stage`, and absent at the stage before. */
  'unexplained',
  /** Topic, decision and row disagree. */
  'misrouted',
  /** More than one fate: legit and fraud, decided and dead-lettered, or two different decisions. */
  'contradicted',
] as const
export type AnomalyKind = (typeof ANOMALY_KINDS)[number]

/** `decided` is legit, fraud and dlq together. */
export const ANOMALY_STAGES = ['raw', 'decided', 'legit', 'fraud', 'dlq', 'rows', 'alerts'] as const
export type AnomalyStage = (typeof ANOMALY_STAGES)[number]

export interface LadderAnomaly {
  readonly kind: AnomalyKind
  readonly stage: AnomalyStage
  /** Payments, each counted once; for duplicates those that occur more than once. */
  readonly count: number
  /** Up to 20 payment ids, lowest sequence numbers first. */
  readonly examples: readonly string[]
  /** Whether it breaks the books. */
  readonly fatal: boolean
}
