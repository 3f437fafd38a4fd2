/** One connection of a pool for as long as some work runs, with what an error means. */
import type {Pool, PoolClient} from 'pg'
import {databaseError} from './database-error.js'
import {type Query, queryOn} from './query.js'
import {RowError} from './store.js'

export interface Connections {
  readonly pool: Pool
  /** For messages, see connect.ts. */
  readonly address: string
}

/** @param begin how a transaction begins; without it each statement of `work` is one of its own */
export async function onConnection<T>(
  {pool, address}: Connections,
  work: (query: Query) => Promise<T>,
  begin?: string,
): Promise<T> {
  let client: PoolClient
  try {
    client = await pool.connect()
  } catch (error) {
    throw databaseError(error, address)
  }
  try {
    if (begin !== undefined) await client.query(begin)
    const result = await work(queryOn(client))
    if (begin !== undefined) await client.query('COMMIT')
    client.release()
    return result
  } catch (error) {
    // A connection is given to the next one only if it is surely idle; closing it rolls back.
    const failure = databaseError(error, address)
    client.release(begin !== undefined || !(failure instanceof RowError))
    throw failure
  }
}
