/** The store's contracts on a real PostgreSQL: the same tests that the embedded database passes, and what only a server with many sessions can show. */
import {randomUUID} from 'node:crypto'
import {Client} from 'pg'
import {afterAll, describe, expect, it} from 'vitest'
import {paymentIdRange} from '../../src/lib/payment/payment-id.js'
import type {Claim, ClaimTable} from '../../src/lib/store/claims.js'
import {migrate} from '../../src/lib/store/migrate.js'
import {openStore} from '../../src/lib/store/open.js'
import {openClaims} from '../../src/lib/store/postgres-claims.js'
import {openQueries} from '../../src/lib/store/postgres-queries.js'
import {claimOf, claimsContract, HOUR_MS, keyClaimOf} from '../support/claims-contract.js'
import {queriesContract} from '../support/queries-contract.js'
import {expectOneWinnerEach, sql, sqlClaims} from '../support/sql-claims.js'
import {rowsOf, storeContract} from '../support/store-contract.js'
import {uniqueName, VARIABLES} from './context.js'
import {withClient} from './postgres.js'

const name = uniqueName('p2pay_store')

function serverUrl(): string {
  const url = process.env[VARIABLES.databaseUrl]
  if (!url) throw new Error(`${VARIABLES.databaseUrl} is not set: the service suite needs a real PostgreSQL`)
  return url
}

function databaseUrl(suffix = ''): string {
  const url = new URL(serverUrl())
  url.pathname = `/${name}${suffix}`
  return url.href
}

/** What the names of the databases that were made end in. */
const suffixes: string[] = []

async function createDatabase(suffix: string): Promise<string> {
  await withClient(serverUrl(), client => client.query(`CREATE DATABASE ${name}${suffix}`))
  suffixes.push(suffix)
  return databaseUrl(suffix)
}

storeContract('a real PostgreSQL', () => createDatabase(''))
claimsContract('in a real PostgreSQL', async () => sqlClaims(await createDatabase('_claims')))
queriesContract('a real PostgreSQL', () => createDatabase('_queries'))

describe('claims on many connections', () => {
  it('are each new for one of eight that claim the same keys at once', async () => {
    const url = await createDatabase('_rivals')
    await migrate(url)
    for (let time = 0; time < 5; time++) await expectOneWinnerEach(url)
  })

  /** Six tables, each with an owner of its own, at work at the same moment. */
  async function atOnce(suffix: string, work: (table: ClaimTable, owner: string, index: number) => Promise<void>) {
    const url = await createDatabase(suffix)
    await migrate(url)
    const tables = await Promise.all(Array.from({length: 6}, () => openClaims(url, {poolSize: 3})))
    try {
      await Promise.all(tables.map((table, index) => work(table, randomUUID(), index)))
    } finally {
      await Promise.all(tables.map(table => table.close()))
    }
  }

  /** Twenty payments and their keys, in an order of the table's own. */
  function overlapping(owner: string, round: number, index: number): Claim[] {
    const numbers = Array.from({length: 20}, (_, step) => (round * 3 + index * 5 + step * 7) % 40)
    return numbers.flatMap(n => [claimOf(n, {owner}), keyClaimOf(`key ${n}`, n, {owner})])
  }

  it('have one owner at a time, while they come and go', async () => {
    const holders = new Map<string, string>()
    await atOnce('_owners', async (table, owner, index) => {
      for (let round = 0; round < 60; round++) {
        const claims = overlapping(owner, round, index)
        const answers = await table.claim(claims, HOUR_MS)
        const ours = claims.filter((_, at) => answers[at].kind === 'new')
        for (const {scope, key} of ours) {
          expect(holders.get(`${scope} ${key}`), `${scope} ${key}`).toBeUndefined()
          holders.set(`${scope} ${key}`, owner)
        }
        for (const {scope, key} of ours) holders.delete(`${scope} ${key}`)
        await table.release(ours)
      }
    })
    expect(holders.size).toBe(0)
  })

  it('go on while all settle, release, take over, expire and purge the same ones', async () => {
    let url = ''
    await atOnce('_turmoil', async (table, owner, index) => {
      url = databaseUrl('_turmoil')
      for (let round = 0; round < 40; round++) {
        const claims = overlapping(owner, round, index)
        const answers = await table.claim(claims, HOUR_MS)
        for (const [at, answer] of answers.entries())
          if (answer.kind === 'existing')
            expect(answer.claim).toMatchObject({scope: claims[at].scope, key: claims[at].key})
        await Promise.all([
          table.accept(claims.map(({paymentId}) => paymentId).reverse()),
          table.release(claims.slice(10)),
          table.takeOver(claims[3], 0),
          table.claim([...claims].reverse(), HOUR_MS),
          table.purge(10),
        ])
        // What somebody holds is passed over: the test's own statement must not be the one that a deadlock ends.
        if (round % 8 === index)
          await sql(
            url,
            `UPDATE payment_claims SET expires_at = now() WHERE ctid = ANY (ARRAY(
               SELECT ctid FROM payment_claims WHERE claim_key LIKE '%1' FOR UPDATE SKIP LOCKED))`,
          )
      }
    })
    const [left] = await sql(url, 'SELECT count(*)::integer AS count FROM payment_claims')
    expect(left?.['count']).toBeGreaterThan(0)
    expect(left?.['count']).toBeLessThanOrEqual(80)
  })
})

it('claims go on after their connections were ended by the server, as they were', async () => {
  const url = await createDatabase('_ended')
  await migrate(url)
  const [table, queries] = [await openClaims(url), await openQueries(url)]
  const claims = Array.from({length: 10}, (_, index) => claimOf(index))
  expect((await table.claim(claims, HOUR_MS)).every(({kind}) => kind === 'new')).toBe(true)
  await queries.ping()
  await withClient(serverUrl(), client =>
    client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [`${name}_ended`]),
  )
  // The first to use a dead connection may be told; nobody after that.
  await table.claim(claims, HOUR_MS).catch(error => expect(error).toMatchObject({code: 'P2PAY_DATABASE_DOWN'}))
  await queries.ping().catch(error => expect(error).toMatchObject({code: 'P2PAY_DATABASE_DOWN'}))
  expect((await table.claim(claims, HOUR_MS)).every(({kind}) => kind === 'existing')).toBe(true)
  await queries.ping()
  await Promise.all([table.close(), queries.close()])
})

describe('questions', () => {
  it('are given up after their time, and the next is answered', async () => {
    const url = await createDatabase('_slow')
    await migrate(url)
    const queries = await openQueries(url, {timeoutMs: 200})
    const blocker = new Client(url)
    await blocker.connect()
    await blocker.query('BEGIN; LOCK TABLE payments IN ACCESS EXCLUSIVE MODE')
    await expect(queries.stats()).rejects.toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
    await expect(queries.alerts({limit: 5, cursor: null})).rejects.toThrow(/statement timeout/)
    await blocker.end()
    expect(await queries.alerts({limit: 5, cursor: null})).toEqual({items: [], next: null})
    await queries.close()
  })
})

it('goes on after its connections were ended by the server, and the process lives', async () => {
  await migrate(databaseUrl())
  const store = await openStore(databaseUrl())
  const rows = rowsOf('000000000051', 10)
  await store.insert(rows.slice(0, 5))
  await withClient(serverUrl(), client =>
    client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]),
  )
  // The first to use a dead connection may be told; nobody after that.
  await store.insert(rows).catch(error => expect(error).toMatchObject({code: 'P2PAY_DATABASE_DOWN'}))
  expect((await store.insert(rows)).length).toBeGreaterThanOrEqual(5)
  expect(await store.count(paymentIdRange('000000000051'))).toBe(10)
  await store.close()
})

it.each([
  ['a user that does not exist', 'nobody-here', undefined],
  ['a database that does not exist', undefined, 'nothing-here'],
])('says that %s is not let in, and does not call it down', async (_what, user, database) => {
  const url = new URL(serverUrl())
  if (user !== undefined) url.username = user
  if (database !== undefined) url.pathname = `/${database}`
  await expect(openStore(url.href)).rejects.toMatchObject({code: 'P2PAY_DATABASE_ACCESS'})
})

afterAll(async () => {
  await withClient(serverUrl(), async client => {
    for (const suffix of suffixes) await client.query(`DROP DATABASE IF EXISTS ${name}${suffix} WITH (FORCE)`)
  })
})
