/** What a stream to stdout or a file takes from the seed, so that the same command gives the same bytes. */
import {deriveSeed, Random} from '../base/random.js'
import type {RunTag} from '../payment/payment-id.js'

const COMPONENT = {runTag: 0x72756e74, start: 0x73746172} as const
const DAY_MS = 86_400_000
/** Monday, 2026-01-05, 06:00 UTC: streams start within the year that follows. */
const FIRST_START_MS = 1_767_592_800_000
const START_DAYS = 364

/** 12 lower-case hex digits. */
export function runTagFromSeed(seed: number): RunTag {
  const draw = new Random(deriveSeed(seed, COMPONENT.runTag))
  return draw.uint32().toString(16).padStart(8, '0') + (draw.uint32() >>> 16).toString(16).padStart(4, '0')
}

/** A morning of 2026, ms since the epoch. */
export function startMsFromSeed(seed: number): number {
  return FIRST_START_MS + new Random(deriveSeed(seed, COMPONENT.start)).below(START_DAYS) * DAY_MS
}
