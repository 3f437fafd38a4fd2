/** The embedded database through psql, a client that nobody here wrote. */
import {execFile} from 'node:child_process'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {expect, it} from 'vitest'
import {migrate} from '../../src/lib/store/migrate.js'
import {openStore} from '../../src/lib/store/open.js'
import {useEmbeddedDatabase} from '../support/embedded-database.js'
import {rowsOf} from '../support/store-contract.js'
import {temporaryDirectory} from '../support/temp.js'

const database = useEmbeddedDatabase()
const run = promisify(execFile)

/** The answer as psql prints it for scripts; each text is a query or a backslash command. */
async function psql(...commands: readonly string[]): Promise<string> {
  const plain = ['--no-psqlrc', '--no-align', '--tuples-only', '--set', 'ON_ERROR_STOP=1', database.url()]
  const {stdout} = await run('psql', [...plain, ...commands.flatMap(command => ['--command', command])])
  return stdout.trim()
}

it('psql reads the rows that the store wrote, while the store is open', async () => {
  await migrate(database.url())
  const store = await openStore(database.url())
  await store.insert(rowsOf('000000000001', 250))
  expect(await psql('SELECT count(*) FROM payments')).toBe('250')
  expect(await psql('\\d payments')).toContain('amount_minor|bigint||not null|')
  await store.close()
})

it('psql copies a file in and out', async () => {
  const directory = await temporaryDirectory()
  const [input, output] = [join(directory, 'in.csv'), join(directory, 'out.csv')]
  const lines = Array.from({length: 5000}, (_, index) => `${index},"line, ${index}"`).join('\n')
  await writeFile(input, `${lines}\n`)
  await psql(
    'CREATE TABLE copied (n int, line text)',
    `\\copy copied FROM '${input}' WITH (FORMAT csv)`,
    `\\copy (SELECT * FROM copied ORDER BY n) TO '${output}' WITH (FORMAT csv)`,
  )
  const {stdout} = await run('cat', [output])
  expect(stdout.trim()).toBe(lines)
})

it('psql sees its own transactions, settings and errors', async () => {
  expect(await psql('BEGIN', 'CREATE TABLE gone (a int)', 'ROLLBACK', `SELECT to_regclass('gone') IS NULL`)).toMatch(
    /t$/,
  )
  expect(await psql(`SET TimeZone = 'Asia/Tokyo'`, 'SHOW TimeZone')).toMatch(/Asia\/Tokyo$/)
  expect(await psql('SHOW TimeZone')).toBe('UTC')
  await expect(psql('SELECT 1/0')).rejects.toMatchObject({stderr: expect.stringContaining('division by zero')})
  await expect(psql('LISTEN news')).rejects.toMatchObject({stderr: expect.stringContaining('not served')})
})
