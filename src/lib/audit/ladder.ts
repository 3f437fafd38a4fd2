/**
 * The ladder: every payment of a run counted by id at each stage, and the identities between the stages
 * (design, section 6): planned ≥ sent ≥ acked; acked (+ arrived unknown) = on raw = legit + fraud + dlq;
 * rows = legit + fraud; alerts = fraud.
 */
export interface Ladder {
  readonly planned: number
  readonly sent: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  /** Distinct payment ids of this run. */
  readonly onRaw: number
  readonly legit: number
  readonly fraud: number
  readonly dlq: number
  readonly rows: number
  readonly alerts: number
  readonly anomalies: readonly LadderAnomaly[]
  readonly balanced: boolean
}

export type AnomalyKind =
  /** Acked, and at `stage` neither it nor anything that explains it. */
  | 'lost'
  /** More than once at `stage` (a topic: normal for at-least-once; counted). */
  | 'duplicate'
  /** Of this run's tag, never sent. */
  | 'phantom'
  /** Unknown outcome that did arrive (explained, counted). */
  | 'arrived-unknown'
  /** Decision, topic and row disagree. */
  | 'misrouted'

export interface LadderAnomaly {
  readonly kind: AnomalyKind
  readonly stage: 'raw' | 'decided' | 'rows' | 'alerts'
  readonly count: number
  /** Up to 20 payment ids. */
  readonly examples: readonly string[]
  /** Whether it breaks the books. */
  readonly fatal: boolean
}
