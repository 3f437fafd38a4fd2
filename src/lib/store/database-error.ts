/**
 * What an error of the database means to its callers: gone for now (worth waiting for), a schema that `p2pay migrate`
 * has to bring up to date, access that somebody has to grant, or rows that the table does not take.
 * Codes are SQLSTATEs (PostgreSQL manual, appendix A) and Node's socket errors.
 */
import {EnvironmentError, isP2payError, messageOf} from '../base/errors.js'
import {RowError} from './store.js'

const DOWN_SOCKET_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

// Classes: 08 connection, 40 rollback (deadlock, serialisation), 53 resources (disk full, too many connections),
// 57 operator intervention (shutdown, starting up, statement timeout), 58 system error (I/O).
const DOWN_CLASSES: ReadonlySet<string> = new Set(['08', '40', '53', '57', '58'])
// A standby that has not been promoted yet, a lock not had in time, a transaction that idled too long.
const DOWN_STATES: ReadonlySet<string> = new Set(['25006', '25P03', '25P04', '55P03'])
const SCHEMA_STATES: ReadonlySet<string> = new Set(['42P01', '42703', '42704', '42883', '3F000'])
const ACCESS_STATES: ReadonlySet<string> = new Set(['3D000', '42501'])

/** Messages of pg that carry no code. */
const DOWN_MESSAGE =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|connection error and is not queryable|socket/i

/**
 * @param error what pg threw
 * @param address `host:port/database`, without a password
 * @returns EnvironmentError `P2PAY_DATABASE_DOWN`, `_SCHEMA`, `_ACCESS` or `_ERROR`, or RowError; errors of ours as is
 */
export function databaseError(error: unknown, address: string): Error {
  if (isP2payError(error) || error instanceof RowError) return error
  const message = innerMessage(error)
  const code = codeOf(error)
  if (isSqlState(code)) {
    const sqlClass = code.slice(0, 2)
    if (DOWN_CLASSES.has(sqlClass) || DOWN_STATES.has(code)) return databaseDown(address, message, error)
    if (SCHEMA_STATES.has(code))
      return schemaError(`The database at ${address} lacks what p2pay needs: ${message}`, error)
    if (sqlClass === '22' || sqlClass === '23') return new RowError(message, error)
    if (sqlClass === '28' || ACCESS_STATES.has(code)) return accessError(address, message, error)
  } else if (DOWN_SOCKET_CODES.has(code) || DOWN_MESSAGE.test(message)) {
    return databaseDown(address, message, error)
  } else if (/SSL|certificate|password must be/i.test(message) || /CERT|TLS|SSL/.test(code)) {
    return accessError(address, message, error)
  }
  return new EnvironmentError(`The database at ${address} answered: ${message}`, {
    code: 'P2PAY_DATABASE_ERROR',
    suggestions: ['look at the server log', 'run p2pay doctor'],
    cause: error,
  })
}

export function databaseDown(address: string, message: string, cause?: unknown): EnvironmentError {
  return new EnvironmentError(`The database at ${address} is not there: ${message}`, {
    code: 'P2PAY_DATABASE_DOWN',
    suggestions: ['start it (docker compose up -d postgres), or', 'check --database-url or P2PAY_DATABASE_URL'],
    cause,
  })
}

export function schemaError(message: string, cause?: unknown): EnvironmentError {
  return new EnvironmentError(message, {
    code: 'P2PAY_DATABASE_SCHEMA',
    suggestions: ['run p2pay migrate'],
    cause,
  })
}

function accessError(address: string, message: string, cause: unknown): EnvironmentError {
  return new EnvironmentError(`The database at ${address} does not let us in: ${message}`, {
    code: 'P2PAY_DATABASE_ACCESS',
    suggestions: [
      'check user, password, database name and sslmode in --database-url or P2PAY_DATABASE_URL',
      'the user needs to own, or be granted, the tables in schema public',
    ],
    cause,
  })
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Node's "happy eyeballs" connects wrap one error per address in an AggregateError without a message. */
function innerMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return innerMessage(error.errors[0])
  return messageOf(error)
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && /[0-9]/.test(code)
}
