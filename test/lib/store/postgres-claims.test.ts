/** The table of claims on the embedded database, and what it refuses. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {paymentIdOf, paymentIdRange} from '../../../src/lib/payment/payment-id.js'
import type {Claim, ClaimTable} from '../../../src/lib/store/claims.js'
import {openStore} from '../../../src/lib/store/open.js'
import {openClaims} from '../../../src/lib/store/postgres-claims.js'
import {RowError} from '../../../src/lib/store/store.js'
import {claimOf, claimsContract, HOUR_MS, keyClaimOf} from '../../support/claims-contract.js'
import {useEmbeddedDatabase} from '../../support/embedded-database.js'
import {expectOneWinnerEach, sql, sqlClaims} from '../../support/sql-claims.js'

const database = useEmbeddedDatabase()
claimsContract('in the embedded database', () => sqlClaims(database.url()))
claimsContract('in the embedded database, prepared', () => sqlClaims(database.url(), {prepares: true}))

describe.each([{prepares: false}, {prepares: true}])('claims in a database, %o', options => {
  let table: ClaimTable
  beforeAll(async () => {
    const world = await sqlClaims(database.url(), options)
    await world.clear()
    table = world.table
  })
  afterAll(async () => {
    await table.close()
  })

  it.each<[string, Partial<Claim>]>([
    ['a key with a NUL character', {scope: 'key', key: 'a\0b'}],
    ['a key with half a surrogate pair', {scope: 'key', key: 'a\udc00'}],
    ['a key of 256 characters', {scope: 'key', key: 'x'.repeat(256)}],
    ['an empty key', {scope: 'key', key: ''}],
    ['a payment id that is no UUID', {paymentId: "'; DROP TABLE payment_claims; --"}],
    ['an owner that is no UUID', {owner: 'me'}],
    ['half a digest', {digest: Buffer.alloc(16)}],
  ])('refuse %s with a RowError, store nothing of the call, and go on', async (_what, overrides) => {
    const good = claimOf(1)
    await expect(table.claim([good, claimOf(2, overrides)], HOUR_MS)).rejects.toBeInstanceOf(RowError)
    expect(await table.find(good.key)).toBeUndefined()
  })

  it('survive the process: a table that is opened later knows them', async () => {
    await table.claim([claimOf(3)], HOUR_MS)
    const later = await openClaims(database.url())
    expect(await later.claim([claimOf(3)], HOUR_MS)).toMatchObject([{kind: 'existing'}])
    await later.close()
  })

  it('are each new for one of eight that claim the same keys at once', async () => {
    await expectOneWinnerEach(database.url())
  })

  it('go with the rows of their run, in both scopes, and those of its neighbours stay', async () => {
    const store = await openStore(database.url())
    const tags = ['0000000000a1', '0000000000a2', '0000000000a3']
    const claims = tags.flatMap((tag, index) => {
      const of = (number: number, overrides: Partial<Claim> = {}): Claim => {
        const paymentId = paymentIdOf(tag, number)
        return claimOf(0, {key: paymentId, paymentId, ...overrides})
      }
      return [of(0), of(0xffffffffffff), of(5, {scope: 'key', key: `key ${index}`})]
    })
    await table.claim([...claims, keyClaimOf('other', 9)], HOUR_MS)
    expect(await store.deleteRange(paymentIdRange('0000000000a2'))).toBe(0)
    const kinds = (await table.claim(claims, HOUR_MS)).map(({kind}) => kind)
    const [kept, gone] = [Array(3).fill('existing'), Array(3).fill('new')]
    expect(kinds).toEqual([...kept, ...gone, ...kept])
    await store.close()
  })

  it('that can neither be had nor seen are given up after a few tries', async () => {
    const [claim, other] = [claimOf(30), claimOf(31)]
    await table.claim([claim], HOUR_MS)
    await sql(database.url(), `UPDATE payment_claims SET expires_at = now() WHERE claim_key = '${claim.key}'`)
    await sql(
      database.url(),
      `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER keep BEFORE DELETE ON payment_claims FOR EACH ROW EXECUTE FUNCTION keep()`,
    )
    await expect(table.claim([other, claim], HOUR_MS)).rejects.toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
    await sql(database.url(), 'DROP FUNCTION keep CASCADE')
    // Nobody could know what was stored; claiming again settles it.
    expect((await table.claim([other, claim], HOUR_MS)).map(({kind}) => kind)).toEqual(['existing', 'new'])
  })

  it('are not opened in a database that has no table for them', async () => {
    await sql(database.url(), `DELETE FROM p2pay_migrations WHERE id = '0004_payment_lookups'`)
    try {
      await expect(openClaims(database.url())).rejects.toMatchObject({code: 'P2PAY_DATABASE_SCHEMA'})
    } finally {
      await sql(database.url(), `INSERT INTO p2pay_migrations (id) VALUES ('0004_payment_lookups')`)
    }
  })

  it('say that the database is not there, and where it should be', async () => {
    const error = openClaims('postgresql://p2pay:secret-word@127.0.0.1:1/p2pay')
    await expect(error).rejects.toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
    await expect(error).rejects.not.toThrow(/secret-word/)
  })
})
