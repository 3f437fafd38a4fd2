/**
 * The API's description for people and programs: the OpenAPI document, and pages that show it. The pages come whole
 * from this server; their policy lets a browser talk to nobody else.
 */
import swaggerUi from '@fastify/swagger-ui'
import type {FastifyInstance} from 'fastify'
import type {ApiContext} from './context.js'
import {type OpenApiDocument, openApiDocument} from './openapi.js'
import {GET_OPENAPI} from './schemas.js'

export const DOCS_PATH = '/api/v1/docs'
export const OPENAPI_PATH = '/api/v1/openapi.json'

/** Icons are drawn from data URLs; everything else comes from this origin, scripts and styles as files alone. */
const POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
}

/** Comes last, though it describes what was registered before and after. Needs `addOpenApi` to have come first. */
export async function addDocs(app: FastifyInstance, _context: ApiContext): Promise<void> {
  let document: OpenApiDocument | undefined
  const described = (): OpenApiDocument => {
    document ??= openApiDocument(app)
    return document
  }

  app.get(OPENAPI_PATH, {schema: GET_OPENAPI}, async () => described())

  await app.register(swaggerUi, {
    routePrefix: DOCS_PATH,
    staticCSP: POLICY,
    theme: {title: 'p2pay API', css: [{filename: 'p2pay.css', content: STYLE}]},
    // No badge of an online validator, no topbar to load other documents from anywhere.
    uiConfig: {
      layout: 'BaseLayout',
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      tryItOutEnabled: false,
      deepLinking: true,
    },
    transformSpecification: () => ({...described()}),
    transformSpecificationClone: false,
  })
}

const STYLE = `
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .scheme-container { padding: 12px 0; box-shadow: none; border-bottom: 1px solid #d8dde7; }
.swagger-ui .opblock .opblock-summary-path { max-width: 60%; }
`
