/**
 * Ways of living: when people pay in the week and what for. Hour shapes follow PaySim's aggregates (quiet night, peak
 * at 19 to 20 h) spread over four kinds of people, weekdays follow Sparkov's weights, softened; businesses keep office
 * hours. Every shape has the mean 1 over the week, so that rates mean what they say.
 */

export interface Segment {
  readonly name: string
  /** Share among persons, relative; 0 = not a person's segment. */
  readonly weight: number
  /** 168 relative intensities, Monday 0 h first, local time; mean 1. */
  readonly shape: Float64Array
  /** Mean payments against the average account. */
  readonly activity: number
  /** Spending against the average account. */
  readonly spending: number
  /** Cumulative shares of transfer, purchase, bill (the rest is cash_out). */
  readonly mix: readonly [number, number, number]
}

export const HOURS_PER_WEEK = 168

const PERSON_DAYS = [0.85, 0.9, 0.95, 1, 1.15, 1.2, 0.95]
const BUSINESS_DAYS = [1.3, 1.3, 1.25, 1.25, 1.2, 0.35, 0.15]

export const SEGMENTS: readonly Segment[] = [
  segment(
    'salaried',
    40,
    1,
    1,
    [0.36, 0.8, 0.93],
    PERSON_DAYS,
    [
      0.2, 0.12, 0.08, 0.06, 0.08, 0.2, 0.5, 0.9, 1, 0.9, 0.9, 1.1, 1.6, 1.3, 1, 1, 1.2, 1.8, 2.2, 2.4, 2.2, 1.7, 1,
      0.5,
    ],
  ),
  segment(
    'young',
    22,
    1.3,
    0.6,
    [0.5, 0.92, 0.96],
    PERSON_DAYS,
    [
      1.1, 0.7, 0.4, 0.25, 0.12, 0.08, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 1.2, 1.1, 1, 1, 1.1, 1.3, 1.7, 2, 2.3, 2.4, 2.1,
      1.6,
    ],
  ),
  segment(
    'family',
    22,
    1.1,
    1.2,
    [0.32, 0.78, 0.95],
    PERSON_DAYS,
    [
      0.1, 0.06, 0.05, 0.05, 0.08, 0.3, 0.7, 1.1, 1.4, 1.3, 1.2, 1.2, 1.1, 1, 1.1, 1.4, 1.6, 1.5, 1.2, 1.5, 2, 1.6, 0.8,
      0.3,
    ],
  ),
  segment(
    'retired',
    16,
    0.6,
    0.9,
    [0.26, 0.66, 0.85],
    PERSON_DAYS,
    [
      0.1, 0.08, 0.06, 0.06, 0.1, 0.3, 0.6, 1, 1.7, 2.2, 2.3, 2, 1.4, 1.1, 1.4, 1.6, 1.5, 1.2, 1, 0.8, 0.6, 0.4, 0.2,
      0.12,
    ],
  ),
  segment(
    'business',
    0,
    0.8,
    6,
    [0.45, 0.6, 1],
    BUSINESS_DAYS,
    [
      0.15, 0.1, 0.1, 0.1, 0.15, 0.3, 0.6, 1.2, 2, 2.4, 2.4, 2.1, 1.5, 1.8, 2.2, 2.2, 1.9, 1.4, 0.8, 0.5, 0.35, 0.3,
      0.25, 0.2,
    ],
  ),
]

export const BUSINESS_SEGMENT = 4

const HOUR_MS = 3_600_000
/** The epoch was a Thursday. */
const EPOCH_HOUR_OF_WEEK = 72

/**
 * Relative intensity of a segment at an instant, interpolated between the hours' middles.
 *
 * @param timeMs event time, ms since the epoch, UTC
 * @param offsetHours local time minus UTC
 */
export function intensityAt(segmentIndex: number, timeMs: number, offsetHours: number): number {
  const shape = SEGMENTS[segmentIndex].shape
  const hours = timeMs / HOUR_MS + offsetHours + EPOCH_HOUR_OF_WEEK - 0.5
  const whole = Math.floor(hours)
  const share = hours - whole
  const here = ((whole % HOURS_PER_WEEK) + HOURS_PER_WEEK) % HOURS_PER_WEEK
  const next = (here + 1) % HOURS_PER_WEEK
  return shape[here] * (1 - share) + shape[next] * share
}

function segment(
  name: string,
  weight: number,
  activity: number,
  spending: number,
  mix: readonly [number, number, number],
  days: readonly number[],
  hours: readonly number[],
): Segment {
  const shape = Float64Array.from({length: HOURS_PER_WEEK}, (_, index) => {
    return days[Math.floor(index / 24)] * hours[index % 24]
  })
  const mean = shape.reduce((sum, value) => sum + value, 0) / HOURS_PER_WEEK
  return {name, weight, activity, spending, mix, shape: shape.map(value => value / mean)}
}
