/**
 * The idempotency table for `--no-database`: in this process, gone with it. Bounded by count and bytes: when full,
 * the oldest go that are expired or accepted (a late retry of those would be taken for a new payment); pending ones
 * are never given up.
 */
import type {Clock} from '../base/clock.js'
import {EnvironmentError} from '../base/errors.js'
import type {Claim, ClaimAnswer, ClaimTable, StoredClaim} from '../store/claims.js'

export interface MemoryClaimsOptions {
  readonly clock: Clock
  /** Default 500,000. */
  readonly maxCount?: number
  /** Of the values; default 256 MiB. */
  readonly maxBytes?: number
}

const MAX_COUNT = 500_000
const MAX_BYTES = 268_435_456

interface Entry extends StoredClaim {
  owner: string
  state: 'pending' | 'accepted'
  claimedUs: number
  readonly expiresUs: number
}

export class MemoryClaims implements ClaimTable {
  readonly #clock: Clock
  readonly #maxCount: number
  readonly #maxBytes: number
  /** By scope and key, oldest first. */
  readonly #entries = new Map<string, Entry>()
  readonly #ofPayment = new Map<string, readonly Entry[]>()
  #bytes = 0

  constructor(options: MemoryClaimsOptions) {
    this.#clock = options.clock
    this.#maxCount = options.maxCount ?? MAX_COUNT
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
  }

  get count(): number {
    return this.#entries.size
  }

  async claim(claims: readonly Claim[], ttlMs: number): Promise<readonly ClaimAnswer[]> {
    this.#makeRoom(claims)
    const nowUs = this.#clock.nowUs()
    return claims.map(claim => {
      const present = this.#entry(claim)
      // A copy, as a database would give: what becomes of the claim later does not change an answer.
      if (present !== undefined) return {kind: 'existing', claim: {...present}}
      this.#add({...claim, state: 'pending', claimedUs: nowUs, expiresUs: nowUs + ttlMs * 1000})
      return {kind: 'new'}
    })
  }

  async accept(paymentIds: readonly string[]): Promise<void> {
    for (const id of paymentIds) for (const entry of this.#ofPayment.get(id) ?? []) entry.state = 'accepted'
  }

  async release(claims: readonly Pick<Claim, 'scope' | 'key' | 'owner'>[]): Promise<void> {
    for (const claim of claims) {
      const entry = this.#entry(claim)
      if (entry?.state === 'pending' && entry.owner === claim.owner) this.#delete(entry)
    }
  }

  async takeOver(claim: Pick<Claim, 'scope' | 'key' | 'owner'>, leaseMs: number): Promise<boolean> {
    const entry = this.#entry(claim)
    const nowUs = this.#clock.nowUs()
    if (entry === undefined || entry.state !== 'pending' || entry.owner === claim.owner) return false
    if (nowUs - entry.claimedUs < leaseMs * 1000) return false
    entry.owner = claim.owner
    entry.claimedUs = nowUs
    return true
  }

  async find(paymentId: string): Promise<StoredClaim | undefined> {
    const entry = this.#entry({scope: 'payment', key: paymentId})
    return entry === undefined ? undefined : {...entry}
  }

  async purge(limit: number): Promise<number> {
    const nowUs = this.#clock.nowUs()
    let count = 0
    for (const entry of this.#entries.values()) {
      if (count >= limit) break
      if (entry.expiresUs > nowUs) continue
      this.#delete(entry)
      count++
    }
    return count
  }

  async close(): Promise<void> {}

  /** What has expired is absent. */
  #entry(claim: Pick<Claim, 'scope' | 'key'>): Entry | undefined {
    const entry = this.#entries.get(nameOf(claim))
    return entry !== undefined && entry.expiresUs > this.#clock.nowUs() ? entry : undefined
  }

  #add(entry: Entry): void {
    const expired = this.#entries.get(nameOf(entry))
    if (expired !== undefined) this.#delete(expired)
    this.#entries.set(nameOf(entry), entry)
    this.#ofPayment.set(entry.paymentId, [...(this.#ofPayment.get(entry.paymentId) ?? []), entry])
    this.#bytes += entry.value.length
  }

  #delete(entry: Entry): void {
    this.#entries.delete(nameOf(entry))
    this.#bytes -= entry.value.length
    const others = (this.#ofPayment.get(entry.paymentId) ?? []).filter(other => other !== entry)
    if (others.length === 0) this.#ofPayment.delete(entry.paymentId)
    else this.#ofPayment.set(entry.paymentId, others)
  }

  /** @throws EnvironmentError when nothing but pending claims is left; nothing was claimed then */
  #makeRoom(claims: readonly Claim[]): void {
    const bytes = claims.reduce((sum, claim) => sum + claim.value.length, 0)
    const hasRoom = (): boolean =>
      this.#entries.size + claims.length <= this.#maxCount && this.#bytes + bytes <= this.#maxBytes
    if (hasRoom()) return
    const nowUs = this.#clock.nowUs()
    for (const isSpare of [(entry: Entry) => entry.expiresUs <= nowUs, (entry: Entry) => entry.state === 'accepted']) {
      for (const entry of this.#entries.values()) {
        if (hasRoom()) return
        if (isSpare(entry)) this.#delete(entry)
      }
    }
    if (hasRoom()) return
    throw new EnvironmentError(`${this.#entries.size} payments are pending in memory, and no more fit`, {
      code: 'P2PAY_CLAIMS_FULL',
      suggestions: ['is the broker gone? each becomes accepted, or is released, once the broker answers'],
    })
  }
}

function nameOf({scope, key}: Pick<Claim, 'scope' | 'key'>): string {
  return `${scope}:${key}`
}
