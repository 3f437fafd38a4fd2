/** Clients that keep what others want, in virtual time: the server within this process, on a prepared directory. */
import {afterAll, beforeAll, expect, it} from 'vitest'
import {DatabaseServer} from '../../../../src/lib/store/embedded/server.js'
import {MAX_IDLE_HOLD_MS} from '../../../../src/lib/store/embedded/session.js'
import {copyEmptyDatabase} from '../../../support/embedded-database.js'
import {firstColumn, say, stateOf, WireClient} from '../../../support/pg-wire.js'
import {makeTemporaryDirectory, removeDirectory} from '../../../support/temp.js'
import {VirtualClock} from '../../../support/virtual-clock.js'

const clock = new VirtualClock()
let directory = ''
let server: DatabaseServer
let url = ''

beforeAll(async () => {
  directory = await makeTemporaryDirectory()
  await copyEmptyDatabase(directory)
  server = await DatabaseServer.start({directory: `${directory}/data`, port: 0, clock, log: () => {}})
  url = `postgresql://postgres@127.0.0.1:${server.port}/postgres`
})

afterAll(async () => {
  await server.stop()
  await removeDirectory(directory)
})

/** A client in a transaction that has written a row. */
async function holder(): Promise<WireClient> {
  const client = await WireClient.login(url)
  client.send(say.query('BEGIN; CREATE TABLE IF NOT EXISTS held (a int); INSERT INTO held VALUES (1)'))
  await client.until('Z')
  return client
}

it('a silent holder stays for as long as nobody waits', async () => {
  const client = await holder()
  await clock.advance(MAX_IDLE_HOLD_MS * 10)
  client.send(say.query('SELECT count(*) FROM held'))
  expect(firstColumn(await client.until('Z'))).toEqual(['1'])
  client.destroy()
})

it('a silent holder is ended when somebody waits, and its transaction rolled back', async () => {
  const client = await holder()
  const waiter = await WireClient.connect(url)
  waiter.startup(196_608, Buffer.from('user\0postgres\0database\0postgres\0\0'))
  // The waiter is in line once the server has read its packet.
  const ended = client.until('E')
  const told = await clock.until(ended, MAX_IDLE_HOLD_MS * 2)
  expect(stateOf(told)).toBe('25P03')
  await waiter.until('Z')
  waiter.send(say.query(`SELECT to_regclass('held') IS NULL`))
  expect(firstColumn(await waiter.until('Z'))).toEqual(['t'])
  waiter.destroy()
})

it('a connection that never says who it is, is ended', async () => {
  const silent = await WireClient.connect(url)
  expect(stateOf(await clock.until(silent.until('E')))).toBe('08P01')
})
