/** `p2pay generate --out http://…`: the real binary against a server of this test. */

import {readFile} from 'node:fs/promises'
import {createServer, type IncomingHttpHeaders, type Server} from 'node:http'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {readJournal} from '../../src/lib/run/journal.js'
import {run, start} from '../support/p2pay.js'
import {makeTemporaryDirectory, removeDirectory} from '../support/temp.js'

interface Arrived {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Service {
  readonly url: string
  readonly arrived: Arrived[]
}

/** Closed when all tests are done: they run at the same time. */
const servers: Server[] = []
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

/** @param statusOf what it answers to the n-th request, from 0 */
async function serve(statusOf: (index: number) => number = () => 202): Promise<Service> {
  const arrived: Arrived[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', piece => pieces.push(piece))
    request.on('end', () => {
      const status = statusOf(arrived.length)
      arrived.push({headers: request.headers, body: Buffer.concat(pieces).toString()})
      response.writeHead(status, {'content-type': 'application/json'}).end(`{"status":${status}}`)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {url: `http://127.0.0.1:${port}/api/v1/payments`, arrived}
}

let cwd = ''
beforeAll(async () => {
  cwd = await makeTemporaryDirectory()
})
afterAll(() => removeDirectory(cwd))

const STREAM = ['--seed', '7', '--start', '2026-01-01T00:00:00Z', '--accounts', '200']
const idsOf = (bodies: readonly string[]): string[] =>
  bodies.map(body => String(JSON.parse(body).payment_id)).toSorted()

describe.concurrent('p2pay generate to a URL', () => {
  it('posts the payments of the stream, each once, and journals what became of them', async () => {
    const service = await serve()
    const tag = '00000000aa01'
    const args = ['--count', '300', '--tps', '1000', '--run-tag', tag, ...STREAM]
    const finished = await run(['generate', ...args, '--out', service.url, '--json'], {cwd})
    expect(finished.exitCode, finished.stderr).toBe(0)
    expect(JSON.parse(finished.stdout)).toMatchObject({
      run_tag: tag,
      destination: service.url,
      planned: 300,
      sent: 300,
      acked: 300,
      failed: 0,
      unknown: 0,
      requested_tps: 1000,
      errors: [],
      // Without the warm-up, a tenth.
      lateness_us: {count: 270},
      ack_time_us: {count: 270},
    })
    const same = await run(['generate', '--count', '300', '--run-tag', tag, ...STREAM, '--out', 'stdout'], {cwd})
    const lines = same.stdout.split('\n').filter(line => line !== '')
    expect(service.arrived.map(({body}) => body).toSorted()).toEqual(lines.toSorted())
    for (const {headers} of service.arrived) expect(headers['content-type']).toBe('application/json')

    const directory = join(cwd, '.p2pay', 'runs', tag)
    const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'))
    expect(manifest).toMatchObject({tag, seed: 7, planned_count: 300, broker: null, topics: {}})
    const states: string[] = []
    for await (const entries of readJournal(join(directory, 'journal.bin')))
      states.push(...entries.map(({state}) => state))
    expect(states).toEqual(Array.from({length: 300}, () => 'acked'))

    const truth = await run(['truth', '--run', tag], {cwd})
    expect(truth.exitCode, truth.stderr).toBe(0)
    expect(idsOf(truth.stdout.split('\n').filter(line => line !== ''))).toEqual(idsOf(lines))
  })

  it('says what failed and what nobody can tell', async () => {
    const service = await serve(index => (index % 10 === 0 ? 422 : index % 10 === 1 ? 500 : 200))
    const args = ['--count', '100', '--tps', 'max', '--concurrency', '1', ...STREAM]
    const finished = await run(['generate', ...args, '--out', service.url, '--json'], {cwd})
    expect(finished.exitCode).toBe(3)
    expect(JSON.parse(finished.stdout)).toMatchObject({
      sent: 100,
      acked: 80,
      failed: 10,
      unknown: 10,
      errors: [
        {code: 'HTTP_422', count: 10, example: '{"status":422}'},
        {code: 'HTTP_500', count: 10, example: '{"status":500}'},
      ],
    })
  })

  it('exits 4 when of some payments nobody can tell whether they arrived', async () => {
    const service = await serve(index => (index === 0 ? 503 : 202))
    const args = ['--count', '20', '--tps', 'max', ...STREAM, '--out', service.url]
    const finished = await run(['generate', ...args], {cwd})
    expect([finished.exitCode, finished.stdout]).toEqual([
      4,
      expect.stringContaining('sent 20, acked 19, failed 0, unknown 1'),
    ])
    expect(finished.stdout).toContain('HTTP_503')
  })

  it('exits 4 as well when that is so of all of them', async () => {
    const service = await serve(() => 500)
    const args = ['--count', '20', '--tps', 'max', ...STREAM, '--out', service.url]
    const finished = await run(['generate', ...args], {cwd})
    expect([finished.exitCode, finished.stdout]).toEqual([
      4,
      expect.stringContaining('sent 20, acked 0, failed 0, unknown 20'),
    ])
  })

  it('says how many first payments its latencies leave out', async () => {
    const service = await serve()
    const args = ['--duration', '2s', '--tps', '50', ...STREAM, '--out', service.url]
    const finished = await run(['generate', ...args], {cwd})
    expect(finished.stdout).toMatch(/^latencies leave out the first \d+ payments \(warm-up\)$/m)
  })

  it('exits 3 when nobody listens, with every payment in the journal', async () => {
    const args = ['--count', '5', '--tps', '100', '--run-tag', '00000000aa02', ...STREAM]
    const finished = await run(['generate', ...args, '--out', 'http://127.0.0.1:1/payments'], {cwd})
    expect(finished.exitCode).toBe(3)
    expect(finished.stdout).toContain('ECONNREFUSED: 5 payments')
  })

  it('sends headers and a key, and keeps neither', async () => {
    const service = await serve()
    const tag = '00000000aa03'
    const url = service.url.replace('http://', 'http://me:pass-secret@')
    const finished = await run(
      [
        ...['generate', '--count', '1', '--tps', '100', '--run-tag', tag, '--out', url, ...STREAM],
        ...['-H', 'X-Tenant: blue', '-H', 'X-Session-Token: header-secret', '--api-key-env', 'TEST_API_KEY'],
      ],
      {cwd, env: {TEST_API_KEY: 'key-secret'}},
    )
    expect(finished.exitCode, finished.stderr).toBe(0)
    expect(service.arrived[0]?.headers).toMatchObject({
      'x-tenant': 'blue',
      'x-session-token': 'header-secret',
      'x-api-key': 'key-secret',
      authorization: `Basic ${Buffer.from('me:pass-secret').toString('base64')}`,
    })
    const manifest = await readFile(join(cwd, '.p2pay', 'runs', tag, 'manifest.json'), 'utf8')
    expect(`${manifest}${finished.stdout}${finished.stderr}`).not.toMatch(/secret/)
  })
})

describe('p2pay generate to a URL without end', () => {
  it('ends in order on Ctrl-C: what is under way is waited for', async () => {
    const service = await serve()
    const sending = start(
      ['generate', '--tps', '200', '--duration', '10m', ...STREAM, '--out', service.url, '--json'],
      {cwd},
    )
    await expect.poll(() => service.arrived.length, {timeout: 20_000}).toBeGreaterThan(5)
    sending.process.kill('SIGINT')
    const finished = await sending.finished
    expect(finished.exitCode).toBe(130)
    const summary = JSON.parse(finished.stdout)
    expect(summary.acked).toBe(service.arrived.length)
    expect(summary).toMatchObject({sent: summary.acked, failed: 0, unknown: 0})
  })
})

describe.concurrent('p2pay generate to a URL refuses', () => {
  const url = 'http://127.0.0.1:1/payments'
  it.each([
    ['a run without a rate', ['--out', url], /Over HTTP a rate is required/],
    ['a format', ['--tps', '1', '--format', 'csv', '--out', url], /--format is for stdout and files/],
    ['no URL at all', ['--tps', '1', '--out', 'http://'], /"http:\/\/" is no URL/],
    [
      'all that is wrong at once',
      ['--tps', '1', '--out', url, '-H', 'nonsense', '--timeout', 'soon', '--api-key-env', 'P2PAY_NO_SUCH_KEY'],
      /nonsense(.|\n)*P2PAY_NO_SUCH_KEY(.|\n)*"soon" is not a duration/,
    ],
    ['a header of the client', ['--tps', '1', '--out', url, '-H', 'Content-Length: 5'], /client's own/],
  ])('%s', async (_name, args, message) => {
    const finished = await run(['generate', ...args], {cwd})
    expect(finished.exitCode).toBe(2)
    expect(finished.stderr.replaceAll(/\n[ »›]*/g, ' ')).toMatch(message)
  })
})
