/**
 * Why two results may not be held against each other. A difference of these would show in the figures and be taken for
 * one of the target's; every one is named, not only the first. The host of a target may differ: to compare two of them
 * is what a comparison is for.
 */
import type {Unlikeness} from './comparison.js'
import {formatCount, formatSeconds, formatTps} from './format.js'
import type {HttpSection, RunResult} from './result.js'

/** Bodies of one shape differ in their mean by names and amounts, not by more. */
const BODY_TOLERANCE = 0.05

interface Check {
  readonly what: string
  /** In words; equal words are alike. */
  readonly of: (result: RunResult) => string
}

export function unlikenesses(base: RunResult, next: RunResult): Unlikeness[] {
  const find = (checks: readonly Check[]): Unlikeness[] =>
    checks.flatMap(({what, of}) => {
      const [a, b] = [of(base), of(next)]
      return a === b ? [] : [{what, base: a, new: b}]
    })
  const load = [...find(LOAD), ...(base.http === null || next.http === null ? [] : find(HTTP_LOAD))]
  return [
    ...find(KIND),
    ...load,
    // What else makes a load, such as its stages and arrivals, is told by its description alone.
    ...(load.length === 0 ? find(DESCRIPTION) : []),
    ...find(STREAM),
    ...(base.http === null || next.http === null ? [] : [...find(HTTP), ...bodies(base.http, next.http)]),
    ...find(SURROUNDINGS),
    ...incomplete(base, next),
  ]
}

/** `rate: 500/s in BASE, 1,000/s in NEW`. */
export function unlikenessText({what, base, new: next}: Unlikeness): string {
  return `${what}: ${base} in BASE, ${next} in NEW`
}

const KIND: readonly Check[] = [{what: 'kind', of: ({http}) => (http === null ? 'a run' : 'a load test')}]

const LOAD: readonly Check[] = [
  {what: 'rate', of: ({load}) => (load.requested_tps === null ? 'unpaced' : formatTps(load.requested_tps))},
  {
    what: 'planned',
    of: ({http, load}) => {
      if (http !== null) return http.planned === null ? 'as many as the time allows' : formatCount(http.planned)
      // Unpaced, the time may bound the count: what came of it is a result, not a plan.
      return load.requested_tps === null ? 'as many as go' : formatCount(load.planned)
    },
  },
  {what: 'warm-up', of: ({load}) => formatCount(load.warmup_count)},
]

const HTTP_LOAD: readonly Check[] = ofHttp([
  ['model', ({model}) => model],
  ['concurrency', ({concurrency}) => formatCount(concurrency)],
  ['queue', ({queue}) => (queue === null ? 'none' : formatCount(queue.limit))],
])

const DESCRIPTION: readonly Check[] = [{what: 'load', of: ({load}) => load.description}]

const STREAM: readonly Check[] = [
  {what: 'seed', of: ({run}) => String(run.seed)},
  {what: 'scenario digest', of: ({run}) => run.scenario_sha256.slice(0, 12)},
]

const HTTP: readonly Check[] = ofHttp([
  ['path', ({target}) => pathOf(target)],
  ['method', ({method}) => method],
  ['success rule', ({success}) => success],
  ['keep-alive', ({keep_alive: keepAlive}) => (keepAlive ? 'yes' : 'no')],
  ['timeout', ({timeout_ms: timeoutMs}) => (timeoutMs === null ? 'none' : formatSeconds(timeoutMs / 1000))],
])

const SURROUNDINGS: readonly Check[] = [
  {what: 'cores', of: ({run}) => String(run.machine.cpus)},
  {what: 'platform', of: ({run}) => run.machine.platform},
  {what: 'p2pay', of: ({run}) => compatible(run.versions.p2pay)},
]

function ofHttp(checks: readonly (readonly [what: string, of: (http: HttpSection) => string])[]): Check[] {
  return checks.map(([what, of]) => ({what, of: ({http}) => (http === null ? '' : of(http))}))
}

/** Without scheme and host, which may differ; what is no URL stays whole. */
function pathOf(target: string): string {
  if (!URL.canParse(target)) return target
  const {pathname, search} = new URL(target)
  return `${pathname}${search}`
}

function bodies(base: HttpSection, next: HttpSection): Unlikeness[] {
  // Of broken connections nobody knows whether the body had left: it may have been a little longer than the mean.
  const [left, leftNext] = [base.sent - base.errors, next.sent - next.errors]
  if (left <= 0 || leftNext <= 0) return []
  const [a, b] = [base.sent_bytes / base.sent, next.sent_bytes / next.sent]
  const [most, mostNext] = [base.sent_bytes / left, next.sent_bytes / leftNext]
  if (a - mostNext <= BODY_TOLERANCE * a && b - most <= BODY_TOLERANCE * b) return []
  const inWords = (bytes: number): string => `${formatCount(Math.round(bytes))} bytes`
  return [{what: 'body', base: inWords(a), new: inWords(b)}]
}

/** Up to where versions promise to measure alike: the major, and before 1.0 the minor. */
function compatible(version: string): string {
  const [major = '', minor = ''] = version.split('.')
  return major === '0' ? `0.${minor}` : major
}

function incomplete(base: RunResult, next: RunResult): Unlikeness[] {
  const outcomeOf = ({run, verdict}: RunResult): string => (run.interrupted ? 'interrupted' : verdict)
  const isWhole = ({run, verdict}: RunResult): boolean => !run.interrupted && verdict !== 'inconclusive'
  return isWhole(base) && isWhole(next) ? [] : [{what: 'outcome', base: outcomeOf(base), new: outcomeOf(next)}]
}
