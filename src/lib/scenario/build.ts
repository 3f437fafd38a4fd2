/**
 * From a scenario file's data and the flags over it to a plan: defaults filled in, and what the shape alone cannot
 * tell checked (review ≤ block, where `forever` may stand, ranges of flags).
 */
import {parseDurationMs} from '../base/duration.js'
import {TYPOLOGIES} from '../payment/label.js'
import type {Path} from './document.js'
import {DEFAULTS, LIMITS} from './limits.js'
import {loadOf} from './load-phases.js'
import {FLAG_NAMES, type PlanOverrides} from './overrides.js'
import type {LoadPhase, Plan, ThresholdPlan} from './plan.js'
import {plannedCountOf} from './planned-count.js'
import type {Report} from './problem.js'
import type {ScenarioFile} from './schema.js'

export function buildPlan(
  file: ScenarioFile | undefined,
  defaultName: string,
  overrides: PlanOverrides,
  report: Report,
): Plan {
  checkOverrides(overrides, report)
  const fileLoad = file === undefined ? undefined : phasesOf(file, report)
  const load = loadOf(fileLoad, overrides, report)
  const maxCount = overrides.maxCount ?? Number.POSITIVE_INFINITY
  const fraudRate = overrides.fraudRate ?? file?.fraud?.rate ?? DEFAULTS.fraudRate
  const typologies = file?.fraud?.typologies ?? Object.fromEntries(TYPOLOGIES.map(typology => [typology, 1]))
  if (fraudRate > 0 && !Object.values(typologies).some(weight => weight > 0)) {
    report(['fraud', 'typologies'], 'all weights are 0, and fraud.rate is not')
  }
  const startMs = overrides.startMs ?? (file?.start === undefined ? undefined : Date.parse(file.start))
  return {
    name: overrides.name ?? file?.name ?? defaultName,
    seed: overrides.seed ?? file?.seed ?? DEFAULTS.seed,
    accountCount: overrides.accountCount ?? file?.population?.accounts ?? DEFAULTS.accountCount,
    ...(startMs === undefined ? {} : {startMs}),
    clock: overrides.clock ?? file?.clock ?? 'simulated',
    fraudRate,
    typologies,
    lookAlikeRate: overrides.lookAlikeRate ?? file?.lookAlikes?.rate ?? DEFAULTS.lookAlikeRate,
    warmupCount: warmupOf(file, fileLoad, {load, maxCount}, overrides, report),
    load,
    maxCount,
    partitions: overrides.partitions ?? file?.topics?.partitions ?? DEFAULTS.partitions,
    detector: detectorOf(file, report),
    thresholds: [...thresholdsOf(file), ...(overrides.thresholds ?? [])],
  }
}

function phasesOf(file: ScenarioFile, report: Report): LoadPhase[] {
  const isList = Array.isArray(file.load)
  const phases = isList ? file.load : [file.load]
  const names = new Set<string>()
  return [phases].flat(2).map((phase, index, all) => {
    const path: Path = isList ? ['load', index] : ['load']
    const named = phase.name === undefined ? {} : {name: phase.name}
    if (phase.name !== undefined && names.has(phase.name)) report([...path, 'name'], `a phase before has this name`)
    names.add(phase.name ?? '')
    if (phase.executor === 'shared-iterations') {
      const {executor, iterations: count, concurrency} = phase
      return {executor, ...named, count, ...(concurrency === undefined ? {} : {concurrency})}
    }
    const unitS = durationMs(phase.timeUnit ?? '1s', [...path, 'timeUnit'], report) / 1000
    const rate = (value: number, key: Path): number => {
      const rateTps = value / unitS
      if (rateTps > LIMITS.rateTps)
        report([...path, ...key], `${rateTps} payments/s is above ${grouped(LIMITS.rateTps)}`)
      return rateTps
    }
    const arrivals = phase.arrivals ?? 'uniform'
    if (phase.executor === 'constant-arrival-rate') {
      const isForever = phase.duration === 'forever'
      if (isForever && index < all.length - 1) {
        report([...path, 'duration'], 'only the last phase can last forever')
      }
      const lengthMs = isForever ? Number.POSITIVE_INFINITY : durationMs(phase.duration, [...path, 'duration'], report)
      return {executor: phase.executor, ...named, rateTps: rate(phase.rate, ['rate']), durationMs: lengthMs, arrivals}
    }
    const startRateTps = rate(phase.startRate ?? 0, ['startRate'])
    const stages = phase.stages.map((stage, at) => ({
      targetTps: rate(stage.target, ['stages', at, 'target']),
      durationMs: durationMs(stage.duration, [...path, 'stages', at, 'duration'], report),
    }))
    if (startRateTps === 0 && stages.every(stage => stage.targetTps === 0)) {
      report([...path, 'stages'], 'the rate never rises above 0')
    }
    return {executor: phase.executor, ...named, startRateTps, stages, arrivals}
  })
}

function durationMs(text: string, path: Path, report: Report): number {
  const lengthMs = parseDurationMs(text)
  if (lengthMs > LIMITS.durationMs) report(path, `${text} is longer than 366 days; write forever for no end`)
  return lengthMs
}

function warmupOf(
  file: ScenarioFile | undefined,
  fileLoad: readonly LoadPhase[] | undefined,
  plan: Pick<Plan, 'load' | 'maxCount'>,
  overrides: PlanOverrides,
  report: Report,
): number {
  const planned = plannedCountOf(plan)
  const first = plan.load[0]
  // Of a run without end, a share of what its first minute asks.
  const basis = Number.isFinite(planned)
    ? planned
    : first?.executor === 'constant-arrival-rate'
      ? first.rateTps * 60
      : 0
  const usual = Math.round(basis * DEFAULTS.warmupShare)
  if (overrides.warmupCount !== undefined) return overrides.warmupCount
  const asked = file?.warmup?.count
  if (asked === undefined) return usual
  const ofFile = plannedCountOf({load: fileLoad ?? [], maxCount: Number.POSITIVE_INFINITY})
  if (asked >= ofFile) {
    report(['warmup', 'count'], `${asked} of ${ofFile} planned payments leave nothing to measure`)
  }
  // Flags made the run shorter than the file's own warm-up.
  return asked < planned ? asked : usual
}

function detectorOf(file: ScenarioFile | undefined, report: Report): Plan['detector'] {
  const reviewScore = file?.detector?.review ?? Math.min(DEFAULTS.reviewScore, file?.detector?.block ?? 1)
  const blockScore = file?.detector?.block ?? Math.max(DEFAULTS.blockScore, reviewScore)
  if (reviewScore > blockScore) report(['detector', 'review'], `review ${reviewScore} is above block ${blockScore}`)
  return {reviewScore, blockScore, rules: file?.detector?.rules ?? {}}
}

function thresholdsOf(file: ScenarioFile | undefined): ThresholdPlan[] {
  return Object.entries(file?.thresholds ?? {}).flatMap(([metric, given]) =>
    [given]
      .flat()
      .map(
        (each): ThresholdPlan =>
          typeof each === 'string'
            ? {metric, expression: each, severity: 'fail'}
            : {metric, expression: each.expr, severity: each.severity ?? 'fail'},
      ),
  )
}

function checkOverrides(overrides: PlanOverrides, report: Report): void {
  const within = (
    flag: string,
    value: number | undefined,
    isFine: (value: number) => boolean,
    expected: string,
  ): void => {
    if (value !== undefined && !isFine(value)) report(flag, `${value} is not ${expected}`)
  }
  const whole = (from: number, to: number) => (value: number) =>
    Number.isSafeInteger(value) && value >= from && value <= to
  const share = (value: number): boolean => value >= 0 && value <= LIMITS.share
  const {rateTps} = overrides
  const flags = overrides.flagNames ?? FLAG_NAMES
  within(
    flags.rate,
    rateTps === 'max' ? undefined : rateTps,
    value => value > 0 && value <= LIMITS.rateTps,
    `a rate in (0, ${grouped(LIMITS.rateTps)}], or max`,
  )
  within('--duration', overrides.durationMs, value => value > 0, 'a duration above 0')
  within(flags.count, overrides.maxCount, whole(1, LIMITS.count), `a whole number in [1, ${grouped(LIMITS.count)}]`)
  within('--seed', overrides.seed, whole(0, Number.MAX_SAFE_INTEGER), 'a whole number in [0, 2^53)')
  within(
    '--accounts',
    overrides.accountCount,
    whole(LIMITS.minAccounts, LIMITS.accounts),
    `a whole number in [${LIMITS.minAccounts}, ${grouped(LIMITS.accounts)}]`,
  )
  within('--fraud-rate', overrides.fraudRate, share, `a share in [0, ${LIMITS.share}]`)
  within('--look-alike-rate', overrides.lookAlikeRate, share, `a share in [0, ${LIMITS.share}]`)
  within(
    '--partitions',
    overrides.partitions,
    whole(1, LIMITS.partitions),
    `a whole number in [1, ${LIMITS.partitions}]`,
  )
  within('--start', overrides.startMs, value => Number.isFinite(value) && value >= 0, 'a time after 1970')
  within('--warmup', overrides.warmupCount, whole(0, LIMITS.count), 'a whole number from 0 up')
}

function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
