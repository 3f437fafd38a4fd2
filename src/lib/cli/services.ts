/**
 * Opens the services that a command works with: real ones when they are named, else the embedded ones,
 * found running through their announcement or hosted by this very process (design, section 7).
 */
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {type Clock, nowMs} from '../base/clock.js'
import {EnvironmentError, isP2payError, UsageError} from '../base/errors.js'
import type {EmbeddedBroker} from '../broker/broker.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {
  type Announcement,
  findAnnouncement,
  removeAnnouncement,
  staleAddresses,
  writeAnnouncement,
} from './announcement.js'

export interface ServiceOptions {
  readonly brokers: string | undefined
  /** kcat's `-X key=value`. */
  readonly properties: readonly string[]
  readonly databaseUrl: string | undefined
  /** `none`: this command stores nothing; `off`: the user said `--no-database`. */
  readonly database: 'wanted' | 'off' | 'none'
  readonly directory: string
  /** What to do when no broker is named and none is running. */
  readonly whenAbsent: 'host' | 'wait'
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

export interface Services {
  readonly kafka: KafkaConnection
  readonly brokers: string
  /** Undefined when the command stores nothing. */
  readonly databaseUrl: string | undefined
  /** The database is the embedded one: it is migrated without asking. */
  readonly embeddedDatabase: boolean
  /** Set when this process hosts the broker: the door to fault injection. */
  readonly hostedBroker: EmbeddedBroker | undefined
  close(): Promise<void>
}

const WAIT_FOR_EMBEDDED_MS = 30_000
const WAIT_STEP_MS = 250

/**
 * @throws UsageError brokers named without a database (`P2PAY_DATABASE_NOT_NAMED`)
 * @throws EnvironmentError nothing answers (`P2PAY_NO_BROKER`, `P2PAY_BROKER_UNREACHABLE`)
 */
export async function openServices(options: ServiceOptions): Promise<Services> {
  if (options.brokers !== undefined && options.databaseUrl === undefined && options.database === 'wanted') {
    throw new UsageError('A Kafka broker is named, but no database', {
      code: 'P2PAY_DATABASE_NOT_NAMED',
      suggestions: ['name one with --database-url or P2PAY_DATABASE_URL', 'or store nothing with --no-database'],
    })
  }
  const {connectKafka} = await import('../kafka/connection.js')
  const connect = (brokers: string): Promise<KafkaConnection> =>
    connectKafka({brokers, properties: options.properties, environment: process.env, clock: options.clock})

  if (options.brokers !== undefined) {
    const kafka = await connect(options.brokers)
    return {
      kafka,
      brokers: options.brokers,
      databaseUrl: options.database === 'wanted' ? options.databaseUrl : undefined,
      embeddedDatabase: false,
      hostedBroker: undefined,
      close: () => kafka.close(),
    }
  }

  const embedded = await findOrHost(options)
  const kafka = await connect(embedded.brokers)
  return {
    kafka,
    brokers: embedded.brokers,
    databaseUrl: options.database === 'wanted' ? (options.databaseUrl ?? embedded.databaseUrl) : undefined,
    embeddedDatabase: options.databaseUrl === undefined,
    hostedBroker: embedded.broker,
    close: async () => {
      await kafka.close()
      await embedded.stop()
    },
  }
}

export interface EmbeddedServices {
  readonly brokers: string
  readonly databaseUrl: string
  readonly broker: EmbeddedBroker | undefined
  /** Ends what this process hosts; leaves alone what another process does. */
  stop(): Promise<void>
}

async function findOrHost(options: ServiceOptions): Promise<EmbeddedServices> {
  const running = await findAnnouncement(options.directory)
  if (running !== undefined) return attach(running)
  if (options.whenAbsent === 'host') return hostEmbedded({...options, port: 0, databasePort: 0})

  options.note(`no broker is named and none is running: waiting up to ${WAIT_FOR_EMBEDDED_MS / 1000} s for one`)
  const untilMs = nowMs(options.clock) + WAIT_FOR_EMBEDDED_MS
  while (nowMs(options.clock) < untilMs && !options.signal.aborted) {
    await options.clock.sleep(WAIT_STEP_MS, options.signal)
    const found = await findAnnouncement(options.directory)
    if (found !== undefined) return attach(found)
  }
  throw new EnvironmentError('No broker is named, and no embedded one is running', {
    code: 'P2PAY_NO_BROKER',
    suggestions: [
      'run `p2pay detect` or `p2pay up` in another terminal, in this directory',
      'or name a broker with --brokers or P2PAY_BROKERS',
      'or write to a file with --out payments.ndjson',
    ],
  })
}

function attach(running: Announcement): EmbeddedServices {
  return {
    brokers: running.brokers,
    databaseUrl: running.database_url,
    broker: undefined,
    stop: () => Promise.resolve(),
  }
}

export interface HostOptions {
  readonly directory: string
  readonly clock: Clock
  readonly note: (text: string) => void
  /** 0 = the port of the last time when it is free, else any. */
  readonly port: number
  readonly databasePort: number
}

/** Starts the embedded broker and database in this process and announces them. */
export async function hostEmbedded(options: HostOptions): Promise<EmbeddedServices> {
  const [{startEmbeddedBroker}, {startEmbeddedDatabase}] = await Promise.all([
    import('../broker/start.js'),
    import('../store/embedded/start.js'),
  ])
  try {
    await mkdir(options.directory, {recursive: true})
  } catch (cause) {
    throw new EnvironmentError(`The directory ${options.directory} cannot be made`, {
      code: 'P2PAY_DIRECTORY',
      suggestions: ['name a writable one with --dir or P2PAY_DIR'],
      cause,
    })
  }
  const last = await staleAddresses(options.directory)
  const [brokerResult, databaseResult] = await Promise.allSettled([
    startOnPort([options.port || last.brokerPort, options.port], port =>
      startEmbeddedBroker({directory: join(options.directory, 'broker'), port}),
    ),
    startOnPort([options.databasePort || last.databasePort, options.databasePort], port =>
      startEmbeddedDatabase({directory: join(options.directory, 'database'), port}),
    ),
  ])
  if (brokerResult.status === 'rejected' || databaseResult.status === 'rejected') {
    if (brokerResult.status === 'fulfilled') await brokerResult.value.stop()
    if (databaseResult.status === 'fulfilled') await databaseResult.value.stop()
    throw brokerResult.status === 'rejected' ? brokerResult.reason : (databaseResult as PromiseRejectedResult).reason
  }
  const broker = brokerResult.value
  const database = databaseResult.value
  const {migrate} = await import('../store/migrate.js')
  await migrate(database.url)
  await writeAnnouncement(options.directory, {
    pid: process.pid,
    brokers: broker.address,
    database_url: database.url,
    started_at: new Date(nowMs(options.clock)).toISOString(),
  })
  options.note(`embedded broker ${broker.address}, embedded database ${database.url}, files in ${options.directory}`)
  return {
    brokers: broker.address,
    databaseUrl: database.url,
    broker,
    stop: async () => {
      await removeAnnouncement(options.directory, process.pid)
      await Promise.allSettled([broker.stop(), database.stop()])
    },
  }
}

/** Tries the preferred port first: clients that know it find the broker again after a crash of its host. */
async function startOnPort<T>(ports: readonly [number, number], start: (port: number) => Promise<T>): Promise<T> {
  const [preferred, asked] = ports
  try {
    return await start(preferred)
  } catch (error) {
    if (preferred === asked || !isP2payError(error)) throw error
    return start(asked)
  }
}
