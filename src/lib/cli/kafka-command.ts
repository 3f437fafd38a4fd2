/** Opens the Kafka side alone, for commands that look at or change topics. */
import {systemClock} from '../base/clock.js'
import {openServices, type Services} from './services.js'

export interface KafkaFlags {
  readonly brokers: string | undefined
  readonly property: readonly string[] | undefined
  readonly dir: string
}

/** A connection to the named broker or to the running embedded one, closed after `use`. */
export async function withKafka<T>(
  flags: KafkaFlags,
  context: {readonly signal: AbortSignal; readonly note: (text: string) => void},
  use: (services: Services) => Promise<T>,
): Promise<T> {
  const services = await openServices({
    brokers: flags.brokers,
    properties: flags.property ?? [],
    databaseUrl: undefined,
    database: 'none',
    directory: flags.dir,
    whenAbsent: 'wait',
    clock: systemClock,
    signal: context.signal,
    note: context.note,
  })
  try {
    return await use(services)
  } finally {
    await services.close()
  }
}
