/**
 * The HTTP API on fastify: what holds for every route (bodies, keys, limits, problems), the routes, and the socket.
 */
import type {IncomingHttpHeaders} from 'node:http'
import type {AddressInfo} from 'node:net'
import Fastify, {type FastifyInstance} from 'fastify'
import {addAuth} from './auth.js'
import type {ApiContext} from './context.js'
import {addDocs} from './docs.js'
import {addErrorHandling, allowedMethods, frameworkProblem} from './errors.js'
import {cannotListen, hostToListenOn, type ListenAddress} from './listening.js'
import {ApiMetrics} from './metrics.js'
import {addOpenApi} from './openapi.js'
import {refuseUnknownParameters} from './parameters.js'
import {PaymentIntake} from './payment-intake.js'
import type {ApiOptions, ApiServer} from './ports.js'
import {HttpProblem, sendProblem} from './problem.js'
import {quietConnectionsOf} from './quiet-connections.js'
import {addLookupRoutes} from './routes/lookups.js'
import {addPaymentRoutes, BATCH_PATH} from './routes/payments.js'
import {addScoreRoutes} from './routes/score.js'
import {addStatusRoutes} from './routes/status.js'
import {answerExpectations, answerHalfClosed, clientErrorHandler, refuseTunnels, wantHost} from './wire.js'

/** An API that listens nowhere yet. */
export interface BuiltApi {
  readonly app: FastifyInstance
  readonly intake: PaymentIntake
  /** Answers what is under way, then settles it; bounded by the limits of requests and acknowledgements. */
  close(): Promise<void>
}

/** Account ids in paths, each character percent-encoded. */
const MAX_PARAM_LENGTH = 2000
/** Of a server that is closing, beside its own limits. */
const CLOSE_MARGIN_MS = 1000
/** How often a server that is closing looks for connections that have become quiet. */
const QUIET_SWEEP_MS = 20

/**
 * Serves the API. Sink, claims and queries are closed by whoever opened them, after `close`.
 *
 * @param listen port 0: any free one
 * @throws EnvironmentError P2PAY_LISTEN when it cannot listen there
 */
export async function startApi(options: ApiOptions, listen: ListenAddress): Promise<ApiServer> {
  const api = await buildApi(options)
  const host = hostToListenOn(listen)
  try {
    await api.app.listen({host, port: listen.port})
  } catch (error) {
    await api.close()
    throw cannotListen(listen, error)
  }
  const address = api.app.server.address()
  const url = isAddressInfo(address) ? urlOf(address) : `http://${host}:${listen.port}`
  return {url, laterCounts: () => api.intake.laterCounts, close: () => api.close()}
}

/** The whole API, ready to be asked with `app.inject`. */
export async function buildApi(options: ApiOptions): Promise<BuiltApi> {
  const {clock, limits, apiKey} = options
  const metrics = new ApiMetrics({
    ...options,
    ingest: {
      get pendingCount() {
        return intake.pendingCount
      },
      get pendingBytes() {
        return intake.pendingBytes
      },
    },
  })
  const intake = new PaymentIntake(options, metrics)
  const context: ApiContext = {options, metrics, intake}
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      // Ours has a problem document.
      requireHostHeader: false,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.requestTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      // How often slow senders are looked for; Node's own default is 30 s.
      connectionsCheckingInterval: Math.max(50, Math.min(1000, limits.requestTimeoutMs / 4)),
    },
    // Requests that come while we close are answered as ever, and their connections closed.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: {maxParamLength: MAX_PARAM_LENGTH},
    clientErrorHandler: clientErrorHandler({clock, metrics}),
    frameworkErrors: (error, request, reply) => void sendProblem(request, reply, frameworkProblem(error)),
  })
  app.server.maxConnections = limits.connections
  // The bytes of headers are bounded; dropping some silently beyond a count would only surprise.
  app.server.maxHeadersCount = 0
  const endQuiet = quietConnectionsOf(app.server)
  answerExpectations(app.server, ({url}) => (url?.startsWith(BATCH_PATH) ? limits.batchBytes : limits.bodyBytes))

  answerHalfClosed(app.server)
  refuseTunnels(app.server, metrics)

  const allowed = allowedMethods(app)
  addErrorHandling(app, {options, allowed})
  addJsonBodies(app)
  wantHost(app)
  if (apiKey !== undefined) addAuth(app, apiKey)
  refuseUnknownParameters(app)
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    metrics.request(`${request.method} ${route}`, reply.statusCode, reply.elapsedTime / 1000)
    done()
  })

  await addOpenApi(app, {version: options.version})
  addPaymentRoutes(app, context)
  addLookupRoutes(app, context)
  addScoreRoutes(app, context)
  addStatusRoutes(app, context)
  await addDocs(app, context)
  await app.ready()

  return {
    app,
    intake,
    async close() {
      const closed = new AbortController()
      const longestMs = limits.requestTimeoutMs + limits.ackTimeoutMs + CLOSE_MARGIN_MS
      void clock.sleep(longestMs, closed.signal).then(() => {
        if (!closed.signal.aborted) app.server.closeAllConnections()
      })
      const closing = app.close()
      while (!(await Promise.race([closing.then(() => true), clock.sleep(QUIET_SWEEP_MS, closed.signal)]))) endQuiet()
      closed.abort()
      await intake.close()
    },
  }
}

/** A body of type application/json reaches the handlers as the bytes that came. */
function addJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', {parseAs: 'buffer'}, (_request, body, done) => done(null, body))
  app.addHook('preParsing', ({headers}, _reply, payload, done) => {
    const problem = unreadable(headers)
    if (problem === undefined) done(null, payload)
    else done(new HttpProblem({code: 'UNSUPPORTED_MEDIA_TYPE', detail: problem}))
  })
}

function unreadable(headers: IncomingHttpHeaders): string | undefined {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return 'bodies are read without a content coding'
  const charset = /;\s*charset="?([^\s";]*)/i.exec(headers['content-type'] ?? '')?.[1]
  return charset === undefined || /^utf-?8$/i.test(charset) ? undefined : 'bodies are read in UTF-8 only'
}

function isAddressInfo(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

/** Where a client on this machine finds it. */
function urlOf({address, port, family}: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`
}
