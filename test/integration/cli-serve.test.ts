/**
 * `p2pay serve` as a process: what it acknowledged is there whatever happens to it or to its broker, and it ends when
 * it should. The services live in a process of their own, so that a killed server does not take them along.
 */
import {spawn} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'
import pg from 'pg'
import {describe, expect, it, onTestFinished} from 'vitest'
import {systemClock} from '../../src/lib/base/clock.js'
import {messageOf} from '../../src/lib/base/errors.js'
import {type OwnService, startOwnService} from '../../src/lib/cli/own-service.js'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import {paymentIdIn} from '../../src/lib/run/balance.js'
import {freePorts} from '../services/ports.js'
import {copyEmptyDatabase} from '../support/embedded-database.js'
import {kill, startHost} from '../support/kills.js'
import {type P2pay, run, start} from '../support/p2pay.js'
import {sharedUp} from '../support/shared-up.js'
import {temporaryDirectory} from '../support/temp.js'

const shared = sharedUp()
const PARENT = fileURLToPath(new URL('../support/own-service-parent.mjs', import.meta.url))

interface Served {
  readonly process: P2pay
  readonly url: string
}

async function serve(flags: readonly string[] = [], cwd = shared().cwd): Promise<Served> {
  const process = start(['serve', '--port', '0', ...flags], {cwd})
  const [, url = ''] = await process.output(/^listening on (http:\S+);/m)
  return {process, url}
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function ask(url: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, init)
  const body: unknown = await response.json()
  return {status: response.status, headers: response.headers, body: body as Record<string, unknown>}
}

function post(url: string, payment: object, path = '/api/v1/payments'): Promise<Answer> {
  return ask(url, path, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify(payment),
  })
}

function paymentOf(debtor: string, payment_id: string = randomUUID()): object {
  return {payment_id, debtor_id: debtor, creditor_id: 'shop', amount: '12.50', currency: 'EUR'}
}

async function stop({process}: Served, signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
  process.kill(signal)
  const {exitCode, stdout, stderr} = await process.finished
  expect(exitCode, stderr).toBe(0)
  return stdout
}

/** Ids of the table. */
async function rows(databaseUrl = shared().databaseUrl): Promise<Set<string>> {
  const client = new pg.Client({connectionString: databaseUrl})
  await client.connect()
  const {rows: found} = await client.query<{id: string}>('select payment_id::text as id from payments')
  await client.end()
  return new Set(found.map(({id}) => id))
}

async function isAcceptedClaim(id: string): Promise<boolean> {
  const client = new pg.Client({connectionString: shared().databaseUrl})
  await client.connect()
  const {rows: found} = await client.query<{state: string}>('select state from payment_claims where claim_key = $1', [
    id,
  ])
  await client.end()
  return found.length === 1 && found[0]?.state === 'accepted'
}

/** Ids on the raw topic, in no order, each as often as it is there. */
async function onRaw(): Promise<string[]> {
  const kafka = await connectKafka({brokers: shared().brokers})
  try {
    const {startOffsets, endOffsets} = kafka.admin
    const ids: string[] = []
    const never = new AbortController().signal
    const topic = 'payments.raw'
    const range = readRange(kafka, topic, await startOffsets(topic), await endOffsets(topic), never)
    for await (const records of range) for (const {value} of records) ids.push(paymentIdIn(value) ?? '')
    return ids
  } finally {
    await kafka.close()
  }
}

/** Polls until the answer is the wanted one; the test's own timeout is its bound. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look().catch(() => false))) await delay(50)
}

describe('p2pay serve --detect', () => {
  it('takes payments, decides them, shows them, scores, and ends in order', async () => {
    const served = await serve(['--detect'])
    const {url, process} = served
    expect(process.stdout).toMatch(
      /^listening on \S+; Kafka at \S+ \(cluster \S+, 1 broker\); PostgreSQL .+; docs at http:\/\/127\.0\.0\.1:\d+\/api\/v1\/docs$/m,
    )
    expect((await ask(url, '/readyz')).status).toBe(200)
    // Many payments of one debtor within seconds: the last ones are flagged.
    const ids = Array.from({length: 30}, () => randomUUID())
    for (const id of ids)
      expect(await post(url, paymentOf('hasty', id))).toMatchObject({status: 202, body: {payment_id: id}})
    const last = ids.at(-1) ?? ''
    await until(async () => (await ask(url, `/api/v1/payments/${last}/decision`)).status === 200)
    expect(await rows()).toEqual(new Set(ids))
    const alerts = await ask(url, '/api/v1/alerts')
    expect(alerts.body['items']).not.toEqual([])
    const before = await post(url, paymentOf('hasty'), '/api/v1/score')
    expect(before).toMatchObject({status: 200, body: {budget_ms: 100}})
    expect(before.body['decision']).not.toBe('approve')
    expect(await post(url, paymentOf('somebody new'), '/api/v1/score')).toMatchObject({body: {decision: 'approve'}})
    const again = await post(url, paymentOf('hasty'), '/api/v1/score')
    expect(again.body['score']).toBe(before.body['score'])
    const stdout = await stop(served)
    expect(stdout).toMatch(/^payments accepted 30, failed 0, unknown 0, refused for want of room 0$/m)
    expect(stdout).toMatch(/^rows stored 30,/m)
  })

  it('loses nothing that it acknowledged when it is stopped under load', async () => {
    const served = await serve(['--detect'])
    const accepted: string[] = []
    const refused = new Set<string>()
    const client = async (name: number): Promise<void> => {
      for (;;) {
        const id = randomUUID()
        const answer = await post(served.url, paymentOf(`debtor-${name}`, id)).catch(() => undefined)
        if (answer === undefined) return
        if (answer.status === 202) accepted.push(id)
        else refused.add(String(answer.body['code']))
      }
    }
    const clients = Array.from({length: 10}, (_, name) => client(name))
    await until(async () => accepted.length > 200)
    await stop(served)
    await Promise.all(clients)
    expect([...refused].filter(code => code !== 'SHUTTING_DOWN')).toEqual([])
    const rest = await shared().run(['detect', '--until-idle', '300ms'])
    expect(rest.exitCode, rest.stderr).toBe(0)
    const stored = await rows()
    expect(accepted.filter(id => !stored.has(id))).toEqual([])
  })

  it('tells programs in one line of JSON that it is ready, and in another one what it did', async () => {
    const process = start(['serve', '--json', '--no-database', '--port', '0'], {cwd: shared().cwd})
    const [line] = await process.output(/^\{.*\}$/m)
    const ready: {url: string} = JSON.parse(line)
    expect(ready).toMatchObject({brokers: shared().brokers, database: null, topic: 'payments.raw', detect: false})
    expect((await post(ready.url, paymentOf('json'))).status).toBe(202)
    const {port} = new URL(ready.url)
    const second = await shared().run(['serve', '--no-database', '--port', port])
    expect(second.exitCode).toBe(3)
    expect(second.stderr).toMatch(
      /^Error: Cannot listen on 127\.0\.0\.1:.+\nCode: P2PAY_LISTEN\nTry this:\n( {2}\* .+\n)+/,
    )
    expect(second.stderr).toContain(port)
    process.kill('SIGINT')
    const {exitCode, stdout, stderr} = await process.finished
    expect([exitCode, stderr]).toEqual([0, ''])
    const [, summary = ''] = stdout.trimEnd().split('\n')
    expect(JSON.parse(summary)).toMatchObject({
      url: ready.url,
      payments: {acked: 1, failed: 0},
      settled: true,
      detection: null,
    })
  })
})

describe('p2pay serve that is killed', () => {
  it('makes no second payment of a retry after its restart', async () => {
    const id = randomUUID()
    const payment = paymentOf('retrying', id)
    const first = await serve()
    expect((await post(first.url, payment)).status).toBe(202)
    // Until that is noted, a retry elsewhere is told to wait for the lease of whoever made it.
    await until(() => isAcceptedClaim(id))
    await kill(first.process)
    const second = await serve()
    const retried = await post(second.url, payment)
    expect([retried.status, retried.headers.get('idempotent-replayed')]).toEqual([202, 'true'])
    expect((await post(second.url, {...payment, amount: '12.51'})).status).toBe(409)
    await stop(second)
    expect((await onRaw()).filter(one => one === id)).toHaveLength(1)
  })
})

describe('p2pay serve whose broker goes away', () => {
  it('answers 503 with Retry-After, and takes payments again when the broker is back', async () => {
    const cwd = await temporaryDirectory()
    await copyEmptyDatabase(join(cwd, '.p2pay/database'))
    const [port = 0, databasePort = 0] = await freePorts(2)
    const host = await startHost(cwd, port, databasePort)
    const served = await serve(['--detect', '--ack-timeout', '500ms'], cwd)
    const {url} = served
    expect((await post(url, paymentOf('before'))).status).toBe(202)
    await kill(host.process)
    const id = randomUUID()
    const away = await post(url, paymentOf('during', id))
    expect(away.status).toBe(503)
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await ask(url, '/healthz')).status).toBe(200)
    expect((await ask(url, '/readyz')).status).toBe(503)
    const again = await startHost(cwd, port, databasePort)
    await until(async () => (await post(url, paymentOf('during', id))).status === 202)
    await until(async () => (await ask(url, '/readyz')).status === 200)
    await until(async () => (await rows(again.databaseUrl)).has(id))
    await stop(served)
    // What was told 503 is no secret at the end.
    expect(served.process.stdout).toMatch(/^! answered 503 (because|before) the .*: [1-9]/m)
  })
})

describe('two servers in one directory', () => {
  it('share the services that one of them hosts, and the host waits for the other', async () => {
    const cwd = await temporaryDirectory()
    await copyEmptyDatabase(join(cwd, '.p2pay/database'))
    const [one, other] = await Promise.all([serve([], cwd), serve(['--host', '0.0.0.0'], cwd)])
    expect(one.process.stderr).not.toContain('whoever reaches')
    expect(other.process.stderr).toContain(
      '! whoever reaches 0.0.0.0 can send payments and read them: set --api-key-file',
    )
    const id = randomUUID()
    expect((await post(one.url, paymentOf('both', id))).status).toBe(202)
    await until(
      async () => (await post(other.url, paymentOf('both', id))).headers.get('idempotent-replayed') === 'true',
    )
    const isHost = ({process}: Served): boolean => process.stderr.includes('embedded broker ')
    expect([one, other].filter(isHost)).toHaveLength(1)
    for (const served of [one, other].sort((a, b) => Number(isHost(a)) - Number(isHost(b)))) await stop(served)
  })
})

describe('a service of a load test’s own', () => {
  it('ends in order when the load test is killed', async () => {
    const parent = spawn(process.execPath, [PARENT, join(shared().cwd, '.p2pay')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [chunk]: [Buffer] = await new Promise(resolve =>
      parent.stdout.once('data', (data: Buffer) => resolve([data])),
    )
    const service: {pid: number; url: string; brokers: string} = JSON.parse(chunk.toString())
    expect(service.brokers).toBe(shared().brokers)
    expect((await post(service.url, paymentOf('orphan'))).status).toBe(202)
    parent.kill('SIGKILL')
    await until(async () => !isAlive(service.pid))
    expect(await run(['topics', 'list', '--json'], {cwd: shared().cwd})).toMatchObject({exitCode: 0})
  })

  it('ends in order when it is told to, and is noticed when it dies before', async () => {
    const stopped = await own()
    await stopped.stop()
    expect([isAlive(stopped.pid), stopped.failed.aborted]).toEqual([false, false])
    const failing = await own()
    process.kill(failing.pid, 'SIGKILL')
    await new Promise<void>(resolve => failing.failed.addEventListener('abort', () => resolve()))
    expect(failing.failed.reason).toMatchObject({code: 'P2PAY_OWN_SERVICE'})
    expect(messageOf(failing.failed.reason)).toMatch(
      /^The service of this test ended before the test did \(signal SIGKILL\)/,
    )
    await failing.stop()
  })

  it('that does not come up is an error with what it said last', async () => {
    const start = own(['--brokers', '127.0.0.1:1', '--no-database'])
    await expect(start).rejects.toMatchObject({
      code: 'P2PAY_OWN_SERVICE',
      message: expect.stringMatching(/ended \(exit code 3\)\nError: Kafka at 127\.0\.0\.1:1 refused the connection/),
    })
  })
})

function own(detectorFlags: readonly string[] = []): Promise<OwnService> {
  return startOwnService({
    dir: join(shared().cwd, '.p2pay'),
    detectorFlags,
    signal: new AbortController().signal,
    clock: systemClock,
    note: () => {},
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
