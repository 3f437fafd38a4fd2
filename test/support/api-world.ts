/** The API over ports in memory, asked without a socket: what the tests of its routes stand on. */
import Fastify, {type FastifyInstance} from 'fastify'
import type {ApiContext} from '../../src/lib/api/context.js'
import {addDocs} from '../../src/lib/api/docs.js'
import {MemoryClaims} from '../../src/lib/api/memory-claims.js'
import {ApiMetrics} from '../../src/lib/api/metrics.js'
import {addOpenApi} from '../../src/lib/api/openapi.js'
import {API_LIMITS, type ApiOptions, type DetectorFigures} from '../../src/lib/api/ports.js'
import {HttpProblem, sendProblem} from '../../src/lib/api/problem.js'
import {addLookupRoutes} from '../../src/lib/api/routes/lookups.js'
import {addScoreRoutes} from '../../src/lib/api/routes/score.js'
import {addStatusRoutes} from '../../src/lib/api/routes/status.js'
import type {IngestSink} from '../../src/lib/sink/ingest-sink.js'
import {MemoryQueries} from './memory-queries.js'
import {VirtualClock} from './virtual-clock.js'

export interface ApiWorld {
  readonly app: FastifyInstance
  readonly clock: VirtualClock
  readonly queries: MemoryQueries
  readonly claims: MemoryClaims
  readonly metrics: ApiMetrics
  readonly context: ApiContext
}

/** Acknowledges everything at once, at rising offsets. */
export function instantIngest(clock: VirtualClock): IngestSink {
  let offset = 0
  return {
    description: 'memory',
    partitionCount: 6,
    offer: () => Promise.resolve({state: 'acked', partition: 0, offset: offset++, settledUs: clock.nowUs()}),
    pendingCount: 0,
    pendingBytes: 0,
    flush: async () => {},
    close: async () => {},
  }
}

export const NO_FIGURES: DetectorFigures = {
  ...{decided: 0, approve: 0, review: 0, block: 0, deadLettered: 0, storedRows: 0, outboxCount: 0},
}

/** @param overrides ports that matter to the test; the others have nothing and are well */
export async function apiWorld(overrides: Partial<ApiOptions> = {}): Promise<ApiWorld> {
  const clock = new VirtualClock()
  const queries = new MemoryQueries()
  const claims = new MemoryClaims({clock})
  const options: ApiOptions = {
    clock,
    version: '0.0.0-test',
    ingest: instantIngest(clock),
    claims,
    queries,
    scorer: null,
    detector: null,
    lag: async () => new Map(),
    troubles: async () => [],
    limits: API_LIMITS,
    apiKey: undefined,
    onNote: () => {},
    ...overrides,
  }
  const metrics = new ApiMetrics(options)
  const context: ApiContext = {
    options,
    metrics,
    intake: {submit: async () => ({kind: 'problem', problem: {code: 'UNAVAILABLE', detail: ''}}), pendingCount: 0},
  }
  const app = Fastify({routerOptions: {maxParamLength: 2000}})
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) =>
    error instanceof HttpProblem ? sendProblem(request, reply, error.problem) : reply.code(500).send(String(error)),
  )
  await addOpenApi(app, {version: options.version})
  addLookupRoutes(app, context)
  addScoreRoutes(app, context)
  addStatusRoutes(app, context)
  await addDocs(app, context)
  await app.ready()
  return {app, clock, queries, claims, metrics, context}
}
