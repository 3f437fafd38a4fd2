/**
 * Port to the idempotency table: who has claimed an id or a key first, with which content. A retry finds its claim,
 * a stranger with other content finds a conflict; after its time to live a claim is gone.
 */

/** `payment`: the payment's own id. `key`: an Idempotency-Key header. */
export type ClaimScope = 'payment' | 'key'

export interface Claim {
  readonly scope: ClaimScope
  /** The payment id, or the header's value (1 to 255 characters). */
  readonly key: string
  /** The payment that the claim is for; equal to `key` in scope `payment`. */
  readonly paymentId: string
  /** SHA-256 of the payment's canonical fields as the client gave them: 32 bytes. */
  readonly digest: Buffer
  /** The bytes that go to the raw topic. */
  readonly value: Buffer
  /** Who claims: one UUID a process. A claim of a process that is gone can be taken over. */
  readonly owner: string
}

export interface StoredClaim {
  readonly scope: ClaimScope
  readonly key: string
  readonly paymentId: string
  readonly digest: Buffer
  readonly value: Buffer
  readonly owner: string
  /** `accepted`: the broker has acknowledged it. `pending`: under way, or its process died before it knew. */
  readonly state: 'pending' | 'accepted'
  /** Wall clock µs of the claim, or of the last take-over: the lease counts from here. */
  readonly claimedUs: number
}

/** What came of a claim: it is ours now, or it was there before. */
export type ClaimAnswer = {readonly kind: 'new'} | {readonly kind: 'existing'; readonly claim: StoredClaim}

/** A claim that nobody settled for this long may be taken over by whoever retries. */
export const CLAIM_LEASE_MS = 30_000

export interface ClaimTable {
  /**
   * Claims each, and answers in order. Of two equal keys in one call the first is new, the second
   * existing. An expired claim counts as absent. @param ttlMs from now
   * @throws EnvironmentError P2PAY_DATABASE_DOWN: nobody knows which claims were stored; claiming again settles it
   */
  claim(claims: readonly Claim[], ttlMs: number): Promise<readonly ClaimAnswer[]>
  /** Makes pending claims of these payments, in both scopes, accepted. */
  accept(paymentIds: readonly string[]): Promise<void>
  /** Removes pending claims of this owner: the payment was definitely refused, and a retry may begin anew. */
  release(claims: readonly Pick<Claim, 'scope' | 'key' | 'owner'>[]): Promise<void>
  /**
   * Makes a pending claim of another owner, older than the lease, ours.
   * @returns false when somebody else was faster, or it is no longer pending
   */
  takeOver(claim: Pick<Claim, 'scope' | 'key' | 'owner'>, leaseMs: number): Promise<boolean>
  /** The claim on a payment id in lower case, when it has not expired. */
  find(paymentId: string): Promise<StoredClaim | undefined>
  /** Deletes at most `limit` expired claims; returns how many. */
  purge(limit: number): Promise<number>
  close(): Promise<void>
}
