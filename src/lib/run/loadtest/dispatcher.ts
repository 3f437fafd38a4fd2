/**
 * The hot path: takes requests from the release, hands them to the client, and counts and journals what becomes of
 * them. A request under way is a place that is used again, with a callback of its own; there are as many as may be under
 * way at once, and no promise anywhere. When a place becomes free the next request goes in the same turn.
 */
import type {Clock} from '../../base/clock.js'
import {BugError} from '../../base/errors.js'
import type {HttpOutcome} from '../../http/http-client.js'
import type {LoadtestOptions} from './options.js'
import {stateOf} from './outcome.js'
import type {Release} from './release.js'
import type {Flight, LoadtestTally} from './tally.js'

/** Sent in a row before others get their turn: only a client that answers within `send` gets there. */
const MAX_BURST_COUNT = 8192

export type DispatcherOptions = Pick<
  LoadtestOptions,
  'model' | 'source' | 'client' | 'judge' | 'scenarios' | 'journal' | 'mintedIds' | 'clock'
>

interface Place extends Flight {
  sequence: number
  dueUs: number
  handedUs: number
  scenario: number
  bodyBytes: number
  paymentId: string | null
  isTaken: boolean
  readonly onOutcome: (outcome: HttpOutcome) => void
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #clock: Clock
  readonly #concurrency: number
  readonly #release: Release
  readonly #tally: LoadtestTally
  readonly #freePlaces: Place[] = []
  readonly #over = new AbortController()
  readonly #idle = new AbortController()
  #inFlight = 0
  #scenario = 0
  #isPumping = false
  /** The disk is behind: nothing goes until it has caught up. */
  #isHeld = false
  #isStopped = false
  #failure: {readonly error: unknown} | undefined

  constructor(options: DispatcherOptions, release: Release, tally: LoadtestTally) {
    this.#options = options
    this.#clock = options.clock
    this.#concurrency = options.model.concurrency
    this.#release = release
    this.#tally = tally
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** How many requests could go at once. */
  get freeCount(): number {
    return this.#isHeld || this.#isStopped ? 0 : this.#concurrency - this.#inFlight
  }

  /** Aborts when nothing goes any more: the plan is played, or something failed. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** After `stop`: aborts when nothing is under way. */
  get idle(): AbortSignal {
    return this.#idle.signal
  }

  /** What ended the run: the source, the judge or the disk. */
  get failure(): {readonly error: unknown} | undefined {
    return this.#failure
  }

  /** Sends what may go. Safe to be called from within itself: an outcome that comes at once does not nest. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      let nowUs = this.#clock.nowUs()
      for (let count = 0; count < MAX_BURST_COUNT && this.freeCount > 0; count++) {
        const sequence = this.#release.take(nowUs)
        if (sequence < 0) break
        nowUs = this.#send(sequence)
        this.#holdForDisk()
      }
      if (this.#release.isWhole(nowUs)) this.#over.abort()
    } catch (error) {
      this.fail(error)
    } finally {
      this.#isPumping = false
    }
  }

  /** Nothing goes any more; outcomes may still come. */
  stop(): void {
    this.#isStopped = true
    this.#over.abort()
    if (this.#inFlight === 0) this.#idle.abort()
  }

  fail(error: unknown): void {
    this.#failure ??= {error}
    this.stop()
  }

  /** @returns the time of hand-over */
  #send(sequence: number): number {
    const request = this.#options.source.at(sequence)
    const handedUs = this.#clock.nowUs()
    const place = this.#freePlaces.pop() ?? this.#newPlace()
    place.sequence = sequence
    place.dueUs = this.#release.dueUs(sequence, handedUs)
    place.handedUs = handedUs
    place.scenario = this.#scenarioOf(sequence)
    place.bodyBytes = request.body?.length ?? 0
    place.paymentId = request.paymentId
    place.isTaken = true
    this.#tally.sent(request, handedUs)
    this.#inFlight++
    try {
      this.#options.client.send(request, place.onOutcome)
    } catch (error) {
      // No client should, but one that does must not leave the end of the run waiting for it.
      if (place.isTaken) this.#putBack(place)
      throw error
    }
    return handedUs
  }

  #newPlace(): Place {
    const place: Place = {
      ...{sequence: 0, dueUs: 0, handedUs: 0, scenario: 0, bodyBytes: 0, paymentId: null, isTaken: false},
      onOutcome: outcome => this.#settle(place, outcome),
    }
    return place
  }

  #settle(place: Place, outcome: HttpOutcome): void {
    if (!place.isTaken) {
      this.fail(new BugError('the HTTP client called back twice for one request'))
      return
    }
    try {
      this.#record(place, outcome)
    } catch (error) {
      this.fail(error)
    }
    this.#putBack(place)
    if (!this.#isStopped) this.pump()
    else if (this.#inFlight === 0) this.#idle.abort()
  }

  #putBack(place: Place): void {
    place.isTaken = false
    this.#freePlaces.push(place)
    this.#inFlight--
  }

  #record(place: Place, outcome: HttpOutcome): void {
    const {judge, journal, mintedIds} = this.#options
    const isSuccess = outcome.kind === 'response' && judge.isSuccess(outcome)
    const state = stateOf(outcome, isSuccess)
    this.#tally.settled(place, outcome, isSuccess, state)
    journal?.recordOne(place.sequence, state, outcome.sentUs, outcome.settledUs)
    if (mintedIds === undefined || !isSuccess) return
    const id = judge.idOf(outcome, place.paymentId)
    if (id !== undefined && id !== place.paymentId) mintedIds.record(place.sequence, id)
  }

  #holdForDisk(): void {
    const {journal, mintedIds} = this.#options
    const room = journal?.room() ?? mintedIds?.room()
    if (room === undefined) return
    this.#isHeld = true
    room.then(
      () => {
        this.#isHeld = false
        this.pump()
      },
      error => this.fail(error),
    )
  }

  /** Numbers ascend, so the scenario only ever moves on. */
  #scenarioOf(sequence: number): number {
    const {scenarios} = this.#options
    while (sequence >= (scenarios[this.#scenario + 1]?.fromSequence ?? Number.POSITIVE_INFINITY)) this.#scenario++
    return this.#scenario
  }
}
