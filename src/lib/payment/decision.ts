/** What the detector says of a payment. `flagged` is review or block. */

export const DECISIONS = ['approve', 'review', 'block'] as const
export type DecisionKind = (typeof DECISIONS)[number]

export interface Decision {
  readonly kind: DecisionKind
  /** In [0, 1]. */
  readonly score: number
  /** Names of the rules that hit, strongest first; empty when none did. */
  readonly reasons: readonly string[]
}

export function isFlagged(kind: DecisionKind): boolean {
  return kind !== 'approve'
}
