/** From flags and a scenario to the load of a test: which model, how much, how long, and the plan of its payments. */
import {parseDurationMs} from '../base/duration.js'
import {messageOf} from '../base/errors.js'
import {parseThreshold} from '../metrics/threshold.js'
import {createSchedule} from '../pace/create.js'
import type {LoadModel, LoadScenario} from '../run/loadtest/options.js'
import {LIMITS} from '../scenario/limits.js'
import type {PlanOverrides} from '../scenario/overrides.js'
import type {LoadPhase, Plan, ThresholdPlan} from '../scenario/plan.js'
import {type Problem, problemsError} from '../scenario/problem.js'
import type {LoadtestFlags} from './loadtest-flags.js'
import {type PlannedStream, planOf} from './plan.js'

export interface LoadSettings {
  readonly planned: PlannedStream
  readonly model: LoadModel
  readonly scenarios: readonly LoadScenario[]
  /** Payments at most; Infinity when only time or a signal ends it. */
  readonly plannedCount: number
  /** What was not asked for and is so by default; null when all was. */
  readonly defaultNote: string | null
}

/** As hey does. */
const DEFAULT_REQUESTS = 200
const DEFAULT_CONCURRENCY = 50
const MAX_DEFAULT_CONCURRENCY = 1000
const DEFAULT_OPEN_MS = 30_000
const DEFAULT_QUEUE_MS = 10_000
const MAX_QUEUE_COUNT = 10_000_000

const FLAG_NAMES = {rate: '--rate', count: '--requests'} as const

export type CheckMeasures = (load: {
  readonly thresholds: readonly ThresholdPlan[]
  readonly isOpen: boolean
}) => readonly Problem[]

export type ReportFlag = (flag: string, message: string) => void

/**
 * @param problems what is wrong with other flags, told together with the rest
 * @param measures finds thresholds that this test cannot judge
 * @throws UsageError with every problem of flags, scenario and account file
 */
export async function loadSettings(
  given: LoadtestFlags,
  problems: Problem[],
  measures: CheckMeasures = () => [],
): Promise<LoadSettings> {
  const report: ReportFlag = (where, message) => problems.push({where, message})
  const flags = withWholeNumbers(given, report)
  const asked = askedOf(flags, report)
  const planned = await plannedOf(flags, asked, problems)
  const {plan} = planned
  const found: Problem[] = []
  const add: ReportFlag = (where, message) => found.push({where, message})
  const isOpen = modelOf(plan, add)
  if (flags.scenario !== undefined) reportContradictions(flags, isOpen, add)
  if (!isOpen && plan.clock === 'wall') add('clock', 'wall needs the open model: without a rate nothing is due')
  const closed = isOpen ? undefined : closedModel(plan, flags, asked, add)
  const model = closed ?? openModel(plan, flags, asked)
  const plannedCount = model.kind === 'open' ? model.schedule.totalCount : model.requestCount
  if (plan.warmupCount >= plannedCount) {
    add('--warmup', `${plan.warmupCount} of ${plannedCount} planned requests leave nothing to measure`)
  }
  found.push(...measures({thresholds: plan.thresholds, isOpen}))
  if (found.length > 0) throw problemsError(undefined, found)
  return {planned, model, scenarios: scenariosOf(plan, plannedCount), plannedCount, defaultNote: asked.defaultNote}
}

interface AskedLoad {
  readonly rateTps: number | undefined
  readonly durationMs: number | undefined
  readonly stages: readonly {readonly targetTps: number; readonly durationMs: number}[] | undefined
  /** Requests, or ms of the highest rate. */
  readonly queue: {readonly count: number} | {readonly ms: number}
  readonly thresholds: readonly ThresholdPlan[]
  readonly defaultNote: string | null
}

function askedOf(flags: LoadtestFlags, report: ReportFlag): AskedLoad {
  const isOpen = flags.rate !== undefined || flags.stages !== undefined
  if (flags.scenario === undefined) reportContradictions(flags, isOpen, report)
  if (flags.stages !== undefined && flags.duration !== undefined) {
    report('--duration', 'each of --stages has a duration of its own; --requests ends them early')
  }
  const isBare = flags.scenario === undefined && flags.requests === undefined && flags.duration === undefined
  return {
    rateTps: rateOf('--rate', flags.rate, report),
    durationMs: durationOf(flags.duration, report),
    stages: stagesOf(flags.stages, report),
    queue: queueOf(flags.queue, report),
    thresholds: (flags.threshold ?? []).flatMap(text => thresholdOf(text, report)),
    defaultNote:
      !isBare || flags.stages !== undefined
        ? null
        : isOpen
          ? 'no --duration and no --requests: 30 s'
          : `no --requests and no --duration: ${DEFAULT_REQUESTS} requests`,
  }
}

/** Counts are checked here and not where flags are read, which would stop at the first. */
function withWholeNumbers(flags: LoadtestFlags, report: ReportFlag): LoadtestFlags {
  const checked = (flag: 'requests' | 'concurrency', max: number): number | undefined => {
    const value = flags[flag]
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) return value
    report(`--${flag}`, `is not a whole number in [1, ${max.toLocaleString('en-US')}]`)
    return 1
  }
  return {
    ...flags,
    requests: checked('requests', LIMITS.count),
    concurrency: checked('concurrency', LIMITS.concurrency),
  }
}

/** Flags of one model that were given to the other. */
function reportContradictions(flags: LoadtestFlags, isOpen: boolean, report: ReportFlag): void {
  if (isOpen) return
  for (const flag of ['arrivals', 'queue'] as const) {
    if (flags[flag] === undefined) continue
    report(`--${flag}`, 'is for the open model, which --rate, --stages or a scenario with a rate ask for')
  }
}

async function plannedOf(flags: LoadtestFlags, asked: AskedLoad, problems: readonly Problem[]): Promise<PlannedStream> {
  const {scenario, seed, accounts, start} = flags
  const planFlags = {
    ...{scenario, seed, accounts, start},
    'fraud-rate': flags['fraud-rate'],
    // A scenario has a warm-up unless it says otherwise; who counts requests on a command line counts them all.
    warmupCount: flags.warmup ?? (scenario === undefined ? 0 : undefined),
  }
  const common: PlanOverrides = {thresholds: asked.thresholds, flagNames: FLAG_NAMES}
  if (scenario === undefined) {
    const isClosed = flags.rate === undefined && flags.stages === undefined
    const overrides = {
      ...common,
      name: 'loadtest',
      load: [phaseOf(flags, asked)],
      maxCount: isClosed ? undefined : flags.requests,
    }
    return planOf(planFlags, {overrides, problems})
  }
  const overrides: PlanOverrides = {
    ...common,
    rateTps: asked.stages === undefined ? asked.rateTps : undefined,
    load: asked.stages === undefined ? undefined : [phaseOf(flags, asked)],
    maxCount: flags.requests,
    arrivals: flags.arrivals,
  }
  const planned = await planOf(planFlags, {overrides, problems})
  // A closed load ends by the clock, whatever its count: of that the plan knows nothing.
  const isClosed = planned.plan.load.every(({executor}) => executor === 'shared-iterations')
  if (isClosed || asked.durationMs === undefined) return planned
  return planOf(planFlags, {overrides: {...overrides, durationMs: asked.durationMs}})
}

/** The load that flags alone ask for. */
function phaseOf(flags: LoadtestFlags, {rateTps, durationMs, stages}: AskedLoad): LoadPhase {
  const arrivals = flags.arrivals ?? 'uniform'
  if (stages !== undefined) {
    return {executor: 'ramping-arrival-rate', startRateTps: rateTps ?? 0, stages, arrivals}
  }
  if (rateTps !== undefined) {
    const lengthMs = durationMs ?? (flags.requests === undefined ? DEFAULT_OPEN_MS : Number.POSITIVE_INFINITY)
    return {executor: 'constant-arrival-rate', rateTps, durationMs: lengthMs, arrivals}
  }
  return {
    executor: 'shared-iterations',
    count: flags.requests ?? (durationMs === undefined ? DEFAULT_REQUESTS : LIMITS.count),
    concurrency: flags.concurrency ?? Math.min(DEFAULT_CONCURRENCY, flags.requests ?? DEFAULT_CONCURRENCY),
  }
}

/** Whether the plan's load is open. */
function modelOf(plan: Plan, report: ReportFlag): boolean {
  const closedCount = plan.load.filter(({executor}) => executor === 'shared-iterations').length
  if (closedCount > 0 && closedCount < plan.load.length) {
    report('load', 'a load test is open (phases with a rate) or closed (shared-iterations), and this is both')
  }
  return closedCount < plan.load.length
}

function closedModel(plan: Plan, flags: LoadtestFlags, {durationMs}: AskedLoad, report: ReportFlag): LoadModel {
  const asked = new Set(
    plan.load.flatMap(phase =>
      phase.executor === 'shared-iterations' && phase.concurrency !== undefined ? [phase.concurrency] : [],
    ),
  )
  if (asked.size > 1 && flags.concurrency === undefined) {
    report('load', `phases ask for a concurrency of ${[...asked].join(' and of ')}: choose one with --concurrency`)
  }
  const count = Math.min(totalOf(plan), plan.maxCount)
  return {
    kind: 'closed',
    concurrency: flags.concurrency ?? [...asked][0] ?? DEFAULT_CONCURRENCY,
    requestCount: count >= LIMITS.count ? Number.POSITIVE_INFINITY : count,
    durationMs: durationMs ?? Number.POSITIVE_INFINITY,
  }
}

function totalOf({load}: Plan): number {
  return load.reduce((sum, phase) => sum + (phase.executor === 'shared-iterations' ? phase.count : 0), 0)
}

function openModel(plan: Plan, flags: LoadtestFlags, {queue}: AskedLoad): LoadModel {
  const rateTps = highestRate(plan.load)
  const usual = Math.min(MAX_DEFAULT_CONCURRENCY, Math.max(DEFAULT_CONCURRENCY, Math.ceil(rateTps)))
  const queueCount = 'count' in queue ? queue.count : Math.ceil((queue.ms / 1000) * rateTps)
  return {
    kind: 'open',
    schedule: createSchedule(plan.load, {seed: plan.seed, maxCount: plan.maxCount}),
    concurrency: flags.concurrency ?? usual,
    queueCount: Math.min(MAX_QUEUE_COUNT, Math.max(1, queueCount)),
  }
}

function highestRate(load: readonly LoadPhase[]): number {
  const rates = load.flatMap(phase => {
    if (phase.executor === 'shared-iterations') return []
    if (phase.executor === 'constant-arrival-rate') return [phase.rateTps]
    return [phase.startRateTps, ...phase.stages.map(({targetTps}) => targetTps)]
  })
  return Math.max(0, ...rates)
}

/** Phases with the number of their first request; one without a name is called by its place. */
function scenariosOf(plan: Plan, plannedCount: number): LoadScenario[] {
  if (plan.load.length === 1) return [{name: plan.load[0]?.name ?? plan.name, fromSequence: 0}]
  return plan.load
    .map((phase, index) => ({
      name: phase.name ?? `phase ${index + 1}`,
      fromSequence: createSchedule(plan.load.slice(0, index), {seed: plan.seed, maxCount: Number.POSITIVE_INFINITY})
        .totalCount,
    }))
    .filter(({fromSequence}) => fromSequence < plannedCount)
}

function rateOf(flag: string, text: string | undefined, report: ReportFlag): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= LIMITS.rateTps) return value
  report(flag, `"${text}" is not a rate in (0, ${LIMITS.rateTps.toLocaleString('en-US')}]`)
  // Whatever it is, the open model was meant.
  return 1
}

function durationOf(text: string | undefined, report: ReportFlag): number | undefined {
  if (text === undefined) return undefined
  if (text === 'forever') return Number.POSITIVE_INFINITY
  try {
    const ms = parseDurationMs(text)
    if (ms > LIMITS.durationMs) report('--duration', `${text} is longer than 366 days; write forever for no end`)
    return ms
  } catch (error) {
    report('--duration', `${messageOf(error)}, such as 30s, 5m or forever`)
    return 1
  }
}

function stagesOf(text: string | undefined, report: ReportFlag): AskedLoad['stages'] {
  if (text === undefined) return undefined
  const parts = text.split(',')
  if (parts.length > LIMITS.phases) report('--stages', `${parts.length} stages; at most ${LIMITS.phases}`)
  const stages = parts.map(part => {
    const [, length = '', target = ''] = /^\s*([^:\s]+)\s*:\s*(\d+(?:\.\d+)?)\s*$/.exec(part) ?? []
    const targetTps = Number(target)
    const durationMs = tryDurationMs(length)
    if (target !== '' && durationMs !== undefined && targetTps <= LIMITS.rateTps) return {targetTps, durationMs}
    report('--stages', `"${part.trim()}" is not duration:rate, such as 10s:100`)
    return {targetTps: 1, durationMs: 1}
  })
  if (stages.every(({targetTps}) => targetTps === 0)) report('--stages', 'the rate never rises above 0')
  return stages
}

function queueOf(text: string | undefined, report: ReportFlag): AskedLoad['queue'] {
  if (text === undefined) return {ms: DEFAULT_QUEUE_MS}
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_QUEUE_COUNT) return {count: Number(text)}
  const ms = tryDurationMs(text)
  if (ms !== undefined) return {ms}
  report('--queue', `"${text}" is neither a number of requests, 1 to 10,000,000, nor a duration such as 10s`)
  return {ms: DEFAULT_QUEUE_MS}
}

function tryDurationMs(text: string): number | undefined {
  try {
    return parseDurationMs(text)
  } catch {
    return undefined
  }
}

/** `http.response_time:p(99)<250ms` */
function thresholdOf(text: string, report: ReportFlag): ThresholdPlan[] {
  const colon = text.indexOf(':')
  if (colon < 0) {
    report('--threshold', `"${text}" is not metric:expression, such as http.response_time:p(99)<250ms`)
    return []
  }
  const metric = text.slice(0, colon).trim()
  const expression = text.slice(colon + 1).trim()
  try {
    parseThreshold(metric, expression)
    return [{metric, expression, severity: 'fail'}]
  } catch (error) {
    report('--threshold', messageOf(error))
    return []
  }
}
