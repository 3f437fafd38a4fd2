/**
 * Schedules from load phases. The rate over time integrates to Λ(t), the expected number of payments by t: per piece a
 * polynomial of degree one (constant) or two (ramp), so that its inverse is exact. Payment i is due when Λ(t) = i;
 * fractions carry over from phase to phase. Nothing is stored per payment: a schedule may run for ever.
 */
import type {LoadPhase} from '../scenario/plan.js'
import {createArrivals} from './arrivals.js'
import type {Schedule} from './schedule.js'

export interface ScheduleOptions {
  /** For Poisson arrivals. */
  readonly seed: number
  /** Bound on payments; Infinity when only the phases bound. */
  readonly maxCount: number
}

/** A stretch of linear rate, in payments and µs. */
interface Piece {
  readonly startUs: number
  readonly durationUs: number
  readonly startTotal: number
  readonly endTotal: number
  /** Payments per µs at the start and how it changes per µs. */
  readonly rate: number
  readonly slope: number
  readonly poisson: boolean
}

/** Λ is a sum of products: what exceeds a whole payment by less than this share is rounding. */
const ROUNDING = 1e-9

export function createSchedule(phases: readonly LoadPhase[], options: ScheduleOptions): Schedule {
  const pieces = layOut(phases)
  const last = pieces.at(-1)
  const plannedTotal = last?.endTotal ?? 0
  const wholeCount = wholePayments(plannedTotal)
  const totalCount = Math.min(wholeCount, options.maxCount)
  const cut = totalCount < wholeCount
  const endUs = last === undefined ? 0 : last.startUs + last.durationUs
  const durationUs = cut ? timeOf(pieces, totalCount) : endUs
  const arrivals = createArrivals(
    pieces
      .filter(piece => piece.poisson)
      .map(piece => ({
        from: Math.ceil(piece.startTotal),
        to: Math.min(totalCount, Math.ceil(piece.endTotal)),
      })),
    options.seed,
  )

  const dueUs = (index: number): number => Math.round(timeOf(pieces, arrivals(index)))
  return {
    totalCount,
    durationUs,
    dueUs,
    countDue(elapsedUs) {
      if (elapsedUs < 0) return 0
      // The estimate is off by a payment at a rounding edge, and by part of a block with Poisson arrivals.
      let count = Math.min(totalCount, Math.max(0, Math.floor(totalAt(pieces, elapsedUs))))
      while (count < totalCount && dueUs(count) <= elapsedUs) count++
      while (count > 0 && dueUs(count - 1) > elapsedUs) count--
      return count
    },
    description: describeAll(phases, cut ? totalCount : undefined),
    meanRateTps: durationUs === 0 ? Number.POSITIVE_INFINITY : meanRate(pieces, totalCount, durationUs),
    meanRateUntilTps: elapsedUs => (Math.min(totalCount, totalAt(pieces, elapsedUs)) / elapsedUs) * 1e6,
  }
}

function layOut(phases: readonly LoadPhase[]): readonly Piece[] {
  const pieces: Piece[] = []
  let startUs = 0
  let startTotal = 0
  const add = (fromTps: number, toTps: number, durationMs: number, poisson: boolean): void => {
    if (durationMs <= 0) return
    const durationUs = durationMs * 1000
    const rate = fromTps / 1e6
    const slope = toTps === fromTps ? 0 : (toTps - fromTps) / 1e6 / durationUs
    const meanTps = (fromTps + toTps) / 2
    const endTotal = startTotal + (meanTps === 0 ? 0 : (meanTps * durationMs) / 1000)
    pieces.push({startUs, durationUs, startTotal, endTotal, rate, slope, poisson})
    startUs += durationUs
    startTotal = endTotal
  }
  for (const phase of phases) {
    switch (phase.executor) {
      case 'constant-arrival-rate':
        add(phase.rateTps, phase.rateTps, phase.durationMs, phase.arrivals === 'poisson')
        break
      case 'ramping-arrival-rate': {
        let fromTps = phase.startRateTps
        for (const {targetTps, durationMs} of phase.stages) {
          add(fromTps, targetTps, durationMs, phase.arrivals === 'poisson')
          fromTps = targetTps
        }
        break
      }
      case 'shared-iterations': {
        const endTotal = startTotal + phase.count
        pieces.push({startUs, durationUs: 0, startTotal, endTotal, rate: 0, slope: 0, poisson: false})
        startTotal = endTotal
      }
    }
  }
  return pieces
}

function wholePayments(total: number): number {
  return total === Number.POSITIVE_INFINITY ? total : Math.ceil(Math.max(0, total * (1 - ROUNDING) - ROUNDING))
}

/** The time at which Λ reaches `total`; the end of a pause rather than its beginning. */
function timeOf(pieces: readonly Piece[], total: number): number {
  const piece = pieces[findPiece(pieces, one => one.endTotal > total)]
  if (piece === undefined) return 0
  if (piece.durationUs === 0) return piece.startUs
  const rest = Math.max(0, total - piece.startTotal)
  if (piece.slope === 0) {
    return piece.startUs + (piece.rate === 0 ? 0 : Math.min(piece.durationUs, rest / piece.rate))
  }
  // The stable root of slope/2·t² + rate·t = rest: no difference of nearly equal numbers.
  const root = Math.sqrt(Math.max(0, piece.rate * piece.rate + 2 * piece.slope * rest))
  const sum = piece.rate + root
  return piece.startUs + (sum === 0 ? 0 : Math.min(piece.durationUs, (2 * rest) / sum))
}

/** Λ at a time, counting what is due at once. */
function totalAt(pieces: readonly Piece[], elapsedUs: number): number {
  const piece = pieces[findPiece(pieces, one => one.startUs + one.durationUs > elapsedUs)]
  if (piece === undefined) return 0
  const t = Math.min(piece.durationUs, Math.max(0, elapsedUs - piece.startUs))
  if (piece.durationUs === 0) return piece.endTotal
  return Math.min(piece.endTotal, piece.startTotal + (piece.rate + (piece.slope * t) / 2) * t)
}

/** The first piece that passes, or the last one; the test is monotonic along the pieces. */
function findPiece(pieces: readonly Piece[], passes: (piece: Piece) => boolean): number {
  let low = 0
  let high = pieces.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    const piece = pieces[middle]
    if (piece !== undefined && passes(piece)) high = middle
    else low = middle + 1
  }
  return low
}

function meanRate(pieces: readonly Piece[], totalCount: number, durationUs: number): number {
  if (Number.isFinite(durationUs)) return (totalCount / durationUs) * 1e6
  return (pieces.at(-1)?.rate ?? 0) * 1e6
}

/** @param cutCount where the payments end before the phases do */
function describeAll(phases: readonly LoadPhase[], cutCount: number | undefined): string {
  const [only, ...others] = phases
  if (cutCount !== undefined && others.length === 0 && only?.executor === 'constant-arrival-rate') {
    // Without an end of its own the count is the length; else the payments may end before their time.
    if (only.durationMs === Number.POSITIVE_INFINITY) return describe(only, `, ${plural(cutCount)}`)
  }
  return (
    phases.map(phase => describe(phase)).join(', then ') +
    (cutCount === undefined ? '' : `, ${plural(cutCount)} at most`)
  )
}

function describe(phase: LoadPhase, span?: string): string {
  switch (phase.executor) {
    case 'constant-arrival-rate': {
      const ownSpan =
        phase.durationMs === Number.POSITIVE_INFINITY ? ' until stopped' : ` for ${grouped(phase.durationMs / 1000)} s`
      return `${grouped(phase.rateTps)} payments/s${span ?? ownSpan} (constant arrival rate${arrivalsOf(phase)})`
    }
    case 'ramping-arrival-rate': {
      const rates = [phase.startRateTps, ...phase.stages.map(stage => stage.targetTps)].map(grouped).join(' → ')
      const seconds = phase.stages.reduce((sum, stage) => sum + stage.durationMs, 0) / 1000
      return `${rates} payments/s over ${grouped(seconds)} s (ramping arrival rate${arrivalsOf(phase)})`
    }
    case 'shared-iterations':
      return `${plural(phase.count)} as fast as they are taken (shared iterations)`
  }
}

function arrivalsOf(phase: {readonly arrivals: string}): string {
  return phase.arrivals === 'poisson' ? ', Poisson' : ''
}

function plural(count: number): string {
  return `${grouped(count)} ${count === 1 ? 'payment' : 'payments'}`
}

function grouped(value: number): string {
  return value.toLocaleString('en-US', {maximumFractionDigits: 6})
}
