/** Tables of claims in a database that is a test's own: claims can be made older, and rivals meet. */
import {randomUUID} from 'node:crypto'
import {Client} from 'pg'
import {expect} from 'vitest'
import {systemClock} from '../../src/lib/base/clock.js'
import {migrate} from '../../src/lib/store/migrate.js'
import {type ClaimTableOptions, openClaims} from '../../src/lib/store/postgres-claims.js'
import {type ClaimWorld, claimOf, HOUR_MS, keyClaimOf} from './claims-contract.js'

/** One statement on a connection of its own. */
export async function sql(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client(url)
  await client.connect()
  try {
    const {rows} = await client.query(text, values)
    return rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

export async function sqlClaims(url: string, options: ClaimTableOptions = {}): Promise<ClaimWorld> {
  await migrate(url)
  return {
    table: await openClaims(url, options),
    nowUs: () => systemClock.nowUs(),
    pass: async ms => {
      const age = `$1::double precision * interval '1 millisecond'`
      await sql(url, `UPDATE payment_claims SET claimed_at = claimed_at - ${age}, expires_at = expires_at - ${age}`, [
        ms,
      ])
    },
    clear: async () => {
      await sql(url, 'DELETE FROM payment_claims')
    },
  }
}

const RIVALS = 8
const KEYS = 60

/** Eight tables, each with an owner and connections of its own, claim overlapping sets of keys at the same moment. */
export async function expectOneWinnerEach(url: string): Promise<void> {
  await sql(url, 'DELETE FROM payment_claims')
  const tables = await Promise.all(Array.from({length: RIVALS}, () => openClaims(url, {poolSize: 2})))
  const wins = new Map<string, string>()
  const told = new Map<string, Set<string>>()
  const claimAll = async (index: number): Promise<void> => {
    const owner = randomUUID()
    const table = tables[index]
    for (let round = 0; round < 12; round++) {
      // Each its own window of the keys, in an order of its own.
      const numbers = Array.from({length: KEYS / 2}, (_, step) => (round * 5 + index * 7 + step * 11) % KEYS)
      const claims = numbers.map(n => (n % 3 === 0 ? keyClaimOf(`key ${n}`, n, {owner}) : claimOf(n, {owner})))
      const answers = await table.claim(claims, HOUR_MS)
      for (const [at, answer] of answers.entries()) {
        const {key} = claims[at]
        if (answer.kind === 'existing') told.set(key, (told.get(key) ?? new Set()).add(answer.claim.owner))
        else {
          expect(wins.has(key), `${key} is new twice`).toBe(false)
          wins.set(key, owner)
        }
      }
    }
  }
  try {
    await Promise.all(tables.map((_, index) => claimAll(index)))
    expect(wins.size).toBe(KEYS)
    for (const [key, owners] of told) expect([...owners], key).toEqual([wins.get(key)])
  } finally {
    await Promise.all(tables.map(table => table.close()))
  }
}
