/** What a request looks like before a payment is filled in: templates for path, headers and body. */
import type {HttpTarget} from '../../http/http-client.js'
import type {Template} from '../../payment/template.js'

/**
 * `none`: no body. `payment`: wire format v1, byte for byte. `template`: a text made of the payment. `fixed`: the same
 * bytes each time.
 */
export type RequestBody =
  | {readonly kind: 'none'}
  | {readonly kind: 'payment'}
  | {readonly kind: 'template'; readonly template: Template}
  | {readonly kind: 'fixed'; readonly bytes: Buffer}

export interface RequestHeader {
  readonly name: string
  readonly value: Template
}

export interface RequestShape {
  readonly method: string
  /** `http://127.0.0.1:8000` */
  readonly origin: string
  /** Path and query. */
  readonly path: Template
  readonly headers: readonly RequestHeader[]
  readonly body: RequestBody
}

/** Names of the payment's fields that requests of this shape carry; `payment` for all of it. */
export function namesIn({path, headers, body}: RequestShape): ReadonlySet<string> {
  const templates = [path, ...headers.map(({value}) => value), ...(body.kind === 'template' ? [body.template] : [])]
  return new Set([...templates.flatMap(({names}) => [...names]), ...(body.kind === 'payment' ? ['payment'] : [])])
}

/** The part of a shape that all of its requests share, and what has to be made for each. */
export interface PreparedShape {
  readonly shape: RequestShape
  /** Null when the path is made of the payment. */
  readonly target: HttpTarget | null
  readonly constantHeaders: readonly string[]
  readonly filledHeaders: readonly RequestHeader[]
  /** Something of the payment is in it. */
  readonly carriesPayment: boolean
  /** The service can keep the payment's own id. */
  readonly carriesId: boolean
  /** A template has to be filled. */
  readonly needsFields: boolean
}

const NOTHING = {sequence: 0, text: '', fields: {}}

export function prepareShape(shape: RequestShape): PreparedShape {
  const names = namesIn(shape)
  const isConstant = ({value}: RequestHeader): boolean => value.names.size === 0
  const constantHeaders = shape.headers.filter(isConstant).flatMap(({name, value}) => [name, value.render(NOTHING)])
  const isPathConstant = shape.path.names.size === 0
  return {
    shape,
    target: isPathConstant
      ? {method: shape.method, url: urlOf(shape, shape.path.render(NOTHING)), headers: constantHeaders}
      : null,
    constantHeaders,
    filledHeaders: shape.headers.filter(header => !isConstant(header)),
    // A number within the run names no payment.
    carriesPayment: [...names].some(name => name !== 'sequence'),
    carriesId: names.has('payment') || names.has('payment_id'),
    needsFields: [...names].some(name => name !== 'payment') || (names.has('payment') && shape.body.kind !== 'payment'),
  }
}

export function urlOf({origin}: RequestShape, path: string): URL {
  return new URL(origin + path)
}
