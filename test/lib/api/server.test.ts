/** What holds for every route: keys, unknown paths, types, sizes; and clients that misbehave, through real sockets. */
import {describe, expect, it} from 'vitest'
import {tryToListen} from '../../../src/lib/api/listening.js'
import {MemoryClaims} from '../../../src/lib/api/memory-claims.js'
import {API_LIMITS} from '../../../src/lib/api/ports.js'
import {startApi} from '../../../src/lib/api/server.js'
import {systemClock} from '../../../src/lib/base/clock.js'
import {MemoryIngest} from '../../support/memory-ingest.js'
import {head, LEAST_PAYMENT, RawClient, type ServingWorld, servingWorld} from '../../support/serving-world.js'

const BODY = JSON.stringify(LEAST_PAYMENT)
const PROBLEM = /^application\/problem\+json/

/** A payment goes through, on a connection of its own: the server lives. */
async function expectAlive(world: ServingWorld): Promise<void> {
  const client = await RawClient.to(world.api)
  await client.write(`${head({'content-length': BODY.length})}${BODY}`)
  expect(await client.until(/accepted/)).toMatch(/^HTTP\/1.1 202 /)
  client.socket.destroy()
  expect(world.notes).toEqual([])
}

describe('a request', () => {
  it.each([
    ['GET', '/nowhere', 404, undefined],
    ['POST', '/api/v1/nowhere', 404, undefined],
    ['GET', '/api/v1/payments', 405, 'POST'],
    ['PUT', '/api/v1/payments/batch', 405, 'POST'],
    ['DELETE', '/api/v1/payments/0123abcd-ef01-8000-8000-000000000001', 405, 'GET, HEAD'],
    ['PATCH', '/healthz', 405, 'GET, HEAD'],
    ['OPTIONS', '/api/v1/payments', 405, 'POST'],
  ] as const)('%s %s is %d', async (method, url, status, allow) => {
    const {api} = await servingWorld()
    const answer = await api.app.inject({method, url})
    expect([answer.statusCode, answer.headers['allow']]).toEqual([status, allow])
    expect(answer.headers['content-type']).toMatch(PROBLEM)
    expect(answer.json()).toMatchObject({
      type: `urn:p2pay:problem:${status === 404 ? 'not-found' : 'method-not-allowed'}`,
      status,
      instance: url,
    })
  })

  it.each([
    ['/api/v1/payments/%zz', 400, 'MALFORMED_REQUEST'],
    [`/api/v1/accounts/${'x'.repeat(3000)}/payments`, 414, 'URI_TOO_LONG'],
  ])('for %.40s is %d', async (url, status, code) => {
    const {api} = await servingWorld()
    const answer = await api.app.inject({method: 'GET', url})
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(answer.headers['content-type']).toMatch(PROBLEM)
  })

  it.each([
    ['text/plain', 415],
    ['application/xml', 415],
    ['application/x-ndjson', 415],
    ['application/json; charset=iso-8859-1', 415],
    ['application/jsonp', 415],
    ['nonsense', 415],
    ['application/json;charset="utf-8"', 202],
    ['Application/JSON', 202],
  ])('of type %s is %d', async (type, status) => {
    const {post} = await servingWorld()
    const answer = await post(BODY, {'content-type': type})
    expect(answer.status).toBe(status)
    if (status === 415) expect(answer.json?.['code']).toBe('UNSUPPORTED_MEDIA_TYPE')
    if (type === 'text/plain') expect(answer.json?.['detail']).toContain('application/x-ndjson')
  })

  it.each([
    ['POST', '/api/v1/payments?idempotency_key=k', 'idempotency_key'],
    ['POST', '/api/v1/payments/batch?x=', 'x'],
    ['GET', '/api/v1/stats?pretty', 'pretty'],
    ['GET', '/api/v1/payments/0123abcd-ef01-8000-8000-000000000001?fields=a', 'fields'],
  ] as const)('%s %s is 400: it has no such parameter', async (method, url, field) => {
    const {api} = await servingWorld()
    const answer = await api.app.inject({method, url})
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'INVALID_PARAMETER'])
    expect(answer.json().errors).toEqual([{field, problem: 'is no parameter of this resource; it has none'}])
  })

  it.each(['/healthz?probe=1', '/metrics?x=1', '/api/v1/openapi.json?v=2', '/api/v1/docs/static/index.css?v=2'])(
    'GET %s is answered: probes, scrapers and pages may add what they like',
    async url => {
      const {api} = await servingWorld()
      expect((await api.app.inject({method: 'GET', url})).statusCode).toBe(200)
    },
  )

  it('with two Idempotency-Keys is 400, and one that has a comma is one', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    const twice = head({'content-length': BODY.length, 'idempotency-key': 'a', 'Idempotency-Key': 'b'})
    await client.write(`${twice}${BODY}`)
    expect(await client.until(/INVALID_IDEMPOTENCY_KEY.*given once/)).toMatch(/^HTTP\/1.1 400 /)
    expect(world.ingest.topic).toHaveLength(0)
    expect(await world.post(BODY, {'idempotency-key': 'a, b'})).toMatchObject({status: 202})
  })

  it('with a content coding is 415', async () => {
    const {post} = await servingWorld()
    expect(await post(BODY, {'content-encoding': 'gzip'})).toMatchObject({status: 415})
    expect(await post(BODY, {'content-encoding': 'identity'})).toMatchObject({status: 202})
  })

  it('that a sink breaks its promise to is 500, and the next one is served', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => {
      throw new TypeError('secret of the house')
    }
    expect(await world.post(BODY)).toMatchObject({status: 500, json: {code: 'INTERNAL'}})
    expect(world.notes.splice(0)).toEqual([expect.stringContaining('secret')])
    world.ingest.fate = () => 'ack'
    await expectAlive(world)
  })

  it('that a handler dies of is 500 that says nothing of us', async () => {
    const {api, notes} = await servingWorld(
      {},
      {
        queries: {
          ...{payment: fail, accountPayments: fail, alerts: fail, accountProfile: fail, stats: fail, ping: fail},
          close: async () => {},
        },
      },
    )
    const answer = await api.app.inject({method: 'GET', url: '/api/v1/alerts'})
    expect(answer.statusCode).toBe(500)
    expect(answer.json()).toMatchObject({code: 'INTERNAL', title: 'A bug of p2pay'})
    expect(answer.body).not.toContain('secret')
    expect(notes).toEqual([expect.stringContaining('secret')])
  })
})

async function fail(): Promise<never> {
  throw new TypeError('secret of the house')
}

describe('an API key', () => {
  const given = {apiKey: 'correct horse'}

  it.each([
    [{'x-api-key': 'correct horse'}, 202],
    [{'x-api-key': 'correct hors'}, 401],
    [{'x-api-key': 'correct horsE'}, 401],
    [{'x-api-key': ''}, 401],
    [{authorization: 'Basic Y29ycmVjdA=='}, 401],
    [{authorization: 'Bearer wrong'}, 401],
    [{}, 401],
  ])('in %j is %d', async (headers, status) => {
    const {post, ingest} = await servingWorld({}, given)
    const answer = await post(BODY, headers)
    expect(answer.status).toBe(status)
    if (status !== 401) return
    const isSent =
      'x-api-key' in headers || ('authorization' in headers && headers.authorization?.startsWith('Bearer') === true)
    expect(answer.json?.['detail']).toMatch(isSent ? /^the key that was sent is not/ : /^the request has no key/)
    expect(answer).toMatchObject({json: {code: 'UNAUTHORIZED'}, headers: {'www-authenticate': 'Bearer realm="p2pay"'}})
    expect(ingest.topic).toHaveLength(0)
  })

  it('may be a bearer token', async () => {
    const {post} = await servingWorld({}, {apiKey: 'token'})
    expect((await post(BODY, {authorization: 'Bearer token'})).status).toBe(202)
    expect((await post(BODY, {authorization: 'bearer  token'})).status).toBe(202)
  })

  it('is wanted everywhere but by probes and docs', async () => {
    const {api} = await servingWorld({}, given)
    const status = async (url: string): Promise<number> => (await api.app.inject({method: 'GET', url})).statusCode
    for (const url of [
      '/healthz',
      '/readyz',
      '/api/v1/openapi.json',
      '/api/v1/docs',
      '/api/v1/docs/static/index.css',
    ]) {
      expect([url, await status(url)]).toEqual([url, 200])
    }
    for (const url of [
      '/metrics',
      '/api/v1/stats',
      '/api/v1/alerts',
      '/nowhere',
      '/api/v1/docs/../alerts',
      '//healthz',
    ]) {
      expect([url, await status(url)]).toEqual([url, 401])
    }
  })
})

describe('a body that is too large', () => {
  const SIZE = 10 * 1024 * 1024

  it('of 10 MB is 413, and the connection serves the next request', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(head({'content-length': SIZE}))
    await client.write(Buffer.alloc(SIZE, 0x20))
    expect(await client.until(/"code":"TOO_LARGE".*at most 65536 bytes/)).toMatch(
      /^HTTP\/1.1 413 [\s\S]*content-type: application\/problem\+json/i,
    )
    await client.write(`${head({'content-length': BODY.length})}${BODY}`)
    await client.until(/HTTP\/1.1 202 /)
    await expectAlive(world)
  })

  it('in chunks is 413 too', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(head({'transfer-encoding': 'chunked'}))
    const chunk = Buffer.alloc(0x10000, 0x20)
    for (let sent = 0; sent < SIZE; sent += chunk.length)
      await client.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]))
    await client.write('0\r\n\r\n')
    expect(await client.until(/"code":"TOO_LARGE"/)).toMatch(/^HTTP\/1.1 413 /)
    await expectAlive(world)
  })

  it('is not asked for when the client asks first', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(head({'content-length': SIZE, expect: '100-continue'}))
    expect(await client.until(/TOO_LARGE/)).toMatch(/^HTTP\/1.1 413 /)
    await client.closed
    expect(client.text).not.toContain('100 Continue')
  })

  it('is no reason to refuse a small one that asks first, or a batch', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(head({'content-length': BODY.length, expect: '100-continue'}))
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n/)
    await client.write(BODY)
    await client.until(/HTTP\/1.1 202 /)
    const batch = `${BODY}\n`.repeat(2000)
    await client.write(
      head(
        {'content-length': batch.length, 'content-type': 'application/x-ndjson', expect: '100-continue'},
        '/api/v1/payments/batch',
      ),
    )
    await client.until(/100 Continue[\s\S]*100 Continue/)
    await client.write(batch)
    await client.until(/"line":2000/)
  })

  it('may expect nothing else', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(head({'content-length': BODY.length, expect: '200-ok'}))
    expect(await client.until(/EXPECTATION_FAILED/)).toMatch(/^HTTP\/1.1 417 /)
  })
})

describe('a client that misbehaves', () => {
  it('with a flood of headers is 431', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    const flood = Array.from({length: 20_000}, (_, index) => `x-${index}: ${'y'.repeat(40)}\r\n`).join('')
    await client.write(head({}).slice(0, -2) + flood)
    expect(await client.until(/HEADERS_TOO_LARGE/)).toMatch(
      /^HTTP\/1.1 431 [\s\S]*Content-Type: application\/problem\+json/,
    )
    await client.closed
    await expectAlive(world)
  })

  it.each([
    ['no HTTP', 'hello there\r\n\r\n'],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
    ['an unknown method', 'STEAL /api/v1/payments HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a bad header', 'GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n'],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['two lengths', 'POST /api/v1/payments HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}'],
    ['a bad chunk', `${head({'transfer-encoding': 'chunked'})}zz\r\n`],
    ['a length and chunks', `${head({'transfer-encoding': 'chunked', 'content-length': 3})}0\r\n\r\n`],
  ])('with %s is 400', async (_what, bytes) => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(bytes)
    expect(await client.until(/MALFORMED_REQUEST/)).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/problem\+json/i)
    await expectAlive(world)
  })

  it.each([
    ['its headers', 'POST /api/v1/payments HTTP/1.1\r\nhost: x\r\n'],
    ['its body', `${head({'content-length': 100})}{"debtor_id"`],
    ['its chunks', `${head({'transfer-encoding': 'chunked'})}5\r\n{"deb`],
  ])('by being slow with %s is 408', async (_what, bytes) => {
    const world = await servingWorld({requestTimeoutMs: 200})
    const client = await RawClient.to(world.api)
    await client.write(bytes)
    expect(await client.until(/REQUEST_TIMEOUT/)).toMatch(/^HTTP\/1.1 408 [\s\S]*application\/problem\+json/)
    await client.closed
    await expectAlive(world)
  })

  it('by hanging up in the middle of its body is forgotten', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write(`${head({'content-length': 100})}{"debtor_id"`)
    client.socket.destroy()
    await client.closed
    await expectAlive(world)
    expect(world.ingest.topic).toHaveLength(1)
  })

  it('by hanging up before the answer has its payment sent, and finds it accepted', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => 'hold'
    const client = await RawClient.to(world.api)
    await client.write(`${head({'content-length': BODY.length, 'idempotency-key': 'k'})}${BODY}`)
    while (world.ingest.heldCount === 0) await new Promise(resolve => setImmediate(resolve))
    client.socket.destroy()
    await client.closed
    world.ingest.settle('ack')
    world.ingest.fate = () => 'ack'
    expect(await world.post(BODY, {'idempotency-key': 'k'})).toMatchObject({
      status: 202,
      headers: {'idempotent-replayed': 'true'},
    })
    expect(world.ingest.topic).toHaveLength(1)
    expect(world.api.intake.pendingCount).toBe(0)
  })

  it('by sending garbage behind a request spoils no answer', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => 'hold'
    const client = await RawClient.to(world.api)
    await client.write(`${head({'content-length': BODY.length})}${BODY}garbage\r\n\r\n`)
    while (world.ingest.heldCount === 0) await new Promise(resolve => setImmediate(resolve))
    world.ingest.settle('ack')
    await client.closed
    expect(client.text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 202', 'HTTP/1.1 400'])
    expect(client.text).toMatch(/connection: close/i)
    world.ingest.fate = () => 'ack'
    await expectAlive(world)
  })

  it('by sending garbage behind five requests has those five answered first', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => 'hold'
    const client = await RawClient.to(world.api)
    await client.write(`${`${head({'content-length': BODY.length})}${BODY}`.repeat(5)}GARBAGE\r\n\r\n`)
    while (world.ingest.heldCount < 5) await new Promise(resolve => setImmediate(resolve))
    world.ingest.settle('ack')
    await client.closed
    const accepted = Array(5).fill('HTTP/1.1 202')
    expect(client.text.match(/HTTP\/1.1 \d+/g)).toEqual([...accepted, 'HTTP/1.1 400'])
    expect(world.ingest.topic).toHaveLength(5)
    world.ingest.fate = () => 'ack'
    await expectAlive(world)
  })

  it('by ending its side after a whole request is answered, and the connection ends', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => 'hold'
    const client = await RawClient.to(world.api)
    client.socket.end(`${head({'content-length': BODY.length})}${BODY}`)
    while (world.ingest.heldCount === 0) await new Promise(resolve => setImmediate(resolve))
    world.ingest.settle('ack')
    await client.closed
    expect(client.text).toMatch(/^HTTP\/1.1 202 [\s\S]*accepted/)
    world.ingest.fate = () => 'ack'
    await expectAlive(world)
  })

  it('by ending its side within its body is 400', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    client.socket.end(`${head({'content-length': 100})}{"debtor_id"`)
    expect(await client.until(/MALFORMED_REQUEST/)).toMatch(/^HTTP\/1.1 400 /)
    await client.closed
    await expectAlive(world)
  })

  it('by taking it for a proxy is 405', async () => {
    const world = await servingWorld()
    const client = await RawClient.to(world.api)
    await client.write('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n')
    expect(await client.until(/METHOD_NOT_ALLOWED/)).toMatch(/^HTTP\/1.1 405 /)
    client.socket.end()
    await client.closed
    await expectAlive(world)
  })

  it('a hundred times over leaves nothing behind', async () => {
    const world = await servingWorld({requestTimeoutMs: 300})
    const starts = ['x', 'POST /api', head({'content-length': 100}), `${head({'content-length': BODY.length})}${BODY}`]
    const clients = await Promise.all(
      Array.from({length: 100}, async (_, index) => {
        const client = await RawClient.to(world.api)
        await client.write(starts[index % starts.length] ?? '')
        if (index % 3 === 0) client.socket.destroy()
        return client
      }),
    )
    await expectAlive(world)
    for (const client of clients) client.socket.destroy()
    await Promise.all(clients.map(client => client.closed))
    while ((await connectionCount(world)) > 0) await systemClock.sleep(5)
    expect(world.api.intake.pendingCount).toBe(0)
  })
})

function connectionCount(world: ServingWorld): Promise<number> {
  return new Promise((resolve, reject) =>
    world.api.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )
}

describe('closing', () => {
  it('answers what is under way, and nothing is lost', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => 'hold'
    const client = await RawClient.to(world.api)
    const idle = await RawClient.to(world.api)
    await client.write(`${head({'content-length': BODY.length})}${BODY}`)
    while (world.ingest.heldCount === 0) await new Promise(resolve => setImmediate(resolve))
    const closed = world.api.close()
    await idle.closed
    world.ingest.settle('ack')
    await closed
    expect(client.text).toMatch(/^HTTP\/1.1 202 /)
    expect(world.ingest.topic).toHaveLength(1)
    expect(world.ingest.isFlushed).toBe(true)
    await client.closed
  })

  it('answers a request that comes on a kept connection', async () => {
    const world = await servingWorld()
    world.ingest.fate = () => 'hold'
    const client = await RawClient.to(world.api)
    await client.write(`${head({'content-length': BODY.length})}${BODY}`)
    while (world.ingest.heldCount === 0) await new Promise(resolve => setImmediate(resolve))
    const closed = world.api.close()
    world.ingest.fate = () => 'ack'
    await client.write(`${head({'content-length': BODY.length})}${BODY}`)
    world.ingest.settle('ack')
    await closed
    const statuses = client.text.match(/HTTP\/1.1 \d+/g) ?? []
    expect(new Set(statuses)).toEqual(new Set(['HTTP/1.1 202']))
  })
})

describe('listening', () => {
  it.each([
    ['nope.invalid', /ENOTFOUND|EAI_AGAIN/, /--host/],
    ['192.0.2.1', /EADDRNOTAVAIL/, /--host/],
  ])('on %s cannot be, and no other port would help', async (host, message, suggestion) => {
    await expect(tryToListen({host, port: 0})).rejects.toMatchObject({
      code: 'P2PAY_LISTEN',
      message: expect.stringMatching(message),
      suggestions: [expect.stringMatching(suggestion)],
    })
  })

  it('can be tried: a port that is taken shows, one that is free stays free', async () => {
    const world = await servingWorld()
    await RawClient.to(world.api)
    const address = world.api.app.server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(tryToListen({host: 'localhost', port})).rejects.toMatchObject({
      code: 'P2PAY_LISTEN',
      suggestions: [expect.stringContaining('--port'), expect.any(String)],
    })
    await world.api.close()
    await tryToListen({host: '127.0.0.1', port})
    await tryToListen({host: '127.0.0.1', port})
  })

  it('tells where, and that a port is taken', async () => {
    const options = {
      clock: systemClock,
      version: '0',
      ingest: new MemoryIngest(systemClock),
      claims: new MemoryClaims({clock: systemClock}),
      queries: null,
      scorer: null,
      detector: null,
      lag: async () => null,
      troubles: async () => [],
      limits: API_LIMITS,
      apiKey: undefined,
      onNote: () => {},
    }
    const api = await startApi(options, {host: 'localhost', port: 0})
    expect(api.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const port = Number(new URL(api.url).port)
    await expect(startApi(options, {host: '127.0.0.1', port})).rejects.toMatchObject({
      code: 'P2PAY_LISTEN',
      message: expect.stringContaining(String(port)),
    })
    await api.close()
  })
})
