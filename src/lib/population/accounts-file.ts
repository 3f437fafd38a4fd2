/**
 * Fixed accounts from a file (NDJSON, one account a line), for pipelines that must know their accounts beforehand.
 * Every line is checked and all problems are told at once, with line numbers.
 */
import {createReadStream} from 'node:fs'
import {createInterface} from 'node:readline'
import {EnvironmentError, messageOf, UsageError} from '../base/errors.js'
import type {AccountRecord} from './account-record.js'
import {MAX_ACCOUNTS} from './population.js'

const MAX_PROBLEMS_SHOWN = 20
const MAX_ID_BYTES = 200
/** Names in the file, in snake_case as everywhere on the wire. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  'account_id',
  'kind',
  'country',
  'currency',
  'latitude',
  'longitude',
  'merchant_category',
])

/** One account as a line without its end; what `readAccounts` reads. */
export function encodeAccount(account: AccountRecord): string {
  const {accountId, merchantCategory, ...rest} = account
  return JSON.stringify({account_id: accountId, ...rest, merchant_category: merchantCategory})
}

/**
 * @throws UsageError when a line is not an account, an id occurs twice, or the accounts cannot trade with each other
 * @throws EnvironmentError when the file cannot be read
 */
export async function readAccounts(path: string): Promise<AccountRecord[]> {
  const accounts: AccountRecord[] = []
  const problems: string[] = []
  const firstLine = new Map<string, number>()
  let problemCount = 0
  const report = (line: number, problem: string): void => {
    if (++problemCount <= MAX_PROBLEMS_SHOWN) problems.push(`line ${line}: ${problem}`)
  }
  let line = 0
  for await (const text of linesOf(path)) {
    line++
    if (text.trim() === '') continue
    const {account, problems: found} = parseAccount(text)
    for (const problem of found) report(line, problem)
    if (account === undefined) continue
    const before = firstLine.get(account.accountId)
    if (before === undefined) firstLine.set(account.accountId, line)
    else report(line, `account id ${JSON.stringify(account.accountId)} is that of line ${before}`)
    accounts.push(account)
  }
  if (problemCount === 0) problems.push(...mixProblems(accounts))
  if (problems.length === 0) return accounts
  const hidden = problemCount - Math.min(problemCount, MAX_PROBLEMS_SHOWN)
  const rest = hidden > 0 ? [`and ${hidden} more`] : []
  throw new UsageError([`${path} does not hold usable accounts:`, ...problems, ...rest].join('\n  '), {
    code: 'P2PAY_ACCOUNTS_FILE',
    suggestions: ['`p2pay accounts` prints a file to start from: one JSON object a line'],
  })
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path, 'utf8')
  try {
    yield* createInterface({input: file, crlfDelay: Number.POSITIVE_INFINITY})
  } catch (error) {
    throw new EnvironmentError(`${path} cannot be read: ${messageOf(error)}`, {
      code: 'P2PAY_ACCOUNTS_UNREADABLE',
      suggestions: ['check the path given to --accounts'],
      cause: error,
    })
  } finally {
    file.destroy()
  }
}

interface Parsed {
  readonly account?: AccountRecord
  readonly problems: readonly string[]
}

function parseAccount(text: string): Parsed {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    return {problems: [`not JSON: ${messageOf(error)}`]}
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {problems: ['not a JSON object']}
  const fields: Record<string, unknown> = {...value}
  const problems: string[] = []
  for (const key of Object.keys(fields)) if (!KNOWN_KEYS.has(key)) problems.push(`unknown key ${JSON.stringify(key)}`)
  const {
    account_id: accountId,
    kind,
    country,
    currency,
    latitude,
    longitude,
    merchant_category: merchantCategory,
  } = fields
  if (!isAccountId(accountId)) {
    problems.push(
      `account_id ${shown(accountId)} is not a text of 1 to ${MAX_ID_BYTES} bytes without control characters, quotes and backslashes`,
    )
  }
  if (kind !== 'person' && kind !== 'merchant') problems.push(`kind ${shown(kind)} is neither "person" nor "merchant"`)
  if (!matches(country, /^[A-Z]{2}$/)) problems.push(`country ${shown(country)} is not an ISO 3166 code such as "DE"`)
  if (!matches(currency, /^[A-Z]{3}$/))
    problems.push(`currency ${shown(currency)} is not an ISO 4217 code such as "EUR"`)
  if (!isWithin(latitude, 90)) problems.push(`latitude ${shown(latitude)} is not a number from -90 to 90`)
  if (!isWithin(longitude, 180)) problems.push(`longitude ${shown(longitude)} is not a number from -180 to 180`)
  if (kind === 'merchant' && !matches(merchantCategory, /^\d{4}$/)) {
    problems.push(`merchant_category ${shown(merchantCategory)} is not an ISO 18245 code such as "5411"`)
  }
  if (kind === 'person' && merchantCategory !== undefined) problems.push('a person has no merchant_category')
  if (problems.length > 0 || !isAccountId(accountId) || !matches(country, /./) || !matches(currency, /./))
    return {problems}
  if (!isWithin(latitude, 90) || !isWithin(longitude, 180)) return {problems}
  const base = {accountId, country, currency, latitude, longitude}
  return {
    problems,
    account:
      kind === 'merchant' && matches(merchantCategory, /./)
        ? {...base, kind: 'merchant', merchantCategory}
        : {...base, kind: 'person'},
  }
}

function mixProblems(accounts: readonly AccountRecord[]): string[] {
  const personCount = accounts.filter(account => account.kind === 'person').length
  const merchantCount = accounts.length - personCount
  return [
    ...(personCount < 2 ? [`at least two persons are needed, there are ${personCount}`] : []),
    ...(merchantCount < 1 ? ['at least one merchant is needed, there is none'] : []),
    ...(accounts.length > MAX_ACCOUNTS ? [`${accounts.length} accounts are more than ${MAX_ACCOUNTS}`] : []),
  ]
}

/** Ids are copied into JSON as they are, so nothing in them may need an escape. */
function isAccountId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || Buffer.byteLength(value) > MAX_ID_BYTES) return false
  return JSON.stringify(value) === `"${value}"`
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

function isWithin(value: unknown, limit: number): value is number {
  return typeof value === 'number' && value >= -limit && value <= limit
}

function shown(value: unknown): string {
  return value === undefined ? '(missing)' : (JSON.stringify(value)?.slice(0, 60) ?? String(value))
}
