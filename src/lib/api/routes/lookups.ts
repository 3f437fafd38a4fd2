/**
 * Looking things up: payments, decisions, accounts, alerts. Reads the database alone, save that a payment which is not
 * decided yet is known from its claim.
 */
import type {FastifyInstance} from 'fastify'
import {decodePayment} from '../../payment/decode.js'
import type {Payment} from '../../payment/payment.js'
import type {ApiContext} from '../context.js'
import {readAccountId, readAccountPage, readPage, readPaymentId} from '../parameters.js'
import {HttpProblem} from '../problem.js'
import {ask, requireQueries} from '../queries.js'
import {GET_DECISION, GET_PAYMENT, GET_RISK_PROFILE, LIST_ACCOUNT_PAYMENTS, LIST_ALERTS} from '../schemas.js'
import {acceptedView, decisionView, pageView, paymentView, profileView} from '../views.js'

export function addLookupRoutes(app: FastifyInstance, context: ApiContext): void {
  const {options} = context

  app.get('/api/v1/payments/:id', {schema: GET_PAYMENT}, async request => {
    const queries = requireQueries(options)
    const paymentId = readPaymentId(request.params)
    return ask(options, async () => {
      const row = await queries.payment(paymentId)
      if (row !== undefined) return paymentView(row)
      const accepted = await acceptedPayment(context, paymentId)
      if (accepted !== undefined) return acceptedView(accepted)
      throw unknownPayment(paymentId)
    })
  })

  app.get('/api/v1/payments/:id/decision', {schema: GET_DECISION}, async request => {
    const queries = requireQueries(options)
    const paymentId = readPaymentId(request.params)
    return ask(options, async () => {
      const row = await queries.payment(paymentId)
      if (row !== undefined) return decisionView(row)
      if ((await acceptedPayment(context, paymentId)) === undefined) throw unknownPayment(paymentId)
      throw new HttpProblem({
        code: 'NOT_DECIDED',
        detail: `payment ${paymentId} is accepted, and not decided yet`,
        extensions: {payment_status: 'accepted'},
        retryAfterS: options.limits.retryAfterS,
      })
    })
  })

  app.get('/api/v1/accounts/:id/payments', {schema: LIST_ACCOUNT_PAYMENTS}, async request => {
    const queries = requireQueries(options)
    const {accountId, page} = readAccountPage(request.params, request.query)
    return ask(options, async () => pageView(await queries.accountPayments(accountId, page)))
  })

  app.get('/api/v1/accounts/:id/risk-profile', {schema: GET_RISK_PROFILE}, async request => {
    const queries = requireQueries(options)
    const accountId = readAccountId(request.params)
    return ask(options, async () => {
      const profile = await queries.accountProfile(accountId)
      if (profile !== undefined) return profileView(profile)
      throw new HttpProblem({code: 'NOT_FOUND', detail: 'no decided payment of such an account is known'})
    })
  })

  app.get('/api/v1/alerts', {schema: LIST_ALERTS}, async request => {
    const queries = requireQueries(options)
    const page = readPage('alerts', request.query)
    return ask(options, async () => pageView(await queries.alerts(page)))
  })
}

/** A payment whose claim says that the broker has acknowledged it. One that is under way may yet be refused. */
async function acceptedPayment({options, intake}: ApiContext, paymentId: string): Promise<Payment | undefined> {
  // The table hears of acknowledgements a little later than clients do; asked in this order, one of the two knows.
  const isAcknowledged = intake.isAcknowledged(paymentId)
  const claim = await options.claims.find(paymentId)
  if (claim === undefined || (claim.state !== 'accepted' && !isAcknowledged)) return undefined
  const decoded = decodePayment(claim.value)
  return decoded.ok ? decoded.payment : undefined
}

function unknownPayment(paymentId: string): HttpProblem {
  return new HttpProblem({code: 'NOT_FOUND', detail: `no payment ${paymentId} is known`})
}
