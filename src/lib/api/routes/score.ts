/**
 * A decision on the spot: what the detector in this process would say of a payment that came now. It looks without
 * moving anything, so that asking twice, or never sending the payment, leaves no trace.
 */
import type {FastifyInstance, FastifyRequest} from 'fastify'
import {nowMs} from '../../base/clock.js'
import {isP2payError} from '../../base/errors.js'
import type {Look} from '../../detect/detector.js'
import {decodePayment} from '../../payment/decode.js'
import type {Payment} from '../../payment/payment.js'
import type {ApiContext} from '../context.js'
import {mintPaymentId} from '../mint-id.js'
import {readPayment} from '../normalise.js'
import type {ApiLimits, Scorer} from '../ports.js'
import {HttpProblem} from '../problem.js'
import {SCORE} from '../schemas.js'

/** Rules in an answer; there are not many more that could hit. */
export const TOP_FACTOR_COUNT = 5

export function addScoreRoutes(app: FastifyInstance, context: ApiContext): void {
  const {clock, limits, scorer} = context.options

  app.post('/api/v1/score', {schema: SCORE, bodyLimit: limits.bodyBytes}, async request => {
    const startedUs = clock.nowUs()
    if (scorer === null)
      throw new HttpProblem({
        code: 'NO_DETECTOR',
        detail: 'this server was started without --detect, and knows no detector to ask',
      })
    const payment = paymentOf(request, nowMs(clock))
    const {decision, factors} = look(scorer, payment, limits)
    const elapsedMs = (clock.nowUs() - startedUs) / 1000
    // An answer past its budget may have been acted upon already, without it: it would only mislead.
    if (elapsedMs > limits.scoreBudgetMs)
      throw new HttpProblem({
        code: 'SCORE_TIMEOUT',
        detail: `the decision took ${elapsedMs} ms; ${limits.scoreBudgetMs} ms are allowed`,
        retryAfterS: limits.retryAfterS,
      })
    return {
      payment_id: payment.paymentId,
      decision: decision.kind,
      score: decision.score,
      reasons: decision.reasons,
      top_factors: factors
        .slice(0, TOP_FACTOR_COUNT)
        .map(({rule, impact, description}) => ({rule, impact, description})),
      elapsed_ms: elapsedMs,
      budget_ms: limits.scoreBudgetMs,
    }
  })
}

/** @throws HttpProblem UNAVAILABLE while the detector joins its group, reads its state or has given up */
function look(scorer: Scorer, payment: Payment, {retryAfterS}: ApiLimits): Look {
  try {
    return scorer.look(payment)
  } catch (error) {
    if (!isP2payError(error) || error.code !== 'P2PAY_DETECTOR_AWAY') throw error
    throw new HttpProblem({code: 'UNAVAILABLE', detail: 'the detector cannot be asked now', retryAfterS})
  }
}

/** Read as POST /payments reads it. @throws HttpProblem that names every field that is wrong */
function paymentOf({body, ip}: FastifyRequest, arrivedMs: number): Payment {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  const read = readPayment(bytes, {arrivedMs, ipAddress: ip, mintId: () => mintPaymentId(arrivedMs)})
  if (!read.ok) throw new HttpProblem(read.problem)
  const decoded = decodePayment(read.value)
  if (decoded.ok) return decoded.payment
  throw new HttpProblem({code: decoded.code, detail: 'the payment is wrong', errors: decoded.problems})
}
