import {createServer} from 'node:http'
import {createServer as createTcpServer} from 'node:net'
import {describe, expect, it, onTestFinished} from 'vitest'
import {type Clock, systemClock} from '../../../src/lib/base/clock.js'
import type {HttpClient, HttpClientOptions, HttpOutcome, HttpTarget} from '../../../src/lib/http/http-client.js'
import {openHttpClient} from '../../../src/lib/http/open-http-client.js'
import {type RawConnection, type RawServer, startRawServer} from '../../support/raw-server.js'
import {CERTIFICATE} from '../../support/tls-identity.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const OPTIONS: HttpClientOptions = {
  connections: 4,
  timeoutMs: 20_000,
  keepAlive: true,
  maxBodyBytes: 1000,
  tls: {verify: true, ca: CERTIFICATE},
}

function open(options: Partial<HttpClientOptions> = {}, clock: Clock = systemClock): HttpClient {
  const client = openHttpClient({...OPTIONS, ...options}, clock)
  onTestFinished(() => client.close())
  return client
}

const post = (url: URL): HttpTarget => ({method: 'POST', url, headers: ['Content-Type', 'application/json']})

function ask(
  client: HttpClient,
  target: HttpTarget,
  body: string | null = '{}',
  headers?: string[],
): Promise<HttpOutcome> {
  return new Promise(resolve => {
    let isSending = true
    client.send(
      {target, body: body === null ? null : Buffer.from(body), ...(headers === undefined ? {} : {headers})},
      outcome => {
        expect(isSending, 'called back within send').toBe(false)
        resolve(outcome)
      },
    )
    isSending = false
  })
}

/** Answers every request with the same bytes. */
const answering =
  (answer: string, after: (connection: RawConnection) => void = () => {}) =>
  async (connection: RawConnection): Promise<void> => {
    for (;;) {
      await connection.request()
      connection.socket.write(answer, 'latin1')
      after(connection)
    }
  }

const OK = 'HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello'

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe.each([
  {scheme: 'http', tls: false},
  {scheme: 'https', tls: true},
])('a client over $scheme', ({tls}) => {
  const serve = (onConnection: (connection: RawConnection) => void | Promise<void>): Promise<RawServer> =>
    startRawServer(onConnection, {tls})

  it('sends what it is given, and says what came back and when', async () => {
    const server = await serve(answering(OK))
    const url = new URL('?a=1&b=%20', server.url)
    const beforeUs = systemClock.nowUs()
    const outcome = await ask(open(), post(url), '{"amount":1}', ['Idempotency-Key', 'k1'])
    expect(outcome).toMatchObject({
      kind: 'response',
      status: 202,
      receivedBytes: 5,
      errorCode: null,
      errorMessage: null,
    })
    expect(outcome.body?.toString()).toBe('hello')
    const stamps = [beforeUs, outcome.sentUs, outcome.firstByteUs, outcome.settledUs, systemClock.nowUs()]
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b))
    const [first] = server.connections
    const [requestLine, ...lines] = first?.received().split('\r\n') ?? []
    expect(requestLine).toBe('POST /payments?a=1&b=%20 HTTP/1.1')
    expect(lines.map(line => line.toLowerCase()).toSorted()).toEqual(
      [
        ...['', '{"amount":1}', 'connection: keep-alive', 'content-length: 12', 'content-type: application/json'],
        ...[`host: ${url.host}`, 'idempotency-key: k1'],
      ].toSorted(),
    )
  })

  it('keeps nothing of the body when none is wanted, and its beginning when it is long', async () => {
    const server = await serve(answering(OK))
    expect(await ask(open({maxBodyBytes: 0}), post(server.url))).toMatchObject({body: null, receivedBytes: 5})
    const cut = await ask(open({maxBodyBytes: 2}), post(server.url))
    expect([cut.body?.toString(), cut.receivedBytes]).toEqual(['he', 5])
  })

  it('sends one request after the other over one connection', async () => {
    const server = await serve(answering(OK))
    const client = open({connections: 1})
    for (let i = 0; i < 5; i++) expect(await ask(client, post(server.url))).toMatchObject({status: 202})
    expect(server.connections).toHaveLength(1)
  })

  it('lets the next request go from within the outcome of the last', async () => {
    const server = await serve(answering(OK))
    const client = open({connections: 1})
    const statuses: number[] = []
    await new Promise<void>(resolve => {
      const next = (outcome: HttpOutcome): void => {
        statuses.push(outcome.status)
        if (statuses.length === 5) resolve()
        else client.send({target: post(server.url), body: Buffer.from('{}')}, next)
      }
      client.send({target: post(server.url), body: Buffer.from('{}')}, next)
    })
    expect(statuses).toEqual([202, 202, 202, 202, 202])
    expect(server.connections).toHaveLength(1)
  })

  it('has as many requests under way as connections, each answered when the server wants', async () => {
    const server = await serve(() => {})
    const client = open({connections: 3})
    const outcomes = Promise.all(['a', 'b', 'c'].map(name => ask(client, post(server.url), name)))
    await expect.poll(() => server.connections.length).toBe(3)
    const requests = await Promise.all(server.connections.map(connection => connection.request()))
    expect(requests.map(request => request.at(-1)).toSorted()).toEqual(['a', 'b', 'c'])
    for (const {socket} of [...server.connections].reverse()) socket.write(OK)
    expect((await outcomes).map(({status}) => status)).toEqual([202, 202, 202])
  })

  it('refuses a request beyond its connections, since the caller was to hold it back', async () => {
    const server = await serve(() => {})
    const client = open({connections: 1})
    const first = ask(client, post(server.url))
    expect(await ask(client, post(server.url))).toMatchObject({
      kind: 'refused',
      sentUs: 0,
      errorCode: 'HTTP_TOO_MANY_REQUESTS_UNDER_WAY',
    })
    await client.close()
    await first
  })

  it('opens a connection for each request without keep-alive', async () => {
    const server = await serve(answering(OK))
    const client = open({keepAlive: false, connections: 1})
    for (let i = 0; i < 3; i++) expect(await ask(client, post(server.url))).toMatchObject({status: 202})
    expect(server.connections).toHaveLength(3)
    expect(server.connections[0]?.received().toLowerCase()).toContain('connection: close\r\n')
  })

  it('opens a new connection after an answer that closes the last', async () => {
    const server = await serve(answering('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'))
    const client = open({connections: 1})
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response'})
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response'})
    expect(server.connections).toHaveLength(2)
  })

  it('notices that an idle connection was closed, and takes a new one', async () => {
    const server = await serve(answering(OK))
    const client = open()
    await ask(client, post(server.url))
    const first = server.connections[0]
    const isGone = new Promise(resolve => first?.socket.once('close', resolve))
    first?.socket.end()
    await isGone
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response', status: 202})
    expect(server.connections).toHaveLength(2)
  })

  it.each([
    ['ends without a word', '', 'end'],
    ['ends within the head', 'HTTP/1.1 200 OK\r\nConte', 'end'],
    ['ends within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'end'],
    ['ends within a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha', 'end'],
    ['goes away', '', 'reset'],
    ['speaks something else', 'SSH-2.0-OpenSSH\r\n\r\n', 'stay'],
    ['contradicts itself', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'stay'],
  ] as const)('says broken when the server %s, sends nothing again, and goes on', async (_name, answer, then) => {
    const server = await serve(async connection => {
      if (connection.index > 0) return answering(OK)(connection)
      await connection.request()
      if (answer !== '') connection.socket.write(answer)
      if (then === 'end') connection.socket.end()
      if (then === 'reset') connection.socket.destroy()
    })
    const client = open({connections: 1})
    const outcome = await ask(client, post(server.url))
    expect(outcome).toMatchObject({kind: 'broken', status: 0, body: null})
    expect(outcome.sentUs).toBeGreaterThan(0)
    expect(outcome.settledUs).toBeGreaterThanOrEqual(outcome.sentUs)
    expect(outcome.errorCode).toMatch(/^[A-Z_0-9]+$/)
    expect(outcome.errorMessage).not.toBe('')
    expect(server.connections).toHaveLength(1)
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response', status: 202})
    expect(server.connections).toHaveLength(2)
  })

  it('takes the end of the connection for the end of an answer that has no other', async () => {
    const server = await serve(async ({request, socket}) => {
      await request()
      socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')
    })
    const outcome = await ask(open(), post(server.url))
    expect([outcome.kind, outcome.body?.toString()]).toEqual(['response', 'all of it'])
  })

  it('says refused when nobody listens', async () => {
    const url = new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${await freePort()}/`)
    const outcome = await ask(open(), post(url))
    expect(outcome).toMatchObject({kind: 'refused', status: 0, sentUs: 0, firstByteUs: 0, errorCode: 'ECONNREFUSED'})
    expect(outcome.errorMessage).toContain('ECONNREFUSED')
    expect(outcome.settledUs).toBeGreaterThan(0)
  })

  it('says timeout when no answer comes in time, and frees the connection for the next', async () => {
    const server = await serve(connection => (connection.index === 0 ? undefined : answering(OK)(connection)))
    const clock = new VirtualClock()
    const client = open({connections: 1, timeoutMs: 10_000}, clock)
    const first = ask(client, post(server.url))
    await expect.poll(() => server.connections[0]?.received()).toContain('{}')
    await clock.advance(10_000)
    const outcome = await first
    expect(outcome).toMatchObject({kind: 'timeout', status: 0, firstByteUs: 0, errorCode: 'HTTP_TIMEOUT'})
    expect(outcome.settledUs - outcome.sentUs).toBe(10_000_000)
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response'})
  })

  it('says timeout when the answer does not end in time', async () => {
    const server = await serve(answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'))
    const clock = new VirtualClock()
    const first = ask(open({timeoutMs: 10_000}, clock), post(server.url))
    await expect.poll(() => server.connections[0]?.received()).toContain('{}')
    await clock.advance(10_000)
    expect(await first).toMatchObject({kind: 'timeout', status: 0, errorCode: 'HTTP_TIMEOUT'})
  })

  it('tells of everything under way when it is closed, and of what comes after', async () => {
    const server = await serve(() => {})
    const client = open({connections: 2})
    const underWay = Promise.all([ask(client, post(server.url)), ask(client, post(server.url))])
    await expect.poll(() => server.connections.length).toBe(2)
    await Promise.all(server.connections.map(connection => connection.request()))
    await client.close()
    for (const outcome of await underWay)
      expect(outcome).toMatchObject({kind: 'broken', errorCode: 'HTTP_CLIENT_CLOSED'})
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'refused', errorCode: 'HTTP_CLIENT_CLOSED'})
    await client.close()
  })

  it('says of a request that was not yet on its way when it is closed that nothing left us', async () => {
    const server = await serve(() => {})
    const client = open()
    const outcome = ask(client, post(server.url))
    await client.close()
    expect(await outcome).toMatchObject({kind: 'refused', sentUs: 0, errorCode: 'HTTP_CLIENT_CLOSED'})
  })

  it('sends a body of megabytes whole, and nothing at all with GET', async () => {
    const server = await serve(answering(OK))
    const client = open()
    const large = 'x'.repeat(3_000_000)
    expect(await ask(client, post(server.url), large)).toMatchObject({status: 202})
    expect(server.connections[0]?.received().length).toBeGreaterThan(large.length)
    expect(await ask(client, {method: 'GET', url: server.url, headers: []}, null)).toMatchObject({status: 202})
    const get = server.connections.at(-1)?.received().slice(-200)
    expect(get).toContain('GET /payments HTTP/1.1\r\n')
    expect(get?.slice(get.indexOf('GET'))).not.toMatch(/content-length/i)
  })

  it.each([0, 1, 8191, 8192, 8193, 40_000])('sends a body of %i bytes of any value as it is', async length => {
    const server = await serve(answering(OK))
    const body = Buffer.from(Array.from({length}, (_, index) => (index * 7 + (index >> 8)) % 256))
    const outcome = await new Promise<HttpOutcome>(resolve => {
      open().send({target: post(server.url), body}, resolve)
    })
    expect(outcome).toMatchObject({kind: 'response', status: 202})
    const received = server.connections[0]?.received() ?? ''
    expect(received.toLowerCase()).toContain(`content-length: ${length}\r\n`)
    const sent = Buffer.from(received.slice(received.indexOf('\r\n\r\n') + 4), 'latin1')
    expect(sent.equals(body)).toBe(true)
  })

  it('has no body after HEAD', async () => {
    const server = await serve(answering('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'))
    const outcome = await ask(open(), {method: 'HEAD', url: server.url, headers: []}, null)
    expect(outcome).toMatchObject({kind: 'response', status: 200, receivedBytes: 0})
  })
})

describe('a client over http', () => {
  it('takes no connection again that had more to say than the answer', async () => {
    const server = await startRawServer(answering(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`))
    const client = open({connections: 1})
    for (let i = 0; i < 2; i++)
      expect(await ask(client, post(server.url))).toMatchObject({kind: 'response', status: 202})
    expect(server.connections).toHaveLength(2)
  })

  it('takes no connection again on which bytes came that nobody asked for', async () => {
    const server = await startRawServer(answering(OK))
    const client = open({connections: 1})
    await ask(client, post(server.url))
    const first = server.connections[0]
    const isGone = new Promise(resolve => first?.socket.once('close', resolve))
    first?.socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n')
    await isGone
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response', status: 202})
    expect(server.connections).toHaveLength(2)
  })

  it('takes an answer that comes before the request is out, and no connection again on which the rest would follow', async () => {
    const server = await startRawServer(connection => {
      connection.socket.pause()
      connection.socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n')
    })
    const client = open({connections: 1})
    for (let i = 0; i < 2; i++) {
      expect(await ask(client, post(server.url), 'x'.repeat(20_000_000))).toMatchObject({kind: 'response', status: 413})
    }
    expect(server.connections).toHaveLength(2)
  })

  it('waits for a connection no longer than for an answer', async () => {
    // The handshake hangs: the server does not speak TLS.
    const server = await startRawServer(() => {})
    const url = new URL(server.url.href.replace('http:', 'https:'))
    const clock = new VirtualClock()
    const first = ask(open({timeoutMs: 10_000}, clock), post(url))
    await expect.poll(() => server.connections.length).toBe(1)
    await clock.advance(10_000)
    const message = `no connection to ${url.origin} within 10000 ms`
    expect(await first).toMatchObject({
      kind: 'refused',
      sentUs: 0,
      errorCode: 'HTTP_CONNECT_TIMEOUT',
      errorMessage: message,
    })
  })

  it('looks at a connection that has idled for a while before it uses it, and takes another if it is gone', async () => {
    const server = await startRawServer(answering(OK))
    const clock = new VirtualClock()
    const client = open({connections: 1}, clock)
    await ask(client, post(server.url))
    await clock.advance(600)
    expect(await ask(client, post(server.url))).toMatchObject({status: 202})
    expect(server.connections).toHaveLength(1)
    await clock.advance(600)
    server.connections[0]?.socket.end()
    // The end is on its way; nothing of ours has run since.
    expect(await ask(client, post(server.url))).toMatchObject({kind: 'response', status: 202})
    expect(server.connections).toHaveLength(2)
  })

  it.each([
    ['says', 'Keep-Alive: timeout=10\r\n', 8999, 9001],
    ['says, when that is a second', 'Keep-Alive: timeout=1\r\n', 499, 501],
    ['may keep it when it says nothing', '', 3999, 4001],
  ])('takes a connection again within the time that the server %s', async (_name, hint, withinMs, afterMs) => {
    const server = await startRawServer(answering(OK.replace('Content-Length', `${hint}Content-Length`)))
    const clock = new VirtualClock()
    const client = open({connections: 1}, clock)
    await ask(client, post(server.url))
    await clock.advance(withinMs)
    await ask(client, post(server.url))
    expect(server.connections).toHaveLength(1)
    await clock.advance(afterMs)
    await ask(client, post(server.url))
    expect(server.connections).toHaveLength(2)
  })

  it.each(['127.0.0.1', '::1', 'localhost'])('reaches a server on %s', async host => {
    const server = await startRawServer(answering(OK), {host})
    expect(await ask(open(), post(server.url))).toMatchObject({kind: 'response', status: 202})
    expect(server.connections[0]?.received()).toContain(`Host: ${server.url.host}\r\n`)
  })

  it('reaches a name of several addresses when only one of them answers', async () => {
    const server = await startRawServer(answering(OK), {host: '127.0.0.1'})
    const url = new URL(server.url)
    url.hostname = 'localhost'
    expect(await ask(open(), post(url))).toMatchObject({kind: 'response', status: 202})
  })

  it('says the user of the URL and a host of the caller', async () => {
    const server = await startRawServer(answering(OK))
    const url = new URL(server.url)
    url.username = 'me'
    url.password = 'p@ss'
    await ask(open(), {...post(url), headers: ['Host', 'payments.example']})
    const received = server.connections[0]?.received() ?? ''
    expect(received).toContain('Host: payments.example\r\n')
    expect(received.match(/host:/gi)).toHaveLength(1)
    expect(received).toContain(`Authorization: Basic ${Buffer.from('me:p@ss').toString('base64')}\r\n`)
    expect(received).not.toContain('me:')
  })

  it.each<[string, Partial<HttpTarget>, string[], RegExp]>([
    ['a line break in a header', {headers: ['X-A', 'a\r\nX-B: b']}, [], /value of the header "X-A"/],
    ['a header name that is no word', {headers: ['X A', 'a']}, [], /header name "X A"/],
    ['a name without a value', {headers: ['X-A']}, [], /no value/],
    ['a length of its own', {headers: ['content-length', '5']}, [], /client's own/],
    ['a line break in a header of one request', {}, ['X-A', 'a\nb'], /value of the header/],
    ['a method that is no word', {method: 'GET /'}, [], /method "GET \/"/],
    ['another scheme', {url: new URL('ftp://127.0.0.1/')}, [], /scheme is ftp/],
  ])('refuses %s, and sends nothing', async (_name, change, headers, message) => {
    const server = await startRawServer(() => {})
    const outcome = await ask(open(), {...post(server.url), ...change}, '{}', headers)
    expect(outcome).toMatchObject({kind: 'refused', sentUs: 0, errorCode: 'HTTP_BAD_REQUEST'})
    expect(outcome.errorMessage).toMatch(message)
    expect(server.connections).toHaveLength(0)
  })

  it('says what it is', () => {
    expect(open({connections: 50, timeoutMs: 10_000}).description).toBe('keep-alive, 50 connections, timeout 10 s')
    const options = {connections: 1, timeoutMs: Number.POSITIVE_INFINITY, keepAlive: false, tls: {verify: false}}
    expect(open(options).description).toBe(
      'a new connection for each request, 1 connection, no timeout, certificates not verified',
    )
  })

  it('gets a thousand answers from a server of Node, fifty at once, each exactly once', async () => {
    const seen: string[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => (body += chunk))
      request.on('end', () => {
        seen.push(body)
        response.writeHead(202, {'content-type': 'application/json'}).end(body)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const client = open({connections: 50})
    const target = post(new URL(`http://127.0.0.1:${port}/`))
    let next = 0
    const answers: string[] = []
    const work = async (): Promise<void> => {
      while (next < 1000) answers.push((await ask(client, target, `{"n":${next++}}`)).body?.toString() ?? '')
    }
    await Promise.all(Array.from({length: 50}, work))
    const expected = Array.from({length: 1000}, (_, n) => `{"n":${n}}`).toSorted()
    expect(answers.toSorted()).toEqual(expected)
    expect(seen.toSorted()).toEqual(expected)
  })
})

describe('certificates', () => {
  it.each<[string, HttpClientOptions['tls'], string]>([
    ['one that nobody vouches for is refused', {verify: true}, 'refused'],
    ['one that nobody vouches for is taken when nothing is verified', {verify: false}, 'response'],
    ['one that the given authority vouches for is taken', {verify: true, ca: CERTIFICATE}, 'response'],
    ['one for another name is refused', {verify: true, ca: CERTIFICATE, serverName: 'other.example'}, 'refused'],
    ['one for the server name is taken', {verify: true, ca: CERTIFICATE, serverName: 'payments.example'}, 'response'],
  ])('%s', async (_name, tls, kind) => {
    const server = await startRawServer(answering(OK), {tls: true})
    const outcome = await ask(open({tls}), post(server.url))
    expect(outcome).toMatchObject({kind})
    if (kind === 'refused') expect(outcome).toMatchObject({sentUs: 0, errorCode: expect.stringMatching(/CERT|ALTNAME/)})
  })
})
