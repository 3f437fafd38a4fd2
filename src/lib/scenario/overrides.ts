import type {ArrivalKind, LoadPhase, ThresholdPlan} from './plan.js'

/** Of `generate` and `run`. */
export const FLAG_NAMES = {rate: '--tps', count: '--count'} as const

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
  /** Instead of the file's load, and of what rate and duration would make of it. */
  readonly load?: readonly LoadPhase[] | undefined
  /** Beside those of the file. */
  readonly thresholds?: readonly ThresholdPlan[] | undefined
  /** What a command calls them in messages; `--tps` and `--count` unless it says. */
  readonly flagNames?: {readonly rate: string; readonly count: string} | undefined
}
