/** An intake over ports in memory, in virtual time; a second one on the same claims is another server. */
import {createHash} from 'node:crypto'
import type {IntakeAnswer, Submission} from '../../src/lib/api/intake.js'
import {MemoryClaims} from '../../src/lib/api/memory-claims.js'
import {PaymentIntake} from '../../src/lib/api/payment-intake.js'
import {API_LIMITS, type ApiLimits} from '../../src/lib/api/ports.js'
import {EnvironmentError} from '../../src/lib/base/errors.js'
import type {Claim, ClaimAnswer, ClaimTable} from '../../src/lib/store/claims.js'
import {MemoryIngest} from './memory-ingest.js'
import {settle, VirtualClock} from './virtual-clock.js'

export interface IntakeWorld {
  readonly clock: VirtualClock
  readonly claims: BreakableClaims
  readonly ingest: MemoryIngest
  readonly intake: PaymentIntake
  readonly notes: string[]
  /** What the intake counted. */
  readonly counts: Record<string, number>
  /** Another server on the same table. */
  another(ingest?: MemoryIngest): PaymentIntake
}

/** A table of claims that can be gone, and that sees its calls. */
export class BreakableClaims extends MemoryClaims {
  isDown = false
  /** The next call is done and its answer lost. */
  losesAnswer = false
  readonly claimCalls: number[] = []
  acceptCalls = 0
  /** Waits before each call is answered, and before it is done. */
  slowly: () => Promise<void> = async () => {}
  late: () => Promise<void> = async () => {}

  override async claim(claims: readonly Claim[], ttlMs: number): Promise<readonly ClaimAnswer[]> {
    this.claimCalls.push(claims.length)
    return this.#through(() => super.claim(claims, ttlMs))
  }

  override async accept(paymentIds: readonly string[]): Promise<void> {
    this.acceptCalls++
    return this.#through(() => super.accept(paymentIds))
  }

  override async release(claims: Parameters<ClaimTable['release']>[0]): Promise<void> {
    return this.#through(() => super.release(claims))
  }

  override async takeOver(claim: Parameters<ClaimTable['takeOver']>[0], leaseMs: number): Promise<boolean> {
    return this.#through(() => super.takeOver(claim, leaseMs))
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    await this.late()
    if (this.isDown) throw down()
    const answer = await call()
    await this.slowly()
    if (!this.losesAnswer) return answer
    this.losesAnswer = false
    throw down()
  }
}

function down(): EnvironmentError {
  return new EnvironmentError('the database is gone', {code: 'P2PAY_DATABASE_DOWN'})
}

export function intakeWorld(limits: Partial<ApiLimits> = {}): IntakeWorld {
  const clock = new VirtualClock()
  const claims = new BreakableClaims({clock})
  const ingest = new MemoryIngest(clock)
  const notes: string[] = []
  const counts: Record<string, number> = {}
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  const meter = {sent: () => count('sent'), sendError: (code: string) => count(code), claim: count}
  const make = (to: MemoryIngest): PaymentIntake =>
    new PaymentIntake(
      {clock, ingest: to, claims, limits: {...API_LIMITS, ...limits}, onNote: note => notes.push(note)},
      meter,
    )
  return {clock, claims, ingest, intake: make(ingest), notes, counts, another: (to = ingest) => make(to)}
}

export interface Given {
  readonly id?: string
  readonly key?: string
  /** The client brought no id: `id` is what was minted this time. */
  readonly minted?: boolean
  readonly content?: string
  readonly dueUs?: number
}

/** The digest is of the content without the id, as that of the normaliser. */
export function submission(clock: VirtualClock, given: Given = {}): Submission {
  const {id = 'payment-1', key, minted = false, content = 'a', dueUs = clock.nowUs()} = given
  return {
    paymentId: id,
    ...(key === undefined ? {} : {idempotencyKey: key}),
    isIdMinted: minted,
    digest: createHash('sha256').update(content).digest(),
    key: Buffer.from('debtor'),
    value: Buffer.from(JSON.stringify({id, content})),
    dueUs,
    arrivedUs: clock.nowUs(),
  }
}

/** `202 payment-1`, `202 payment-1 replayed`, or the problem's code. */
export function told(answer: IntakeAnswer): string {
  if (answer.kind === 'problem') return answer.problem.code
  return `202 ${answer.paymentId}${answer.isReplayed ? ' replayed' : ''}`
}

/** Lets claims and outcomes go round that need no time. */
export async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await settle()
}

/** Something to wait for until the test says so. */
export function makeGate(): {readonly opened: Promise<void>; readonly open: () => void} {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return {opened, open}
}
