/** What a plan may ask for, and what it asks for when nobody says. Apart from the schema, which is slow to import. */
import {DEFAULT_PARTITIONS} from '../payment/topics.js'

/** Bounds of what a plan may ask for; build.ts holds flags to the same. */
export const LIMITS = {
  rateTps: 1_000_000,
  count: 1_000_000_000_000,
  minAccounts: 10,
  accounts: 10_000_000,
  partitions: 1000,
  share: 0.5,
  phases: 100,
  concurrency: 10_000,
  durationMs: 366 * 86_400_000,
} as const

export const DEFAULTS = {
  seed: 1,
  accountCount: 2000,
  fraudRate: 0.01,
  lookAlikeRate: 0.05,
  /** Of the planned count. */
  warmupShare: 0.1,
  durationMs: 60_000,
  /** What a duration without a rate is counted with, so that the same command gives the same bytes. */
  rateTps: 500,
  partitions: DEFAULT_PARTITIONS,
  reviewScore: 0.5,
  blockScore: 0.8,
} as const
