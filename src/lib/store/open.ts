/** The way in: opens a payment store over a PostgreSQL URL. */
import {openPool, readDatabaseUrl} from './connect.js'
import {databaseError} from './database-error.js'
import {checkSchema, readStatus} from './migrate.js'
import {PostgresStore} from './postgres-store.js'
import type {PaymentStore} from './store.js'

export interface StoreOptions {
  /** Most connections at a time; default 4. */
  readonly poolSize?: number
}

/**
 * @param url `postgresql://user:password@host:port/database?sslmode=…`
 * @throws UsageError P2PAY_DATABASE_URL
 * @throws EnvironmentError P2PAY_DATABASE_DOWN (worth waiting for), P2PAY_DATABASE_ACCESS, or P2PAY_DATABASE_SCHEMA
 *   when `p2pay migrate` has to run first
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<PaymentStore> {
  const target = readDatabaseUrl(url)
  const pool = openPool(target, options)
  try {
    checkSchema(await readStatus(pool, target.address), target.address)
    const {rows} = await pool.query<{version: string}>('SELECT version() AS version')
    return new PostgresStore(pool, target, serverVersion(rows[0]?.version ?? 'PostgreSQL'))
  } catch (error) {
    await pool.end()
    throw databaseError(error, target.address)
  }
}

/** `PostgreSQL 17.2`, or `PostgreSQL 18.6 (PGlite 0.5.16)` for the embedded one. */
function serverVersion(text: string): string {
  return /^PostgreSQL [^ ,]+( \(PGlite [^)]*\))?/.exec(text)?.[0] ?? 'PostgreSQL'
}
