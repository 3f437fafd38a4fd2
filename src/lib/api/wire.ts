/**
 * Clients that never get as far as a route: headers that flood, requests that crawl, bytes that are no HTTP, and
 * expectations. They too are answered with problem documents, and the connection ends.
 */
import {type IncomingMessage, type Server, ServerResponse} from 'node:http'
import type {Socket} from 'node:net'
import type {Duplex} from 'node:stream'
import type {FastifyInstance} from 'fastify'
import type {Clock} from '../base/clock.js'
import type {ApiMetrics} from './metrics.js'
import {HttpProblem, PROBLEM_TYPE, type Problem, type ProblemCode, problemDocument} from './problem.js'

/** How long a client that is still sending may take to read why it is refused. */
const LINGER_MS = 1000

const PROBLEMS_OF_CODE: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['HEADERS_TOO_LARGE', 'the request line and the headers are too long'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['TOO_LARGE', 'the chunk extensions are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: ['REQUEST_TIMEOUT', 'the request did not arrive in time'],
}

export interface WireOptions {
  readonly clock: Clock
  readonly metrics: Pick<ApiMetrics, 'request'>
}

/** For the server's `clientError` event. */
export function clientErrorHandler({clock, metrics}: WireOptions): (error: Error, socket: Socket) => void {
  const refused = new WeakSet<Socket>()
  return (error, socket) => {
    // What it sends after it was refused is more of the same.
    if (refused.has(socket)) return
    refused.add(socket)
    const refuse = (): void => {
      const answer: unknown = Reflect.get(socket, '_httpMessage')
      if (answer instanceof ServerResponse && answer.req.complete) {
        // The requests before were whole: their answers come first, one after the other, and this one is the last. One
        // that is finished has left the socket before we hear of it.
        answer.once('finish', refuse)
        return
      }
      if (!socket.writable || (answer instanceof ServerResponse && answer.headersSent)) {
        socket.destroy()
        return
      }
      const [code, detail] = PROBLEMS_OF_CODE[codeOf(error)] ?? ['MALFORMED_REQUEST', 'this is not HTTP/1.1']
      const {status, text} = rawAnswer({code, detail})
      metrics.request('other unknown', status, 0)
      socket.on('error', () => {})
      socket.end(text)
      // Closed at once, with bytes unread, the system would reset the connection and take the answer with it.
      void clock.sleep(LINGER_MS).then(() => socket.destroy())
    }
    refuse()
  }
}

/**
 * A client may end its side once it has asked: its answer still comes, and the connection ends with it. Node would end
 * the connection at once.
 */
export function answerHalfClosed(server: Server): void {
  // A property of Node's server that its types leave out.
  Reflect.set(server, 'httpAllowHalfOpen', true)
}

/** Node closes the connections of these without a word. */
export function refuseTunnels(server: Server, metrics: WireOptions['metrics']): void {
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    const {status, text} = rawAnswer({code: 'METHOD_NOT_ALLOWED', detail: 'this server is no proxy'}, ['Allow: '])
    metrics.request('CONNECT unknown', status, 0)
    socket.on('error', () => {})
    socket.end(text)
  })
}

/** In the place of Node's own check, whose answer has no document. */
export function wantHost(app: FastifyInstance): void {
  app.addHook('onRequest', ({raw}, _reply, done) => {
    if (raw.headers.host !== undefined || raw.httpVersion !== '1.1') done()
    else done(new HttpProblem({code: 'MALFORMED_REQUEST', detail: 'a request of HTTP/1.1 has a Host header'}))
  })
}

/**
 * Lets a client that asks first send its body only if it is small enough; the others get their refusal from the route,
 * before they have sent it.
 */
export function answerExpectations(server: Server, maxBytes: (request: IncomingMessage) => number): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!(Number(request.headers['content-length']) > maxBytes(request))) response.writeContinue()
    server.emit('request', request, response)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const document = problemDocument({code: 'EXPECTATION_FAILED', detail: 'only 100-continue is known'}, request.url)
    response.writeHead(document.status, {'content-type': PROBLEM_TYPE, connection: 'close'})
    response.end(JSON.stringify(document))
  })
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
}

function rawAnswer(
  problem: Problem,
  headers: readonly string[] = [],
): {readonly status: number; readonly text: string} {
  const document = problemDocument(problem)
  const body = JSON.stringify(document)
  const head = [
    `HTTP/1.1 ${document.status} ${REASONS[document.status] ?? 'Error'}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...headers,
  ]
  return {status: document.status, text: `${head.join('\r\n')}\r\n\r\n${body}`}
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}
