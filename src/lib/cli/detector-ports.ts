/** Opens what a detector needs besides the broker: source, publisher, store and the place of its snapshots. */
import {join} from 'node:path'
import type {Clock} from '../base/clock.js'
import type {TopicNames} from '../payment/topics.js'
import type {RecordPublisher} from '../sink/publisher.js'
import type {RecordSource} from '../source/source.js'
import type {PaymentStore, SnapshotStore} from '../store/store.js'
import type {Progress} from './progress.js'
import {openServices, type Services} from './services.js'

export interface DetectorPorts {
  readonly source: RecordSource
  readonly publisher: RecordPublisher
  readonly store: PaymentStore | null
  readonly snapshots: SnapshotStore | null
  close(): Promise<void>
}

export interface DetectorPortOptions {
  readonly topics: TopicNames
  readonly group: string
  readonly directory: string
  readonly clock: Clock
}

export interface DetectorServiceFlags {
  readonly brokers: string | undefined
  readonly property: readonly string[] | undefined
  readonly 'database-url': string | undefined
  readonly 'no-database': boolean
  readonly dir: string
}

/** The broker and the database of a command that detects: what its flags name, else the embedded ones. */
export function openDetectorServices(
  flags: DetectorServiceFlags,
  context: {readonly progress: Progress; readonly signal: AbortSignal; readonly clock: Clock},
): Promise<Services> {
  return openServices({
    brokers: flags.brokers,
    properties: flags.property ?? [],
    databaseUrl: flags['database-url'],
    database: flags['no-database'] ? 'off' : 'wanted',
    directory: flags.dir,
    whenAbsent: 'host',
    clock: context.clock,
    signal: context.signal,
    note: text => context.progress.note(text),
  })
}

/** @throws EnvironmentError broker, database or its schema */
export async function openDetectorPorts(services: Services, options: DetectorPortOptions): Promise<DetectorPorts> {
  const [{openKafkaSource}, {openKafkaPublisher}] = await Promise.all([
    import('../source/kafka-source.js'),
    import('../sink/kafka-publisher.js'),
  ])
  const store = await openPaymentStore(services)
  const snapshots = store ?? (await openFiles(join(options.directory, 'snapshots')))
  try {
    const publisher = await openKafkaPublisher(services.kafka)
    const source = await openKafkaSource(services.kafka, {topic: options.topics.raw, group: options.group})
    return {
      source,
      publisher,
      store,
      snapshots,
      close: async () => {
        await publisher.close()
        await store?.close()
      },
    }
  } catch (error) {
    await store?.close()
    throw error
  }
}

async function openFiles(directory: string): Promise<SnapshotStore> {
  const {openFileSnapshots} = await import('../store/file-snapshots.js')
  return openFileSnapshots(directory)
}

/** The store of the services' database, migrated first when it is the embedded one; null without a database. */
export async function openPaymentStore(services: Services): Promise<PaymentStore | null> {
  if (services.databaseUrl === undefined) return null
  const {openStore} = await import('../store/open.js')
  if (services.embeddedDatabase) {
    const {migrate} = await import('../store/migrate.js')
    await migrate(services.databaseUrl)
  }
  return openStore(services.databaseUrl)
}
