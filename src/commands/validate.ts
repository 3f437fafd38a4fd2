import {Args} from '@oclif/core'
import {BaseCommand} from '../lib/cli/base-command.js'
import type {Plan} from '../lib/scenario/plan.js'

interface Validation {
  readonly file: string
  readonly sha256: string
  readonly planned_count: number | null
  readonly plan: Plan
}

export default class Validate extends BaseCommand<Validation> {
  static override summary = 'Check a scenario file, without running it.'
  static override description =
    'Prints every problem with its line and column and exits 2, or says what the scenario would do and exits 0.'
  static override examples = ['<%= config.bin %> <%= command.id %> scenarios/smoke.yaml']
  static override args = {scenario: Args.file({description: 'Scenario file.', required: true})}

  async run(): Promise<Validation> {
    const {args} = await this.parse(Validate)
    const [{loadPlan}, {checkPlan}] = await Promise.all([
      import('../lib/scenario/load.js'),
      import('../lib/run/check-plan.js'),
    ])
    const {plan, sha256, description} = await loadPlan(args.scenario, {}, process.env)
    const {schedule} = checkPlan(plan)
    const planned = Number.isFinite(schedule.totalCount) ? schedule.totalCount : null
    this.log(`✓ ${args.scenario} is valid`)
    if (description !== null) this.log(`  ${description}`)
    this.log(`  ${schedule.description}${planned === null ? '' : `, ${planned.toLocaleString('en')} payments`}`)
    this.log(`  ${plan.accountCount.toLocaleString('en')} accounts, fraud rate ${plan.fraudRate}, seed ${plan.seed}`)
    this.log(`  ${plan.thresholds.length} thresholds`)
    return {file: args.scenario, sha256, planned_count: planned, plan}
  }
}
