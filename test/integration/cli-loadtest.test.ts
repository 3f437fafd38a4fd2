/**
 * `p2pay loadtest` as a process, against servers of the test on loopback: what it sends, what it prints, which exit code
 * it ends with, and what it leaves behind. The service of its own is at the end.
 */
import {readdir, readFile, writeFile} from 'node:fs/promises'
import {createServer, type IncomingMessage, type RequestListener} from 'node:http'
import {createServer as createSecureServer} from 'node:https'
import {type AddressInfo, createServer as createTcpServer, type Server} from 'node:net'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it, onTestFinished} from 'vitest'
import type {RunResult} from '../../src/lib/report/result.js'
import {copyEmptyDatabase} from '../support/embedded-database.js'
import {type Finished, run, start} from '../support/p2pay.js'
import {makeTemporaryDirectory, removeDirectory, temporaryDirectory} from '../support/temp.js'
import {CERTIFICATE, PRIVATE_KEY} from '../support/tls-identity.js'

interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Service {
  readonly url: string
  readonly received: Received[]
}

/** Answers 202 with an id of its own, or as it is told by path. */
async function service(answer: (request: Received, count: number) => Answer = () => ACCEPTED): Promise<Service> {
  const received: Received[] = []
  const server = createServer(listenerOf(received, answer))
  return {url: await listening(server), received}
}

/** Null: hangs up. */
type Answer = {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly afterMs?: number
} | null
const ACCEPTED = {status: 202, body: '{"status":"accepted"}'}

function listenerOf(received: Received[], answer: (request: Received, count: number) => Answer): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const {method = '', url = '', headers} = request
      const one = {method, url, headers, body: Buffer.concat(chunks).toString()}
      received.push(one)
      const given = answer(one, received.length)
      if (given === null) {
        request.socket.destroy()
        return
      }
      const reply = (): void => {
        response.writeHead(given.status, {'content-type': 'application/json', ...given.headers}).end(given.body)
      }
      if (given.afterMs === undefined) reply()
      else setTimeout(reply, given.afterMs)
    })
  }
}

async function listening(server: Server, scheme = 'http'): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections()
  })
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A port where nobody listens: one that was free a moment ago. */
async function nowhere(): Promise<string> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const {port} = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return `http://127.0.0.1:${port}/`
}

interface Loaded extends Finished {
  readonly result: RunResult
  readonly cwd: string
}

async function load(args: readonly string[], env: Record<string, string> = {}, place?: string): Promise<Loaded> {
  const cwd = place ?? (await temporaryDirectory())
  const finished = await run(['loadtest', ...args, '--out', 'result.json'], {cwd, env})
  const text = await readFile(join(cwd, 'result.json'), 'utf8').catch(() => undefined)
  expect(text, `${finished.stdout}\n${finished.stderr}`).toBeDefined()
  return {...finished, cwd, result: JSON.parse(text ?? '')}
}

function httpOf({result}: Loaded): NonNullable<RunResult['http']> {
  if (result.http === null) throw new Error('no HTTP section')
  return result.http
}

describe('the closed model', () => {
  it('sends so many payments, each with the bytes that p2pay generate makes, and passes', async () => {
    const {url, received} = await service()
    const identity = ['--seed', '7', '--run-tag', '0123456789ab', '--start', '2026-01-05T12:00:00Z']
    const loaded = await load([`${url}/payments`, '-n', '300', '-c', '5', ...identity])
    expect(loaded.exitCode, loaded.stderr).toBe(0)
    expect(loaded.stderr).toContain('300 requests, 5 at once (closed model)')
    expect(loaded.stdout).toMatch(/· FINISHED {2}loadtest {2}no thresholds judged it; all 300 requests succeeded/)
    expect(httpOf(loaded)).toMatchObject({model: 'closed', planned: 300, sent: 300, succeeded: 300, dropped: null})
    expect(loaded.result.latencies.map(({metric}) => metric)).not.toContain('http.planned_time')
    expect(new Set(received.map(({method, url: path}) => `${method} ${path}`))).toEqual(new Set(['POST /payments']))
    const generated = await run(['generate', '--count', '300', '--out', 'stdout', ...identity], {cwd: loaded.cwd})
    expect(received.map(({body}) => body).toSorted()).toEqual(generated.stdout.trimEnd().split('\n').toSorted())
  })

  it('sends 200 requests, 50 at once, when nobody says how many, and says so', async () => {
    const {url, received} = await service()
    const loaded = await load([url])
    expect(loaded.exitCode).toBe(0)
    expect(loaded.stderr).toContain('no --requests and no --duration: 200 requests')
    expect(received).toHaveLength(200)
    expect(httpOf(loaded).concurrency).toBe(50)
  })

  it('ends after its time, when only that bounds it', async () => {
    const {url} = await service()
    const loaded = await load([url, '--duration', '300ms', '-c', '2'])
    expect(loaded.exitCode).toBe(0)
    expect(httpOf(loaded)).toMatchObject({planned: null, dropped: null})
    expect(httpOf(loaded).succeeded).toBe(httpOf(loaded).due)
  })

  it('leaves a manifest, a journal and the ids that the service minted, for an audit', async () => {
    const {url} = await service((_, count) => ({status: 201, body: `{"data":{"id":"svc-${count}"}}`}))
    const loaded = await load([url, '-n', '20', '-c', '1', '--response-id', 'data.id', '--success', '201'])
    const directory = join(loaded.cwd, '.p2pay', 'runs', loaded.result.run.tag)
    expect((await readdir(directory)).toSorted()).toEqual(['journal.bin', 'manifest.json', 'minted-ids.ndjson'])
    const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'))
    expect(manifest).toMatchObject({planned_count: 20, broker: null, http: {model: 'closed', success: 'status 201'}})
    const minted = (await readFile(join(directory, 'minted-ids.ndjson'), 'utf8')).trimEnd().split('\n')
    expect(minted.map(line => JSON.parse(line))[4]).toEqual({sequence: 4, id: 'svc-5'})
    const truth = await run(['truth', '--run', loaded.result.run.tag], {cwd: loaded.cwd})
    expect(truth.stdout.trimEnd().split('\n')).toHaveLength(20)
  })
})

describe('the open model', () => {
  it('sends at its rate, counts from when requests were due, and drops nothing', async () => {
    const {url, received} = await service()
    const loaded = await load([url, '--rate', '200', '-n', '100', '--threshold', 'http.dropped:==0'])
    expect(loaded.exitCode, loaded.stdout).toBe(0)
    expect(loaded.stderr).toMatch(/200 requests\/s, 100 requests, at most 200 at once \(open model\)/)
    expect(httpOf(loaded)).toMatchObject({model: 'open', planned: 100, sent: 100, dropped: 0, queue: {limit: 2000}})
    expect(loaded.result.latencies.find(({metric}) => metric === 'http.planned_time')?.count).toBe(100)
    expect(received).toHaveLength(100)
  })

  it('says how many still wait when the schedule is over', async () => {
    const {url} = await service(() => ({...ACCEPTED, afterMs: 100}))
    const loaded = await load([url, '--rate', '200', '-n', '20', '-c', '1'])
    expect(loaded.stderr).toMatch(/the schedule is over, and \d+ requests still wait for a connection/)
    expect(httpOf(loaded)).toMatchObject({sent: 20, succeeded: 20, dropped: 0})
  })

  it('drops what the queue cannot hold, and counts it', async () => {
    const {url} = await service(() => ({...ACCEPTED, afterMs: 400}))
    const loaded = await load([url, '--rate', '200', '-n', '40', '-c', '1', '--queue', '2'])
    const http = httpOf(loaded)
    expect(http.dropped).toBeGreaterThan(0)
    expect(http.sent + (http.dropped ?? 0)).toBe(40)
    expect(loaded.exitCode).toBe(0)
    expect(loaded.stdout).toMatch(/dropped/)
  })

  it('keeps latencies by phase of a scenario, under their names', async () => {
    const {url} = await service()
    const cwd = await temporaryDirectory()
    const file = join(cwd, 'steps.yaml')
    await writeFile(
      file,
      `version: 1
warmup: {count: 0}
load:
  - {name: calm, executor: constant-arrival-rate, rate: 50, duration: 200ms}
  - {name: rush, executor: ramping-arrival-rate, startRate: 50, stages: [{target: 150, duration: 200ms}]}
thresholds:
  http.error_rate: ==0
`,
    )
    const loaded = await load([url, '--scenario', file])
    expect(loaded.exitCode, loaded.stdout).toBe(0)
    expect(httpOf(loaded).groups.map(({scenario, count}) => [scenario, count])).toEqual([
      ['calm', 10],
      ['rush', 20],
    ])
    expect(loaded.result.thresholds).toMatchObject([{metric: 'http.error_rate', passed: true}])
  })
})

describe('a service that fails', () => {
  it.each([
    ['answers 500', (): Answer => ({status: 500}), 99, {failed: 10, succeeded: 0, statuses: {500: 10}}],
    [
      'redirects',
      (): Answer => ({status: 302, headers: {location: '/other'}}),
      99,
      {failed: 10, succeeded: 0, statuses: {302: 10}},
    ],
    ['hangs up', (): Answer => null, 99, {errors: 10, succeeded: 0}],
    ['is too slow', (): Answer => ({...ACCEPTED, afterMs: 30_000}), 99, {timeouts: 10, succeeded: 0}],
    [
      'fails now and then',
      (_: Received, count: number): Answer => (count % 5 === 0 ? {status: 503} : ACCEPTED),
      0,
      {failed: 2, succeeded: 8, statuses: {202: 8, 503: 2}},
    ],
  ])('and %s', async (_, answer, exitCode, expected) => {
    const {url} = await service(answer)
    const loaded = await load([url, '-n', '10', '-c', '2', '--timeout', '250ms'])
    expect(loaded.exitCode, loaded.stdout).toBe(exitCode)
    expect(httpOf(loaded)).toMatchObject({sent: 10, ...expected})
    expect(loaded.result.verdict).toBe(exitCode === 0 ? 'passed' : 'failed')
  })

  it('and is not there: exit 3, and the result says why', async () => {
    const loaded = await load([await nowhere(), '-n', '10', '-c', '2', '--junit', 'junit.xml'])
    expect(loaded.exitCode).toBe(3)
    expect(httpOf(loaded)).toMatchObject({errors: 10, succeeded: 0})
    expect(loaded.result.load.errors).toMatchObject([{code: 'ECONNREFUSED', count: 10}])
    expect(await readFile(join(loaded.cwd, 'junit.xml'), 'utf8')).toContain('<testsuite')
  })

  it('by the body of its answers, when success asks for one', async () => {
    const {url} = await service((_, count) => ({status: 200, body: count % 2 === 0 ? '{"ok":true}' : '{"ok":false}'}))
    const loaded = await load([url, '-n', '10', '-c', '1', '--success-body', '"ok":true'])
    expect(httpOf(loaded)).toMatchObject({succeeded: 5, failed: 5, success: 'status 2xx and body matches /"ok":true/'})
  })
})

describe('thresholds', () => {
  it('that are breached end with 99, and are named', async () => {
    const {url} = await service()
    const loaded = await load([
      url,
      '-n',
      '20',
      '--threshold',
      'http.response_time:p(99)<1us',
      '--threshold',
      'http.failed:==0',
    ])
    expect(loaded.exitCode).toBe(99)
    expect(loaded.stdout).toMatch(/✗ FAILED/)
    expect(loaded.stdout).toMatch(/http\.response_time.*p\(99\)<1us/)
    expect(loaded.result.thresholds.map(({passed}) => passed)).toEqual([false, true])
  })
})

describe('an interruption', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s ends with %i, the partial result and all artefacts', async (signal, exitCode) => {
    const {url} = await service()
    const cwd = await temporaryDirectory()
    const files = ['out', 'html', 'junit', 'markdown', 'csv', 'hgrm'].flatMap(kind => [`--${kind}`, `partial.${kind}`])
    const test = start(['loadtest', url, '--rate', '50', '--duration', 'forever', ...files], {cwd})
    // One JSON object a second where no terminal is; the first that tells of an answer.
    const [line] = await test.output(/^\{"elapsed_s".*"succeeded":[1-9].*\}$/m)
    expect(JSON.parse(line)).toMatchObject({planned: null, failed: 0, timeouts: 0, errors: 0, dropped: 0})
    test.kill(signal)
    const finished = await test.finished
    expect(finished.exitCode, finished.stderr).toBe(exitCode)
    const result: RunResult = JSON.parse(await readFile(join(cwd, 'partial.out'), 'utf8'))
    expect(result.run.interrupted).toBe(true)
    expect(result.http?.succeeded).toBeGreaterThan(0)
    expect((await readdir(cwd)).filter(name => name.startsWith('partial')).toSorted()).toEqual(
      [
        ...['partial.csv', 'partial.hgrm', 'partial.html', 'partial.junit', 'partial.markdown', 'partial.out'],
        'partial.planned.hgrm',
      ].toSorted(),
    )
  })
})

describe('requests of other shapes', () => {
  it('are made by a template, with headers and a path that are filled as well', async () => {
    const {url, received} = await service()
    const loaded = await load([
      ...[`${url}/accounts/{{debtor_id}}/payments?n={{sequence}}`, '-n', '3', '-c', '1', '-m', 'put'],
      ...['-H', 'Idempotency-Key: {{payment_id}}', '-H', 'X-Client: test'],
      ...['--body', '{"id":"{{payment_id}}","amount":{{amount}},"mcc":{{merchant_category|default:0000}}}'],
    ])
    expect(loaded.exitCode, loaded.stderr).toBe(0)
    const third = received[2]
    const id = `${loaded.result.run.tag.slice(0, 8)}-${loaded.result.run.tag.slice(8)}-8000-8000-000000000002`
    expect(third).toMatchObject({
      method: 'PUT',
      headers: {'idempotency-key': id, 'x-client': 'test', 'content-type': 'application/json'},
    })
    expect(third?.url).toMatch(/^\/accounts\/acc_\w+\/payments\?n=2$/)
    expect(JSON.parse(third?.body ?? '')).toMatchObject({id, amount: expect.any(Number)})
  })

  it('are made by a pipeline map', async () => {
    const {url, received} = await service(() => ({status: 201, body: '{"transactionId":"t-1"}'}))
    const cwd = await temporaryDirectory()
    const file = join(cwd, 'map.yaml')
    await writeFile(
      file,
      `version: 1
payload: {ref: '{{payment_id}}', value: '{{amount}}', card: '{{card_token|omit}}'}
http:
  path: /v2/transactions
  headers: {authorization: 'Bearer \${TOKEN}'}
  success: '201'
  id: transactionId
`,
    )
    const loaded = await load([url, '-n', '5', '--pipeline', file], {TOKEN: 's3cret'})
    expect(loaded.exitCode, loaded.stdout).toBe(0)
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/v2/transactions',
      headers: {authorization: 'Bearer s3cret'},
    })
    expect(Object.keys(JSON.parse(received[0]?.body ?? ''))).toEqual(expect.arrayContaining(['ref', 'value']))
    expect(httpOf(loaded)).toMatchObject({success: 'status 201', succeeded: 5})
  })

  it('are taken in turn from a targets file, fixed bodies as they are, others with payments', async () => {
    const {url, received} = await service()
    const cwd = await temporaryDirectory()
    const file = join(cwd, 'targets.json')
    const lines = [
      {method: 'GET', url: `${url}/stats`},
      {
        method: 'POST',
        url: `${url}/raw`,
        header: {'Content-Type': ['text/plain']},
        body: Buffer.from('hello').toString('base64'),
      },
      {method: 'POST', url: `${url}/payments`},
    ]
    await writeFile(file, lines.map(line => JSON.stringify(line)).join('\n'))
    const loaded = await load(['--targets', file, '-n', '6', '-c', '1'])
    expect(loaded.exitCode, loaded.stderr).toBe(0)
    expect(received.map(({method, url: path}) => `${method} ${path}`)).toEqual([
      ...['GET /stats', 'POST /raw', 'POST /payments', 'GET /stats', 'POST /raw', 'POST /payments'],
    ])
    expect(received[0]).toMatchObject({body: ''})
    expect(received[1]).toMatchObject({body: 'hello', headers: {'content-type': 'text/plain'}})
    expect(JSON.parse(received[5]?.body ?? '')).toMatchObject({schema_version: 1})
    expect(httpOf(loaded)).toMatchObject({target: `3 targets of ${file}`, method: 'GET, POST'})
  })

  it('go over TLS to a certificate that is trusted, and to no other', async () => {
    const received: Received[] = []
    const server = createSecureServer(
      {cert: CERTIFICATE, key: PRIVATE_KEY},
      listenerOf(received, () => ACCEPTED),
    )
    const url = await listening(server, 'https')
    const refused = await load([url, '-n', '2', '-c', '1'])
    expect(refused.exitCode).toBe(3)
    const insecure = await load([url, '-n', '2', '-c', '1', '--insecure'])
    expect(insecure.exitCode, insecure.stdout).toBe(0)
    const cwd = await temporaryDirectory()
    await writeFile(join(cwd, 'ca.pem'), CERTIFICATE)
    const trusted = await load([url, '-n', '2', '-c', '1', '--cacert', join(cwd, 'ca.pem')])
    expect(trusted.exitCode, trusted.stdout).toBe(0)
    expect(received).toHaveLength(4)
  })
})

describe('secrets', () => {
  it('are sent, and written nowhere', async () => {
    const {url, received} = await service()
    const secrets = ['k3y-of-p2pay', 'b3arer-token', 'pa55word', 'query-s3cret']
    const [key = '', bearer = '', password = '', query = ''] = secrets
    const loaded = await load(
      [
        ...[`${url.replace('://', `://user:${password}@`)}/p?api_key=${query}`, '-n', '3', '--api-key-env', 'MY_KEY'],
        ...[
          '-H',
          `X-Session-Token: ${bearer}`,
          '--html',
          'report.html',
          '--junit',
          'junit.xml',
          '--markdown',
          'report.md',
        ],
      ],
      {MY_KEY: key},
    )
    expect(loaded.exitCode, loaded.stderr).toBe(0)
    expect(received[0]).toMatchObject({
      url: `/p?api_key=${query}`,
      headers: {
        'x-api-key': key,
        'x-session-token': bearer,
        authorization: `Basic ${Buffer.from(`user:${password}`).toString('base64')}`,
      },
    })
    const written = [loaded.stdout, loaded.stderr]
    for (const file of await readdir(loaded.cwd, {recursive: true, withFileTypes: true})) {
      if (file.isFile()) written.push(await readFile(join(file.parentPath, file.name), 'latin1'))
    }
    expect(written.length).toBeGreaterThan(6)
    for (const secret of secrets) expect(written.filter(text => text.includes(secret))).toEqual([])
  })
})

/** One directory: making its database takes longer than everything else. */
let services = ''
beforeAll(async () => {
  services = await makeTemporaryDirectory()
  await copyEmptyDatabase(join(services, '.p2pay', 'database'))
})
afterAll(() => removeDirectory(services))

describe('without a URL', () => {
  it('tests a service of its own: everything is accepted, decided, stored, and the books balance', async () => {
    const loaded = await load(['--requests', '300', '--concurrency', '20', '--seed', '7'], {}, services)
    expect(loaded.exitCode, `${loaded.stdout}\n${loaded.stderr}`).toBe(0)
    expect(httpOf(loaded)).toMatchObject({succeeded: 300, statuses: {202: 300}, success: 'status 202'})
    expect(loaded.result.ladder).toMatchObject({balanced: true, acked: 300, rows: 300})
    expect(loaded.result.latencies.find(({metric}) => metric === 'detect.decision_time')?.count).toBe(300)
    // Its service has ended with it: nothing is left in the directory that others could find.
    expect(await readdir(join(loaded.cwd, '.p2pay'))).not.toContain('up.json')
  })

  it('ends with 3 when its service is killed, with what was measured until then', async () => {
    const cwd = services
    const test = start(['loadtest', '--rate', '50', '--duration', 'forever', '--out', 'result.json'], {cwd})
    await test.output(/^\{"elapsed_s".*\}$/m)
    const announced: {pid: number} = JSON.parse(await readFile(join(cwd, '.p2pay', 'up.json'), 'utf8'))
    process.kill(announced.pid, 'SIGKILL')
    const finished = await test.finished
    expect(finished.exitCode, finished.stderr).toBe(3)
    const result: RunResult = JSON.parse(await readFile(join(cwd, 'result.json'), 'utf8'))
    expect(result.verdict).not.toBe('passed')
    expect(result.notes[0]).toBe('The service of this test ended before the test did (signal SIGKILL)')
  })
})

describe('--follow', () => {
  it('asks a p2pay service for the decision of each payment, also under ids that the service minted', async () => {
    const cwd = services
    const serving = start(['serve', '--detect', '--port', '0'], {cwd})
    const [, url = ''] = await serving.output(/listening on (http:\/\/[^;]+);/)
    await serving.output(/detecting: /)
    const own = await load([`${url}/api/v1/payments`, '--rate', '100', '-n', '60', '--follow'])
    expect(own.exitCode, own.stdout).toBe(0)
    expect(own.result.latencies.find(({metric}) => metric === 'detect.decision_time')?.count).toBe(60)
    const body = '{"debtor_id":{{debtor_id}},"creditor_id":{{creditor_id}},"amount":{{amount}},"currency":{{currency}}}'
    const minted = await load([`${url}/api/v1/payments`, '-n', '30', '-c', '5', '--follow', '--body', body])
    expect(minted.exitCode, minted.stdout).toBe(0)
    expect(minted.result.latencies.find(({metric}) => metric === 'detect.decision_time')?.count).toBe(30)
    // The same on the topics, by whose books they balance.
    const {brokers, database_url: database}: {brokers: string; database_url: string} = JSON.parse(
      await readFile(join(cwd, '.p2pay', 'up.json'), 'utf8'),
    )
    const onTopics = [...['--brokers', brokers], ...['--database-url', database], '--follow']
    const balanced = await load([`${url}/api/v1/payments`, '-n', '40', '-c', '5', ...onTopics])
    expect(balanced.exitCode, balanced.stdout).toBe(0)
    expect(balanced.result.ladder).toMatchObject({balanced: true, acked: 40, rows: 40})
  })
})
