/**
 * What kafkajs throws, sorted by who has to act. kafkajs wraps errors in errors, so the whole chain of causes is
 * looked at; names, codes and types are compared as text, because its classes are not importable by name.
 */
import {EnvironmentError, isP2payError, messageOf} from '../base/errors.js'

interface KafkaFailure {
  /** Class names of the chain, outermost first. */
  readonly names: readonly string[]
  /** Kafka's error name of the innermost protocol error, such as `MESSAGE_TOO_LARGE`. */
  readonly type: string | undefined
  /** System or TLS error code, such as `ECONNREFUSED`. */
  readonly code: string | undefined
  readonly message: string
}

const MAX_CAUSES = 10
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO|ERR_OSSL)/

export function failureOf(error: unknown): KafkaFailure {
  const names: string[] = []
  let type: string | undefined
  let code: string | undefined
  let current: unknown = error
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current !== null; depth++) {
    const fields: {name?: unknown; type?: unknown; code?: unknown; cause?: unknown; errors?: unknown} = current
    if (typeof fields.name === 'string') names.push(fields.name)
    if (typeof fields.type === 'string') type = fields.type
    if (typeof fields.code === 'string') code = fields.code
    current = fields.cause ?? (Array.isArray(fields.errors) ? fields.errors[0] : undefined)
  }
  return {names, type, code, message: reasonsOf(error)}
}

/** The message, or, of an error that only collects others, theirs. */
function reasonsOf(error: unknown): string {
  const fields: {errors?: unknown} = typeof error === 'object' && error !== null ? error : {}
  if (!Array.isArray(fields.errors) || fields.errors.length === 0) return messageOf(error)
  const reasons = fields.errors.map((inner: unknown) => {
    const {topic}: {topic?: unknown} = typeof inner === 'object' && inner !== null ? inner : {}
    return typeof topic === 'string' ? `${topic}: ${messageOf(inner)}` : messageOf(inner)
  })
  return [...new Set(reasons)].join('; ')
}

export interface ErrorContext {
  /** What was tried, as in `list the topics`. */
  readonly doing: string
  readonly brokers: readonly string[]
  /** For time-outs. */
  readonly timeoutMs?: number
}

/** Never contains credentials: kafkajs puts none into its messages, and the properties are not looked at. */
export function toEnvironmentError(error: unknown, context: ErrorContext): EnvironmentError {
  if (error instanceof EnvironmentError) return error
  if (isP2payError(error)) throw error
  const failure = failureOf(error)
  const where = context.brokers.join(',')
  if (isAuthentication(failure)) {
    return new EnvironmentError(`Kafka at ${where} refused the log-in (${failure.type ?? 'SASL'})`, {
      code: 'P2PAY_BROKER_AUTH',
      suggestions: [
        'check -X sasl.mechanism, sasl.username and sasl.password (or P2PAY_KAFKA_SASL_PASSWORD)',
        'check that -X security.protocol is the one of this port: sasl_plaintext or sasl_ssl',
      ],
      cause: error,
    })
  }
  if (failure.type?.endsWith('AUTHORIZATION_FAILED')) {
    return new EnvironmentError(`Kafka at ${where} does not allow this user to ${context.doing} (${failure.type})`, {
      code: 'P2PAY_BROKER_FORBIDDEN',
      suggestions: ['ask for an ACL that allows it, or use another topic prefix or group'],
      cause: error,
    })
  }
  if (failure.code !== undefined && TLS_CODES.test(failure.code)) {
    return new EnvironmentError(`TLS with Kafka at ${where} failed: ${failure.code}`, {
      code: 'P2PAY_BROKER_TLS',
      suggestions: [
        "name the broker's certificate authority with -X ssl.ca.location=FILE",
        'check that the port speaks TLS and that the host name is in the certificate',
      ],
      cause: error,
    })
  }
  if (failure.type === 'INCONSISTENT_GROUP_PROTOCOL') {
    return new EnvironmentError(`Kafka at ${where} could not ${context.doing}: the group has members of another kind`, {
      code: 'P2PAY_BROKER_ERROR',
      suggestions: [
        'stop the other members: other programs, or p2pay of another version',
        'or use a group of its own: --group NAME',
      ],
      cause: error,
    })
  }
  if (isConnection(failure)) {
    return new EnvironmentError(unreachable(failure, where, context.timeoutMs), {
      code: 'P2PAY_BROKER_UNREACHABLE',
      suggestions: [
        'start it: docker compose up -d, or p2pay up for the embedded one',
        'check --brokers, and -X security.protocol if the port speaks TLS or SASL',
      ],
      cause: error,
    })
  }
  return new EnvironmentError(`Kafka at ${where} could not ${context.doing}: ${failure.message}`, {
    code: 'P2PAY_BROKER_ERROR',
    suggestions: ['p2pay doctor looks at broker, topics and groups'],
    cause: error,
  })
}

/** A refusal or an unknown name comes at once: only what was waited for is told with its time limit. */
function unreachable(failure: KafkaFailure, where: string, timeoutMs: number | undefined): string {
  const reason = failure.message.replace(/^Connection error: /, '')
  if (failure.code === 'ECONNREFUSED')
    return `Kafka at ${where} refused the connection: nobody listens there (${reason})`
  if (failure.code === 'ENOTFOUND') return `Kafka at ${where} was not found: no such host (${reason})`
  const within = timeoutMs === undefined ? '' : ` within ${timeoutMs / 1000} s`
  return `Kafka did not answer at ${where}${within}: ${reason}`
}

/** Errors that no retry mends: the user, the topic or the group is wrong. */
export function isHopeless(error: unknown): boolean {
  const failure = failureOf(error)
  if (isAuthentication(failure)) return true
  if (failure.code !== undefined && TLS_CODES.test(failure.code)) return true
  const type = failure.type ?? ''
  return (
    type.endsWith('AUTHORIZATION_FAILED') ||
    ['INVALID_GROUP_ID', 'INVALID_SESSION_TIMEOUT', 'INCONSISTENT_GROUP_PROTOCOL', 'UNSUPPORTED_VERSION'].includes(
      type,
    ) ||
    ['INVALID_TOPIC_EXCEPTION', 'GROUP_MAX_SIZE_REACHED'].includes(type)
  )
}

/** The cluster is there and asks for patience. */
const PASSING: readonly string[] = [
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'LEADER_NOT_AVAILABLE',
  // Of a topic that was listed, or created, a moment before.
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_FOR_PARTITION',
  'NOT_CONTROLLER',
  'OFFSET_NOT_AVAILABLE',
]

export function isPassing(error: unknown): boolean {
  return PASSING.includes(failureOf(error).type ?? '')
}

function isAuthentication(failure: KafkaFailure): boolean {
  return (
    failure.names.includes('KafkaJSSASLAuthenticationError') ||
    ['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'].includes(failure.type ?? '')
  )
}

function isConnection(failure: KafkaFailure): boolean {
  // TypeError: kafkajs asks each known broker for metadata, swallows every failure and then reads from null.
  return failure.names.some(
    name =>
      name.startsWith('KafkaJSConnection') ||
      ['KafkaJSRequestTimeoutError', 'KafkaJSBrokerNotFound', 'KafkaJSLockTimeout', 'TypeError'].includes(name) ||
      ['KafkaJSGroupCoordinatorNotFound', 'KafkaJSNoBrokerAvailableError', 'KafkaJSTimeout'].includes(name),
  )
}
