/** Starting, stopping, killing and starting again: what was committed is there, and nobody else gets in meanwhile. */
import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync} from 'node:fs'
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest'
import {paymentIdRange} from '../../../../src/lib/payment/payment-id.js'
import {type EmbeddedDatabase, startEmbeddedDatabase} from '../../../../src/lib/store/embedded/start.js'
import {migrate} from '../../../../src/lib/store/migrate.js'
import {openStore} from '../../../../src/lib/store/open.js'
import {copyEmptyDatabase} from '../../../support/embedded-database.js'
import {rowsOf} from '../../../support/store-contract.js'
import {makeTemporaryDirectory, removeDirectory, temporaryDirectory} from '../../../support/temp.js'

const HOST = join(import.meta.dirname, '../../../support/database-host.mjs')

let directory = ''
let running: EmbeddedDatabase[] = []

async function start(port = 0, where = directory): Promise<EmbeddedDatabase> {
  const database = await startEmbeddedDatabase({directory: where, port})
  running.push(database)
  return database
}

const portOf = (url: string): number => Number(new URL(url).port)

beforeAll(async () => {
  directory = await makeTemporaryDirectory()
  await copyEmptyDatabase(directory)
  const database = await startEmbeddedDatabase({directory})
  await migrate(database.url)
  await database.stop()
})

afterEach(async () => {
  await Promise.all(running.map(database => database.stop()))
  running = []
})

afterAll(() => removeDirectory(directory))

describe('a directory', () => {
  it('keeps its rows over a stop and a start, is down in between, and gives its port back', async () => {
    const first = await start()
    const store = await openStore(first.url)
    await store.insert(rowsOf('000000000001', 100))
    await store.close()
    await Promise.all([first.stop(), first.stop()])
    expect(await first.closed).toBeUndefined()
    await expect(openStore(first.url)).rejects.toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
    await expect(migrate(first.url)).rejects.toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
    const second = await start(portOf(first.url))
    expect(second.url).toBe(first.url)
    const again = await openStore(second.url)
    expect(await again.count(paymentIdRange('000000000001'))).toBe(100)
    await again.close()
  })

  it('is in use by one at a time', async () => {
    const database = await start()
    await expect(start()).rejects.toMatchObject({
      code: 'P2PAY_DATABASE_START',
      message: expect.stringContaining(`process ${process.pid}`),
    })
    const store = await openStore(database.url)
    await store.close()
  })

  it('has every committed row after its process was killed, again and again', async () => {
    const tag = '000000000002'
    let committed = 0
    for (let round = 0; round < 2; round++) {
      const {child, url} = await spawnHost(directory)
      await expect(start()).rejects.toMatchObject({message: expect.stringContaining(`process ${child.pid}`)})
      const store = await openStore(url)
      const rows = rowsOf(tag, 2000)
      const exited = once(child, 'exit')
      const from = committed
      try {
        for (let at = from; at < rows.length; at += 50) {
          if (at === from + 300) child.kill('SIGKILL')
          await store.insert(rows.slice(at, at + 50))
          committed = at + 50
        }
      } catch (error) {
        expect(error).toMatchObject({code: 'P2PAY_DATABASE_DOWN'})
      }
      await exited
      await store.close()
    }
    const store = await openStore((await start()).url)
    const count = await store.count(paymentIdRange(tag))
    expect(committed).toBeGreaterThanOrEqual(600)
    // The batch under way at the kill may have been committed without the answer having arrived.
    expect([committed, committed + 50]).toContain(count)
    await store.close()
  })

  it('takes over what a first start that was killed has left', async () => {
    const where = await temporaryDirectory()
    await mkdir(join(where, 'data.new', 'base'), {recursive: true})
    await writeFile(join(where, 'data.new', 'PG_VERSION'), '18\n')
    await writeFile(join(where, 'lock'), JSON.stringify({pid: 2 ** 30, startTime: '1', token: 'gone'}))
    const database = await start(0, where)
    await migrate(database.url)
    expect((await readdir(where)).sort()).toEqual(['data', 'lock'])
    await database.stop()
    expect(await readdir(where)).toEqual(['data'])
  })

  it('that is a file is refused', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    await expect(start(0, file)).rejects.toMatchObject({code: 'P2PAY_DATABASE_START'})
    await expect(start(0, join(file, 'below'))).rejects.toMatchObject({code: 'P2PAY_DATABASE_START'})
  })

  it('with files of another PostgreSQL is refused, left as it is, and free again', async () => {
    const where = await temporaryDirectory()
    await mkdir(join(where, 'data'))
    await writeFile(join(where, 'data', 'PG_VERSION'), '11\n')
    await expect(start(0, where)).rejects.toMatchObject({
      code: 'P2PAY_DATABASE_START',
      suggestions: expect.arrayContaining([expect.stringContaining('empty database')]),
    })
    expect(await readFile(join(where, 'data', 'PG_VERSION'), 'utf8')).toBe('11\n')
    expect(existsSync(join(where, 'lock'))).toBe(false)
  })
})

it('says that its port is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(start(port)).rejects.toMatchObject({
    code: 'P2PAY_DATABASE_START',
    message: expect.stringContaining(String(port)),
  })
  server.close()
  // The failed start has not kept the directory.
  await start()
})

it('loses and doubles nothing when it goes away in the middle of inserts and comes back', async () => {
  const tag = '000000000003'
  const rows = rowsOf(tag, 1000)
  let database = await start()
  const port = portOf(database.url)
  const store = await openStore(database.url)
  const refusals: unknown[] = []
  let returning: Promise<unknown> | undefined
  for (let at = 0; at < rows.length; ) {
    // The database goes while this batch and the next ones are on their way.
    if (at === 300) {
      returning ??= database.stop().then(async () => {
        database = await start(port)
      })
    }
    try {
      await store.insert(rows.slice(at, at + 50))
      at += 50
    } catch (error) {
      refusals.push(error)
      await Promise.race([returning, new Promise(resolve => setImmediate(resolve))])
    }
  }
  await returning
  expect(refusals.length).toBeGreaterThan(0)
  expect(new Set(refusals.map(error => (error as {code?: unknown}).code))).toEqual(new Set(['P2PAY_DATABASE_DOWN']))
  expect(await store.count(paymentIdRange(tag))).toBe(1000)
  expect((await store.insert(rows)).length).toBe(1000)
  await store.close()
})

async function spawnHost(where: string): Promise<{child: ChildProcess; url: string}> {
  const child = spawn(process.execPath, [HOST, where, '0'], {stdio: ['ignore', 'pipe', 'inherit']})
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  return {child, url: chunk.toString().trim()}
}
