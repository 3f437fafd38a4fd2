/**
 * Payments in: one as JSON, many as NDJSON. Bodies are read by the normaliser, whatever their schema says, because
 * their bytes must pass as they are.
 */
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify'
import {type BatchAnswer, batchLine, linesOf} from '../batch.js'
import type {ApiContext} from '../context.js'
import type {IntakeAnswer, Submission} from '../intake.js'
import {mintPaymentId} from '../mint-id.js'
import {readPayment} from '../normalise.js'
import {type Problem, sendProblem} from '../problem.js'
import {IDEMPOTENCY_KEY_MAX_LENGTH, SEND_BATCH, SEND_PAYMENT} from '../schemas.js'

const PAYMENTS_PATH = '/api/v1/payments'
export const BATCH_PATH = '/api/v1/payments/batch'
const NDJSON = 'application/x-ndjson'
const NDJSON_TYPES = [NDJSON, 'application/ndjson', 'application/jsonl', 'application/json-lines']
/** Lines of a batch that are read in one turn of the event loop. */
const TURN_LINE_COUNT = 200

export function addPaymentRoutes(app: FastifyInstance, context: ApiContext): void {
  const {options, intake} = context
  const {clock, limits} = options

  app.post(PAYMENTS_PATH, {schema: SEND_PAYMENT, bodyLimit: limits.bodyBytes}, async (request, reply) => {
    const arrival = arrivalOf(request, clock.nowUs())
    const idempotencyKey = request.headers['idempotency-key']
    const keyProblem = idempotencyKey === undefined ? undefined : problemOfKey(idempotencyKey, request)
    if (keyProblem !== undefined) return sendProblem(request, reply, keyProblem)
    const read = submissionOf(bodyOf(request), arrival)
    if ('problem' in read) return sendProblem(request, reply, read.problem)
    const answer = await intake.submit(typeof idempotencyKey === 'string' ? {...read, idempotencyKey} : read)
    return sendAnswer(request, reply, answer)
  })

  // A scope of its own: it alone reads NDJSON, and it reads nothing else.
  void app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(NDJSON_TYPES, {parseAs: 'buffer'}, (_request, body, done) => done(null, body))

    scope.post(BATCH_PATH, {schema: SEND_BATCH, bodyLimit: limits.batchBytes}, async (request, reply) => {
      const arrival = arrivalOf(request, clock.nowUs())
      if (request.headers['idempotency-key'] !== undefined) {
        return sendProblem(request, reply, {
          code: 'INVALID_IDEMPOTENCY_KEY',
          detail: 'one key cannot name many payments: give each line a payment_id of its own',
        })
      }
      const lines = linesOf(bodyOf(request))
      if (lines.length === 0) {
        return sendProblem(request, reply, {code: 'EMPTY_VALUE', detail: 'a batch has a payment on each line'})
      }
      if (lines.length > limits.batchCount) {
        const detail = `the batch has ${lines.length} lines; at most ${limits.batchCount} are read`
        return sendProblem(request, reply, {code: 'TOO_LARGE', detail})
      }
      const answers: Promise<BatchAnswer>[] = []
      for (const {number, bytes} of lines) {
        answers.push(answerLine(number, submissionOf(bytes, arrival)))
        // Nobody else should wait until ten thousand payments have been parsed.
        if (answers.length % TURN_LINE_COUNT === 0) await new Promise(resolve => setImmediate(resolve))
      }
      const answered = await Promise.all(answers)
      return reply.header('content-type', NDJSON).send(`${answered.map(batchLine).join('\n')}\n`)
    })
  })

  async function answerLine(line: number, read: Submission | {readonly problem: Problem}): Promise<BatchAnswer> {
    if ('problem' in read) return {line, answer: {kind: 'problem', problem: read.problem}}
    return {line, answer: await intake.submit(read), paymentId: read.isIdMinted ? undefined : read.paymentId}
  }
}

interface RequestArrival {
  readonly arrivedUs: number
  readonly dueUs: number
  readonly ipAddress: string
}

function arrivalOf(request: FastifyRequest, arrivedUs: number): RequestArrival {
  return {arrivedUs, dueUs: dueOf(request.headers['p2pay-due-us'], arrivedUs) ?? arrivedUs, ipAddress: request.ip}
}

function submissionOf(body: Buffer, arrival: RequestArrival): Submission | {readonly problem: Problem} {
  const {arrivedUs, dueUs, ipAddress} = arrival
  const arrivedMs = Math.floor(arrivedUs / 1000)
  const read = readPayment(body, {arrivedMs, ipAddress, mintId: () => mintPaymentId(arrivedMs)})
  if (!read.ok) return {problem: read.problem}
  const {paymentId, isIdMinted, digest, value} = read
  return {paymentId, isIdMinted, digest, value, key: Buffer.from(read.debtorId), dueUs, arrivedUs}
}

/** A load tester's own due time, so that its clock counts; anything implausible is somebody else's header. */
const MAX_DUE_AGE_US = 3_600_000_000
const MAX_DUE_AHEAD_US = 1_000_000

function dueOf(header: string | string[] | undefined, nowUs: number): number | undefined {
  if (typeof header !== 'string' || !/^[0-9]{16}$/.test(header)) return undefined
  const dueUs = Number(header)
  return dueUs >= nowUs - MAX_DUE_AGE_US && dueUs <= nowUs + MAX_DUE_AHEAD_US ? dueUs : undefined
}

function problemOfKey(key: string | string[], request: FastifyRequest): Problem | undefined {
  if (typeof key !== 'string' || isGivenTwice(key, request)) return refuseKey('must be given once')
  if (key.length <= IDEMPOTENCY_KEY_MAX_LENGTH && /^[ -~]+$/.test(key)) return undefined
  return refuseKey(`must be 1 to ${IDEMPOTENCY_KEY_MAX_LENGTH} printable ASCII characters`)
}

/** Node joins the values of a header that is there several times with commas; a key may have commas of its own. */
function isGivenTwice(key: string, {raw}: FastifyRequest): boolean {
  if (!key.includes(',')) return false
  const names = raw.rawHeaders.filter((_, index) => index % 2 === 0)
  return names.filter(name => name.toLowerCase() === 'idempotency-key').length > 1
}

function refuseKey(problem: string): Problem {
  return {
    code: 'INVALID_IDEMPOTENCY_KEY',
    detail: `Idempotency-Key ${problem}`,
    errors: [{field: 'Idempotency-Key', problem}],
  }
}

function bodyOf({body}: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: IntakeAnswer): FastifyReply {
  if (answer.kind === 'problem') return sendProblem(request, reply, answer.problem)
  const {paymentId, isReplayed} = answer
  void reply
    .code(202)
    .header('content-type', 'application/json; charset=utf-8')
    .header('location', `${PAYMENTS_PATH}/${paymentId}`)
  if (isReplayed) void reply.header('idempotent-replayed', 'true')
  return reply.send(`{"payment_id":"${paymentId}","status":"accepted"}`)
}
