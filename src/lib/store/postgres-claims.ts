/**
 * The idempotency table over PostgreSQL, real or embedded. Claiming is one statement that inserts what is new;
 * only when something was in the way, a second one reads it. All times are the database's: processes whose clocks
 * differ agree on who is late. Statements are unnamed, unless the caller says that no pooler shares sessions out.
 */
import {assert, present} from '../base/assert.js'
import {isStorable, safeNumber, textArray} from './answer-values.js'
import {encodeArray, encodeIds} from './binary-array.js'
import type {Claim, ClaimAnswer, ClaimScope, ClaimTable, StoredClaim} from './claims.js'
import {openPool, readDatabaseUrl} from './connect.js'
import {databaseDown, databaseError} from './database-error.js'
import {checkSchema, readStatus} from './migrate.js'
import {type Connections, onConnection} from './on-connection.js'
import type {Query} from './query.js'

/** Claims of one statement; larger batches are split, within one transaction. */
export const MAX_CLAIM_ROWS = 2000
/** A claim that was in the way and is gone when we look (released, expired) is claimed again, this often. */
const MAX_CLAIM_ATTEMPTS = 25
/** Two processes that settle the same payments may meet in a deadlock; the one that is sent away tries again. */
const MAX_DEADLOCK_ATTEMPTS = 4
/** SQLSTATE deadlock_detected. */
const DEADLOCK = '40P01'
/** A hundred years; beyond, the database's dates would end. */
const MAX_TTL_MS = 3_155_760_000_000

const CLAIM_COLUMNS = `scope, claim_key, payment_id::text, digest, value, owner::text, state,
  (extract(epoch FROM claimed_at) * 1000000)::bigint::text`

// What is there is left alone, also unlocked: a retry never waits for whoever settles its claim. The list of keys comes
// back only when some were not ours to have: the common answer is one short row.
const CLAIM = `
WITH claimed AS (
  INSERT INTO public.payment_claims
    (scope, claim_key, payment_id, digest, value, owner, state, claimed_at, expires_at)
  SELECT scope, claim_key, payment_id, digest, value, owner, 'pending', now(),
         now() + $7::double precision * interval '1 millisecond'
  FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bytea[], $5::bytea[], $6::uuid[])
    AS given (scope, claim_key, payment_id, digest, value, owner)
  ON CONFLICT (scope, claim_key) DO NOTHING
  RETURNING scope, claim_key)
SELECT count(*)::integer, (extract(epoch FROM now()) * 1000000)::bigint::text,
       CASE WHEN count(*) < $8::bigint THEN array_agg(scope || ':' || claim_key) END
FROM claimed`

const DELETE_EXPIRED = `
WITH keyed AS (
  DELETE FROM public.payment_claims WHERE scope = 'key' AND claim_key = ANY ($2::text[]) AND expires_at <= now())
DELETE FROM public.payment_claims WHERE scope = 'payment' AND claim_key = ANY ($1::text[]) AND expires_at <= now()`

const SELECT_CLAIMS = `
SELECT ${CLAIM_COLUMNS} FROM public.payment_claims
WHERE scope = 'payment' AND claim_key = ANY ($1::text[]) AND expires_at > now()
UNION ALL
SELECT ${CLAIM_COLUMNS} FROM public.payment_claims
WHERE scope = 'key' AND claim_key = ANY ($2::text[]) AND expires_at > now()`

const ACCEPT = `
WITH keyed AS (
  UPDATE public.payment_claims SET state = 'accepted'
  WHERE scope = 'key' AND payment_id = ANY ($2::uuid[]) AND state = 'pending')
UPDATE public.payment_claims SET state = 'accepted'
WHERE scope = 'payment' AND claim_key = ANY ($1::text[]) AND state = 'pending'`

const RELEASE = `
WITH keyed AS (
  DELETE FROM public.payment_claims
  WHERE scope = 'key' AND claim_key = ANY ($2::text[]) AND state = 'pending' AND owner = $3::uuid
    AND expires_at > now())
DELETE FROM public.payment_claims
WHERE scope = 'payment' AND claim_key = ANY ($1::text[]) AND state = 'pending' AND owner = $3::uuid
  AND expires_at > now()`

const TAKE_OVER = `
UPDATE public.payment_claims SET owner = $3::uuid, claimed_at = now()
WHERE scope = $1 AND claim_key = $2 AND state = 'pending' AND owner <> $3::uuid
  AND claimed_at <= now() - $4::double precision * interval '1 millisecond' AND expires_at > now()`

const FIND = `
SELECT ${CLAIM_COLUMNS} FROM public.payment_claims
WHERE scope = 'payment' AND claim_key = $1 AND expires_at > now()`

// Rows are locked before they go, so none that was claimed anew in between is deleted; what others hold stays for the
// next round.
const PURGE = `
DELETE FROM public.payment_claims WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM public.payment_claims WHERE expires_at <= now() ORDER BY expires_at LIMIT $1
  FOR UPDATE SKIP LOCKED))`

export interface ClaimTableOptions {
  /** Most connections at a time; default 4. */
  readonly poolSize?: number
  /**
   * Each connection keeps the statement of a claim prepared: half of what a small claim costs. Not behind a pooler that
   * shares sessions out by transaction. Default false.
   */
  readonly prepares?: boolean
}

/** The plan looks at nothing that is in the table: one that was made when it was empty is as good later. */
const CLAIM_STATEMENT = 'p2pay_claim'

/**
 * @param url `postgresql://user:password@host:port/database?sslmode=…`
 * @throws UsageError P2PAY_DATABASE_URL
 * @throws EnvironmentError P2PAY_DATABASE_DOWN, P2PAY_DATABASE_ACCESS, or P2PAY_DATABASE_SCHEMA when `p2pay migrate`
 *   has to run first
 */
export async function openClaims(url: string, options: ClaimTableOptions = {}): Promise<ClaimTable> {
  const target = readDatabaseUrl(url)
  const pool = openPool(target, options)
  try {
    checkSchema(await readStatus(pool, target.address), target.address)
    return new PostgresClaims({pool, address: target.address}, options.prepares === true ? CLAIM_STATEMENT : undefined)
  } catch (error) {
    await pool.end()
    throw databaseError(error, target.address)
  }
}

/** A claim with its name, and its place in the caller's batch. */
interface NamedClaim {
  readonly claim: Claim
  readonly name: string
  readonly index: number
}

/** What was found of the claims of one call, by name. */
interface Found {
  readonly all: Map<string, StoredClaim>
  /** Those that were made by this call. */
  readonly fresh: Set<string>
}

class PostgresClaims implements ClaimTable {
  readonly #connections: Connections
  readonly #claimStatement: string | undefined

  /** @param claimStatement its name, when it is to be prepared */
  constructor(connections: Connections, claimStatement: string | undefined) {
    this.#connections = connections
    this.#claimStatement = claimStatement
  }

  async claim(claims: readonly Claim[], ttlMs: number): Promise<readonly ClaimAnswer[]> {
    assert(ttlMs > 0 && ttlMs <= MAX_TTL_MS, 'a claim lives for a while')
    if (claims.length === 0) return []
    // By name, so that two processes that claim the same keys meet them in one order and never deadlock. The sort is
    // stable: the first given of equal keys is the first here.
    const sorted = claims
      .map((claim, index) => ({claim, name: nameOf(claim.scope, claim.key), index}))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    const firsts = sorted.filter(({name}, place) => place === 0 || sorted[place - 1].name !== name)
    const stored: Found = {all: new Map(), fresh: new Set()}
    const claimAll = async (query: Query): Promise<void> => {
      for (let start = 0; start < firsts.length; start += MAX_CLAIM_ROWS)
        await this.#claimPart(query, firsts.slice(start, start + MAX_CLAIM_ROWS), ttlMs, stored)
    }
    await onConnection(this.#connections, claimAll, firsts.length > MAX_CLAIM_ROWS ? 'BEGIN' : undefined)
    const answers: ClaimAnswer[] = new Array(claims.length)
    for (const {name, index} of sorted) {
      // delete() is true once: for the first of equal keys.
      const isNew = stored.fresh.delete(name)
      answers[index] = isNew ? {kind: 'new'} : {kind: 'existing', claim: present(stored.all.get(name), name)}
    }
    return answers
  }

  /** Notes each claim as it is stored now, and which are new. */
  async #claimPart(query: Query, part: readonly NamedClaim[], ttlMs: number, found: Found): Promise<void> {
    let waiting = part
    for (let attempt = 1; waiting.length > 0; attempt++) {
      if (attempt > MAX_CLAIM_ATTEMPTS)
        throw databaseDown(
          this.#connections.address,
          `${waiting.length} claims came and went while they were looked at`,
        )
      const {claimedUs, inTheWay} = await this.#insert(query, waiting, ttlMs)
      for (const {claim, name} of waiting) {
        if (inTheWay.has(name)) continue
        found.fresh.add(name)
        found.all.set(name, {...claim, state: 'pending', claimedUs})
      }
      if (inTheWay.size === 0) return
      waiting = waiting.filter(({name}) => inTheWay.has(name))
      const keys = keysByScope(waiting.map(({claim}) => claim))
      for (const row of (await query(SELECT_CLAIMS, keys)).rows) {
        const claim = toStoredClaim(row)
        found.all.set(nameOf(claim.scope, claim.key), claim)
      }
      waiting = waiting.filter(({name}) => !found.all.has(name))
      // What was in the way and is not to be seen has been released, or has expired.
      if (waiting.length > 0) await query(DELETE_EXPIRED, keysByScope(waiting.map(({claim}) => claim)))
    }
  }

  async #insert(
    query: Query,
    named: readonly NamedClaim[],
    ttlMs: number,
  ): Promise<{readonly claimedUs: number; readonly inTheWay: ReadonlySet<string>}> {
    const {rows} = await query(
      CLAIM,
      [...columnsOf(named.map(({claim}) => claim)), ttlMs, named.length],
      this.#claimStatement,
    )
    const [newCount, claimedUs, newNames] = present(rows[0], 'the answer of a claim')
    const inTheWay = new Set<string>()
    if (newCount !== named.length) {
      for (const {name} of named) inTheWay.add(name)
      for (const name of newNames === null ? [] : textArray(newNames)) inTheWay.delete(name)
    }
    return {claimedUs: safeNumber(claimedUs, 'claimed_at'), inTheWay}
  }

  async accept(paymentIds: readonly string[]): Promise<void> {
    for (let start = 0; start < paymentIds.length; start += MAX_CLAIM_ROWS) {
      const part = paymentIds.slice(start, start + MAX_CLAIM_ROWS)
      await this.#settle(ACCEPT, [encodeArray('text', part), encodeIds(part)])
    }
  }

  async release(claims: readonly Pick<Claim, 'scope' | 'key' | 'owner'>[]): Promise<void> {
    // Nearly always one.
    for (const owner of new Set(claims.map(claim => claim.owner))) {
      const own = claims.filter(claim => claim.owner === owner)
      for (let start = 0; start < own.length; start += MAX_CLAIM_ROWS)
        await this.#settle(RELEASE, [...keysByScope(own.slice(start, start + MAX_CLAIM_ROWS)), owner])
    }
  }

  async takeOver(claim: Pick<Claim, 'scope' | 'key' | 'owner'>, leaseMs: number): Promise<boolean> {
    return (await this.#settle(TAKE_OVER, [claim.scope, claim.key, claim.owner, leaseMs])) === 1
  }

  async find(paymentId: string): Promise<StoredClaim | undefined> {
    if (!isStorable(paymentId)) return undefined
    const {rows} = await onConnection(this.#connections, query => query(FIND, [paymentId]))
    return rows[0] === undefined ? undefined : toStoredClaim(rows[0])
  }

  purge(limit: number): Promise<number> {
    assert(Number.isSafeInteger(limit) && limit > 0, 'a purge removes one claim at least')
    return this.#settle(PURGE, [limit])
  }

  async close(): Promise<void> {
    await this.#connections.pool.end()
  }

  /** Runs a statement that may be run again, also after a deadlock; returns the rows that it changed. */
  async #settle(text: string, values: readonly unknown[]): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await onConnection(this.#connections, query => query(text, values))).count
      } catch (error) {
        if (attempt >= MAX_DEADLOCK_ATTEMPTS || !isDeadlock(error)) throw error
      }
    }
  }
}

/** As the parameters of CLAIM. */
function columnsOf(claims: readonly Claim[]): readonly Buffer[] {
  const [scopes, keys] = [claims.map(({scope}) => scope), claims.map(({key}) => key)]
  const [digests, values] = [claims.map(({digest}) => digest), claims.map(({value}) => value)]
  return [
    ...[encodeArray('text', scopes), encodeArray('text', keys), encodeIds(claims.map(({paymentId}) => paymentId))],
    ...[encodeArray('bytea', digests), encodeArray('bytea', values), encodeIds(claims.map(({owner}) => owner))],
  ]
}

/** The keys in scope `payment`, and those in scope `key`, as parameters. */
function keysByScope(claims: readonly Pick<Claim, 'scope' | 'key'>[]): [Buffer, Buffer] {
  const keysIn = (scope: ClaimScope): Buffer =>
    encodeArray(
      'text',
      claims.filter(claim => claim.scope === scope).map(({key}) => key),
    )
  return [keysIn('payment'), keysIn('key')]
}

function toStoredClaim([
  scope,
  key,
  paymentId,
  digest,
  value,
  owner,
  state,
  claimedUs,
]: readonly unknown[]): StoredClaim {
  assert(scope === 'payment' || scope === 'key', `a claim has scope ${String(scope)}`)
  assert(state === 'pending' || state === 'accepted', `a claim is ${String(state)}`)
  assert(Buffer.isBuffer(digest), 'a digest did not arrive as a Buffer')
  assert(Buffer.isBuffer(value), 'a value did not arrive as a Buffer')
  return {
    scope,
    key: String(key),
    paymentId: String(paymentId),
    digest,
    value,
    owner: String(owner),
    state,
    claimedUs: safeNumber(claimedUs, 'claimed_at'),
  }
}

function nameOf(scope: ClaimScope, key: string): string {
  return `${scope}:${key}`
}

function isDeadlock(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === DEADLOCK
}
