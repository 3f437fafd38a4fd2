/**
 * Opens the services that a command works with: real ones when they are named, else the embedded ones,
 * found running through their announcement or hosted by this very process (design, section 7).
 */
import {type Clock, nowMs} from '../base/clock.js'
import {lockHolder} from '../base/directory-lock.js'
import {EnvironmentError, InterruptedError, UsageError} from '../base/errors.js'
import type {EmbeddedBroker} from '../broker/broker.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {type Announcement, findAnnouncement} from './announcement.js'
import {claimOrFind, hostEmbedded} from './embedded-host.js'
import {enterAsGuest, guestsGone} from './guests.js'

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
  /** Aborts, with the reason, when services that this process hosts have ended by themselves. */
  readonly failed: AbortSignal
  /** What this process hosts is stopped when nobody else uses it any more, or the signal has aborted. */
  close(): Promise<void>
}

const NEVER = new AbortController().signal
const WAIT_FOR_EMBEDDED_MS = 30_000
/** When another process is just starting the embedded services: the first time takes seconds. */
const WAIT_FOR_START_MS = 120_000
const WAIT_STEP_MS = 250

/**
 * @throws UsageError brokers named without a database (`P2PAY_DATABASE_NOT_NAMED`), wrong properties
 *   (`P2PAY_KAFKA_PROPERTY`): both before anybody waits for a broker
 * @throws EnvironmentError nothing answers (`P2PAY_NO_BROKER`, `P2PAY_BROKER_UNREACHABLE`)
 * @throws InterruptedError when the signal aborts the wait for a broker
 */
export async function openServices(options: ServiceOptions): Promise<Services> {
  if (options.brokers !== undefined && options.databaseUrl === undefined && options.database === 'wanted') {
    throw new UsageError('A Kafka broker is named, but no database', {
      code: 'P2PAY_DATABASE_NOT_NAMED',
      suggestions: ['name one with --database-url or P2PAY_DATABASE_URL', 'or store nothing with --no-database'],
    })
  }
  const [{connectKafka}, {quietKafkaWarnings}, {checkProperties}] = await Promise.all([
    import('../kafka/connection.js'),
    import('../kafka/quiet-warnings.js'),
    import('../kafka/properties.js'),
  ])
  checkProperties(options.properties, process.env)
  quietKafkaWarnings(process)
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
      failed: NEVER,
      close: () => kafka.close(),
    }
  }

  const embedded = await findOrHost(options)
  const kafka = await connect(embedded.brokers).catch(async error => {
    await embedded.stop()
    throw error
  })
  return {
    kafka,
    brokers: embedded.brokers,
    databaseUrl: options.database === 'wanted' ? (options.databaseUrl ?? embedded.databaseUrl) : undefined,
    embeddedDatabase: options.databaseUrl === undefined,
    hostedBroker: embedded.broker,
    failed: embedded.failed,
    close: async () => {
      await kafka.close()
      await embedded.stop()
    },
  }
}

interface OpenEmbedded {
  readonly brokers: string
  readonly databaseUrl: string
  readonly broker: EmbeddedBroker | undefined
  readonly failed: AbortSignal
  stop(): Promise<void>
}

async function findOrHost(options: ServiceOptions): Promise<OpenEmbedded> {
  const {directory, clock} = options
  if (options.whenAbsent === 'wait') return attach(await waitForRunning(options), directory)
  const found = await claimOrFind(options)
  if (!('release' in found)) return attach(found, directory)
  const hosted = await hostEmbedded(found, {directory, clock, note: options.note, port: 0, databasePort: 0})
  if (options.signal.aborted) {
    await hosted.stop()
    throw new InterruptedError('stopped while the embedded services were starting: nothing was done')
  }
  const failure = new AbortController()
  void hosted.failed.then(reason => failure.abort(reason))
  return {
    ...hosted,
    failed: failure.signal,
    stop: async () => {
      await guestsGone(directory, options)
      await hosted.stop()
    },
  }
}

/** @throws EnvironmentError P2PAY_NO_BROKER after half a minute, or when a host does not come up */
async function waitForRunning({directory, clock, signal, note}: ServiceOptions): Promise<Announcement> {
  const sinceMs = nowMs(clock)
  for (let isNoted = false; ; isNoted = true) {
    const found = await findAnnouncement(directory)
    if (found !== undefined) return found
    if (signal.aborted) throw new InterruptedError('stopped while waiting for a broker: nothing was done')
    const patienceMs = lockHolder(directory) === undefined ? WAIT_FOR_EMBEDDED_MS : WAIT_FOR_START_MS
    if (nowMs(clock) - sinceMs >= patienceMs) break
    if (!isNoted) note(`no broker is named and none is running: waiting up to ${WAIT_FOR_EMBEDDED_MS / 1000} s for one`)
    await clock.sleep(WAIT_STEP_MS, signal)
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

function attach(running: Announcement, directory: string): OpenEmbedded {
  const leave = enterAsGuest(directory, process.pid)
  return {
    brokers: running.brokers,
    databaseUrl: running.database_url,
    broker: undefined,
    failed: NEVER,
    stop: async () => leave(),
  }
}
