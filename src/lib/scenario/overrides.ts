import type {ArrivalKind} from './plan.js'

/** What flags say over a scenario file, or without one; absent = not given. */
export interface PlanOverrides {
  readonly name?: string | undefined
  readonly seed?: number | undefined
  /** Payments/s in (0, 1,000,000], or as fast as the sink takes them. */
  readonly rateTps?: number | 'max' | undefined
  /** ms; Infinity for `forever`. */
  readonly durationMs?: number | undefined
  /** `--count`: payments. */
  readonly maxCount?: number | undefined
  readonly arrivals?: ArrivalKind | undefined
  readonly accountCount?: number | undefined
  readonly fraudRate?: number | undefined
  readonly lookAlikeRate?: number | undefined
  readonly warmupCount?: number | undefined
  readonly clock?: 'simulated' | 'wall' | undefined
  /** Event time of the first payments, ms since the epoch. */
  readonly startMs?: number | undefined
  readonly partitions?: number | undefined
}
