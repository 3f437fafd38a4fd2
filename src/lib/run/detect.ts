/**
 * The detector as a consumer: records in, decisions out, rows and offsets in step (design, sections 6 and 8).
 * Intake decides each record on arrival and hands it to a bounded outbox; one writer behind it stores rows, publishes
 * outputs and commits offsets, in this order. State follows the partitions through snapshots and replay.
 */
import {createHistogram} from '../metrics/histogram.js'
import {createCounters, createStateReport} from './detect/counters.js'
import {DETECT_LIMITS, type DetectOptions, type DetectSummary} from './detect/options.js'
import {DetectSession} from './detect/session.js'

export type {DetectLimits, DetectOptions, DetectReady, DetectSummary} from './detect/options.js'

/**
 * Runs until the signal, idleness or the maximum of messages ends it.
 *
 * @throws EnvironmentError when the source cannot be started; later trouble is waited for
 * @throws BugError and whatever else waiting does not cure, after the group was left
 */
export async function detect(options: DetectOptions): Promise<DetectSummary> {
  const counters = createCounters()
  const state = createStateReport()
  const decisionTime = createHistogram()
  const rowTime = createHistogram()
  const startedUs = options.clock.nowUs()
  const session = new DetectSession({
    ...options,
    snapshots: options.snapshots === undefined ? options.store : options.snapshots,
    limits: {...DETECT_LIMITS, ...options.limits},
    counters,
    state,
    onDecided: batch => {
      for (const {dueUs, decidedUs, persistedUs, deadLettered, adopted} of batch) {
        // What was adopted was decided and stored before, by whomever: there is nothing to measure here.
        if (deadLettered || adopted || !(decidedUs >= dueUs)) continue
        decisionTime.recordUs(decidedUs - dueUs)
        if (!Number.isNaN(persistedUs)) rowTime.recordUs(persistedUs - dueUs)
      }
      options.onDecided?.(batch)
    },
    onTrouble: trouble => {
      if (!trouble.recovered) counters.troubles += 1
      options.onTrouble?.(trouble)
    },
  })
  const end = await session.run()
  return {
    ...end,
    startedUs,
    finishedUs: options.clock.nowUs(),
    counters,
    state,
    detector: options.detector.stats,
    decisionTime,
    rowTime,
  }
}
