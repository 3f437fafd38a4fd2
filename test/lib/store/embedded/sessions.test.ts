/** Many clients on the embedded database's one session: each finds itself alone. */
import {once} from 'node:events'
import type {Socket} from 'node:net'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {Client} from 'pg'
import {from as copyFrom, to as copyTo} from 'pg-copy-streams'
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {useEmbeddedDatabase} from '../../../support/embedded-database.js'

const database = useEmbeddedDatabase()
let clients: Client[] = []

async function connect(options: Record<string, string> = {}): Promise<Client> {
  const client = new Client({connectionString: database.url(), ...options})
  client.on('error', () => {})
  await client.connect()
  clients.push(client)
  return client
}

async function value(client: Client, text: string, values: unknown[] = []): Promise<unknown> {
  const {rows} = await client.query<unknown[]>({text, values, rowMode: 'array'})
  return rows[0]?.[0]
}

beforeAll(async () => {
  const client = await connect()
  await client.query('CREATE TABLE public.entries (id serial PRIMARY KEY, who text, note text)')
})

beforeEach(async () => {
  await (await connect()).query('TRUNCATE entries RESTART IDENTITY')
})

afterEach(async () => {
  await Promise.all(clients.map(client => client.end()))
  clients = []
})

describe('transactions', () => {
  it('of two writers and a reader at once never show half of one', async () => {
    const [one, other, reader] = [await connect(), await connect(), await connect()]
    const write = async (client: Client, who: string): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        await client.query('BEGIN')
        await client.query('INSERT INTO entries (who) VALUES ($1)', [who])
        await client.query('INSERT INTO entries (who) VALUES ($1)', [who])
        await client.query(round % 3 === 2 ? 'ROLLBACK' : 'COMMIT')
      }
    }
    let isWriting = true
    const seen: number[] = []
    const read = async (): Promise<void> => {
      while (isWriting) seen.push(Number(await value(reader, 'SELECT count(*) FROM entries')))
    }
    const reading = read()
    await Promise.all([write(one, 'one'), write(other, 'other')])
    isWriting = false
    await reading
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.filter(count => count % 2 === 1)).toEqual([])
    expect(await value(reader, 'SELECT count(*) FROM entries')).toBe('40')
  })

  it('make the others wait, and no longer than they last', async () => {
    const [holder, waiter] = [await connect(), await connect()]
    await holder.query('BEGIN')
    await holder.query(`INSERT INTO entries (who) VALUES ('holder')`)
    const waiting = value(waiter, 'SELECT count(*) FROM entries')
    await holder.query(`INSERT INTO entries (who) VALUES ('holder')`)
    await holder.query('COMMIT')
    expect(await waiting).toBe('2')
  })

  it('that failed are over for everybody only after ROLLBACK', async () => {
    const [failed, other] = [await connect(), await connect()]
    await failed.query('BEGIN')
    await expect(failed.query('SELECT 1/0')).rejects.toMatchObject({code: '22012'})
    const waiting = value(other, 'SELECT 1')
    await expect(failed.query('SELECT 1')).rejects.toMatchObject({code: '25P02'})
    await failed.query('ROLLBACK')
    expect(await waiting).toBe(1)
  })

  it('of a client that vanishes are rolled back, and the next one goes on', async () => {
    const [vanishing, other] = [await connect(), await connect()]
    await vanishing.query('BEGIN')
    await vanishing.query(`INSERT INTO entries (who) VALUES ('gone')`)
    const waiting = value(other, 'SELECT count(*) FROM entries')
    clients = clients.filter(client => client !== vanishing)
    socketOf(vanishing).destroy()
    expect(await waiting).toBe('0')
  })
})

describe('prepared statements', () => {
  it('of one name belong to two clients', async () => {
    const [one, other] = [await connect(), await connect()]
    const ask = (client: Client, text: string): Promise<unknown> =>
      client.query<unknown[]>({name: 'u', text, rowMode: 'array'}).then(({rows}) => rows[0]?.[0])
    for (let round = 0; round < 3; round++) {
      expect(await Promise.all([ask(one, 'SELECT 1'), ask(other, 'SELECT 2')])).toEqual([1, 2])
    }
  })

  it('made by SQL belong to their client as well', async () => {
    const [one, other] = [await connect(), await connect()]
    await one.query('PREPARE "My plan" (int) AS SELECT $1 + 1')
    await other.query('PREPARE "My plan" (int) AS SELECT $1 + 2')
    expect(await value(one, 'EXECUTE "My plan"(10)')).toBe(11)
    expect(await value(other, 'EXECUTE "My plan"(10)')).toBe(12)
    await one.query('DEALLOCATE PREPARE "My plan"')
    await expect(one.query('EXECUTE "My plan"(10)')).rejects.toMatchObject({code: '26000'})
    expect(await value(other, 'EXECUTE "My plan"(10)')).toBe(12)
  })

  it.each(['DEALLOCATE ALL', 'DISCARD ALL'])('of others outlive a %s', async statement => {
    const [one, other] = [await connect(), await connect()]
    await one.query('PREPARE mine AS SELECT 1')
    await other.query('PREPARE mine AS SELECT 2')
    await one.query(statement)
    await expect(one.query('EXECUTE mine')).rejects.toMatchObject({code: '26000'})
    expect(await value(other, 'EXECUTE mine')).toBe(2)
  })

  it('go with their client', async () => {
    const leaving = await connect()
    await leaving.query('PREPARE mine AS SELECT 1')
    await leaving.query({name: 'u', text: 'SELECT 1'})
    clients = clients.filter(client => client !== leaving)
    await leaving.end()
    const other = await connect()
    await expect.poll(() => value(other, `SELECT count(*) FROM pg_prepared_statements WHERE name LIKE '%:%'`)).toBe('0')
  })
})

describe('settings', () => {
  it('of one client are not those of another', async () => {
    const [one, other] = [await connect(), await connect()]
    await one.query(`SET TimeZone = 'Asia/Tokyo'`)
    await one.query(`SELECT set_config('work_mem', '8MB', false)`)
    expect(await value(other, 'SHOW TimeZone')).toBe('UTC')
    expect(await value(other, 'SHOW work_mem')).toBe('4MB')
    expect(await value(one, 'SHOW TimeZone')).toBe('Asia/Tokyo')
    expect(await value(one, 'SHOW work_mem')).toBe('8MB')
    await one.query('RESET ALL')
    expect(await value(one, 'SHOW TimeZone')).toBe('UTC')
  })

  it('made in a transaction that is rolled back are forgotten', async () => {
    const [one, other] = [await connect(), await connect()]
    await one.query('BEGIN')
    await one.query(`SET statement_timeout = '5s'`)
    await one.query('ROLLBACK')
    await value(other, 'SELECT 1')
    expect(await value(one, 'SHOW statement_timeout')).toBe('0')
  })

  it('come with the connection, and the server is asked once', async () => {
    const one = await connect({application_name: 'one', options: '-c statement_timeout=7s --search_path=pg_catalog'})
    const other = await connect({application_name: 'other'})
    expect(await value(one, 'SHOW application_name')).toBe('one')
    expect(await value(one, 'SHOW statement_timeout')).toBe('7s')
    expect(await value(one, 'SHOW search_path')).toBe('pg_catalog')
    expect(await value(other, 'SHOW application_name')).toBe('other')
    expect(await value(other, 'SHOW statement_timeout')).toBe('0')
  })

  it('that do not exist refuse the connection', async () => {
    await expect(connect({options: '-c no_such_setting=1'})).rejects.toMatchObject({code: '22023'})
    expect(await value(await connect(), 'SELECT 1')).toBe(1)
  })

  it('of the role stay with their client', async () => {
    const [one, other] = [await connect(), await connect()]
    await one.query('SET ROLE pg_read_all_data')
    expect(await value(other, 'SELECT current_user')).toBe('postgres')
    expect(await value(one, 'SELECT current_user')).toBe('pg_read_all_data')
  })
})

it('forgets temporary tables with the last client that may have made one', async () => {
  const maker = await connect()
  await maker.query('CREATE TEMPORARY TABLE scratch (a int)')
  clients = clients.filter(client => client !== maker)
  await maker.end()
  const other = await connect()
  await expect.poll(() => value(other, `SELECT to_regclass('scratch')`)).toBeNull()
})

describe('COPY', () => {
  const rows = Array.from({length: 2000}, (_, index) => `client\tline ${index}\n`)

  it('takes rows from STDIN and gives them to STDOUT', async () => {
    const client = await connect()
    await pipeline(Readable.from(rows), client.query(copyFrom('COPY entries (who, note) FROM STDIN')))
    const chunks: Buffer[] = []
    const output = client.query(copyTo('COPY (SELECT who, note FROM entries ORDER BY id) TO STDOUT'))
    for await (const chunk of output) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe(rows.join(''))
  })

  it('works within a transaction, while another client waits', async () => {
    const [client, other] = [await connect(), await connect()]
    await client.query('BEGIN')
    await client.query('CREATE TEMPORARY TABLE stage (who text, note text) ON COMMIT DROP')
    const waiting = value(other, 'SELECT count(*) FROM entries')
    await pipeline(Readable.from(rows), client.query(copyFrom('COPY stage (who, note) FROM STDIN')))
    await client.query('INSERT INTO entries (who, note) SELECT who, note FROM stage')
    await client.query('COMMIT')
    expect(await waiting).toBe('2000')
  })

  it.each([
    ['a row that does not fit', 'COPY entries (id, who) FROM STDIN', 'abc\tx\n', '22P02'],
    ['a table that does not exist', 'COPY nothing FROM STDIN', 'x\n', '42P01'],
    ['too many columns', 'COPY entries (who) FROM STDIN', 'a\tb\n', '22P04'],
  ])('fails on %s, and the connection goes on', async (_what, statement, data, code) => {
    const client = await connect()
    const copying = pipeline(Readable.from([data]), client.query(copyFrom(statement)))
    await expect(copying).rejects.toMatchObject({code})
    expect(await value(client, 'SELECT count(*) FROM entries')).toBe('0')
  })

  it('is given up by the client, and the connection goes on', async () => {
    const client = await connect()
    const stream = client.query(copyFrom('COPY entries (who, note) FROM STDIN'))
    stream.write('a\tb\n')
    stream.destroy(new Error('changed my mind'))
    await once(stream, 'error')
    expect(await value(client, 'SELECT count(*) FROM entries')).toBe('0')
  })
})

describe('large answers', () => {
  it('arrive whole', async () => {
    const client = await connect()
    const {rows} = await client.query<{n: number; text: string}>(
      `SELECT n, repeat('x', 100) AS text FROM generate_series(1, 100000) AS n`,
    )
    expect(rows.length).toBe(100_000)
    expect(rows.at(-1)).toEqual({n: 100_000, text: 'x'.repeat(100)})
  })

  it('that nobody reads do not keep the others waiting', async () => {
    const [sleepy, other] = [await connect(), await connect()]
    socketOf(sleepy).pause()
    const large = sleepy.query(`SELECT repeat('x', 1000) FROM generate_series(1, 20000)`)
    expect(await value(other, 'SELECT 1')).toBe(1)
    socketOf(sleepy).resume()
    expect((await large).rows.length).toBe(20_000)
  })
})

/** pg keeps its socket to itself; a test that breaks the line needs it. */
function socketOf(client: Client): Socket {
  return (client as Client & {readonly connection: {readonly stream: Socket}}).connection.stream
}
