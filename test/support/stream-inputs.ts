import {runTagFromSeed, startMsFromSeed} from '../../src/lib/generate/defaults.js'
import type {StreamInputs} from '../../src/lib/generate/stream.js'

/** Inputs of a small stream with all typologies, for tests that do not care which. */
export function streamInputs(changes: Partial<StreamInputs> = {}): StreamInputs {
  const seed = changes.seed ?? 42
  return {
    seed,
    runTag: runTagFromSeed(seed),
    startMs: startMsFromSeed(seed),
    accountCount: 2000,
    fraudRate: 0.02,
    lookAlikeRate: 0.05,
    typologies: {
      'velocity-burst': 1,
      'account-takeover': 1,
      'card-testing': 1,
      'mule-fan-in': 1,
      structuring: 1,
    },
    key: 'debtor_id',
    ...changes,
  }
}
