import {createDetector} from '../detect/create.js'
import {createSchedule} from '../pace/create.js'
import type {Schedule} from '../pace/schedule.js'
import type {Plan} from '../scenario/plan.js'

/**
 * Checks what only the rooms themselves can tell of a plan (rule names, the schedule), before anything is started.
 *
 * @throws UsageError unknown rule or parameter
 */
export function checkPlan(plan: Plan): {readonly schedule: Schedule} {
  createDetector(plan.detector)
  return {schedule: createSchedule(plan.load, {seed: plan.seed, maxCount: plan.maxCount})}
}
