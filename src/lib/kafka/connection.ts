/**
 * The way to a Kafka cluster: brokers and properties in, a connection with its admin side out, checked once.
 * Sinks and sources make their own clients from it (client.ts).
 */
import {type Clock, systemClock} from '../base/clock.js'
import {UsageError} from '../base/errors.js'
import {type KafkaAdmin, openAdmin} from './admin.js'
import {createClients, type KafkaClients} from './client.js'
import {type KafkaProperties, parseProperties} from './properties.js'
import {Sockets} from './socket.js'

export interface KafkaConnection extends KafkaClients {
  /** For the first line of a run: `Kafka at localhost:9092 (cluster abc, 3 brokers)`. No secrets. */
  readonly description: string
  readonly clusterId: string | null
  readonly admin: KafkaAdmin
  /** Closes the admin side; producers and consumers are closed by those who opened them, before. */
  close(): Promise<void>
}

export interface ConnectOptions {
  /** `host:port,host:port`. */
  readonly brokers: string
  readonly properties?: KafkaProperties
  /** Where `P2PAY_KAFKA_…` variables are looked up. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly clientId?: string
  readonly clock?: Clock
  /** For the first answer, ms; default 10,000. */
  readonly timeoutMs?: number
  /** One line of kafkajs's own log at a time; default: dropped. */
  readonly onDiagnostic?: (line: string) => void
}

const DEFAULT_PORT = 9092
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Connects and asks the cluster for its id.
 *
 * @throws UsageError P2PAY_BROKERS, P2PAY_KAFKA_PROPERTY
 * @throws EnvironmentError P2PAY_BROKER_UNREACHABLE, P2PAY_BROKER_AUTH, P2PAY_BROKER_TLS
 */
export async function connectKafka(options: ConnectOptions): Promise<KafkaConnection> {
  const brokers = parseBrokers(options.brokers)
  const sockets = new Sockets()
  const clients = createClients({
    brokers,
    settings: parseProperties(options.properties ?? [], options.environment),
    clock: options.clock ?? systemClock,
    clientId: options.clientId ?? 'p2pay',
    onDiagnostic: options.onDiagnostic ?? (() => {}),
    sockets,
  })
  const admin = await openAdmin(clients, options.timeoutMs ?? CONNECT_TIMEOUT_MS)
  const cluster = await admin.clusterInfo()
  const count = cluster.brokers.length
  return {
    ...clients,
    description: `Kafka at ${brokers.join(',')} (cluster ${cluster.clusterId ?? 'n/a'}, ${count} broker${count === 1 ? '' : 's'})`,
    clusterId: cluster.clusterId,
    admin,
    close: async () => {
      await admin.close()
      sockets.end()
    },
  }
}

/**
 * `a:9092,b` → `['a:9092', 'b:9092']`.
 *
 * @throws UsageError naming every part that is not host:port
 */
export function parseBrokers(text: string): readonly string[] {
  const parts = text
    .split(',')
    .map(part => part.trim().replace(/^(plaintext|ssl|sasl_plaintext|sasl_ssl):\/\//i, ''))
    .filter(part => part !== '')
  const brokers = parts.map(part => (part.includes(':') ? part : `${part}:${DEFAULT_PORT}`))
  const wrong = brokers.filter(broker => !isBroker(broker))
  if (wrong.length > 0 || brokers.length === 0) {
    throw new UsageError(
      brokers.length === 0 ? 'No broker is named' : `Not a broker address: ${wrong.map(one => `"${one}"`).join(', ')}`,
      {
        code: 'P2PAY_BROKERS',
        suggestions: ['write host:port, several separated by commas: --brokers kafka1:9092,kafka2:9092'],
      },
    )
  }
  return [...new Set(brokers)]
}

function isBroker(text: string): boolean {
  // IPv6 literals are not among them: kafkajs splits addresses at the first colon.
  const match = /^([A-Za-z0-9._-]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  return match !== null && port >= 1 && port <= 65_535
}
