import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'
import {describe, expect, it, onTestFinished} from 'vitest'
import {systemClock} from '../../../src/lib/base/clock.js'
import {type HttpSinkOptions, openHttpSink} from '../../../src/lib/sink/http-sink.js'
import type {OutgoingPayments, PaymentSink, SendOutcome} from '../../../src/lib/sink/sink.js'
import {plainBlock} from '../../support/plain-stream.js'
import {startRawServer} from '../../support/raw-server.js'
import {VirtualClock} from '../../support/virtual-clock.js'

interface Arrived {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: string
}

interface TestServer {
  readonly url: URL
  /** In the order of arrival, each to be answered by the test unless the server does it by itself. */
  readonly arrived: readonly Arrived[]
}

async function serve(onRequest: (arrived: Arrived) => void = () => {}): Promise<TestServer> {
  const arrived: Arrived[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', piece => pieces.push(piece))
    request.on('end', () => {
      const one = {request, response, body: Buffer.concat(pieces).toString()}
      arrived.push(one)
      onRequest(one)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {url: new URL(`http://127.0.0.1:${port}/api/v1/payments?source=test`), arrived}
}

function payments(first: number, count: number, from = 0, to = count): OutgoingPayments {
  return {block: plainBlock(first, count).payments, from, to, dueUs: new Float64Array(to - from)}
}

function open(options: Partial<HttpSinkOptions> & Pick<HttpSinkOptions, 'url'>): {
  readonly sink: PaymentSink
  readonly outcomes: SendOutcome[]
} {
  const outcomes: SendOutcome[] = []
  const sink = openHttpSink({clock: systemClock, ...options}, outcome => outcomes.push(outcome))
  return {sink, outcomes}
}

const accept = ({response}: Arrived): unknown => response.writeHead(202).end('{"status":"accepted"}')
const sequenceOf = ({body}: Arrived): number => Number(JSON.parse(body).sequence)
const sequencesOf = (outcomes: readonly SendOutcome[]): number[] => outcomes.flatMap(({sequences}) => [...sequences])

describe('an HTTP sink', () => {
  it('posts each payment of the rows that it was given, byte for byte, and acknowledges what was accepted', async () => {
    const server = await serve(accept)
    const {sink, outcomes} = open({url: server.url, headers: ['X-API-Key', 'secret']})
    const beforeUs = systemClock.nowUs()
    expect(sink.send(payments(0, 10, 2, 5))).toBeUndefined()
    expect(sink.send(payments(10, 1))).toBeUndefined()
    await sink.flush()
    expect(server.arrived.map(({body}) => body).toSorted()).toEqual(
      [2, 3, 4, 10].map(sequence => `{"sequence":${sequence},"key":"debtor-${sequence}"}`).toSorted(),
    )
    for (const {request} of server.arrived) {
      expect([request.method, request.url]).toEqual(['POST', '/api/v1/payments?source=test'])
      expect(request.headers).toMatchObject({'content-type': 'application/json', 'x-api-key': 'secret'})
    }
    expect(sequencesOf(outcomes).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 10])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({state: 'acked', partition: -1, baseOffset: -1})
      expect(outcome).not.toHaveProperty('errorCode')
      expect(outcome.sentUs).toBeGreaterThanOrEqual(beforeUs)
      expect(outcome.settledUs).toBeGreaterThanOrEqual(outcome.sentUs)
    }
    await sink.close()
  })

  it('says where it sends, without secrets of the URL', () => {
    const url = new URL('http://me:secret@127.0.0.1:8000/payments?token=secret')
    expect(open({url}).sink.description).toBe(
      'http://127.0.0.1:8000/payments (keep-alive, 100 connections, timeout 10 s)',
    )
  })

  it.each([
    [200, 'acked'],
    [202, 'acked'],
    [302, 'failed'],
    [400, 'failed'],
    [409, 'failed'],
    [422, 'failed'],
    [429, 'failed'],
    [500, 'unknown'],
    [503, 'unknown'],
    [799, 'unknown'],
  ] as const)('takes a status %i for %s', async (status, state) => {
    const server = await serve(({response}) =>
      response.writeHead(status, {location: '/elsewhere'}).end('{"why":\n "so"}'),
    )
    const {sink, outcomes} = open({url: server.url})
    sink.send(payments(7, 1))
    await sink.close()
    expect(server.arrived).toHaveLength(1)
    const trouble = state === 'acked' ? {} : {errorCode: `HTTP_${status}`, errorMessage: '{"why": "so"}'}
    expect(outcomes).toEqual([expect.objectContaining({state, sequences: Float64Array.of(7), ...trouble})])
  })

  it('shortens what a service has to say', async () => {
    const server = await serve(({response}) => response.writeHead(400).end('x'.repeat(5000)))
    const {sink, outcomes} = open({url: server.url})
    sink.send(payments(0, 1))
    await sink.close()
    expect(outcomes[0]?.errorMessage).toBe(`${'x'.repeat(200)}…`)
  })

  it('says failed when nobody listens, and that nothing was sent', async () => {
    const server = await startRawServer(() => {})
    const url = new URL(server.url)
    url.port = '1'
    const {sink, outcomes} = open({url})
    sink.send(payments(0, 2))
    await sink.close()
    const refused = {state: 'failed', sentUs: 0, errorCode: 'ECONNREFUSED'}
    expect(outcomes).toEqual([expect.objectContaining(refused), expect.objectContaining(refused)])
  })

  it('says unknown when the connection breaks: the service may have taken it', async () => {
    const server = await startRawServer(async connection => {
      await connection.request()
      connection.socket.destroy()
    })
    const {sink, outcomes} = open({url: server.url})
    sink.send(payments(0, 1))
    await sink.close()
    expect(outcomes).toEqual([expect.objectContaining({state: 'unknown', sentUs: expect.any(Number)})])
    expect(outcomes[0]?.sentUs).toBeGreaterThan(0)
    expect(server.connections).toHaveLength(1)
  })

  it('says unknown when no answer comes in time', async () => {
    const server = await serve()
    const clock = new VirtualClock()
    const {sink, outcomes} = open({url: server.url, timeoutMs: 5000, clock})
    sink.send(payments(0, 1))
    await expect.poll(() => server.arrived.length).toBe(1)
    const closed = sink.close()
    await clock.advance(5000)
    await closed
    expect(outcomes).toEqual([expect.objectContaining({state: 'unknown', errorCode: 'HTTP_TIMEOUT'})])
  })

  it('has no more under way than its concurrency, and posts the rest in order as answers come', async () => {
    const server = await serve()
    const {sink, outcomes} = open({url: server.url, concurrency: 2})
    expect(sink.send(payments(0, 5))).toBeUndefined()
    await expect.poll(() => server.arrived.length).toBe(2)
    expect(server.arrived.map(sequenceOf).toSorted()).toEqual([0, 1])
    for (let answered = 0; answered < 5; answered++) {
      await expect.poll(() => server.arrived.length).toBe(Math.min(5, answered + 2))
      const next = server.arrived[answered]
      if (next !== undefined) accept(next)
    }
    await sink.close()
    expect(server.arrived.slice(2).map(sequenceOf)).toEqual([2, 3, 4])
    expect(outcomes).toHaveLength(5)
  })

  it('makes the caller wait above its bound, until there is room', async () => {
    const server = await serve()
    const {sink} = open({url: server.url, concurrency: 1, maxWaitingCount: 3})
    expect(sink.send(payments(0, 3))).toBeUndefined()
    const room = sink.send(payments(3, 2))
    expect(room).toBeInstanceOf(Promise)
    let hasRoom = false
    void room?.then(() => {
      hasRoom = true
    })
    const answer = async (index: number): Promise<void> => {
      await expect.poll(() => server.arrived.length).toBe(index + 1)
      const next = server.arrived[index]
      if (next !== undefined) accept(next)
    }
    // 4 wait; the bound is 3.
    await answer(0)
    await expect.poll(() => server.arrived.length).toBe(2)
    expect(hasRoom).toBe(false)
    await answer(1)
    await room
    for (const index of [2, 3, 4]) await answer(index)
    await sink.close()
  })

  it('gives up what has waited too long, as never sent', async () => {
    const server = await serve()
    const clock = new VirtualClock()
    const {sink, outcomes} = open({url: server.url, concurrency: 1, maxWaitMs: 30_000, timeoutMs: 60_000, clock})
    sink.send(payments(0, 3))
    await expect.poll(() => server.arrived.length).toBe(1)
    await clock.advance(31_000)
    const [first] = server.arrived
    if (first !== undefined) accept(first)
    await sink.close()
    expect(outcomes.map(({state, sentUs, errorCode}) => [state, sentUs > 0, errorCode])).toEqual([
      ['acked', true, undefined],
      ['failed', false, 'HTTP_NOT_SENT'],
      ['failed', false, 'HTTP_NOT_SENT'],
    ])
    expect(server.arrived).toHaveLength(1)
  })

  it('tells of every payment exactly once, whatever becomes of it', async () => {
    const server = await serve(arrived => {
      const kind = sequenceOf(arrived) % 4
      if (kind === 3) arrived.request.socket.destroy()
      else arrived.response.writeHead([202, 422, 500][kind] ?? 200).end()
    })
    const {sink, outcomes} = open({url: server.url, concurrency: 8, maxWaitingCount: 50})
    for (let first = 0; first < 400; first += 40) await sink.send(payments(first, 40))
    await sink.close()
    expect(sequencesOf(outcomes).toSorted((a, b) => a - b)).toEqual(Array.from({length: 400}, (_, index) => index))
    const states = ['acked', 'failed', 'unknown', 'unknown']
    for (const {state, sequences} of outcomes) expect(state).toBe(states[(sequences[0] ?? 0) % 4])
  })
})
