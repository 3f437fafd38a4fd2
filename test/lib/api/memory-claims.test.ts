/** The table of claims of a server without a database. */
import {beforeEach, describe, expect, it} from 'vitest'
import {MemoryClaims} from '../../../src/lib/api/memory-claims.js'
import {CLAIM_LEASE_MS, type Claim} from '../../../src/lib/store/claims.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const TTL_MS = 60_000
const clock = new VirtualClock()
let table: MemoryClaims

beforeEach(() => {
  table = new MemoryClaims({clock, maxCount: 6, maxBytes: 1000})
})

function claimOf(key: string, overrides: Partial<Claim> = {}): Claim {
  const owner = 'us'
  return {scope: 'payment', key, paymentId: key, digest: Buffer.alloc(32), value: Buffer.from(key), owner, ...overrides}
}

async function kinds(...claims: Claim[]): Promise<string[]> {
  return (await table.claim(claims, TTL_MS)).map(({kind}) => kind)
}

describe('a claim', () => {
  it('is new once, also within one call, by scope and key', async () => {
    expect(await kinds(claimOf('a'), claimOf('b'), claimOf('a'))).toEqual(['new', 'new', 'existing'])
    expect(await kinds(claimOf('a', {scope: 'key'}))).toEqual(['new'])
    const [answer] = await table.claim([claimOf('b', {value: Buffer.from('other'), owner: 'they'})], TTL_MS)
    expect(answer).toMatchObject({
      kind: 'existing',
      claim: {key: 'b', value: Buffer.from('b'), owner: 'us', state: 'pending', claimedUs: clock.nowUs()},
    })
  })

  it('becomes accepted in both scopes, and an answer given before does not change', async () => {
    await kinds(claimOf('a'), claimOf('k', {scope: 'key', paymentId: 'a'}))
    const before = await table.find('a')
    await table.accept(['a', 'unknown'])
    expect(before?.state).toBe('pending')
    expect((await table.find('a'))?.state).toBe('accepted')
    const [ofKey] = await table.claim([claimOf('k', {scope: 'key', paymentId: 'b'})], TTL_MS)
    expect(ofKey).toMatchObject({kind: 'existing', claim: {state: 'accepted', paymentId: 'a'}})
  })

  it('is released by its owner while it is pending, and by nobody else', async () => {
    await kinds(claimOf('a'), claimOf('b'))
    await table.accept(['b'])
    await table.release([claimOf('a', {owner: 'they'}), claimOf('b'), claimOf('unknown')])
    expect(await kinds(claimOf('a'), claimOf('b'))).toEqual(['existing', 'existing'])
    await table.release([claimOf('a')])
    expect(await kinds(claimOf('a'))).toEqual(['new'])
  })

  it('is taken over once, after the lease, while it is pending', async () => {
    await kinds(claimOf('a'), claimOf('b'))
    await table.accept(['b'])
    const they = (key: string) => table.takeOver(claimOf(key, {owner: 'they'}), CLAIM_LEASE_MS)
    await clock.advance(CLAIM_LEASE_MS - 1)
    expect(await they('a')).toBe(false)
    await clock.advance(1)
    expect([await they('a'), await they('a'), await they('b'), await they('unknown')]).toEqual([
      ...[true, false, false, false],
    ])
    expect(await table.takeOver(claimOf('a'), CLAIM_LEASE_MS)).toBe(false)
    expect((await table.find('a'))?.owner).toBe('they')
  })

  it('is absent once it has expired', async () => {
    await kinds(claimOf('a'), claimOf('b'), claimOf('c'))
    await clock.advance(TTL_MS)
    expect(await table.find('a')).toBeUndefined()
    expect(await kinds(claimOf('b'))).toEqual(['new'])
    expect([await table.purge(10), await table.purge(10), table.count]).toEqual([1, 0, 1])
  })
})

describe('a full table', () => {
  it('forgets the oldest that are accepted, by count', async () => {
    await kinds(...['a', 'b', 'c', 'd', 'e', 'f'].map(key => claimOf(key)))
    await table.accept(['b', 'd', 'e'])
    expect(await kinds(claimOf('g'), claimOf('h'))).toEqual(['new', 'new'])
    const left = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(key => table.find(key)))
    expect(left.map(claim => claim?.key)).toEqual(['a', undefined, 'c', undefined, 'e', 'f', 'g', 'h'])
  })

  it('counts bytes too', async () => {
    const value = Buffer.alloc(400)
    await kinds(claimOf('a', {value}), claimOf('b', {value}))
    await table.accept(['a', 'b'])
    await kinds(claimOf('c', {value}))
    expect([await table.find('a'), (await table.find('b'))?.key]).toEqual([undefined, 'b'])
  })

  it('of pending claims takes no more, and nothing of what it refuses', async () => {
    await kinds(...['a', 'b', 'c', 'd', 'e'].map(key => claimOf(key)))
    await expect(kinds(claimOf('f'), claimOf('g'))).rejects.toMatchObject({code: 'P2PAY_CLAIMS_FULL'})
    expect(table.count).toBe(5)
    expect(await kinds(claimOf('f'))).toEqual(['new'])
  })
})
