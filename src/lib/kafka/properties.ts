/**
 * kcat's and librdkafka's `-X key=value` properties, mapped to what kafkajs and p2pay's clients understand. Unknown and
 * unsupported keys are errors. Secrets may come from a file (`key=@FILE`) or from the environment
 * (`sasl.password` ← P2PAY_KAFKA_SASL_PASSWORD), so that they stay off the command line and out of every manifest.
 */
import {readFileSync} from 'node:fs'
import {messageOf, UsageError} from '../base/errors.js'
import {nearest} from '../base/nearest.js'

export interface KafkaSettings {
  readonly clientId: string | undefined
  /** Undefined: no TLS. */
  readonly tls: TlsSettings | undefined
  readonly sasl: SaslSettings | undefined
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Time for a payment from hand-over to its outcome, retries included. */
  readonly deliveryTimeoutMs: number
  readonly lingerMs: number
  readonly sessionTimeoutMs: number
  readonly fetchWaitMs: number
  readonly metadataMaxAgeMs: number
}

export interface TlsSettings {
  readonly ca?: Buffer | string
  readonly cert?: Buffer | string
  readonly key?: Buffer | string
  readonly passphrase?: string
  /** False: any certificate will do. */
  readonly verify: boolean
  /** False: the certificate need not name the host. */
  readonly verifyHost: boolean
}

export type SaslSettings =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {readonly mechanism: 'oauthbearer'; readonly token: () => string}

/** `key=value` texts as given to -X, or the same as an object. */
export type KafkaProperties = readonly string[] | Readonly<Record<string, string>>

const ENVIRONMENT_PREFIX = 'P2PAY_KAFKA_'

const KEYS = [
  'security.protocol',
  'ssl.ca.location',
  'ssl.ca.pem',
  'ssl.certificate.location',
  'ssl.certificate.pem',
  'ssl.key.location',
  'ssl.key.pem',
  'ssl.key.password',
  'enable.ssl.certificate.verification',
  'ssl.endpoint.identification.algorithm',
  'sasl.mechanism',
  'sasl.username',
  'sasl.password',
  'sasl.oauthbearer.token',
  'sasl.oauthbearer.token.file',
  'client.id',
  'socket.connection.setup.timeout.ms',
  'request.timeout.ms',
  'delivery.timeout.ms',
  'linger.ms',
  'session.timeout.ms',
  'fetch.wait.max.ms',
  'metadata.max.age.ms',
  'acks',
  'enable.idempotence',
] as const
type Key = (typeof KEYS)[number]

/** Other spellings that librdkafka takes. */
const ALIASES: Readonly<Record<string, Key>> = {
  'sasl.mechanisms': 'sasl.mechanism',
  'message.timeout.ms': 'delivery.timeout.ms',
  'queue.buffering.max.ms': 'linger.ms',
  'request.required.acks': 'acks',
  'socket.timeout.ms': 'request.timeout.ms',
}

const PROTOCOLS = ['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'] as const
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/**
 * @param environment where `P2PAY_KAFKA_…` variables are looked up; properties win
 * @throws UsageError with every problem at once
 */
export function parseProperties(
  properties: KafkaProperties,
  environment: Readonly<Record<string, string | undefined>> = {},
): KafkaSettings {
  const problems: string[] = []
  const values = collect(properties, environment, problems)
  const settings = interpret(values, problems)
  if (settings === undefined || problems.length > 0) {
    throw new UsageError(`Kafka properties: ${problems.join('; ')}`, {
      code: 'P2PAY_KAFKA_PROPERTY',
      suggestions: [
        'write them as kcat does: -X security.protocol=sasl_ssl -X sasl.mechanism=SCRAM-SHA-512',
        `secrets: -X sasl.password=@FILE, or in the environment as ${environmentName('sasl.password')}`,
      ],
    })
  }
  return settings
}

/** For those who wait for a broker before they connect: wrong properties are wrong at once. @throws UsageError */
export function checkProperties(...given: Parameters<typeof parseProperties>): void {
  parseProperties(...given)
}

export function environmentName(key: string): string {
  return ENVIRONMENT_PREFIX + key.toUpperCase().replaceAll('.', '_')
}

function collect(
  properties: KafkaProperties,
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Map<Key, string> {
  const values = new Map<Key, string>()
  for (const key of KEYS) {
    const value = environment[environmentName(key)]
    if (value !== undefined && value !== '') values.set(key, value)
  }
  const pairs = isTexts(properties) ? properties.map(text => split(text, problems)) : Object.entries(properties)
  for (const [given, value] of pairs) {
    if (given === undefined || value === undefined) continue
    const key = ALIASES[given] ?? KEYS.find(known => known === given)
    if (key === undefined) {
      problems.push(unknownKey(given))
      continue
    }
    values.set(key, value)
  }
  for (const [key, value] of values) {
    if (!value.startsWith('@')) continue
    const content = load(value.slice(1), key, problems)
    if (content !== undefined) values.set(key, content.toString('utf8').trimEnd())
  }
  return values
}

function isTexts(properties: KafkaProperties): properties is readonly string[] {
  return Array.isArray(properties)
}

function split(text: string, problems: string[]): readonly [string | undefined, string | undefined] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
  // The text may hold a secret: only what looks like a key is repeated.
  problems.push(`"${/^[\w.]{1,60}$/.test(text) ? text : '…'}" is not key=value`)
  return [undefined, undefined]
}

function unknownKey(key: string): string {
  if (key === 'bootstrap.servers' || key === 'metadata.broker.list') return `"${key}" is given by --brokers`
  if (key === 'group.id') return `"${key}" is given by --group`
  const meant = nearest(key, [...KEYS, ...Object.keys(ALIASES)])
  return `"${key}" is not supported${meant === undefined ? '' : `, did you mean "${meant}"?`}`
}

function load(path: string, key: string, problems: string[]): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    problems.push(`${key}: ${messageOf(error)}`)
    return undefined
  }
}

function interpret(values: ReadonlyMap<Key, string>, problems: string[]): KafkaSettings | undefined {
  const choice = <T extends string>(key: Key, allowed: readonly T[], fallback: T): T => {
    const given = values.get(key)
    if (given === undefined) return fallback
    const found = allowed.find(one => one.toLowerCase() === given.toLowerCase())
    if (found === undefined) problems.push(`${key} must be one of ${allowed.join(', ')}`)
    return found ?? fallback
  }
  const milliseconds = (key: Key, fallback: number, min = 1): number => {
    const given = values.get(key)
    if (given === undefined) return fallback
    const value = Number(given)
    if (Number.isFinite(value) && value >= min && value <= 3_600_000) return value
    problems.push(`${key} must be a number of milliseconds, at least ${min}`)
    return fallback
  }

  const protocol = choice('security.protocol', PROTOCOLS, 'plaintext')
  if (!['all', '-1'].includes(values.get('acks') ?? 'all')) problems.push('acks can only be all: nothing else is safe')
  if (choice('enable.idempotence', ['true', 'false'], 'true') === 'false') {
    problems.push('enable.idempotence can only be true: retries would write payments twice')
  }
  const tls = protocol === 'ssl' || protocol === 'sasl_ssl' ? tlsSettings(values, choice, problems) : undefined
  const sasl = protocol.startsWith('sasl') ? saslSettings(values, choice, problems) : undefined
  if (!protocol.startsWith('sasl') && (values.has('sasl.username') || values.has('sasl.mechanism'))) {
    problems.push(`sasl properties need security.protocol sasl_plaintext or sasl_ssl, not ${protocol}`)
  }
  return {
    clientId: values.get('client.id'),
    tls,
    sasl,
    connectTimeoutMs: milliseconds('socket.connection.setup.timeout.ms', 5000),
    requestTimeoutMs: milliseconds('request.timeout.ms', 10_000),
    deliveryTimeoutMs: milliseconds('delivery.timeout.ms', 30_000),
    lingerMs: milliseconds('linger.ms', 5, 0),
    sessionTimeoutMs: milliseconds('session.timeout.ms', 10_000),
    fetchWaitMs: milliseconds('fetch.wait.max.ms', 50),
    metadataMaxAgeMs: milliseconds('metadata.max.age.ms', 15_000),
  }
}

type Choice = <T extends string>(key: Key, allowed: readonly T[], fallback: T) => T

function tlsSettings(values: ReadonlyMap<Key, string>, choice: Choice, problems: string[]): TlsSettings {
  const pem = (location: Key, inline: Key): Buffer | string | undefined => {
    const path = values.get(location)
    return path === undefined ? values.get(inline) : load(path, location, problems)
  }
  const ca = pem('ssl.ca.location', 'ssl.ca.pem')
  const cert = pem('ssl.certificate.location', 'ssl.certificate.pem')
  const key = pem('ssl.key.location', 'ssl.key.pem')
  const passphrase = values.get('ssl.key.password')
  if ((cert === undefined) !== (key === undefined)) {
    problems.push('ssl.certificate.location and ssl.key.location belong together')
  }
  return {
    ...(ca === undefined ? {} : {ca}),
    ...(cert === undefined ? {} : {cert}),
    ...(key === undefined ? {} : {key}),
    ...(passphrase === undefined ? {} : {passphrase}),
    verify: choice('enable.ssl.certificate.verification', ['true', 'false'], 'true') === 'true',
    verifyHost: choice('ssl.endpoint.identification.algorithm', ['https', 'none'], 'https') === 'https',
  }
}

function saslSettings(values: ReadonlyMap<Key, string>, choice: Choice, problems: string[]): SaslSettings | undefined {
  if (!values.has('sasl.mechanism')) {
    problems.push(`sasl.mechanism is missing: one of ${MECHANISMS.join(', ')}`)
    return undefined
  }
  const mechanism = choice('sasl.mechanism', MECHANISMS, 'PLAIN')
  if (mechanism === 'OAUTHBEARER') {
    const file = values.get('sasl.oauthbearer.token.file')
    const token = values.get('sasl.oauthbearer.token')
    if (file === undefined && token === undefined) {
      problems.push('OAUTHBEARER needs sasl.oauthbearer.token.file or sasl.oauthbearer.token')
    }
    if (file !== undefined) load(file, 'sasl.oauthbearer.token.file', problems)
    // The file is read at each log-in, so that whoever renews it is heard.
    return {
      mechanism: 'oauthbearer',
      token: () => (file === undefined ? (token ?? '') : readFileSync(file, 'utf8').trim()),
    }
  }
  const username = values.get('sasl.username')
  const password = values.get('sasl.password')
  if (username === undefined) problems.push(`sasl.username is missing for ${mechanism}`)
  if (password === undefined) problems.push(`sasl.password is missing for ${mechanism}`)
  const lower = mechanism === 'PLAIN' ? 'plain' : mechanism === 'SCRAM-SHA-256' ? 'scram-sha-256' : 'scram-sha-512'
  return {mechanism: lower, username: username ?? '', password: password ?? ''}
}
