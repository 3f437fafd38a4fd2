/** The wire protocol of the embedded database, message by message. */
import {afterEach, describe, expect, it} from 'vitest'
import {useEmbeddedDatabase} from '../../../support/embedded-database.js'
import {firstColumn, frame, say, stateOf, typesOf, WireClient} from '../../../support/pg-wire.js'

const database = useEmbeddedDatabase()
let clients: WireClient[] = []

async function login(parameters: Record<string, string> = {}): Promise<WireClient> {
  const client = await WireClient.login(database.url(), parameters)
  clients.push(client)
  return client
}

async function isAlive(client: WireClient): Promise<boolean> {
  client.send(say.query('SELECT 7'))
  return firstColumn(await client.until('Z')).includes('7')
}

afterEach(() => {
  for (const client of clients) client.destroy()
  clients = []
})

describe('the handshake', () => {
  it.each([
    ['TLS', 80_877_103],
    ['GSSAPI', 80_877_104],
  ])('declines %s and goes on in the clear', async (_what, code) => {
    const client = await WireClient.connect(database.url())
    client.startup(code)
    expect(await client.byte()).toBe('N')
    client.startup(196_608, Buffer.from('user\0postgres\0database\0postgres\0\0'))
    expect(typesOf(await client.until('Z'))).toMatch(/^RS+KZ$/)
    client.destroy()
  })

  it('takes a newer minor version and unknown protocol options as the one it speaks', async () => {
    const client = await WireClient.connect(database.url())
    client.startup(196_610, Buffer.from('user\0postgres\0database\0postgres\0_pq_.something\0on\0\0'))
    expect(typesOf(await client.until('Z'))).toMatch(/^RS+KZ$/)
    client.destroy()
  })

  it('lets a cancel request pass without harm', async () => {
    const client = await login()
    const cancel = await WireClient.connect(database.url())
    cancel.startup(80_877_102, Buffer.alloc(8))
    expect(await cancel.next()).toBeUndefined()
    expect(await isAlive(client)).toBe(true)
  })

  it.each([
    ['another database', 'user\0postgres\0database\0nothing\0\0', '3D000'],
    ['no database and another user', 'user\0somebody\0\0', '3D000'],
  ])('refuses %s', async (_what, packet, state) => {
    const client = await WireClient.connect(database.url())
    client.startup(196_608, Buffer.from(packet))
    expect(stateOf(await client.until('E'))).toBe(state)
    expect(await client.next()).toBeUndefined()
  })

  it.each([
    ['an old protocol', 131_072],
    ['what is no protocol at all', 0x47455420],
  ])('refuses %s', async (_what, code) => {
    const client = await WireClient.connect(database.url())
    client.startup(code)
    expect(stateOf(await client.until('E'))).toBe('08P01')
  })

  it('refuses clients beyond the 64th, and takes one again when another has gone', async () => {
    // Clients of the tests before may still be leaving, so the first refusal is what counts.
    const greeting = async (): Promise<string | undefined> => {
      const client = await WireClient.connect(database.url())
      clients.push(client)
      client.startup(196_608, Buffer.from('user\0postgres\0database\0postgres\0\0'))
      const [first] = await client.until('Z')
      return first?.type === 'E' ? stateOf([first]) : first?.type
    }
    const greetings = await Promise.all(Array.from({length: 66}, greeting))
    expect(new Set(greetings)).toEqual(new Set(['R', '53300']))
    expect(greetings.filter(one => one === 'R').length).toBeLessThanOrEqual(64)
    for (const client of clients.slice(0, 10)) client.destroy()
    await expect.poll(greeting).toBe('R')
  })
})

describe('pipelines', () => {
  it('run up to Sync, and several in one packet', async () => {
    const client = await login()
    const one = [say.parse('', 'SELECT 1'), say.bind('', ''), say.describe('P', ''), say.execute(''), say.sync()]
    const two = [say.parse('', 'SELECT 2'), say.bind('', ''), say.execute(''), say.sync()]
    client.send(...one, ...two)
    expect(typesOf(await client.until('Z'))).toBe('12TDCZ')
    expect(firstColumn(await client.until('Z'))).toEqual(['2'])
  })

  it('stop at an error, skip to Sync, and take back what came before', async () => {
    const client = await login()
    client.send(
      ...[say.parse('', 'CREATE TABLE half_done (a int)'), say.bind('', ''), say.execute('')],
      ...[say.parse('', 'SELECT 1/0'), say.bind('', ''), say.execute('')],
      ...[say.parse('', 'SELECT 3'), say.bind('', ''), say.execute(''), say.sync()],
    )
    const answer = await client.until('Z')
    expect(typesOf(answer)).toBe('12C1EZ')
    expect(stateOf(answer)).toBe('22012')
    client.send(say.query(`SELECT to_regclass('half_done') IS NULL`))
    expect(firstColumn(await client.until('Z'))).toEqual(['t'])
  })

  it.each([
    ['Parse', say.parse('bad', 'SELECT nothing FROM nowhere'), '42P01'],
    ['Bind', say.bind('', 'unknown'), '26000'],
    ['Execute', say.execute('unknown'), '34000'],
    ['Describe', say.describe('S', 'unknown'), '26000'],
  ])('survive an error in %s', async (_what, bad, state) => {
    const client = await login()
    client.send(bad, say.parse('', 'SELECT 1'), say.sync())
    expect(stateOf(await client.until('Z'))).toBe(state)
    expect(await isAlive(client)).toBe(true)
  })

  it('answer at Flush already, and keep the session until Sync', async () => {
    const [client, other] = [await login(), await login()]
    client.send(say.parse('', 'SELECT generate_series(1, 5)'), say.bind('', ''), say.execute('', 2), say.flush())
    expect(typesOf(await client.until('s'))).toBe('12DDs')
    other.send(say.query('SELECT 9'))
    client.send(say.execute('', 2), say.flush())
    expect(firstColumn(await client.until('s'))).toEqual(['3', '4'])
    client.send(say.sync())
    expect(typesOf(await client.until('Z'))).toBe('Z')
    expect(firstColumn(await other.until('Z'))).toEqual(['9'])
  })

  it('find the unnamed statement of their own client', async () => {
    const [one, other] = [await login(), await login()]
    for (const [client, sql] of [
      [one, 'SELECT 1'],
      [other, 'SELECT 2'],
    ] as const) {
      client.send(say.parse('', sql), say.sync())
      expect(typesOf(await client.until('Z'))).toBe('1Z')
    }
    one.send(say.bind('', ''), say.execute(''), say.sync())
    const answer = await one.until('Z')
    expect(typesOf(answer)).toBe('2DCZ')
    expect(firstColumn(answer)).toEqual(['1'])
    other.send(say.describe('S', ''), say.bind('', ''), say.execute(''), say.sync())
    expect(firstColumn(await other.until('Z'))).toEqual(['2'])
  })

  it.each([
    ['well', say.parse('', 'SELECT 1'), 'C1'],
    ['badly', say.parse('', 'SELECT nothing'), 'CE'],
  ])('of a client that vanishes after a Flush leave nothing behind, ended %s', async (_how, last, types) => {
    const [client, other] = [await login(), await login()]
    client.send(say.parse('', 'CREATE TABLE vanished (a int)'), say.bind('', ''), say.execute(''), last, say.flush())
    expect(typesOf(await client.until(types.slice(-1)))).toMatch(/^1/)
    other.send(say.query(`SELECT to_regclass('vanished') IS NULL`))
    client.destroy()
    expect(firstColumn(await other.until('Z'))).toEqual(['t'])
  })
})

describe('COPY FROM STDIN', () => {
  it('works in the extended protocol, whether Sync comes before or after the data', async () => {
    const client = await login()
    client.send(say.query('CREATE TEMPORARY TABLE numbers (a int)'))
    await client.until('Z')
    const start = [say.parse('', 'COPY numbers FROM STDIN'), say.bind('', ''), say.describe('P', ''), say.execute('')]
    client.send(...start, say.sync())
    expect(typesOf(await client.until('G'))).toBe('12nG')
    client.send(say.copyData('1\n2\n'), say.copyDone(), say.sync())
    expect(typesOf(await client.until('Z'))).toBe('CZ')
    client.send(...start, say.flush())
    await client.until('G')
    client.send(say.copyData('3'), say.copyData('\n'), say.copyDone(), say.sync())
    await client.until('Z')
    client.send(say.query('SELECT a FROM numbers ORDER BY a'))
    expect(firstColumn(await client.until('Z'))).toEqual(['1', '2', '3'])
  })

  it('is not begun in a pipeline that has failed, also before a Flush', async () => {
    const client = await login()
    const copy = [say.parse('', 'COPY nowhere FROM STDIN'), say.bind('', ''), say.execute(''), say.sync()]
    client.send(say.parse('bad', 'SELECT nothing FROM nowhere'), ...copy)
    expect(typesOf(await client.until('Z'))).toBe('EZ')
    client.send(say.parse('bad', 'SELECT nothing FROM nowhere'), say.flush(), ...copy)
    expect(typesOf(await client.until('Z'))).toBe('EZ')
  })

  it('tells of a missing table when the data has come, and the connection goes on', async () => {
    const client = await login()
    client.send(say.parse('', 'COPY nowhere FROM STDIN'), say.bind('', ''), say.execute(''), say.sync())
    await client.until('G')
    client.send(say.copyData('1\n'), say.copyDone(), say.sync())
    expect(stateOf(await client.until('Z'))).toBe('42P01')
    expect(await isAlive(client)).toBe(true)
  })

  it('of a client that vanishes in the middle stores nothing', async () => {
    const [client, other] = [await login(), await login()]
    other.send(say.query('CREATE TABLE IF NOT EXISTS copied (a int)'))
    await other.until('Z')
    client.send(say.query('COPY copied FROM STDIN'))
    await client.until('G')
    client.send(say.copyData('1\n'))
    client.destroy()
    other.send(say.query('SELECT count(*) FROM copied'))
    expect(firstColumn(await other.until('Z'))).toEqual(['0'])
  })

  it('ends the connection when something else comes in the middle, and only that connection', async () => {
    const [client, other] = [await login(), await login()]
    client.send(say.query('COPY copied FROM STDIN'))
    await client.until('G')
    client.send(say.query('SELECT 1'))
    expect(stateOf(await client.until('E'))).toBe('08P01')
    expect(await client.next()).toBeUndefined()
    expect(await isAlive(other)).toBe(true)
  })
})

describe('what is not served', () => {
  it.each([
    ['LISTEN', 'LISTEN news'],
    ['LISTEN after something else', 'SELECT 1; LISTEN news'],
  ])('%s is refused by an error, and the connection goes on', async (_what, sql) => {
    const client = await login()
    client.send(say.query(sql))
    expect(stateOf(await client.until('Z'))).toBe('0A000')
    client.send(say.parse('', sql), say.bind('', ''), say.execute(''), say.sync())
    expect(stateOf(await client.until('Z'))).toBe('0A000')
    expect(await isAlive(client)).toBe(true)
  })

  it.each([
    ['a function call', frame('F', Buffer.alloc(8)), '0A000'],
    ['an unknown message', frame('y', 'what?'), '08P01'],
    ['a string without an end', frame('P', 'abc'), '08P01'],
    ['a length below its own', Buffer.from([0x51, 0, 0, 0, 1]), '08P01'],
    ['a message of two gigabytes', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]), '08P01'],
  ])('%s ends the connection with a reason, and only that connection', async (_what, bytes, state) => {
    const [client, other] = [await login(), await login()]
    client.send(bytes)
    expect(stateOf(await client.until('E'))).toBe(state)
    expect(await client.next()).toBeUndefined()
    expect(await isAlive(other)).toBe(true)
  })

  it('bytes that are left over of a COPY are ignored', async () => {
    const client = await login()
    client.send(say.copyData('late'), say.copyFail('too late'))
    expect(await isAlive(client)).toBe(true)
  })
})
