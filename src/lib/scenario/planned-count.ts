/** How many payments phases ask for, and how long they last; exact figures are the schedule's (pace/). */
import type {LoadPhase, Plan} from './plan.js'

/**
 * Payments that a plan asks for, rounded; Infinity when it has no end. The schedule's own count may differ by one at
 * the seams of phases, or by chance with Poisson arrivals.
 */
export function plannedCountOf({load, maxCount}: Pick<Plan, 'load' | 'maxCount'>): number {
  const count = load.map(countOf).reduce((sum, each) => sum + each, 0)
  return Math.min(Math.round(count), maxCount)
}

/** ms that phases last; one without a rate, as long as its count takes at `rateTps`. */
export function lengthMsOf(load: readonly LoadPhase[], rateTps: number): number {
  return load.map(phase => phaseLengthMs(phase, rateTps)).reduce((sum, each) => sum + each, 0)
}

function countOf(phase: LoadPhase): number {
  switch (phase.executor) {
    case 'constant-arrival-rate':
      return (phase.rateTps * phase.durationMs) / 1000
    case 'shared-iterations':
      return phase.count
    case 'ramping-arrival-rate': {
      let fromTps = phase.startRateTps
      let count = 0
      for (const {targetTps, durationMs} of phase.stages) {
        count += (((fromTps + targetTps) / 2) * durationMs) / 1000
        fromTps = targetTps
      }
      return count
    }
  }
}

function phaseLengthMs(phase: LoadPhase, rateTps: number): number {
  switch (phase.executor) {
    case 'constant-arrival-rate':
      return phase.durationMs
    case 'ramping-arrival-rate':
      return phase.stages.reduce((total, stage) => total + stage.durationMs, 0)
    case 'shared-iterations':
      return (phase.count / rateTps) * 1000
  }
}
