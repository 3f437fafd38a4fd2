/** The store's contract on a real PostgreSQL: the same tests that the embedded database passes. */
import {afterAll, expect, it} from 'vitest'
import {paymentIdRange} from '../../src/lib/payment/payment-id.js'
import {migrate} from '../../src/lib/store/migrate.js'
import {openStore} from '../../src/lib/store/open.js'
import {rowsOf, storeContract} from '../support/store-contract.js'
import {uniqueName, VARIABLES} from './context.js'
import {withClient} from './postgres.js'

const name = uniqueName('p2pay_store')

function serverUrl(): string {
  const url = process.env[VARIABLES.databaseUrl]
  if (!url) throw new Error(`${VARIABLES.databaseUrl} is not set: the service suite needs a real PostgreSQL`)
  return url
}

function databaseUrl(): string {
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return url.href
}

storeContract('a real PostgreSQL', async () => {
  await withClient(serverUrl(), client => client.query(`CREATE DATABASE ${name}`))
  return databaseUrl()
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
  await withClient(serverUrl(), client => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
})
