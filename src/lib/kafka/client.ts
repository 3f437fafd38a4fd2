/**
 * Makes kafkajs clients from settings. Each producer and consumer gets a client of its own: kafkajs keeps the committed
 * offsets of a group per client, so two members of one group on one client would overwrite each other's.
 */

import type {Kafka, KafkaConfig, SASLOptions} from 'kafkajs'
import kafkajs from 'kafkajs'
import type {Clock} from '../base/clock.js'
import type {KafkaSettings, SaslSettings} from './properties.js'
import type {RequestListener, Sockets} from './socket.js'

export interface KafkaClients {
  readonly brokers: readonly string[]
  readonly settings: KafkaSettings
  readonly clock: Clock
  newClient(options?: ClientOptions): Kafka
}

export interface ClientOptions {
  /** Only the one connection attempt matters to callers with a retry loop of their own. */
  readonly connectRetries?: number
  readonly onRequest?: RequestListener
}

export interface ClientSources {
  readonly brokers: readonly string[]
  readonly settings: KafkaSettings
  readonly clock: Clock
  readonly clientId: string
  readonly onDiagnostic: (line: string) => void
  /** Where the clients' sockets come from. */
  readonly sockets: Sockets
}

const CONNECT_RETRIES = 3

export function createClients(sources: ClientSources): KafkaClients {
  const {brokers, settings, clock, clientId, onDiagnostic, sockets} = sources
  return {
    brokers,
    settings,
    clock,
    newClient: (options = {}) =>
      new kafkajs.Kafka({
        brokers: [...brokers],
        clientId: settings.clientId ?? clientId,
        connectionTimeout: settings.connectTimeoutMs,
        authenticationTimeout: settings.connectTimeoutMs,
        requestTimeout: settings.requestTimeoutMs,
        enforceRequestTimeout: true,
        retry: {retries: options.connectRetries ?? CONNECT_RETRIES, initialRetryTime: 100, maxRetryTime: 1000},
        logLevel: kafkajs.logLevel.WARN,
        // Never to the console: warnings of kafkajs are diagnostics of ours.
        logCreator:
          () =>
          ({namespace, log}) =>
            onDiagnostic(`kafkajs ${namespace}: ${log.message}`),
        ...security(settings),
        socketFactory: sockets.factory(options.onRequest),
      }),
  }
}

function security(settings: KafkaSettings): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  const {tls, sasl} = settings
  return {
    ...(tls === undefined
      ? {}
      : {
          ssl: {
            ...(tls.ca === undefined ? {} : {ca: tls.ca}),
            ...(tls.cert === undefined ? {} : {cert: tls.cert}),
            ...(tls.key === undefined ? {} : {key: tls.key}),
            ...(tls.passphrase === undefined ? {} : {passphrase: tls.passphrase}),
            rejectUnauthorized: tls.verify,
            ...(tls.verifyHost ? {} : {checkServerIdentity: () => undefined}),
          },
        }),
    ...(sasl === undefined ? {} : {sasl: saslOptions(sasl)}),
  }
}

function saslOptions(sasl: SaslSettings): SASLOptions {
  switch (sasl.mechanism) {
    case 'oauthbearer':
      return {mechanism: 'oauthbearer', oauthBearerProvider: async () => ({value: sasl.token()})}
    case 'plain':
      return {mechanism: 'plain', username: sasl.username, password: sasl.password}
    case 'scram-sha-256':
      return {mechanism: 'scram-sha-256', username: sasl.username, password: sasl.password}
    case 'scram-sha-512':
      return {mechanism: 'scram-sha-512', username: sasl.username, password: sasl.password}
  }
}
