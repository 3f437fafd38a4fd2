/**
 * Requests made of the generated stream, in blocks as they are needed. Request n carries payment n: the same bytes as
 * `p2pay generate` makes for the same seed, tag and start, without a copy when they go as they are.
 */
import {BugError} from '../../base/errors.js'
import type {GeneratedBlock, PaymentStream} from '../../generate/stream.js'
import type {HttpTarget} from '../../http/http-client.js'
import {paymentIdOf, type RunTag} from '../../payment/payment-id.js'
import type {TemplateSubject} from '../../payment/placeholder.js'
import type {PreparedRequest, RequestSource} from './options.js'
import {type PreparedShape, prepareShape, type RequestShape, urlOf} from './request-shape.js'

/** Payments made at once: few enough that making them does not hold up what is due (about 0.3 ms). */
const BLOCK_COUNT = 256

/** When the payment was due, µs on the wall clock: a service of ours counts its latency to the decision from there. */
export const DUE_HEADER = 'P2Pay-Due-Us'

export interface RequestSourceOptions {
  /** Unsharded. */
  readonly stream: PaymentStream
  readonly tag: RunTag
  /** Taken in turn: request n has the shape n modulo their number. */
  readonly shapes: readonly RequestShape[]
  /** Sequence numbers are below it; Infinity when nobody knows the end. */
  readonly endSequence: number
  /** Set: requests tell when they were due. */
  readonly dueUsOf?: ((sequence: number) => number) | undefined
  /** Row `row` of the block is on its way. */
  readonly onTaken?: ((block: GeneratedBlock, row: number) => void) | undefined
}

export interface StreamRequestSource extends RequestSource {
  /** Makes the first payments, so that the first request does not wait for them. */
  prepare(): void
}

export function createRequestSource(options: RequestSourceOptions): StreamRequestSource {
  return new StreamRequests(options)
}

class StreamRequests implements StreamRequestSource {
  readonly #options: RequestSourceOptions
  readonly #shapes: readonly PreparedShape[]
  #block: GeneratedBlock | undefined
  #firstSequence = 0
  #nextSequence = 0

  constructor(options: RequestSourceOptions) {
    this.#options = options
    this.#shapes = options.shapes.map(prepareShape)
  }

  prepare(): void {
    this.#block ??= this.#nextBlock()
  }

  at(sequence: number): PreparedRequest {
    if (sequence < this.#nextSequence) throw new BugError(`request ${sequence} was made already`)
    this.#nextSequence = sequence + 1
    const block = this.#blockOf(sequence)
    const row = sequence - this.#firstSequence
    const {tag, dueUsOf, onTaken} = this.#options
    const shape = this.#shapes[sequence % this.#shapes.length]
    if (shape === undefined) throw new BugError('there is no request to make')
    const {payments} = block
    if (shape.carriesPayment) onTaken?.(block, row)
    const bytes = payments.bytes.subarray(payments.offsets[row] ?? 0, payments.offsets[row + 1] ?? 0)
    const headers = dueUsOf === undefined ? undefined : [DUE_HEADER, String(Math.round(dueUsOf(sequence)))]
    const createdAtMs = shape.carriesPayment ? (payments.createdAtMs[row] ?? 0) : 0
    const paymentId = shape.carriesId ? paymentIdOf(tag, sequence) : null
    if (!shape.needsFields && shape.target !== null) {
      // The way of every request that carries the payment as it is: spelt out, since spreading costs half of it.
      const {target} = shape
      const body = bodyOf(shape, bytes, undefined)
      return headers === undefined
        ? {sequence, target, body, createdAtMs, paymentId}
        : {sequence, target, body, headers, createdAtMs, paymentId}
    }
    const text = bytes.toString('utf8')
    const subject: TemplateSubject = {sequence, text, fields: JSON.parse(text)}
    const filled = shape.filledHeaders.flatMap(({name, value}) => [name, value.render(subject)])
    const all = [...filled, ...(headers ?? [])]
    return {
      sequence,
      createdAtMs,
      paymentId,
      target: targetOf(shape, subject),
      body: bodyOf(shape, bytes, subject),
      ...(all.length === 0 ? {} : {headers: all}),
    }
  }

  #blockOf(sequence: number): GeneratedBlock {
    let block = this.#block ?? this.#nextBlock()
    while (sequence >= this.#firstSequence + block.payments.count) {
      this.#firstSequence += block.payments.count
      block = this.#nextBlock()
    }
    this.#block = block
    return block
  }

  #nextBlock(): GeneratedBlock {
    const block = this.#options.stream.next(BLOCK_COUNT, this.#options.endSequence)
    if (block.payments.count === 0) throw new BugError(`the stream ends before ${this.#options.endSequence}`)
    return block
  }
}

function targetOf({shape, target, constantHeaders}: PreparedShape, subject: TemplateSubject): HttpTarget {
  return target ?? {method: shape.method, url: urlOf(shape, shape.path.render(subject)), headers: constantHeaders}
}

function bodyOf({shape}: PreparedShape, bytes: Buffer, subject: TemplateSubject | undefined): Buffer | null {
  const {body} = shape
  switch (body.kind) {
    case 'payment':
      return bytes
    case 'fixed':
      return body.bytes
    case 'template':
      return Buffer.from(body.template.render(subject ?? {sequence: 0, text: '', fields: {}}))
    case 'none':
      return null
  }
}
