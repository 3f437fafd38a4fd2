/**
 * Group commit for claims: what is asked for in one turn of the event loop, and while a call is under way, goes to the
 * table in one call. One call at a time, releases included: an answer never tells of a claim that was released before
 * its listener was called. Where few wait, calls keep a pace, so that not every request pays for a call, and for a
 * request to the broker after it, alone.
 */
import type {Clock} from '../base/clock.js'
import {messageOf} from '../base/errors.js'
import type {Claim, ClaimAnswer, ClaimTable} from '../store/claims.js'

/** Bounds of one call; a single request's claims always fit. */
export const CLAIM_BATCH_COUNT = 1000
export const CLAIM_BATCH_BYTES = 2_097_152
/** So many requests do not wait for more. */
export const PACED_COUNT = 20
/** Timers have whole milliseconds: what is less than half of one is not waited for. */
const MIN_WAIT_MS = 0.5

/** Called in the order of `add`, synchronously one after the other; with an error when nobody knows what is claimed. */
export type ClaimListener = (answers: readonly ClaimAnswer[] | ClaimFailure) => void

/** The table did not answer. */
export class ClaimFailure {
  readonly message: string
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
    this.message = messageOf(error)
  }
}

interface Waiting {
  readonly claims: readonly Claim[]
  readonly done: ClaimListener
}

type Released = Pick<Claim, 'scope' | 'key' | 'owner'>

interface WaitingRelease {
  readonly claims: readonly Released[]
  readonly done: (failure: ClaimFailure | undefined) => void
}

export interface ClaimBatcherOptions {
  readonly clock: Clock
  readonly ttlMs: number
  /** From the start of one call to that of the next, while fewer than PACED_COUNT requests wait. */
  readonly paceMs: number
}

export class ClaimBatcher {
  readonly #table: ClaimTable
  readonly #options: ClaimBatcherOptions
  #waiting: Waiting[] = []
  #releases: WaitingRelease[] = []
  readonly #quiet: (() => void)[] = []
  #isBusy = false
  /** When the pace allows the next call. */
  #nextUs = 0

  constructor(table: ClaimTable, options: ClaimBatcherOptions) {
    this.#table = table
    this.#options = options
  }

  /** Bounded by the caller: each has one of the places of the intake. */
  add(claims: readonly Claim[], done: ClaimListener): void {
    this.#waiting.push({claims, done})
    this.#start()
  }

  /** Resolves when they are released, or with what went wrong. */
  release(claims: readonly Released[]): Promise<ClaimFailure | undefined> {
    return new Promise(done => {
      this.#releases.push({claims, done})
      this.#start()
    })
  }

  /** Resolves when every claim that the table has been asked for until now was answered. */
  async answered(): Promise<void> {
    if (this.#isBusy) await new Promise<void>(resolve => this.#quiet.push(resolve))
  }

  #start(): void {
    if (this.#isBusy) return
    this.#isBusy = true
    // Requests that the same turn of the event loop reads come along.
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#releases.length > 0) {
      await this.#keepPace()
      if (this.#releases.length > 0) await this.#releaseAll(this.#releases.splice(0))
      const quiet = this.#quiet.splice(0)
      const batch = this.#take()
      if (batch.length > 0) {
        this.#nextUs = this.#options.clock.nowUs() + this.#options.paceMs * 1000
        await this.#claimAll(batch)
      }
      for (const resolve of quiet) resolve()
    }
    this.#isBusy = false
    for (const resolve of this.#quiet.splice(0)) resolve()
  }

  /** A request that comes alone, after a while, is not delayed. */
  async #keepPace(): Promise<void> {
    const {clock, paceMs} = this.#options
    if (paceMs === 0 || this.#waiting.length >= PACED_COUNT) return
    const leftMs = (this.#nextUs - clock.nowUs()) / 1000
    if (leftMs >= MIN_WAIT_MS) await clock.sleep(Math.round(leftMs))
  }

  async #releaseAll(releases: readonly WaitingRelease[]): Promise<void> {
    let failure: ClaimFailure | undefined
    try {
      await this.#table.release(releases.flatMap(({claims}) => claims))
    } catch (error) {
      failure = new ClaimFailure(error)
    }
    for (const {done} of releases) done(failure)
    // What waits for a release goes on before the next claim is answered.
    await Promise.resolve()
  }

  async #claimAll(batch: readonly Waiting[]): Promise<void> {
    const answers = await this.#claim(batch.flatMap(({claims}) => claims))
    let at = 0
    for (const {claims, done} of batch) {
      done(answers instanceof ClaimFailure ? answers : answers.slice(at, at + claims.length))
      at += claims.length
    }
  }

  #take(): readonly Waiting[] {
    let count = 0
    let bytes = 0
    let end = 0
    for (const {claims} of this.#waiting) {
      const [first] = claims
      count += claims.length
      bytes += (first?.value.length ?? 0) * claims.length
      if (end > 0 && (count > CLAIM_BATCH_COUNT || bytes > CLAIM_BATCH_BYTES)) break
      end++
    }
    const batch = this.#waiting.slice(0, end)
    this.#waiting = this.#waiting.slice(end)
    return batch
  }

  async #claim(claims: readonly Claim[]): Promise<readonly ClaimAnswer[] | ClaimFailure> {
    try {
      const answers = await this.#table.claim(claims, this.#options.ttlMs)
      return answers.length === claims.length ? answers : new ClaimFailure(new Error('claims without an answer'))
    } catch (error) {
      return new ClaimFailure(error)
    }
  }
}
