/** The optional API key, in `X-API-Key` or as a bearer token. Probes and the pages of the docs want none. */
import {createHash, timingSafeEqual} from 'node:crypto'
import type {FastifyInstance, FastifyRequest} from 'fastify'
import {DOCS_PATH, OPENAPI_PATH} from './docs.js'
import {sendProblem} from './problem.js'

const OPEN_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', OPENAPI_PATH, DOCS_PATH])

/** Before the body of a request is read. */
export function addAuth(app: FastifyInstance, apiKey: string): void {
  const expected = digestOf(apiKey)
  app.addHook('onRequest', async (request, reply) => {
    if (isOpen(request.routeOptions.url)) return
    const key = keyOf(request)
    // Digests have one length, and comparing them takes as long for a near miss as for a far one.
    if (key !== undefined && timingSafeEqual(digestOf(key), expected)) return
    void reply.header('www-authenticate', 'Bearer realm="p2pay"')
    await sendProblem(request, reply, {
      code: 'UNAUTHORIZED',
      detail:
        key === undefined
          ? 'the request has no key: send X-API-Key, or Authorization: Bearer'
          : 'the key that was sent is not that of the server',
    })
  })
}

/** By the route that was found, never by the path that was asked for. */
function isOpen(route: string | undefined): boolean {
  return route !== undefined && (OPEN_ROUTES.has(route) || route.startsWith(`${DOCS_PATH}/`))
}

function keyOf({headers}: FastifyRequest): string | undefined {
  const key = headers['x-api-key']
  if (typeof key === 'string') return key
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
