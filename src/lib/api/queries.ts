/** Asks the database on behalf of a request; what goes wrong becomes the problem that a client can act on. */
import {isP2payError} from '../base/errors.js'
import type {PaymentQueries} from '../store/payment-queries.js'
import type {ApiOptions} from './ports.js'
import {HttpProblem} from './problem.js'

/** @throws HttpProblem NO_DATABASE */
export function requireQueries({queries}: ApiOptions): PaymentQueries {
  if (queries !== null) return queries
  throw new HttpProblem({
    code: 'NO_DATABASE',
    detail: 'this server was started without a database, and what was decided is kept nowhere that it could look',
  })
}

/** @throws HttpProblem DATABASE_UNAVAILABLE or INVALID_PARAMETER, or whatever else the question threw */
export async function ask<T>(options: ApiOptions, question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (error) {
    if (!isP2payError(error)) throw error
    if (error.code === 'P2PAY_CURSOR')
      throw new HttpProblem({
        code: 'INVALID_PARAMETER',
        detail: 'cursor cannot be used',
        errors: [{field: 'cursor', problem: 'must be the `next` of a page of this list'}],
      })
    if (error.code === 'P2PAY_DATABASE_DOWN')
      throw new HttpProblem({
        code: 'DATABASE_UNAVAILABLE',
        detail: 'the database does not answer',
        retryAfterS: options.limits.retryAfterS,
      })
    throw error
  }
}
