import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import {join} from 'node:path'
import {describe, expect, it, onTestFinished} from 'vitest'
import {systemClock} from '../../../../src/lib/base/clock.js'
import {openHttpClient} from '../../../../src/lib/http/open-http-client.js'
import {openJournal, readJournal} from '../../../../src/lib/run/journal.js'
import {loadtest} from '../../../../src/lib/run/loadtest/loadtest.js'
import {openMintedIds, readMintedIds} from '../../../../src/lib/run/loadtest/minted-ids.js'
import type {LoadModel, LoadtestSummary} from '../../../../src/lib/run/loadtest/options.js'
import {closedModel, openModel} from '../../../support/load.js'
import {temporaryDirectory} from '../../../support/temp.js'

type Handler = (body: string, response: ServerResponse, request: IncomingMessage) => void

async function serving(handler: Handler): Promise<{readonly url: URL; readonly bodies: string[]}> {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      bodies.push(body)
      handler(body, response, request)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const {port} = server.address() as AddressInfo
  return {url: new URL(`http://127.0.0.1:${port}/pay`), bodies}
}

async function run(model: LoadModel, url: URL, directory: string, timeoutMs = 1500): Promise<LoadtestSummary> {
  const client = openHttpClient(
    {connections: model.concurrency, timeoutMs, keepAlive: true, maxBodyBytes: 1024, tls: {verify: true}},
    systemClock,
  )
  const target = {method: 'POST', url, headers: ['content-type', 'text/plain']}
  try {
    return await loadtest({
      model,
      source: {
        at: sequence => ({
          ...{sequence, target, body: Buffer.from(String(sequence)), createdAtMs: 1 + sequence},
          paymentId: `p-${sequence}`,
        }),
      },
      client,
      judge: {
        needsBody: true,
        isSuccess: ({status}) => status === 202,
        idOf: ({body}) => body?.toString(),
        description: 'status 202',
      },
      scenarios: [{name: 'all', fromSequence: 0}],
      journal: await openJournal(join(directory, 'journal.bin'), 400),
      mintedIds: openMintedIds(join(directory, 'minted-ids.ndjson')),
      clock: systemClock,
      signal: new AbortController().signal,
      warmupCount: 0,
    })
  } finally {
    await client.close()
  }
}

describe('over real sockets', () => {
  it.each([
    ['a closed model', closedModel({concurrency: 20, requestCount: 400})],
    ['an open model', openModel({rateTps: 1000, durationMs: 400, concurrency: 20})],
  ])('%s keeps its books, whatever the service does with each request', async (_, model) => {
    const directory = await temporaryDirectory()
    const {url, bodies} = await serving((body, response, request) => {
      const kind = Number(body) % 40
      if (kind === 0) return
      if (kind === 1) request.socket.destroy()
      else if (kind === 2) response.writeHead(503).end('busy')
      else if (kind === 3) response.writeHead(422).end('no')
      else response.writeHead(202).end(kind === 4 ? `minted-${body}` : `p-${body}`)
    })
    const summary = await run(model, url, directory)

    expect(summary).toMatchObject({
      due: 400,
      sent: 400,
      unsent: 0,
      succeeded: 360,
      failed: 20,
      timeouts: 10,
      errors: 10,
    })
    expect(summary.journalled).toEqual({acked: 360, failed: 10, unknown: 30})
    expect([...summary.statuses]).toEqual([
      [202, 360],
      [422, 10],
      [503, 10],
    ])
    expect(bodies.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({length: 400}, (_, sequence) => sequence))
    expect(summary.response.count).toBe(360)
    expect(summary.firstByte.percentileUs(50)).toBeLessThanOrEqual(summary.response.percentileUs(50) ?? 0)
    expect(summary.groups.find(({outcome}) => outcome === 'timeout')?.response.count).toBe(10)

    const states: string[] = []
    for await (const entries of readJournal(join(directory, 'journal.bin'))) {
      for (const {sequence, state} of entries) states[sequence] = state
    }
    const expected = ['unknown-outcome', 'unknown-outcome', 'unknown-outcome', 'failed']
    for (const [sequence, state] of states.entries()) expect(state).toBe(expected[sequence % 40] ?? 'acked')

    const minted: [number, string][] = []
    for await (const {sequence, id} of readMintedIds(join(directory, 'minted-ids.ndjson'))) minted.push([sequence, id])
    expect(minted.toSorted(([a], [b]) => a - b)).toEqual(
      Array.from({length: 10}, (_, index) => [index * 40 + 4, `minted-${index * 40 + 4}`]),
    )
  })

  it('nobody listens: every request is refused, journalled as failed, and nothing hangs', async () => {
    const directory = await temporaryDirectory()
    const summary = await run(closedModel({requestCount: 400}), new URL('http://127.0.0.1:1/'), directory)
    expect(summary).toMatchObject({
      sent: 400,
      succeeded: 0,
      errors: 400,
      journalled: {acked: 0, failed: 400, unknown: 0},
    })
    expect(summary.errorKinds.map(({code, count}) => [code, count])).toEqual([['ECONNREFUSED', 400]])
    expect(summary.response.percentileUs(99)).toBeNull()
  })
})
