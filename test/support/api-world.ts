/** The API over ports in memory, asked without a socket: what the tests of its routes stand on. */
import type {FastifyInstance} from 'fastify'
import {MemoryClaims} from '../../src/lib/api/memory-claims.js'
import {openApiDocument} from '../../src/lib/api/openapi.js'
import {API_LIMITS, type ApiOptions, type DetectorFigures} from '../../src/lib/api/ports.js'
import {buildApi} from '../../src/lib/api/server.js'
import type {IngestSink} from '../../src/lib/sink/ingest-sink.js'
import {Documented} from './documented.js'
import {MemoryQueries} from './memory-queries.js'
import {VirtualClock} from './virtual-clock.js'

export interface ApiWorld {
  readonly app: FastifyInstance
  readonly clock: VirtualClock
  readonly queries: MemoryQueries
  readonly claims: MemoryClaims
  /** Holds answers to the OpenAPI document of this API. */
  readonly documented: Documented
  close(): Promise<void>
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
  const {app, close} = await buildApi(options)
  return {app, clock, queries, claims, documented: new Documented(openApiDocument(app)), close}
}
