/** The flags of `p2pay serve` that are more than a word: limits with units, and the API key. */
import {readFile} from 'node:fs/promises'
import type {ApiLimits} from '../api/ports.js'
import {parseDurationMs} from '../base/duration.js'
import {messageOf, UsageError} from '../base/errors.js'
import type {DetectFlags} from './detect-outcome.js'

export interface ServeFlags extends Omit<DetectFlags, 'from-beginning' | 'until-idle' | 'max-messages'> {
  readonly host: string
  readonly port: number
  readonly detect: boolean
  readonly 'api-key-file': string | undefined
  readonly 'ack-timeout': string
  readonly 'score-budget': string
  readonly 'idempotency-ttl': string
  readonly 'max-pending': number
}

const DURATION_FLAGS = {
  'ack-timeout': {limit: 'ackTimeoutMs', minMs: 10, maxMs: 600_000, range: '10ms to 10m'},
  'score-budget': {limit: 'scoreBudgetMs', minMs: 1, maxMs: 60_000, range: '1ms to 60s'},
  'idempotency-ttl': {limit: 'claimTtlMs', minMs: 1000, maxMs: 31 * 86_400_000, range: '1s to 31d'},
} as const

/** @throws UsageError with everything that is wrong */
export async function limitsOf(flags: ServeFlags): Promise<ApiLimits> {
  const {API_LIMITS} = await import('../api/ports.js')
  const problems: string[] = []
  const limits: Record<string, number> = {}
  for (const name of ['ack-timeout', 'score-budget', 'idempotency-ttl'] as const) {
    const {limit, minMs, maxMs, range} = DURATION_FLAGS[name]
    try {
      const ms = parseDurationMs(flags[name])
      if (ms < minMs || ms > maxMs) problems.push(`--${name}: ${flags[name]} is not within ${range}`)
      limits[limit] = ms
    } catch (error) {
      problems.push(`--${name}: ${messageOf(error)}`)
    }
  }
  if (problems.length > 0) {
    throw new UsageError(problems.join('\n'), {
      code: 'P2PAY_DURATION',
      suggestions: ['write a number with a unit, such as 250ms, 30s, 5m or 1h30m'],
    })
  }
  return {...API_LIMITS, ...limits, claimPaceMs: CLAIM_PACE_MS, pendingCount: flags['max-pending']}
}

/** Measured at 1,000 requests/s: a sixth less CPU, and fewer long answers, for 0.5 ms more of a typical one. */
const CLAIM_PACE_MS = 2

/** What a header can carry without being quoted or trimmed by somebody on the way. */
const API_KEY = /^[\x21-\x7e]{1,1024}$/

/** @throws UsageError P2PAY_API_KEY; the key itself is never repeated */
export async function apiKeyOf(flags: ServeFlags): Promise<string | undefined> {
  const path = flags['api-key-file']
  const from = path === undefined ? 'P2PAY_API_KEY' : path
  const key = path === undefined ? process.env['P2PAY_API_KEY'] : (await readKey(path)).trim()
  if (key === undefined || (path === undefined && key === '')) return undefined
  if (API_KEY.test(key)) return key
  throw new UsageError(`The API key of ${from} ${key === '' ? 'is empty' : 'is not one word of printable ASCII'}`, {
    code: 'P2PAY_API_KEY',
    suggestions: ['a key is 1 to 1,024 characters without spaces, such as `openssl rand -hex 32` makes'],
  })
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--api-key-file: ${path} cannot be read`, {
      code: 'P2PAY_API_KEY',
      suggestions: ['name a file that holds the key alone, and that this user may read'],
      cause: error,
    })
  }
}
