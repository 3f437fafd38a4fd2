/** The table of claims of a server without a database, when it is full; the rest is the contract of every table. */
import {beforeEach, describe, expect, it} from 'vitest'
import {MemoryClaims} from '../../../src/lib/api/memory-claims.js'
import type {Claim} from '../../../src/lib/store/claims.js'
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
