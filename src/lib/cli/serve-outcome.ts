/** What `p2pay serve` does with its flags, from opening its services to the summary at its end. */
import type {ApiLimits} from '../api/ports.js'
import type {Clock} from '../base/clock.js'
import {EXIT} from '../base/errors.js'
import {isLoopback} from '../base/loopback.js'
import type {Detector} from '../detect/detector.js'
import type {TopicNames} from '../payment/topics.js'
import {formatCount} from '../report/format.js'
import type {ServeCounts, ServeReady, ServeSummary} from '../run/serve.js'
import type {ClaimTable} from '../store/claims.js'
import type {PaymentQueries} from '../store/payment-queries.js'
import {type DetectSummaryJson, outcomeOf, topicsOf} from './detect-outcome.js'
import {type DetectorPorts, openDetectorPorts, openDetectorServices, openPaymentStore} from './detector-ports.js'
import {partitionsOf} from './flags.js'
import {parentGone, tellParent} from './parent.js'
import type {Progress} from './progress.js'
import {apiKeyOf, limitsOf, type ServeFlags} from './serve-flags.js'
import type {Services} from './services.js'
import {packageVersion} from './version.js'

/** What `--json` prints when it is ready, and what a parent process is told. */
export interface ServeReadyJson {
  readonly url: string
  readonly docs_url: string
  readonly brokers: string
  readonly cluster: string | null
  /** Where rows are, for whoever shares the machine; null without a database. */
  readonly database: string | null
  readonly topic: string
  readonly group: string
  readonly detect: boolean
}

/** What `--json` prints at the end. */
export interface ServeSummaryJson {
  readonly url: string
  readonly broker: string
  readonly database: string | null
  readonly payments: ServeCounts
  /** Everything that was taken over had an outcome before the end. */
  readonly settled: boolean
  /** Null without `--detect`, or when the detector had given up. */
  readonly detection: DetectSummaryJson | null
  readonly lag: number | null
}

export interface ServeOutcome {
  readonly summary: ServeSummaryJson
  readonly lines: readonly string[]
  readonly exitCode: number
}

export interface ServeContext {
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly onReady: (ready: ServeReadyJson, line: string) => void
}

/** @throws UsageError flags; EnvironmentError services, schema, port; both before anything is served */
export async function serveOutcome(flags: ServeFlags, context: ServeContext): Promise<ServeOutcome> {
  const {progress, clock} = context
  const [limits, apiKey, detector] = await Promise.all([limitsOf(flags), apiKeyOf(flags), detectorOf(flags)])
  if (apiKey === undefined && !isLoopback(flags.host)) {
    progress.note(
      `! whoever reaches ${flags.host} can send payments and read them: set --api-key-file or P2PAY_API_KEY`,
    )
  }
  const topics = topicsOf(flags)
  // Before a broker and a database are hosted for nothing.
  const {tryToListen} = await import('../api/listening.js')
  await tryToListen({host: flags.host, port: flags.port})
  // Whoever started us over a channel and is gone wants us no more.
  const signal = AbortSignal.any([context.signal, parentGone()])
  const services = await openDetectorServices(flags, {...context, signal})
  try {
    const needed = detector === null ? [topics.raw] : Object.values(topics)
    const ensured = await services.kafka.admin.ensureTopics(needed, ...partitionsOf(flags.partitions))
    for (const note of ensured.notes) progress.note(`! ${note}`)
    const ports = await openPorts(services, flags, {detector, topics, limits, clock})
    try {
      const {serve} = await import('../run/serve.js')
      const summary = await serve({
        ...ports,
        kafka: services.kafka,
        topics,
        group: flags.group,
        listen: {host: flags.host, port: flags.port},
        limits,
        apiKey,
        version: packageVersion(),
        clock,
        signal: AbortSignal.any([signal, services.failed]),
        onReady: ready => announce(ready, {flags, services, database: ports.database}, context),
        onNote: note => progress.note(note),
      })
      if (services.failed.aborted) throw services.failed.reason
      return finished(summary, {broker: services.brokers, database: ports.database, group: flags.group})
    } finally {
      await ports.close()
    }
  } finally {
    await services.close()
  }
}

function announce(
  ready: ServeReady,
  {
    flags,
    services,
    database,
  }: {readonly flags: ServeFlags; readonly services: Services; readonly database: string | null},
  {progress, onReady}: ServeContext,
): void {
  const docsUrl = `${ready.url}/api/v1/docs`
  tellParent({ready: {url: ready.url, brokers: services.brokers, database_url: services.databaseUrl ?? null}})
  onReady(
    {
      url: ready.url,
      docs_url: docsUrl,
      brokers: services.brokers,
      cluster: services.kafka.clusterId,
      database,
      topic: flags.topic,
      group: flags.group,
      detect: flags.detect,
    },
    `listening on ${ready.url}; ${services.kafka.description}; ${database ?? 'no database'}; docs at ${docsUrl}`,
  )
  if (!flags.detect) return
  progress.note(
    ready.partitions === null
      ? '! the detector is not ready yet; payments are taken all the same'
      : `detecting: group ${flags.group}, ${ready.partitions.assigned} of ${ready.partitions.all} partitions of ${flags.topic}`,
  )
}

function finished(
  summary: ServeSummary,
  run: {readonly broker: string; readonly database: string | null; readonly group: string},
): ServeOutcome {
  const {acked, failed, unknown, refused, late, unclaimed} = summary.ingest
  const detection = summary.detection === null ? null : outcomeOf(summary.detection, {...run, lag: summary.lag})
  return {
    summary: {
      url: summary.url,
      broker: run.broker,
      database: run.database,
      payments: summary.ingest,
      settled: summary.settled,
      detection: detection?.summary ?? null,
      lag: summary.lag,
    },
    lines: [
      `payments accepted ${formatCount(acked)}, failed ${formatCount(failed)}, unknown ${formatCount(unknown)}, refused for want of room ${formatCount(refused)}`,
      ...(late === 0 ? [] : [`! answered 503 before the broker or the database had answered: ${formatCount(late)}`]),
      ...(unclaimed === 0 ? [] : [`! answered 503 because the database did not answer: ${formatCount(unclaimed)}`]),
      ...(summary.settled ? [] : ['! not everything that was taken over has an outcome: a retry settles it']),
      ...(detection?.lines ?? []),
    ],
    exitCode:
      summary.settled && (detection === null || detection.exitCode === EXIT.passed) ? EXIT.passed : EXIT.inconclusive,
  }
}

interface ServePorts {
  readonly ingest: Awaited<ReturnType<typeof openIngest>>
  readonly claims: ClaimTable
  readonly queries: PaymentQueries | null
  readonly detection: (DetectorPorts & {readonly detector: Detector}) | null
  /** For people. */
  readonly database: string | null
  close(): Promise<void>
}

/** Everything between the services and the use case, closed in the reverse order, also when one cannot be opened. */
async function openPorts(
  services: Services,
  flags: ServeFlags,
  options: {
    readonly detector: Detector | null
    readonly topics: TopicNames
    readonly limits: ApiLimits
    readonly clock: Clock
  },
): Promise<ServePorts> {
  const {detector, topics, limits, clock} = options
  const opened: {close(): Promise<void>}[] = []
  const keep = <T extends {close(): Promise<void>}>(port: T): T => {
    opened.push(port)
    return port
  }
  const close = async (): Promise<void> => {
    for (const port of opened.toReversed()) await port.close()
  }
  try {
    const detectorPorts =
      detector === null
        ? null
        : keep(await openDetectorPorts(services, {topics, group: flags.group, directory: flags.dir, clock}))
    const store = detectorPorts === null ? await openPaymentStore(services) : detectorPorts.store
    if (store !== null && detectorPorts === null) keep(store)
    const url = services.databaseUrl
    const claims = keep(await openClaimTable(services, clock))
    const queries = url === undefined ? null : keep(await openPaymentQueries(url))
    const ingest = keep(await openIngest(services, topics, limits))
    return {
      ingest,
      claims,
      queries,
      detection: detectorPorts === null || detector === null ? null : {...detectorPorts, detector},
      database: store?.description ?? null,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openIngest(services: Services, topics: TopicNames, limits: ApiLimits) {
  const {openIngestSink} = await import('../sink/ingest-kafka.js')
  return openIngestSink(services.kafka, {topic: topics.raw, maxInFlightCount: limits.pendingCount})
}

async function openClaimTable({databaseUrl, embeddedDatabase}: Services, clock: Clock): Promise<ClaimTable> {
  if (databaseUrl === undefined) {
    const {MemoryClaims} = await import('../api/memory-claims.js')
    return new MemoryClaims({clock})
  }
  const {openClaims} = await import('../store/postgres-claims.js')
  // Whether a pooler stands before somebody else's database, nobody knows.
  return openClaims(databaseUrl, {prepares: embeddedDatabase})
}

async function openPaymentQueries(databaseUrl: string): Promise<PaymentQueries> {
  const {openQueries} = await import('../store/postgres-queries.js')
  return openQueries(databaseUrl)
}

async function detectorOf(flags: ServeFlags): Promise<Detector | null> {
  if (!flags.detect) return null
  const [{createDetector}, {planOf}] = await Promise.all([import('../detect/create.js'), import('./plan.js')])
  const {plan} = await planOf({scenario: flags.scenario})
  return createDetector(plan.detector)
}
