/**
 * What a table of claims promises, as tests: run against the embedded database always, against a real PostgreSQL in
 * the service suite, and against any table that lives in memory. Time is moved by the caller's `pass`.
 */
import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {Claim, ClaimAnswer, ClaimScope, ClaimTable} from '../../src/lib/store/claims.js'
import {testPaymentId} from './payments.js'

export interface ClaimWorld {
  readonly table: ClaimTable
  /** The table's wall clock, µs, to the minute. */
  nowUs(): number
  /** Makes everything that is claimed older. */
  pass(ms: number): Promise<void>
  /** Forgets every claim. */
  clear(): Promise<void>
}

export const HOUR_MS = 3_600_000
const OURS = 'aaaaaaaa-0000-4000-8000-000000000001'
const THEIRS = 'bbbbbbbb-0000-4000-8000-000000000002'

export function claimOf(number: number, overrides: Partial<Claim> = {}): Claim {
  const paymentId = testPaymentId(number)
  const value = Buffer.from(`{"payment_id":"${paymentId}"}`)
  const digest = createHash('sha256').update(value).digest()
  return {scope: 'payment', key: paymentId, paymentId, digest, value, owner: OURS, ...overrides}
}

export function keyClaimOf(key: string, number: number, overrides: Partial<Claim> = {}): Claim {
  return claimOf(number, {scope: 'key', key, ...overrides})
}

const NEW: ClaimAnswer = {kind: 'new'}

/** What anybody who comes later is told of a claim. */
function existing(claim: Claim, state: 'pending' | 'accepted' = 'pending'): unknown {
  const {scope, key, paymentId, digest, value, owner} = claim
  return {
    kind: 'existing',
    claim: expect.objectContaining({scope, key, paymentId, digest, value, owner, state}),
  }
}

export function claimsContract(name: string, open: () => Promise<ClaimWorld>): void {
  describe(`the table of claims ${name}`, () => {
    let world: ClaimWorld
    let table: ClaimTable
    beforeAll(async () => {
      world = await open()
      // Another contract may have left claims behind.
      await world.clear()
      table = world.table
    })
    afterAll(async () => {
      await table?.close()
    })

    describe('claim', () => {
      it('is new at first, and afterwards exists with everything that was claimed', async () => {
        const claim = claimOf(1, {value: Buffer.from([0, 1, 255, 0, 39, 92])})
        expect(await table.claim([claim], HOUR_MS)).toEqual([NEW])
        const other = claimOf(1, {value: Buffer.from('other'), digest: Buffer.alloc(32, 7), owner: THEIRS})
        expect(await table.claim([other], HOUR_MS)).toEqual([existing(claim)])
        expect(await table.claim([claim], HOUR_MS)).toEqual([existing(claim)])
      })

      it('answers nothing for nothing', async () => {
        expect(await table.claim([], HOUR_MS)).toEqual([])
      })

      it('keeps scopes apart', async () => {
        const [payment, key] = [claimOf(2), keyClaimOf(testPaymentId(2), 2)]
        expect(await table.claim([payment], HOUR_MS)).toEqual([NEW])
        expect(await table.claim([key], HOUR_MS)).toEqual([NEW])
        expect(await table.claim([key, payment], HOUR_MS)).toEqual([existing(key), existing(payment)])
      })

      it('takes the first of equal keys in one call; the others find it', async () => {
        const [first, second, third] = [claimOf(3), claimOf(3, {digest: Buffer.alloc(32, 1)}), claimOf(3)]
        const beside = claimOf(4)
        expect(await table.claim([first, beside, second, third], HOUR_MS)).toEqual([
          NEW,
          NEW,
          existing(first),
          existing(first),
        ])
        expect(await table.claim([second, second], HOUR_MS)).toEqual([existing(first), existing(first)])
      })

      it('answers in the order asked, new and existing mixed', async () => {
        await table.claim([claimOf(10), claimOf(12)], HOUR_MS)
        const asked = [13, 12, 11, 10].map(number => claimOf(number))
        expect((await table.claim(asked, HOUR_MS)).map(({kind}) => kind)).toEqual([
          'new',
          'existing',
          'new',
          'existing',
        ])
      })

      it('says when it was claimed, by the clock of the table', async () => {
        await table.claim([claimOf(14)], HOUR_MS)
        const stored = await table.find(testPaymentId(14))
        expect(Math.abs((stored?.claimedUs ?? 0) - world.nowUs())).toBeLessThan(60_000_000)
      })

      it('takes thousands in one call', async () => {
        const claims = Array.from({length: 4500}, (_, index) => claimOf(100_000 + ((index * 7919) % 4400)))
        const answers = await table.claim(claims, HOUR_MS)
        expect(answers.filter(({kind}) => kind === 'new')).toHaveLength(4400)
        expect(answers.slice(0, 4400).every(({kind}) => kind === 'new')).toBe(true)
        const again = await table.claim(claims, HOUR_MS)
        expect(again.every(answer => answer.kind === 'existing')).toBe(true)
        expect(again.map(answer => (answer.kind === 'existing' ? answer.claim.key : ''))).toEqual(
          claims.map(({key}) => key),
        )
      })

      it.each([
        ["SQL'); DROP TABLE payment_claims; --"],
        ['"{}\\,NULL'],
        ['NULL'],
        [' '],
        ['ключ 🔑 ключ'],
        ['x'.repeat(255)],
        ['🔑'.repeat(127)],
      ])('takes a key for what it is: %s', async key => {
        const claim = keyClaimOf(key, 20)
        expect(await table.claim([claim], HOUR_MS)).toEqual([NEW])
        expect(await table.claim([claim, keyClaimOf(`${key.slice(0, 200)}.`, 21)], HOUR_MS)).toEqual([
          existing(claim),
          NEW,
        ])
      })

      it('takes values from nothing to 64 kB', async () => {
        const claims = [0, 1, 65_536].map((size, index) => claimOf(30 + index, {value: Buffer.alloc(size, index)}))
        expect(await table.claim(claims, HOUR_MS)).toEqual([NEW, NEW, NEW])
        expect(await table.claim(claims, HOUR_MS)).toEqual(claims.map(claim => existing(claim)))
      })
    })

    describe('time', () => {
      it('makes a claim absent once its time to live is over, and its key anybody’s', async () => {
        const [claim, key] = [claimOf(40), keyClaimOf('expiring', 40)]
        await table.claim([claim, key], HOUR_MS)
        await world.pass(0.9 * HOUR_MS)
        expect(await table.claim([claim, key], HOUR_MS)).toEqual([existing(claim), existing(key)])
        await world.pass(0.2 * HOUR_MS)
        expect(await table.find(claim.key)).toBeUndefined()
        const other = claimOf(40, {digest: Buffer.alloc(32, 4), owner: THEIRS, value: Buffer.from('new')})
        expect(await table.claim([other, claim, key], HOUR_MS)).toEqual([NEW, existing(other), NEW])
        expect(await table.find(claim.key)).toMatchObject({owner: THEIRS, digest: other.digest, state: 'pending'})
      })

      it('does not let an expired claim be taken over', async () => {
        await table.claim([claimOf(41)], HOUR_MS)
        await world.pass(2 * HOUR_MS)
        expect(await table.takeOver(claimOf(41, {owner: THEIRS}), 1000)).toBe(false)
      })

      it('lets accepted claims expire as well', async () => {
        await table.claim([claimOf(42)], HOUR_MS)
        await table.accept([testPaymentId(42)])
        await world.pass(2 * HOUR_MS)
        expect(await table.claim([claimOf(42)], HOUR_MS)).toEqual([NEW])
      })

      it('purges what has expired, a part at a time, and nothing else', async () => {
        await world.clear()
        await table.claim(
          [50, 51, 52, 53, 54].map(number => claimOf(number)),
          HOUR_MS,
        )
        await table.claim([claimOf(55)], 10 * HOUR_MS)
        expect(await table.purge(100)).toBe(0)
        await world.pass(2 * HOUR_MS)
        expect(await table.purge(3)).toBe(3)
        expect(await table.purge(3)).toBe(2)
        expect(await table.purge(3)).toBe(0)
        expect(await table.find(testPaymentId(55))).toBeDefined()
      })
    })

    describe('accept', () => {
      it('settles a payment in both scopes, once and for all', async () => {
        const [claim, key, other] = [claimOf(60), keyClaimOf('accepted', 60), keyClaimOf('another', 61)]
        await table.claim([claim, key, other], HOUR_MS)
        await table.accept([testPaymentId(60), testPaymentId(60)])
        await table.accept([testPaymentId(60)])
        expect(await table.claim([claim, key, other], HOUR_MS)).toEqual([
          existing(claim, 'accepted'),
          existing(key, 'accepted'),
          existing(other),
        ])
      })

      it('of payments that nobody claimed, or of none, does nothing', async () => {
        await table.accept([])
        await table.accept([testPaymentId(69)])
        expect(await table.find(testPaymentId(69))).toBeUndefined()
      })
    })

    describe('release', () => {
      it('forgets pending claims of the owner, so that a retry begins anew', async () => {
        const [claim, key] = [claimOf(70), keyClaimOf('released', 70)]
        await table.claim([claim, key], HOUR_MS)
        await table.release([claim, key])
        expect(await table.find(claim.key)).toBeUndefined()
        expect(await table.claim([claim, key], HOUR_MS)).toEqual([NEW, NEW])
      })

      it('leaves those of others, those that are accepted, and those that nobody asked for', async () => {
        const claims = [claimOf(71), claimOf(72, {owner: THEIRS}), claimOf(73)]
        await table.claim(claims, HOUR_MS)
        await table.accept([testPaymentId(73)])
        await table.release([claimOf(72), claimOf(73), claimOf(74)])
        await table.release([])
        expect((await table.claim(claims, HOUR_MS)).map(({kind}) => kind)).toEqual(['existing', 'existing', 'existing'])
      })

      it('tells owners in one call apart', async () => {
        const claims = [claimOf(75), claimOf(76, {owner: THEIRS}), claimOf(77, {owner: THEIRS})]
        await table.claim(claims, HOUR_MS)
        await table.release([claimOf(75), claimOf(76), claimOf(77, {owner: THEIRS})])
        expect((await table.claim(claims, HOUR_MS)).map(({kind}) => kind)).toEqual(['new', 'existing', 'new'])
      })
    })

    describe('take-over', () => {
      it('is for whoever comes first after the lease; then the lease begins again', async () => {
        const [claim, theirs] = [claimOf(80), claimOf(80, {owner: THEIRS})]
        await table.claim([claim], 10 * HOUR_MS)
        expect(await table.takeOver(theirs, HOUR_MS)).toBe(false)
        await world.pass(1.1 * HOUR_MS)
        expect(await table.takeOver(claim, HOUR_MS)).toBe(false)
        expect(await table.takeOver(theirs, HOUR_MS)).toBe(true)
        expect(await table.takeOver(theirs, HOUR_MS)).toBe(false)
        expect(await table.takeOver(claim, HOUR_MS)).toBe(false)
        expect(await table.find(claim.key)).toMatchObject({owner: THEIRS, value: claim.value, state: 'pending'})
        await world.pass(1.1 * HOUR_MS)
        expect(await table.takeOver(claim, HOUR_MS)).toBe(true)
      })

      it('does not move the end of a claim', async () => {
        await table.claim([claimOf(81)], 2 * HOUR_MS)
        await world.pass(1.5 * HOUR_MS)
        expect(await table.takeOver(claimOf(81, {owner: THEIRS}), HOUR_MS)).toBe(true)
        await world.pass(HOUR_MS)
        expect(await table.find(testPaymentId(81))).toBeUndefined()
      })

      it('is not for what is accepted, released or unknown', async () => {
        await table.claim([claimOf(82), claimOf(83)], 10 * HOUR_MS)
        await table.accept([testPaymentId(82)])
        await table.release([claimOf(83)])
        await world.pass(2 * HOUR_MS)
        for (const number of [82, 83, 84])
          expect(await table.takeOver(claimOf(number, {owner: THEIRS}), HOUR_MS)).toBe(false)
      })

      it('of several at once succeeds for one', async () => {
        const rivals = ['1', '2', '3', '4', '5', '6'].map(digit => THEIRS.replace(/2$/, digit))
        await table.claim([claimOf(85)], 10 * HOUR_MS)
        await world.pass(2 * HOUR_MS)
        const outcomes = await Promise.all(rivals.map(owner => table.takeOver(claimOf(85, {owner}), HOUR_MS)))
        expect(outcomes.filter(Boolean)).toHaveLength(1)
      })
    })

    it.each([
      ['an id that is none', 'nothing'],
      ['SQL', "' OR scope = 'payment"],
      ['a NUL character', 'a\0b'],
      ['half a surrogate pair', '\ud800'],
      ['nothing', ''],
    ])('finds nothing under %s', async (_what, id) => {
      await table.claim([claimOf(90)], HOUR_MS)
      expect(await table.find(id)).toBeUndefined()
    })

    it('does what a simple model does, whatever is asked in whatever order (property)', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, {minLength: 1, maxLength: 12}), async steps => {
          await world.clear()
          const model = new ClaimModel()
          for (const step of steps) expect(await answerOf(step, world)).toEqual(model.answer(step))
        }),
        {numRuns: 60},
      )
    }, 60_000)
  })
}

type Step =
  | {readonly kind: 'claim'; readonly claims: readonly Claim[]; readonly ttlMs: number}
  | {readonly kind: 'accept'; readonly ids: readonly string[]}
  | {readonly kind: 'release'; readonly claims: readonly Claim[]}
  | {readonly kind: 'takeOver'; readonly claim: Claim; readonly leaseMs: number}
  | {readonly kind: 'find'; readonly id: string}
  | {readonly kind: 'purge'}
  | {readonly kind: 'pass'; readonly ms: number}

const number = fc.nat(3)
const anyClaim: fc.Arbitrary<Claim> = fc
  .record({
    scope: fc.constantFrom<ClaimScope>('payment', 'key'),
    key: fc.nat(2),
    number,
    content: fc.nat(2),
    owner: fc.constantFrom(OURS, THEIRS),
  })
  .map(({scope, key, number: of, content, owner}) => {
    const value = Buffer.from(`content ${content}`)
    const given = {value, digest: createHash('sha256').update(value).digest(), owner}
    return scope === 'payment' ? claimOf(of, given) : keyClaimOf(`key ${key}`, of, given)
  })
// Whole hours on one side and halves on the other: no moment of the model is one where seconds decide.
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      claims: fc.array(anyClaim, {maxLength: 5}),
      ttlMs: fc.constantFrom(2 * HOUR_MS, 6 * HOUR_MS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('accept' as const),
      ids: fc.array(number.map(testPaymentId), {maxLength: 3}),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({kind: fc.constant('release' as const), claims: fc.array(anyClaim, {maxLength: 3})}),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('takeOver' as const),
      claim: anyClaim,
      leaseMs: fc.constantFrom(HOUR_MS, 3 * HOUR_MS),
    }),
  },
  {weight: 1, arbitrary: fc.record({kind: fc.constant('find' as const), id: number.map(testPaymentId)})},
  {weight: 1, arbitrary: fc.constant<Step>({kind: 'purge'})},
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(0.5, 1.5, 4.5).map(hours => hours * HOUR_MS),
    }),
  },
)

async function answerOf(step: Step, {table, pass}: ClaimWorld): Promise<unknown> {
  switch (step.kind) {
    case 'claim':
      return (await table.claim(step.claims, step.ttlMs)).map(answer =>
        answer.kind === 'new' ? 'new' : told(answer.claim),
      )
    case 'accept':
      return table.accept(step.ids)
    case 'release':
      return table.release(step.claims)
    case 'takeOver':
      return table.takeOver(step.claim, step.leaseMs)
    case 'find':
      return told(await table.find(step.id))
    case 'purge':
      return table.purge(1000)
    case 'pass':
      return pass(step.ms)
  }
}

interface Told extends Claim {
  state: 'pending' | 'accepted'
}

function told(claim: Told | undefined): string | undefined {
  if (claim === undefined) return undefined
  const {scope, key, paymentId, digest, value, owner, state} = claim
  return [scope, key, paymentId, digest.toString('hex'), value.toString(), owner, state].join(' ')
}

interface ModelClaim extends Told {
  owner: string
  claimedMs: number
  readonly expiresMs: number
}

/** One map, one clock, one rule a line. */
class ClaimModel {
  #nowMs = 0
  readonly #claims = new Map<string, ModelClaim>()

  answer(step: Step): unknown {
    switch (step.kind) {
      case 'claim':
        return step.claims.map(claim => this.#claim(claim, step.ttlMs))
      case 'accept':
        for (const claim of this.#claims.values()) if (step.ids.includes(claim.paymentId)) claim.state = 'accepted'
        return
      case 'release':
        for (const {scope, key, owner} of step.claims) {
          const there = this.#live(scope, key)
          if (there?.state === 'pending' && there.owner === owner) this.#claims.delete(`${scope} ${key}`)
        }
        return
      case 'takeOver': {
        const {scope, key, owner} = step.claim
        const there = this.#live(scope, key)
        if (there?.state !== 'pending' || there.owner === owner) return false
        if (this.#nowMs < there.claimedMs + step.leaseMs) return false
        there.owner = owner
        there.claimedMs = this.#nowMs
        return true
      }
      case 'find':
        return told(this.#live('payment', step.id))
      case 'purge': {
        const expired = [...this.#claims].filter(([, {expiresMs}]) => expiresMs <= this.#nowMs)
        for (const [name] of expired) this.#claims.delete(name)
        return expired.length
      }
      case 'pass':
        this.#nowMs += step.ms
        return
    }
  }

  #claim(claim: Claim, ttlMs: number): string | undefined {
    const there = this.#live(claim.scope, claim.key)
    if (there !== undefined) return told(there)
    const [claimedMs, expiresMs] = [this.#nowMs, this.#nowMs + ttlMs]
    this.#claims.set(`${claim.scope} ${claim.key}`, {...claim, state: 'pending', claimedMs, expiresMs})
    return 'new'
  }

  #live(scope: ClaimScope, key: string): ModelClaim | undefined {
    const there = this.#claims.get(`${scope} ${key}`)
    return there !== undefined && there.expiresMs > this.#nowMs ? there : undefined
  }
}
