/**
 * What every route of the API is given. Each file in `routes/` exports `addXRoutes(app, context)`; server.ts calls
 * them. A body of type application/json reaches a handler as the Buffer that came (`request.body`), never parsed; an
 * empty one too. What is no success is answered by `sendProblem` (problem.ts), or thrown as HttpProblem.
 */
import type {Intake} from './intake.js'
import type {ApiMetrics} from './metrics.js'
import type {ApiOptions} from './ports.js'

export interface ApiContext {
  readonly options: ApiOptions
  readonly metrics: ApiMetrics
  readonly intake: Intake
}
