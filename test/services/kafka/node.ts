/**
 * A real Apache Kafka on loopback: one KRaft node, broker and controller in one, with a listener for each way to
 * connect. It keeps ports and data between `stop`, `kill` and `start`, so that a test can take it away in mid-run.
 */
import {randomBytes, randomUUID} from 'node:crypto'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Kafka, logLevel} from 'kafkajs'
import {makeTemporaryDirectory, removeDirectory} from '../../support/temp.js'
import {freePorts} from '../ports.js'
import {Daemon, runCommand} from '../process.js'
import {type Certificates, makeCertificates} from './certificates.js'
import {QUICK_JVM} from './tools.js'

const START_TIMEOUT_MS = 90_000
const PROBE_TIMEOUT_MS = 2000

/** Listener names; the protocol of each is its name, save MTLS, which is SSL that demands a client certificate. */
const LISTENERS = ['PLAINTEXT', 'SSL', 'MTLS', 'SASL_PLAINTEXT', 'SASL_SSL', 'CONTROLLER'] as const
type Listener = (typeof LISTENERS)[number]
const PROTOCOLS = LISTENERS.map(name => {
  const protocol = name === 'MTLS' ? 'SSL' : name === 'CONTROLLER' ? 'PLAINTEXT' : name
  return `${name}:${protocol}`
})

export interface KafkaNodeOptions {
  /** Added to the node's server properties, for example `{'message.max.bytes': '2000000'}`. */
  readonly properties?: Readonly<Record<string, string>>
}

export class KafkaNode {
  /** `host:port` of the plain listener. */
  readonly brokers: string
  readonly sslBrokers: string
  readonly mtlsBrokers: string
  readonly saslBrokers: string
  readonly saslSslBrokers: string
  readonly certificates: Certificates
  /** The one user, for PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly user = 'p2pay'
  readonly password: string
  readonly #classpath: string
  readonly #directory: string
  #daemon: Daemon | null = null

  private constructor(
    classpath: string,
    directory: string,
    options: {readonly certificates: Certificates; readonly password: string; readonly ports: Ports},
  ) {
    this.#classpath = classpath
    this.#directory = directory
    this.certificates = options.certificates
    this.password = options.password
    this.brokers = address(options.ports.PLAINTEXT)
    this.sslBrokers = address(options.ports.SSL)
    this.mtlsBrokers = address(options.ports.MTLS)
    this.saslBrokers = address(options.ports.SASL_PLAINTEXT)
    this.saslSslBrokers = address(options.ports.SASL_SSL)
  }

  /**
   * Formats and starts a node of its own, in a temporary directory.
   *
   * @throws Error with the end of its log when it cannot be started
   */
  static async create(classpath: string, options: KafkaNodeOptions = {}): Promise<KafkaNode> {
    const directory = await makeTemporaryDirectory()
    try {
      const certificates = await makeCertificates(directory)
      const password = randomUUID()
      const ports = await listenerPorts()
      const node = new KafkaNode(classpath, directory, {certificates, password, ports})
      const properties = {...serverProperties(directory, {ports, certificates, password}), ...options.properties}
      await node.#format(properties)
      await node.start()
      return node
    } catch (error) {
      await removeDirectory(directory)
      const why = error instanceof Error ? error.message : String(error)
      throw new Error(`Apache Kafka could not be started: ${why}`, {cause: error})
    }
  }

  /** Starts it (again) and waits until it answers. */
  async start(): Promise<void> {
    if (this.#daemon !== null) throw new Error('This Kafka node is running')
    const daemon = new Daemon({
      name: 'Kafka',
      command: 'java',
      args: [
        ...[...QUICK_JVM, '-Xms128m', '-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
        ...['-cp', this.#classpath, 'kafka.Kafka', join(this.#directory, 'server.properties')],
      ],
      logFile: join(this.#directory, 'kafka.log'),
    })
    this.#daemon = daemon
    try {
      await daemon.ready(() => kafkaAnswers(this.brokers), START_TIMEOUT_MS)
    } catch (error) {
      this.#daemon = null
      throw error
    }
  }

  /** An orderly shutdown. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Stops it for good and removes its data. */
  async remove(): Promise<void> {
    await this.kill()
    await removeDirectory(this.#directory)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    await this.#daemon?.end(signal)
    this.#daemon = null
  }

  async #format(properties: Readonly<Record<string, string>>): Promise<void> {
    const file = join(this.#directory, 'server.properties')
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
    await mkdir(join(this.#directory, 'data'))
    await writeFile(file, lines.join(''))
    const scram = (mechanism: string): string[] => [
      '--add-scram',
      `${mechanism}=[name=${this.user},password=${this.password}]`,
    ]
    await runCommand('java', [
      ...[...QUICK_JVM, '-cp', this.#classpath, 'kafka.tools.StorageTool', 'format', '--standalone'],
      ...['--cluster-id', clusterId(), '--config', file, ...scram('SCRAM-SHA-256'), ...scram('SCRAM-SHA-512')],
    ])
  }
}

/**
 * A port is open long before its node takes part in the cluster, so it is asked for the cluster.
 *
 * @param brokers `host:port,host:port` of plain listeners
 * @throws Error when no broker answers
 */
export async function kafkaAnswers(brokers: string): Promise<void> {
  const kafka = new Kafka({
    brokers: brokers.split(','),
    clientId: 'service-suite',
    logLevel: logLevel.NOTHING,
    connectionTimeout: PROBE_TIMEOUT_MS,
    requestTimeout: PROBE_TIMEOUT_MS,
    retry: {retries: 0},
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    const cluster = await admin.describeCluster()
    if (cluster.brokers.length === 0) throw new Error('No broker has joined its cluster')
  } finally {
    await admin.disconnect()
  }
}

type Ports = Readonly<Record<Listener, number>>

async function listenerPorts(): Promise<Ports> {
  const ports = await freePorts(LISTENERS.length)
  return Object.fromEntries(LISTENERS.map((name, index) => [name, ports[index]])) as Ports
}

function address(port: number): string {
  return `127.0.0.1:${port}`
}

/** A Kafka cluster id: 16 random bytes in base64url. One that begins with a dash would be read as a flag. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? clusterId() : id
}

function serverProperties(
  directory: string,
  options: {readonly ports: Ports; readonly certificates: Certificates; readonly password: string},
): Record<string, string> {
  const {ports, certificates, password} = options
  const endpoint = (name: Listener): string => `${name}://${address(ports[name])}`
  const plainUser = `username="p2pay" password="${password}" user_p2pay="${password}"`
  const sasl = (listener: string): Record<string, string> => ({
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required ${plainUser};`,
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: SCRAM_MODULE,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: SCRAM_MODULE,
    // Takes unsigned tokens, for testing only: any subject is let in.
    [`listener.name.${listener}.oauthbearer.sasl.jaas.config`]: OAUTH_MODULE,
  })
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': address(ports.CONTROLLER),
    listeners: LISTENERS.map(endpoint).join(','),
    'advertised.listeners': LISTENERS.filter(name => name !== 'CONTROLLER')
      .map(endpoint)
      .join(','),
    'listener.security.protocol.map': PROTOCOLS.join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(directory, 'data'),
    // A topic that nobody created must stay an error: that is what p2pay is tested for.
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // After a kill -9 the node is let back in only once its former self has been given up: not 9 s, but 2.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    // Small, for a machine that runs everything else beside it.
    'num.network.threads': '2',
    'num.io.threads': '4',
    'background.threads': '2',
    'log.cleaner.dedupe.buffer.size': '4194304',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': certificates.serverPemFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.caFile,
    'listener.name.mtls.ssl.client.auth': 'required',
    ...sasl('sasl_plaintext'),
    ...sasl('sasl_ssl'),
  }
}

const OAUTH_MODULE = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;'
const SCRAM_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
