/** From flags to a plan: numbers parsed with all problems told at once, the scenario file read when there is one. */
import {stat} from 'node:fs/promises'
import {parseDurationMs} from '../base/duration.js'
import {messageOf, UsageError} from '../base/errors.js'
import type {AccountsFile} from '../run/produce.js'
import type {LoadedPlan} from '../scenario/load.js'
import type {PlanOverrides} from '../scenario/overrides.js'
import type {Problem} from '../scenario/problem.js'

export interface PlanFlags {
  readonly scenario?: string | undefined
  readonly seed?: number | undefined
  readonly tps?: string | undefined
  readonly duration?: string | undefined
  readonly count?: number | undefined
  readonly arrivals?: 'uniform' | 'poisson' | undefined
  readonly 'fraud-rate'?: string | undefined
  readonly accounts?: string | undefined
  readonly clock?: 'simulated' | 'wall' | undefined
  readonly start?: string | undefined
  readonly partitions?: number | undefined
  /** Not a flag: a run that counts all of its payments has none. */
  readonly warmupCount?: number | undefined
}

export interface PlannedStream extends LoadedPlan {
  readonly accounts: AccountsFile | undefined
}

/**
 * @param more what a command makes of flags of its own, and what is wrong with them
 * @throws UsageError with every problem of flags, scenario and account file
 */
export async function planOf(
  flags: PlanFlags,
  more: {readonly overrides?: PlanOverrides; readonly problems?: readonly Problem[]} = {},
): Promise<PlannedStream> {
  const problems: Problem[] = [...(more.problems ?? [])]
  const {overrides: given, accountsPath} = overridesOf(flags, (where, message) => problems.push({where, message}))
  const overrides = {...given, ...more.overrides}
  const {loadPlan, planFromFlags} = await import('../scenario/load.js')
  const accounts = accountsPath === undefined ? undefined : await readAccountsFile(accountsPath)
  const all = accounts === undefined ? overrides : {...overrides, accountCount: accounts.records.length}
  const loaded =
    flags.scenario === undefined
      ? planFromFlags(all, problems)
      : await loadPlan(flags.scenario, all, process.env, problems)
  return {...loaded, accounts}
}

type ReportFlag = (flag: string, message: string) => void

function overridesOf(
  flags: PlanFlags,
  report: ReportFlag,
): {overrides: PlanOverrides; accountsPath: string | undefined} {
  const accountsIsNumber = flags.accounts !== undefined && /^\d+$/.test(flags.accounts)
  const overrides: PlanOverrides = {
    seed: flags.seed,
    rateTps: rateOf(flags.tps, report),
    durationMs: durationOf(flags.duration, report),
    maxCount: flags.count,
    arrivals: flags.arrivals,
    fraudRate: numberOf('--fraud-rate', flags['fraud-rate'], report),
    accountCount: accountsIsNumber ? Number(flags.accounts) : undefined,
    clock: flags.clock,
    startMs: timeOf(flags.start, report),
    partitions: flags.partitions,
    warmupCount: flags.warmupCount,
  }
  return {overrides, accountsPath: accountsIsNumber ? undefined : flags.accounts}
}

function rateOf(text: string | undefined, report: ReportFlag): number | 'max' | undefined {
  if (text === undefined || text === 'max') return text
  return numberOf('--tps', text, report)
}

function durationOf(text: string | undefined, report: ReportFlag): number | undefined {
  if (text === undefined) return undefined
  if (text === 'forever') return Number.POSITIVE_INFINITY
  try {
    return parseDurationMs(text)
  } catch (error) {
    report('--duration', `${messageOf(error)}, such as 30s, 5m or forever`)
    return undefined
  }
}

function numberOf(flag: string, text: string | undefined, report: ReportFlag): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  report(flag, `"${text}" is not a number`)
  return undefined
}

function timeOf(text: string | undefined, report: ReportFlag): number | undefined {
  if (text === undefined) return undefined
  const ms = Date.parse(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(ms)) return ms
  report('--start', `"${text}" is not an ISO 8601 time, such as 2026-01-01T00:00:00Z`)
  return undefined
}

async function readAccountsFile(path: string): Promise<AccountsFile> {
  const {readAccounts} = await import('../population/accounts-file.js')
  const isFile = await stat(path).then(
    info => info.isFile(),
    () => false,
  )
  if (!isFile) {
    throw new UsageError(`--accounts: "${path}" is neither a number nor a file`, {
      code: 'P2PAY_ACCOUNTS_FILE',
      suggestions: ['a number of accounts such as 10000', 'or a file that `p2pay accounts > accounts.ndjson` made'],
    })
  }
  const records = await readAccounts(path)
  const {fileSha256} = await import('../run/sha256.js')
  return {path, sha256: await fileSha256(path), records}
}

/** `2/4` → index 1 of 4. @throws UsageError */
export function parseShard(text: string): {readonly index: number; readonly count: number} {
  const match = /^(\d+)\/(\d+)$/.exec(text)
  const index = Number(match?.[1]) - 1
  const count = Number(match?.[2])
  if (match !== null && index >= 0 && index < count && count <= 1024) return {index, count}
  throw new UsageError(`--shard: "${text}" is not i/n with 1 ≤ i ≤ n ≤ 1024`, {
    code: 'P2PAY_SHARD',
    suggestions: ['the first of four is --shard 1/4; each shard needs the same --run-tag and --start'],
  })
}

/** 12 random hex digits: a run that nobody has made before. */
export async function freshRunTag(): Promise<string> {
  const {randomBytes} = await import('node:crypto')
  return randomBytes(6).toString('hex')
}
