/** How `--tps`, `--duration`, `--count` and `--arrivals` change a scenario's load, or make one without a file. */

import {DEFAULTS} from './limits.js'
import {FLAG_NAMES, type PlanOverrides} from './overrides.js'
import type {ArrivalKind, LoadPhase} from './plan.js'
import {lengthMsOf, plannedCountOf} from './planned-count.js'
import type {Report} from './problem.js'

/**
 * - `--tps N` replaces the load by one constant phase, as long as asked, or as the file's load, or one minute;
 *   with `--count` as long as that takes.
 * - `--tps max`, or no file and no rate: so many payments without a rate. A duration is then counted at
 *   500 payments/s, because bytes must not depend on how fast a machine writes them.
 * - `--duration` alone changes a single constant phase; `--count` alone ends any load early.
 */
export function loadOf(file: readonly LoadPhase[] | undefined, overrides: PlanOverrides, report: Report): LoadPhase[] {
  const {rateTps, durationMs, maxCount} = overrides
  const flags = overrides.flagNames ?? FLAG_NAMES
  if (overrides.load !== undefined) return [...overrides.load]
  const arrivals = overrides.arrivals ?? arrivalsOf(file)
  if (typeof rateTps === 'number') {
    const lengthMs =
      durationMs ??
      (maxCount === undefined
        ? file === undefined
          ? DEFAULTS.durationMs
          : lengthMsOf(file, rateTps)
        : Number.POSITIVE_INFINITY)
    return [{executor: 'constant-arrival-rate', rateTps, durationMs: lengthMs, arrivals}]
  }
  if (rateTps === 'max' || file === undefined)
    return [{executor: 'shared-iterations', count: unpacedCount(file, overrides)}]

  const [only, ...others] = file
  const isSimple = others.length === 0 && only?.executor === 'constant-arrival-rate'
  if (isSimple) {
    // A count beyond the file's end goes on at its rate.
    const isBeyond =
      maxCount !== undefined && maxCount > plannedCountOf({load: file, maxCount: Number.POSITIVE_INFINITY})
    const lengthMs = durationMs ?? (isBeyond ? Number.POSITIVE_INFINITY : only.durationMs)
    return [{...only, durationMs: lengthMs, arrivals}]
  }
  const shape = 'the scenario’s load is not one constant rate'
  if (durationMs !== undefined)
    report('--duration', `${shape}; add ${flags.rate} to replace it, or end it early with ${flags.count}`)
  if (others.length === 0 && only?.executor === 'shared-iterations') return [{...only, count: maxCount ?? only.count}]
  if (maxCount !== undefined && maxCount > plannedCountOf({load: file, maxCount: Number.POSITIVE_INFINITY})) {
    report(flags.count, `${shape}, and plans fewer payments than ${maxCount}; add ${flags.rate} to replace it`)
  }
  return file.map(phase => (phase.executor === 'shared-iterations' ? phase : {...phase, ...givenArrivals(overrides)}))
}

function unpacedCount(file: readonly LoadPhase[] | undefined, {durationMs, maxCount}: PlanOverrides): number {
  if (maxCount !== undefined) return maxCount
  if (durationMs === undefined && file !== undefined)
    return plannedCountOf({load: file, maxCount: Number.POSITIVE_INFINITY})
  return Math.max(1, Math.round(((durationMs ?? DEFAULTS.durationMs) / 1000) * DEFAULTS.rateTps))
}

function arrivalsOf(file: readonly LoadPhase[] | undefined): ArrivalKind {
  const paced = file?.find(phase => phase.executor !== 'shared-iterations')
  return paced?.arrivals ?? 'uniform'
}

function givenArrivals({arrivals}: PlanOverrides): {arrivals?: ArrivalKind} {
  return arrivals === undefined ? {} : {arrivals}
}
