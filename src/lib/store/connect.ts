/** How every part of the store reaches the database: one reading of the URL, explicit timeouts, no surprises in pg. */
import {Client, type ClientConfig, Pool} from 'pg'
import {UsageError} from '../base/errors.js'
import {databaseError} from './database-error.js'

export const CONNECT_TIMEOUT_MS = 10_000
/** The server gives a statement up after this long. */
export const STATEMENT_TIMEOUT_MS = 60_000
/** The client gives the connection up when the server has not even said so for this much longer. */
const SILENCE_TIMEOUT_MS = 15_000
const IDLE_CONNECTION_MS = 30_000
const DEFAULT_POOL_SIZE = 4

export interface DatabaseAddress {
  readonly config: ClientConfig
  /** `host:port/database`, for messages; never a password. */
  readonly address: string
}

/** @throws UsageError code P2PAY_DATABASE_URL; the URL itself is not repeated, it may hold a password */
export function readDatabaseUrl(url: string): DatabaseAddress {
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Error('it does not begin with postgresql://')
    // sslmode means to us what it means to psql: `require` encrypts, `verify-full` also checks who answers.
    const isLibpqMode = /[?&]sslmode=/.test(url) && !/[?&]uselibpqcompat=/.test(url)
    const config = {connectionString: isLibpqMode ? `${url}&uselibpqcompat=true` : url}
    const probe = new Client(config)
    const host = probe.host.includes(':') ? `[${probe.host}]` : probe.host
    return {config, address: `${host}:${probe.port}/${probe.database ?? ''}`}
  } catch (error) {
    throw new UsageError(`The database URL cannot be read: ${reasonOf(error)}`, {
      code: 'P2PAY_DATABASE_URL',
      suggestions: [
        'write it as postgresql://user:password@host:5432/database',
        'characters such as @ / : in a password are percent-encoded (%40 %2F %3A)',
      ],
    })
  }
}

export interface PoolOptions {
  /** Most connections at a time; default 4. */
  readonly poolSize?: number | undefined
  /** Default STATEMENT_TIMEOUT_MS. */
  readonly statementTimeoutMs?: number
  /** After the statement timeout, when the server has not even told of it; default SILENCE_TIMEOUT_MS. */
  readonly silenceTimeoutMs?: number
  /** Also for waiting for a connection of the pool; default CONNECT_TIMEOUT_MS. */
  readonly connectTimeoutMs?: number
}

export function openPool(target: DatabaseAddress, options: PoolOptions = {}): Pool {
  const pool = new Pool({
    ...target.config,
    ...timeouts(options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS, options.silenceTimeoutMs),
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    max: options.poolSize ?? DEFAULT_POOL_SIZE,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    allowExitOnIdle: false,
  })
  // A connection that dies while nobody waits on it would otherwise end the process; the next query tells the caller.
  pool.on('error', ignore)
  pool.on('connect', client => client.on('error', ignore))
  return pool
}

/** One connection for as long as `work` runs. */
export async function withClient<T>(
  url: string,
  work: (client: Client, address: string) => Promise<T>,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
): Promise<T> {
  const target = readDatabaseUrl(url)
  const client = new Client({...target.config, ...timeouts(statementTimeoutMs)})
  client.on('error', ignore)
  try {
    await client.connect()
    return await work(client, target.address)
  } catch (error) {
    throw databaseError(error, target.address)
  } finally {
    // A connection that is gone already has nothing to say goodbye to.
    await client.end().catch(ignore)
  }
}

function timeouts(statementTimeoutMs: number, silenceTimeoutMs = SILENCE_TIMEOUT_MS): ClientConfig {
  return {
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + silenceTimeoutMs,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'p2pay',
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.message !== 'Invalid URL' ? error.message : 'it is not a URL'
}

function ignore(): void {}
