/**
 * Brings a database to the newest schema, one migration per transaction. An advisory lock lets two migrators run at
 * once: the second waits and then finds nothing to do. The lock belongs to the transaction, so it also holds where
 * connections share one session (the embedded database).
 */
import type {Client} from 'pg'
import {withClient} from './connect.js'
import {schemaError} from './database-error.js'
import {MIGRATIONS} from './migrations/all.js'
import type {Migration} from './migrations/migration.js'

export interface MigrationResult {
  /** Ids applied by this call, in order; empty when the schema was up to date. */
  readonly applied: readonly string[]
  readonly current: number
}

/** How many migrations the database has and how many there are. */
export interface SchemaStatus {
  readonly current: number
  readonly latest: number
}

// Any constant that no other program uses: "p2pay" in ASCII.
const LOCK_KEY = 0x7032706179
const LOCK_TIMEOUT_MS = 60_000
/** An index on a table of a hundred million rows takes minutes. */
const MIGRATION_TIMEOUT_MS = 3_600_000

/**
 * @throws EnvironmentError P2PAY_DATABASE_DOWN, P2PAY_DATABASE_ACCESS, or P2PAY_DATABASE_SCHEMA when the database
 *   has migrations that this version does not know
 */
export function migrate(url: string, migrations: readonly Migration[] = MIGRATIONS): Promise<MigrationResult> {
  const apply = async (client: Client, address: string): Promise<MigrationResult> => {
    const applied: string[] = []
    for (const migration of migrations) {
      if (await applyOnce(client, migration)) applied.push(migration.id)
    }
    const {current} = await readStatus(client, address, migrations)
    return {applied, current}
  }
  return withClient(url, apply, MIGRATION_TIMEOUT_MS)
}

export function schemaStatus(url: string): Promise<SchemaStatus> {
  return withClient(url, (client, address) => readStatus(client, address, MIGRATIONS))
}

/** @throws EnvironmentError P2PAY_DATABASE_SCHEMA when the schema is missing, behind or ahead */
export function checkSchema(status: SchemaStatus, address: string): void {
  if (status.current === status.latest) return
  throw schemaError(
    status.current === 0
      ? `The database at ${address} has no p2pay tables yet`
      : `The schema of the database at ${address} is at migration ${status.current} of ${status.latest}`,
  )
}

interface Queryable {
  query(text: string, values?: unknown[]): Promise<{readonly rows: unknown[]}>
}

/** @throws EnvironmentError P2PAY_DATABASE_SCHEMA when the database is ahead of this version */
export async function readStatus(
  client: Queryable,
  address: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<SchemaStatus> {
  const {rows: tables} = await client.query(`SELECT 1 WHERE to_regclass('public.p2pay_migrations') IS NOT NULL`)
  if (tables.length === 0) return {current: 0, latest: migrations.length}
  const {rows} = await client.query('SELECT id FROM public.p2pay_migrations ORDER BY id')
  const known = new Set(migrations.map(migration => migration.id))
  const ids = rows.map(row => String((row as {id: unknown}).id))
  const unknown = ids.filter(id => !known.has(id))
  if (unknown.length > 0) {
    throw schemaError(
      `The database at ${address} was migrated by a newer p2pay (${unknown.join(', ')}); use that version, or later`,
    )
  }
  return {current: ids.length, latest: migrations.length}
}

async function applyOnce(client: Client, migration: Migration): Promise<boolean> {
  await client.query('BEGIN')
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`)
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY])
    await client.query(`
      CREATE TABLE IF NOT EXISTS public.p2pay_migrations (
        id text PRIMARY KEY,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`)
    const {rows} = await client.query('SELECT 1 FROM public.p2pay_migrations WHERE id = $1', [migration.id])
    const isNew = rows.length === 0
    if (isNew) {
      await client.query(migration.sql)
      await client.query('INSERT INTO public.p2pay_migrations (id) VALUES ($1)', [migration.id])
    }
    await client.query('COMMIT')
    return isNew
  } catch (error) {
    // The first error is the one that matters; a dead connection cannot roll back and need not.
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
