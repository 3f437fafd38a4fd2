/** How the server is doing: for probes, for a Prometheus scraper, and for people. */
import type {FastifyInstance} from 'fastify'
import {messageOf} from '../../base/errors.js'
import type {ApiContext} from '../context.js'
import {HttpProblem} from '../problem.js'
import {ask, requireQueries} from '../queries.js'
import {GET_HEALTH, GET_METRICS, GET_READINESS, GET_STATS} from '../schemas.js'
import {storeStatsView} from '../views.js'

export function addStatusRoutes(app: FastifyInstance, context: ApiContext): void {
  const {options, metrics, intake} = context
  const startedUs = options.clock.nowUs()

  // Says that the event loop turns, and nothing else: a dead broker is no reason to restart the process.
  app.get('/healthz', {schema: GET_HEALTH}, async () => ({status: 'ok', version: options.version}))

  app.get('/readyz', {schema: GET_READINESS}, async () => {
    const troubles = await troublesOf(options)
    if (troubles.length === 0) return {status: 'ready'}
    throw new HttpProblem({
      code: 'NOT_READY',
      detail: troubles.join('; '),
      extensions: {troubles},
      retryAfterS: options.limits.retryAfterS,
    })
  })

  app.get('/metrics', {schema: GET_METRICS}, async (_request, reply) => {
    const text = await metrics.text()
    return reply.header('content-type', metrics.contentType).send(text)
  })

  app.get('/api/v1/stats', {schema: GET_STATS}, async () => {
    const queries = requireQueries(options)
    const stats = await ask(options, () => queries.stats())
    const {acked, errors} = metrics.sendCounts
    return {
      ...storeStatsView(stats),
      uptime_s: Math.round((options.clock.nowUs() - startedUs) / 1000) / 1000,
      ingest: {
        acked_count: acked,
        error_count: errors,
        pending_count: intake.pendingCount,
        pending_bytes: intake.pendingBytes,
      },
      lag: sumOf(await metrics.lag()),
    }
  })
}

/** Never rejects: what cannot even be asked is a trouble itself. */
async function troublesOf({troubles}: ApiContext['options']): Promise<readonly string[]> {
  try {
    return await troubles()
  } catch (error) {
    return [messageOf(error)]
  }
}

function sumOf(lag: ReadonlyMap<number, number> | null): number | null {
  return lag === null ? null : [...lag.values()].reduce((sum, count) => sum + count, 0)
}
