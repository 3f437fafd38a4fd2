/**
 * A validated scenario: everything with its default filled in, nothing left to guess.
 * `scenario/` makes it from a file and flags; all floors above read it.
 */
import type {Typology} from '../payment/label.js'

export type ArrivalKind = 'uniform' | 'poisson'

/** One phase of load; phases follow each other. Words are k6's. */
export type LoadPhase =
  | {
      readonly executor: 'constant-arrival-rate'
      readonly name?: string
      readonly rateTps: number
      /** ms; Infinity for `forever`. */
      readonly durationMs: number
      readonly arrivals: ArrivalKind
    }
  | {
      readonly executor: 'ramping-arrival-rate'
      readonly name?: string
      readonly startRateTps: number
      readonly stages: readonly {readonly targetTps: number; readonly durationMs: number}[]
      readonly arrivals: ArrivalKind
    }
  /** As fast as the sink takes them (`--tps max`, files): `count` payments without a rate. */
  | {
      readonly executor: 'shared-iterations'
      readonly name?: string
      readonly count: number
      /** Requests under way at once, of a load test. */
      readonly concurrency?: number
    }

export type Severity = 'fail' | 'warn'

export interface ThresholdPlan {
  /** A metric of design section 6, such as `detect.decision_time`. */
  readonly metric: string
  /** k6's expression syntax: `p(99)<250ms`, `>=0.99`, `==0`. */
  readonly expression: string
  readonly severity: Severity
}

export interface Plan {
  readonly name: string
  readonly seed: number
  readonly accountCount: number
  /** Event time of the beginning, ms since the epoch; undefined = launch time (Kafka) or from the seed (files). */
  readonly startMs?: number
  readonly clock: 'simulated' | 'wall'
  readonly fraudRate: number
  readonly typologies: Readonly<Partial<Record<Typology, number>>>
  readonly lookAlikeRate: number
  /** The first payments of the run, sent like the rest but left out of detection figures and latency. */
  readonly warmupCount: number
  readonly load: readonly LoadPhase[]
  /** Upper bound on payments (`--count`); Infinity when only the duration bounds. */
  readonly maxCount: number
  readonly partitions: number
  readonly detector: DetectorPlan
  readonly thresholds: readonly ThresholdPlan[]
}

export interface DetectorPlan {
  /** Scores at or above go to review / block, in [0, 1], review ≤ block. */
  readonly reviewScore: number
  readonly blockScore: number
  /** Limits and scores of rules, by rule name, over their defaults: `{amount: {limit: 500000, score: 0.4}}`. */
  readonly rules: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** What scenario/load.ts makes of a file or flags. */
export interface LoadedPlan {
  readonly plan: Plan
  /** Of the effective plan's canonical JSON, flags included: equal digests plan equal runs. */
  readonly sha256: string
  readonly description: string | null
}
