/**
 * The way of a submitted payment: its id (and Idempotency-Key) is claimed, its bytes are offered to the broker, and it
 * is answered once the broker has acknowledged it. A retry finds the claim and is answered, joined to what is under
 * way, or, when nobody knows what became of the first attempt, sends the claimed bytes again: an id has one content.
 *
 * A deadline ends the waiting of a client, never the work: whoever hangs up or is told 503 finds on the next try what
 * became of it.
 */
import {randomUUID} from 'node:crypto'
import type {Clock} from '../base/clock.js'
import {messageOf} from '../base/errors.js'
import type {IngestOutcome} from '../sink/ingest-sink.js'
import {CLAIM_LEASE_MS, type Claim, type ClaimAnswer, type StoredClaim} from '../store/claims.js'
import {Acceptances} from './acceptances.js'
import {ClaimBatcher, ClaimFailure} from './claim-batcher.js'
import {Deadlines} from './deadlines.js'
import type {Intake, IntakeAnswer, Submission} from './intake.js'
import type {ApiMetrics} from './metrics.js'
import type {ApiOptions, LaterCounts} from './ports.js'
import type {Problem, ProblemCode} from './problem.js'

export type IntakeOptions = Pick<ApiOptions, 'clock' | 'ingest' | 'claims' | 'limits' | 'onNote'>
export type IntakeMeter = Pick<ApiMetrics, 'sent' | 'sendError' | 'claim'>

/** A payment on its way to the broker; whoever asks for the same one joins. */
interface Flight {
  readonly digest: Buffer
  readonly outcome: Promise<FlightOutcome>
  /** Nobody has sent it before: when it is refused, nothing of it is on the topic. */
  readonly isFirst: boolean
}

type FlightOutcome =
  | {readonly kind: 'acked'; readonly partition: number; readonly offset: number}
  /** Definitely not on the topic by this attempt. */
  | {readonly kind: 'refused'; readonly code: ProblemCode; readonly detail: string}
  | {readonly kind: 'unknown'; readonly detail: string}

/** What a submission has claimed that nobody had before. */
type OwnClaims = readonly Claim[]

/** Looks at a payment that another server is sending, from its claim on: it is mostly over in less than 100 ms. */
export const FOLLOW_PAUSES_MS: readonly number[] = [25, 50, 75, 100]
/** So many requests look at once; each asks the database alone, and those beyond are answered at once. */
export const MAX_FOLLOWER_COUNT = 50

/** One request, from its submission to the outcome of its payment. */
interface Attempt {
  readonly submission: Submission
  /** Until then it waits for the database, and afterwards for the broker. */
  isClaimed: boolean
  /** Undefined while its key may yet lead to a payment of another id. */
  paymentId: string | undefined
}

export class PaymentIntake implements Intake {
  readonly #options: IntakeOptions
  readonly #meter: IntakeMeter
  readonly #clock: Clock
  readonly #owner = randomUUID()
  readonly #batcher: ClaimBatcher
  readonly #acceptances: Acceptances
  readonly #deadlines: Deadlines
  readonly #flights = new Map<string, Flight>()
  readonly #idle: (() => void)[] = []
  #pendingCount = 0
  #pendingBytes = 0
  #unclaimedCount = 0
  #followerCount = 0
  readonly #laterCounts = {refused: 0, late: 0, unclaimed: 0}
  #isClosing = false

  constructor(options: IntakeOptions, meter: IntakeMeter) {
    this.#options = options
    this.#meter = meter
    this.#clock = options.clock
    const {claimTtlMs, claimPaceMs} = options.limits
    this.#batcher = new ClaimBatcher(options.claims, {clock: options.clock, ttlMs: claimTtlMs, paceMs: claimPaceMs})
    this.#acceptances = new Acceptances({...options, settled: () => this.#batcher.answered()})
    this.#deadlines = new Deadlines(options.clock)
  }

  get pendingCount(): number {
    return Math.max(this.#pendingCount, this.#options.ingest.pendingCount)
  }

  get pendingBytes(): number {
    return Math.max(this.#pendingBytes, this.#options.ingest.pendingBytes)
  }

  get laterCounts(): LaterCounts {
    return {...this.#laterCounts}
  }

  isAcknowledged(paymentId: string): boolean {
    return this.#acceptances.has(paymentId)
  }

  submit(submission: Submission): Promise<IntakeAnswer> {
    const {limits} = this.#options
    if (this.#isClosing) return Promise.resolve(this.#later('SHUTTING_DOWN', 'send it to another server, or again'))
    if (this.pendingCount >= limits.pendingCount) return Promise.resolve(this.#noRoom())
    const {paymentId, idempotencyKey, isIdMinted, value} = submission
    const isKnown = !isIdMinted || idempotencyKey === undefined
    const attempt: Attempt = {submission, isClaimed: false, paymentId: isKnown ? paymentId : undefined}
    this.#pendingCount++
    this.#unclaimedCount++
    this.#pendingBytes += value.length
    return new Promise(resolve => {
      // The clock itself, not the arrival: deadlines come in order.
      const deadline = this.#deadlines.add(this.#clock.nowUs() + limits.ackTimeoutMs * 1000, () =>
        resolve(this.#late(attempt)),
      )
      const settle = (answer: IntakeAnswer): void => {
        this.#pendingCount--
        this.#pendingBytes -= value.length
        deadline.meet()
        resolve(answer)
        if (this.#pendingCount === 0) for (const wake of this.#idle.splice(0)) wake()
      }
      const claims = this.#claimsOf(submission)
      this.#batcher.add(claims, answers => {
        this.#unclaimedCount--
        attempt.isClaimed = true
        void this.#claimed(attempt, claims, answers).then(settle, error => {
          this.#options.onNote(`! a bug: ${messageOf(error)}`)
          settle(this.#unsettled('INTERNAL', 'the payment may or may not have been sent', attempt))
        })
      })
    })
  }

  /**
   * Takes nothing new, and settles what is under way: the waits of sink and table are bounded. Both are closed by
   * whoever opened them, afterwards.
   */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.#pendingCount > 0) await new Promise<void>(resolve => this.#idle.push(resolve))
    await this.#options.ingest.flush()
    await this.#acceptances.close()
    this.#deadlines.close()
  }

  #claimsOf({paymentId, idempotencyKey, digest, value}: Submission): readonly Claim[] {
    const claim = {paymentId, digest, value, owner: this.#owner}
    const ofPayment: Claim = {...claim, scope: 'payment', key: paymentId}
    return idempotencyKey === undefined ? [ofPayment] : [ofPayment, {...claim, scope: 'key', key: idempotencyKey}]
  }

  /** Runs without a pause until it has joined or made a flight, so that the next submission finds that. */
  async #claimed(
    attempt: Attempt,
    claims: readonly Claim[],
    answers: readonly ClaimAnswer[] | ClaimFailure,
  ): Promise<IntakeAnswer> {
    const {submission} = attempt
    if (answers instanceof ClaimFailure) return this.#noClaims(answers.error, attempt)
    const own = claims.filter((_, index) => answers[index]?.kind === 'new')
    const [ofPayment, ofKey] = answers.map(answer => (answer.kind === 'existing' ? answer.claim : undefined))
    const {paymentId, isIdMinted, digest} = submission

    if (ofPayment !== undefined && !ofPayment.digest.equals(digest)) {
      return this.#conflict('PAYMENT_ID_CONFLICT', `${paymentId} was used with other content`, own)
    }
    // A key may lead to another id only where the client left that to us.
    if (ofKey !== undefined && !(ofKey.digest.equals(digest) && (isIdMinted || ofKey.paymentId === paymentId))) {
      return this.#conflict('IDEMPOTENCY_KEY_CONFLICT', 'the key was used with other content', own)
    }
    const leading = ofPayment ?? ofKey
    attempt.paymentId = leading?.paymentId ?? paymentId
    if (leading !== undefined) return this.#follow(attempt, leading, own)
    this.#meter.claim('new')
    this.#fly(submission, {paymentId, value: submission.value, digest, isFirst: true})
    return this.#join(attempt, paymentId, own, false)
  }

  /** Somebody has sent the same before. */
  async #follow(attempt: Attempt, claim: StoredClaim, own: OwnClaims): Promise<IntakeAnswer> {
    const {paymentId} = claim
    // An id that was minted for nothing.
    const spare = own.filter(one => one.paymentId !== paymentId)
    const kept = own.filter(one => one.paymentId === paymentId)
    if (spare.length > 0) void this.#release(spare)
    const here = this.#contentHere(claim)
    if (claim.state === 'accepted' || here === 'accepted') return this.#replayed(claim, kept)
    if (here === 'flying') {
      this.#meter.claim('joined')
      return this.#join(attempt, paymentId, kept, true)
    }
    if (here === 'other') return this.#busy(attempt)
    return claim.owner === this.#owner ? this.#resend(attempt, claim, kept) : this.#takeOver(attempt, claim, kept)
  }

  /**
   * What this server itself knows of a claim that the table told of a moment ago. Refused since then, its id may have
   * been claimed anew with other content: what is under way or accepted here counts only when the content is the same.
   */
  #contentHere({paymentId, digest}: StoredClaim): 'accepted' | 'flying' | 'other' | undefined {
    const accepted = this.#acceptances.digestOf(paymentId)
    if (accepted?.equals(digest)) return 'accepted'
    const flying = this.#flights.get(paymentId)?.digest
    if (flying?.equals(digest)) return 'flying'
    return accepted === undefined && flying === undefined ? undefined : 'other'
  }

  #replayed({paymentId, digest}: StoredClaim, own: OwnClaims): IntakeAnswer {
    if (own.length > 0) this.#acceptances.add(paymentId, digest)
    this.#meter.claim('replayed')
    return {kind: 'accepted', paymentId, isReplayed: true}
  }

  #busy(attempt: Attempt): IntakeAnswer {
    this.#meter.claim('busy')
    return this.#unsettled('IN_PROGRESS', 'another server is sending it, or was before it went away', attempt)
  }

  /** Ours, and of unknown outcome: the same bytes settle it. */
  #resend(attempt: Attempt, {paymentId, value, digest}: StoredClaim, own: OwnClaims): Promise<IntakeAnswer> {
    this.#meter.claim('taken_over')
    this.#fly(attempt.submission, {paymentId, value, digest, isFirst: false})
    return this.#join(attempt, paymentId, own, true)
  }

  async #takeOver(attempt: Attempt, claim: StoredClaim, own: OwnClaims): Promise<IntakeAnswer> {
    const {scope, key, paymentId} = claim
    try {
      // Whether the lease is over is for the table to say: its clock is the one that all servers share.
      const isOurs = await this.#options.claims.takeOver({scope, key, owner: this.#owner}, CLAIM_LEASE_MS)
      // While we asked, another request may have taken it over here.
      if (this.#contentHere(claim) === 'flying') return this.#join(attempt, paymentId, own, true)
      if (isOurs) return this.#resend(attempt, claim, own)
      if (this.#followerCount < MAX_FOLLOWER_COUNT && (await this.#isSettled(claim))) return this.#replayed(claim, own)
      if (this.#contentHere(claim) === 'flying') return this.#join(attempt, paymentId, own, true)
    } catch (error) {
      return this.#noClaims(error, attempt)
    }
    return this.#busy(attempt)
  }

  /** Another server says within a while that the broker has it; or we have heard so ourselves. */
  async #isSettled(followed: StoredClaim): Promise<boolean> {
    const {paymentId, digest} = followed
    this.#followerCount++
    try {
      for (const pauseMs of FOLLOW_PAUSES_MS) {
        await this.#clock.sleep(pauseMs)
        const here = this.#contentHere(followed)
        if (here !== undefined) return here === 'accepted'
        const claim = await this.#options.claims.find(paymentId)
        // Refused, it may have been claimed anew with other content.
        if (claim === undefined || !claim.digest.equals(digest)) return false
        if (claim.state === 'accepted') return true
      }
      return false
    } finally {
      this.#followerCount--
    }
  }

  async #join(attempt: Attempt, paymentId: string, own: OwnClaims, isReplayed: boolean): Promise<IntakeAnswer> {
    const flight = this.#flights.get(paymentId)
    if (flight === undefined) return this.#unsettled('OUTCOME_UNKNOWN', 'the payment may be on the topic', attempt)
    const outcome = await flight.outcome
    switch (outcome.kind) {
      case 'acked': {
        const {partition, offset} = outcome
        // A key that came after the payment itself was accepted: the table has to hear of it too.
        if (isReplayed && own.length > 0) this.#acceptances.add(paymentId, flight.digest)
        return {kind: 'accepted', paymentId, isReplayed, ...(offset < 0 ? {} : {partition, offset})}
      }
      case 'refused':
        if (!flight.isFirst)
          return this.#unsettled('OUTCOME_UNKNOWN', 'an earlier attempt may be on the topic', attempt)
        await this.#release(own)
        // Only now: until its claims are gone, a retry must not take the payment for one of unknown outcome.
        if (!isReplayed && this.#flights.get(paymentId) === flight) this.#flights.delete(paymentId)
        return this.#later(outcome.code, outcome.detail)
      case 'unknown':
        return this.#unsettled('OUTCOME_UNKNOWN', outcome.detail, attempt)
    }
  }

  #fly(
    submission: Submission,
    payment: {readonly paymentId: string; readonly value: Buffer; readonly digest: Buffer; readonly isFirst: boolean},
  ): void {
    const {key, dueUs, arrivedUs} = submission
    const {paymentId, value, digest, isFirst} = payment
    const offered = this.#options.ingest.offer({key, value, dueUs})
    const outcome = (offered ?? Promise.resolve(undefined)).then(answer => {
      const landed = this.#landed(answer, arrivedUs)
      if (landed.kind === 'acked') this.#acceptances.add(paymentId, digest)
      // A refused first flight stays until its claims are released.
      if (landed.kind !== 'refused' || !isFirst) this.#flights.delete(paymentId)
      return landed
    })
    this.#flights.set(paymentId, {outcome, digest, isFirst})
  }

  #landed(outcome: IngestOutcome | undefined, arrivedUs: number): FlightOutcome {
    if (outcome === undefined) {
      this.#meter.sendError('QUEUE_FULL')
      return {kind: 'refused', code: 'QUEUE_FULL', detail: 'the queue to the broker is full'}
    }
    if (outcome.state === 'acked') {
      this.#meter.sent(Math.max(0, outcome.settledUs - arrivedUs) / 1_000_000)
      return {kind: 'acked', partition: outcome.partition, offset: outcome.offset}
    }
    this.#meter.sendError(outcome.code)
    if (outcome.state === 'failed') {
      return {kind: 'refused', code: 'BROKER_REFUSED', detail: `the payment was not sent (${outcome.code})`}
    }
    return {kind: 'unknown', detail: `the payment may be on the topic (${outcome.code})`}
  }

  async #conflict(code: ProblemCode, detail: string, own: OwnClaims): Promise<IntakeAnswer> {
    this.#meter.claim('conflict')
    await this.#release(own)
    return {kind: 'problem', problem: {code, detail}}
  }

  /** Never rejects: a claim that stays is settled by a retry, or expires. */
  async #release(claims: OwnClaims): Promise<void> {
    if (claims.length === 0) return
    const failure = await this.#batcher.release(claims)
    if (failure !== undefined) this.#options.onNote(`! a claim could not be released: ${failure.message}`)
  }

  #noRoom(): IntakeAnswer {
    this.#laterCounts.refused++
    this.#meter.sendError('QUEUE_FULL')
    const forBroker = Math.max(0, this.pendingCount - this.#unclaimedCount)
    const waiting = [
      ...(this.#unclaimedCount === 0 ? [] : [`${this.#unclaimedCount} for the database`]),
      ...(forBroker === 0 ? [] : [`${forBroker} for the broker`]),
    ]
    return this.#later('QUEUE_FULL', `too many payments wait: ${waiting.join(', ')}`)
  }

  #late(attempt: Attempt): IntakeAnswer {
    this.#laterCounts.late++
    this.#meter.sendError('ACK_TIMEOUT')
    const {ackTimeoutMs} = this.#options.limits
    const what = attempt.isClaimed
      ? `no acknowledgement within ${ackTimeoutMs} ms; it may yet arrive`
      : `the database has not answered within ${ackTimeoutMs} ms; the payment may yet be sent`
    return this.#unsettled('ACK_TIMEOUT', what, attempt)
  }

  #noClaims(error: unknown, attempt: Attempt): IntakeAnswer {
    if (codeOf(error) === 'P2PAY_CLAIMS_FULL') {
      this.#laterCounts.refused++
      this.#meter.sendError('QUEUE_FULL')
      return this.#later('QUEUE_FULL', 'too many payments are pending')
    }
    this.#laterCounts.unclaimed++
    this.#meter.sendError('DATABASE_UNAVAILABLE')
    return this.#unsettled('DATABASE_UNAVAILABLE', 'nobody can tell whether it was sent before', attempt)
  }

  /** Sent, or it may be: without its id or its key, a retry would be another payment. */
  #unsettled(code: ProblemCode, detail: string, {submission, paymentId}: Attempt): IntakeAnswer {
    const {isIdMinted, idempotencyKey} = submission
    const how = !isIdMinted
      ? 'send the same again'
      : idempotencyKey === undefined
        ? 'send the same body again with this payment_id'
        : 'send the same body again with the same Idempotency-Key'
    const {retryAfterS} = this.#options.limits
    const extensions = paymentId === undefined ? {} : {extensions: {payment_id: paymentId}}
    return {kind: 'problem', problem: {code, detail: `${detail}: ${how}`, ...extensions, retryAfterS}}
  }

  #later(code: ProblemCode, detail: string): IntakeAnswer {
    const problem: Problem = {code, detail, retryAfterS: this.#options.limits.retryAfterS}
    return {kind: 'problem', problem}
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
