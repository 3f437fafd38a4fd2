/**
 * `p2pay serve`: the ingest API and, beside it in the same process, the detector. Both work on ports that others
 * opened. The end comes in the order of the stream: no new request, answers to those under way, what was taken over
 * settled, the detector drained. Trouble of the detector is told and never takes the API down.
 */
import type {ApiLimits, ApiOptions, ApiServer} from '../api/ports.js'
import {startApi} from '../api/server.js'
import type {Clock} from '../base/clock.js'
import {messageOf} from '../base/errors.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {partitionOfKey} from '../kafka/partition-of.js'
import type {TopicNames} from '../payment/topics.js'
import type {IngestSink} from '../sink/ingest-sink.js'
import type {ClaimTable} from '../store/claims.js'
import type {PaymentQueries} from '../store/payment-queries.js'
import {caughtUp} from './caught-up.js'
import {aborted} from './detect/wake.js'
import type {DetectSummary} from './detect.js'
import {CountingIngest, type ServeCounts} from './serve/counting-ingest.js'
import {Probe, within} from './serve/probe.js'
import {withoutRepeats} from './serve/quiet-notes.js'
import {ServiceDetector, type ServiceDetectorOptions} from './serve/service-detector.js'

export type {ServeCounts} from './serve/counting-ingest.js'

export interface ServeOptions {
  /** This and the other ports are closed by whoever opened them, after the end. */
  readonly ingest: IngestSink
  readonly claims: ClaimTable
  /** Null without a database. */
  readonly queries: PaymentQueries | null
  /** Null without a detector in this process. */
  readonly detection: Pick<ServiceDetectorOptions, 'detector' | 'source' | 'publisher' | 'store' | 'snapshots'> | null
  readonly kafka: KafkaConnection
  readonly topics: TopicNames
  /** Whose lag is shown, and the detector's. */
  readonly group: string
  /** Port 0: any free one. */
  readonly listen: {readonly host: string; readonly port: number}
  readonly limits: ApiLimits
  readonly apiKey: string | undefined
  readonly version: string
  readonly clock: Clock
  /** Ends it in order. */
  readonly signal: AbortSignal
  /** It answers, and the detector decides payments as they come, or has said why it does not yet. */
  readonly onReady: (ready: ServeReady) => void
  readonly onNote: (note: string) => void
}

export interface ServeReady {
  readonly url: string
  /** The detector's partitions; null without one, or while it is not ready. */
  readonly partitions: {readonly assigned: number; readonly all: number} | null
}

export interface ServeSummary {
  readonly url: string
  readonly ingest: ServeCounts
  /** Everything that was taken over had an outcome in time. */
  readonly settled: boolean
  /** Null without a detector, or when it gave up. */
  readonly detection: DetectSummary | null
  /** Records that the group has left on the topic; null when nobody could say. */
  readonly lag: number | null
}

/** For a broker or a database to say how it is; later than this it counts as away. */
const PROBE_TIMEOUT_MS = 2000
/** However often somebody asks, nobody else is asked more often than this. */
const PROBE_AGE_MS = 1000
/** A detector that is still not ready then may have much to read again: that is no reason to keep quiet. */
const DETECTOR_READY_MS = 30_000
/** On top of what a request may take by its limits. */
const CLOSE_MARGIN_MS = 5000
/** What was acknowledged last is decided before the detector goes, when it is quick about it; else by the next one. */
const LAST_LAG_MS = 5000
const SLOW_END_MS = 3000
/** Claims that have expired are removed in steps, so that no request waits long behind one. */
const PURGE_INTERVAL_MS = 60_000
const PURGE_COUNT = 1000

/**
 * Runs until the signal.
 *
 * @throws EnvironmentError when it cannot listen there; later trouble is answered with 503 and waited for
 * @throws BugError and whatever else the detector died of, at the end
 */
export async function serve(given: ServeOptions): Promise<ServeSummary> {
  const options = {...given, onNote: withoutRepeats(given.clock, given.onNote)}
  const {clock, signal, detection} = options
  const ingest = new CountingIngest(options.ingest)
  const detector = detection === null ? null : new ServiceDetector({...options, ...detection})
  // First of all: a port that is taken shows at once, before a group has to share its partitions anew.
  const api = await startApi(apiOptions(options, ingest, detector), options.listen)
  const housekeeping = purgeClaims(options)
  let settled = false
  let detected: DetectSummary | null = null
  try {
    detector?.start()
    if (detector !== null) await within(clock, DETECTOR_READY_MS, detector.ready, signal)
    if (!signal.aborted) options.onReady({url: api.url, partitions: detector?.partitions ?? null})
    await aborted(signal)
  } finally {
    settled = await toldWhenSlow(options, 'answers that are under way', closeApi(api, ingest, options))
    if (detector !== null) detected = await toldWhenSlow(options, 'the detector', endDetector(detector, options))
    await toldWhenSlow(options, 'the removal of expired claims', housekeeping)
  }
  const left = await within(clock, PROBE_TIMEOUT_MS, lagByPartition(options)).catch(() => undefined)
  return {
    url: api.url,
    ingest: countsOf(ingest, api),
    settled,
    detection: detected,
    lag: left === undefined ? null : [...left.values()].reduce((sum, count) => sum + count, 0),
  }
}

function countsOf({counts}: CountingIngest, api: ApiServer): ServeCounts {
  const {refused, late, unclaimed} = api.laterCounts()
  return {...counts, refused: counts.refused + refused, late, unclaimed}
}

function apiOptions(options: ServeOptions, ingest: IngestSink, detector: ServiceDetector | null): ApiOptions {
  const {clock, queries, claims, version, limits, apiKey, onNote} = options
  const probing = {clock, maxAgeMs: PROBE_AGE_MS, timeoutMs: PROBE_TIMEOUT_MS}
  const lag = new Probe(probing, () => lagByPartition(options))
  const database = new Probe(probing, async () => {
    await queries?.ping()
    return true
  })
  const shared = {clock, version, ingest, claims, queries, limits, apiKey, onNote}
  return {
    ...shared,
    scorer:
      detector === null
        ? null
        : {
            look: payment =>
              detector.look(payment, partitionOfKey(Buffer.from(payment.debtorId), ingest.partitionCount)),
          },
    detector: detector === null ? null : () => detector.figures,
    watchDecisions: detector === null ? undefined : watcher => detector.watch(watcher),
    lag: async () => (await lag.value()) ?? null,
    troubles: async () => {
      const [hasBroker, hasDatabase] = await Promise.all([lag.value(), database.value()])
      return [
        ...(hasBroker === undefined ? [`the broker does not answer: ${lag.reason}`] : []),
        ...(hasDatabase === undefined ? [`the database does not answer: ${database.reason}`] : []),
        ...(detector?.troubles ?? []),
      ]
    },
  }
}

/** @returns whether everything that was taken over has an outcome */
async function closeApi(
  api: ApiServer,
  ingest: IngestSink,
  {clock, limits}: Pick<ServeOptions, 'clock' | 'limits'>,
): Promise<boolean> {
  const patienceMs = limits.ackTimeoutMs + limits.requestTimeoutMs + CLOSE_MARGIN_MS
  const closing = api.close().then(() => ingest.flush())
  return (
    (await within(
      clock,
      patienceMs,
      closing.then(() => true),
    )) ?? false
  )
}

async function endDetector(detector: ServiceDetector, options: ServeOptions): Promise<DetectSummary | null> {
  const late = new AbortController()
  const isOver = (): boolean => detector.hasEnded || detector.partitions === null
  const waiting = caughtUp({...options, signal: late.signal, topic: options.topics.raw, isOver})
  await within(options.clock, LAST_LAG_MS, waiting)
  late.abort()
  return detector.stop()
}

/** Whoever has asked for the end wants to know what keeps it. */
async function toldWhenSlow<T>({clock, onNote}: ServeOptions, what: string, ending: Promise<T>): Promise<T> {
  const ended = new AbortController()
  void clock.sleep(SLOW_END_MS, ended.signal).then(() => {
    if (!ended.signal.aborted) onNote(`stopping: waiting for ${what}`)
  })
  return ending.finally(() => ended.abort())
}

async function lagByPartition({kafka, group, topics}: ServeOptions): Promise<ReadonlyMap<number, number>> {
  const partitions = await kafka.admin.lagOf(group, topics.raw)
  return new Map(partitions.map(({partition, lag}) => [partition, lag]))
}

/** Until the signal. A database that is away has other witnesses. */
async function purgeClaims({claims, clock, signal, onNote}: ServeOptions): Promise<void> {
  let isTold = false
  while (!signal.aborted) {
    const purged = await claims.purge(PURGE_COUNT).catch((error: unknown) => {
      if (!isTold) onNote(`! expired claims cannot be removed now: ${messageOf(error)}`)
      isTold = true
      return 0
    })
    if (purged < PURGE_COUNT) await clock.sleep(PURGE_INTERVAL_MS, signal)
  }
}
