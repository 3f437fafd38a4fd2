/**
 * `--follow` on a service whose topics we cannot read: each accepted payment's decision is asked for over HTTP, at
 * `GET …/api/v1/payments/{id}/decision`, until there is one or none has come for long.
 */
import pLimit from 'p-limit'
import {type Clock, nowMs} from '../../base/clock.js'
import {isLoopback} from '../../base/loopback.js'
import type {HttpClient, HttpOutcome} from '../../http/http-client.js'
import {createHistogram} from '../../metrics/histogram.js'
import type {LatencyHistogram} from '../../metrics/metrics.js'
import {DECISIONS, type DecisionKind} from '../../payment/decision.js'
import {paymentIdOf, type RunTag} from '../../payment/payment-id.js'
import {formatCount, plural} from '../../report/format.js'
import type {RunFacts} from '../facts.js'
import {readJournal} from '../journal.js'
import {acrossClocks} from './aftermath.js'

export interface FollowOptions {
  /** Keeps response bodies of at least 4 KiB; closed by the caller. */
  readonly client: HttpClient
  /** Of the service: what was posted to `…/api/v1/payments`, or its origin. */
  readonly serviceUrl: URL
  /** Names and values alternating, such as an API key. */
  readonly headers: readonly string[]
  readonly tag: RunTag
  readonly journalPath: string
  /** Of ids that the service minted; undefined = the payment's own. */
  readonly mintedIdOf?: ((sequence: number) => string | undefined) | undefined
  /** Wall clock µs; NaN when not known. */
  readonly dueUsOf: (sequence: number) => number
  /** The first payments, whose latencies do not count. */
  readonly warmupCount: number
  /** Takes the decisions over. */
  readonly facts: RunFacts | null
  readonly clock: Clock
  /** Gives the rest up. */
  readonly signal: AbortSignal
  /** Default 30 s without a new decision. */
  readonly stallMs?: number | undefined
  readonly onProgress?: ((progress: {readonly decided: number; readonly followed: number}) => void) | undefined
}

export interface Followed {
  /** Accepted payments. */
  readonly followedCount: number
  readonly decidedCount: number
  /** Every one of them was decided. */
  readonly drained: boolean
  /** Due → decided; null across clocks. */
  readonly decisionTime: LatencyHistogram | null
  readonly notes: readonly string[]
}

const CONCURRENCY = 16
/** Questions that are prepared at once. */
const CHUNK_COUNT = 1000
const PAUSE_MS = 100
const STALL_MS = 30_000

interface Decided {
  readonly kind: DecisionKind
  readonly decidedUs: number
}

/** No answer will get better: the first of these that a service said. */
class Refused {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

export async function followDecisions(options: FollowOptions): Promise<Followed> {
  const {clock, signal, serviceUrl, warmupCount, facts, stallMs = STALL_MS, onProgress} = options
  const isOneClock = isLoopback(serviceUrl.hostname)
  const decisionTime = createHistogram()
  const notes: string[] = []
  const limit = pLimit(CONCURRENCY)
  let open = await ackedSequences(options.journalPath)
  const followedCount = open.length
  let refused: Refused | undefined
  let lastDecisionMs = nowMs(clock)

  const follow = async (sequence: number): Promise<boolean> => {
    if (refused !== undefined || signal.aborted) return false
    const answer = answerOf(await ask(options, sequence))
    if (answer instanceof Refused) refused ??= answer
    if (answer === undefined || answer instanceof Refused) return false
    facts?.decided(sequence, answer.kind)
    const tookUs = answer.decidedUs - options.dueUsOf(sequence)
    if (sequence >= warmupCount && tookUs >= 0) decisionTime.recordUs(tookUs)
    return true
  }

  while (open.length > 0) {
    const undecided: number[] = []
    for (let from = 0; from < open.length; from += CHUNK_COUNT) {
      const chunk = open.slice(from, from + CHUNK_COUNT)
      const decided = await Promise.all(chunk.map(sequence => limit(follow, sequence)))
      for (const [index, sequence] of chunk.entries()) if (decided[index] !== true) undecided.push(sequence)
      onProgress?.({
        decided: followedCount - (open.length - from - chunk.length) - undecided.length,
        followed: followedCount,
      })
    }
    if (undecided.length < open.length) lastDecisionMs = nowMs(clock)
    open = undecided
    if (refused !== undefined || signal.aborted || nowMs(clock) - lastDecisionMs > stallMs) break
    if (open.length > 0) await clock.sleep(PAUSE_MS, signal)
  }
  if (open.length > 0) {
    const why = refused?.reason ?? (signal.aborted ? 'interrupted' : `none came for ${stallMs / 1000} s`)
    notes.push(`${formatCount(open.length)} of ${plural(followedCount, 'accepted payment')} have no decision: ${why}`)
  }
  if (!isOneClock) notes.push(acrossClocks(`the service is at ${serviceUrl.host}`))
  return {
    followedCount,
    decidedCount: followedCount - open.length,
    drained: open.length === 0,
    decisionTime: isOneClock ? decisionTime : null,
    notes,
  }
}

async function ackedSequences(journalPath: string): Promise<number[]> {
  const sequences: number[] = []
  for await (const entries of readJournal(journalPath)) {
    for (const {sequence, state} of entries) if (state === 'acked') sequences.push(sequence)
  }
  return sequences
}

function ask({client, serviceUrl, headers, tag, mintedIdOf}: FollowOptions, sequence: number): Promise<HttpOutcome> {
  const id = mintedIdOf?.(sequence) ?? paymentIdOf(tag, sequence)
  // A service may live below a path of its own.
  const prefix = /^(.*?)\/api\/v1(\/|$)/.exec(serviceUrl.pathname)?.[1] ?? ''
  const url = new URL(`${prefix}/api/v1/payments/${encodeURIComponent(id)}/decision`, serviceUrl)
  return new Promise(resolve => client.send({target: {method: 'GET', url, headers}, body: null}, resolve))
}

/** Undefined: not yet, or nobody knows. */
function answerOf({kind, status, body}: HttpOutcome): Decided | Refused | undefined {
  if (kind !== 'response') return undefined
  // 404: not decided yet. 429 and 503: ask later.
  if (status !== 200) {
    return status === 404 || status === 429 || status >= 500
      ? undefined
      : new Refused(`the service answers ${status} when asked for a decision`)
  }
  return decisionIn(body) ?? new Refused('what the service answers is no decision')
}

function decisionIn(body: Buffer | null): Decided | undefined {
  try {
    const answer: unknown = JSON.parse(body?.toString() ?? '')
    if (typeof answer !== 'object' || answer === null || !('decision' in answer)) return undefined
    const kind = DECISIONS.find(one => one === answer.decision)
    const decidedUs = 'decided_at' in answer ? microsecondsOf(answer.decided_at) : Number.NaN
    return kind === undefined ? undefined : {kind, decidedUs}
  } catch {
    return undefined
  }
}

/** `2026-01-05T12:00:00.123456Z` → µs since the epoch; NaN for anything else. */
function microsecondsOf(time: unknown): number {
  const [, ms, us = '0'] = (typeof time === 'string' && /^(.{19}\.\d{3})(\d{3})?Z$/.exec(time)) || []
  return ms === undefined ? Number.NaN : Date.parse(`${ms}Z`) * 1000 + Number(us)
}
