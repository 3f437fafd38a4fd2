/** Looking up decided payments in the embedded database. */
import {expect, it} from 'vitest'
import {openQueries} from '../../../src/lib/store/postgres-queries.js'
import {useEmbeddedDatabase} from '../../support/embedded-database.js'
import {queriesContract} from '../../support/queries-contract.js'

const database = useEmbeddedDatabase()
queriesContract('the embedded database', async () => database.url())

it('says that the database is not there, and where it should be', async () => {
  const error = openQueries('postgresql://p2pay:secret-word@127.0.0.1:1/p2pay')
  await expect(error).rejects.toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
  await expect(error).rejects.not.toThrow(/secret-word/)
})
