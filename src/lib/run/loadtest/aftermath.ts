/**
 * After a load test on a pipeline whose topics we can read: wait for its detector, balance the books by id, grade the
 * decisions, and measure due → decided. What was sent is known from the journal, where acked is a success of HTTP.
 */
import {type DetectionSummary, ENOUGH_FRAUDS, summarizeDetection} from '../../audit/detection.js'
import type {Ladder} from '../../audit/ladder.js'
import type {Clock} from '../../base/clock.js'
import {messageOf} from '../../base/errors.js'
import {isLoopback} from '../../base/loopback.js'
import type {KafkaConnection} from '../../kafka/connection.js'
import {readRange} from '../../kafka/read-range.js'
import {createHistogram} from '../../metrics/histogram.js'
import type {LatencyHistogram} from '../../metrics/metrics.js'
import type {PartitionOffsets} from '../../payment/record.js'
import type {TopicNames} from '../../payment/topics.js'
import {plural} from '../../report/format.js'
import type {PaymentStore} from '../../store/store.js'
import {balance} from '../balance.js'
import {caughtUp} from '../caught-up.js'
import {RunFacts} from '../facts.js'
import {readJournal, readJournalHeader} from '../journal.js'
import {listOffsets} from '../produce.js'
import type {Manifest} from '../run-directory.js'

/** The pipeline behind the service that is tested. */
export interface LoadedPipeline {
  readonly kafka: KafkaConnection
  readonly topics: TopicNames
  /** The detector's. */
  readonly group: string
  /** Null: rows are not looked at. */
  readonly store: PaymentStore | null
  readonly clock: Clock
}

/** What has to be known before the first send. */
export interface BeforeLoad {
  readonly startOffsets: Readonly<Record<keyof TopicNames, PartitionOffsets>>
  /** For the manifest. */
  readonly manifestTopics: Manifest['topics']
  readonly notes: readonly string[]
}

const TOPIC_ROLES = ['raw', 'legit', 'fraud', 'alerts', 'dlq'] as const satisfies readonly (keyof TopicNames)[]

/**
 * Waits until the detector has worked off what others sent before, so that it stands between no payment of ours and
 * its decision, and takes the ends of all topics.
 *
 * @param signal gives the wait up
 * @throws EnvironmentError broker, or P2PAY_TOPIC_MISSING
 */
export async function beforeLoad(
  {kafka, topics, group, clock}: Omit<LoadedPipeline, 'store'>,
  {signal, isOver}: {readonly signal: AbortSignal; readonly isOver?: () => boolean},
): Promise<BeforeLoad> {
  const isClear = await caughtUp({kafka, group, topic: topics.raw, clock, signal, isOver})
  const endOf = (role: keyof TopicNames): Promise<PartitionOffsets> => kafka.admin.endOffsets(topics[role])
  const startOffsets = {
    raw: await endOf('raw'),
    legit: await endOf('legit'),
    fraud: await endOf('fraud'),
    alerts: await endOf('alerts'),
    dlq: await endOf('dlq'),
  }
  return {
    startOffsets,
    manifestTopics: Object.fromEntries(
      TOPIC_ROLES.map(role => [role, {name: topics[role], start_offsets: listOffsets(startOffsets[role])}]),
    ),
    notes: isClear
      ? []
      : ['the detector had not worked off older records when the load began: decision times contain them'],
  }
}

export interface AftermathOptions extends LoadedPipeline {
  readonly before: BeforeLoad
  readonly tag: string
  /** Payments that were due: sequence numbers [0, plannedCount). */
  readonly plannedCount: number
  /** The first payments, which are left out of latencies and grades. */
  readonly warmupCount: number
  readonly journalPath: string
  /** With the truth of what was generated; null when nobody knows it. Takes the decisions over. */
  readonly facts: RunFacts | null
  /** When a payment was due, wall clock µs; by default as its record says. NaN for those that are not known. */
  readonly dueUsOf?: ((sequence: number) => number) | undefined
  /** The detector is a process of this machine; by default when every broker is. */
  readonly isOneClock?: boolean | undefined
  /** True when the service is gone: nobody will decide any more. */
  readonly isOver?: (() => boolean) | undefined
  /** Records that are left to be decided; null while nobody can say. */
  readonly onProgress?: ((lag: number | null) => void) | undefined
}

export interface Aftermath {
  /** The detector has committed everything that was on the topic. */
  readonly drained: boolean
  /** Null when the books could not be read; a note says why. */
  readonly ladder: Ladder | null
  /** Null when nothing was decided, or nobody knows the truth. */
  readonly detection: DetectionSummary | null
  /** Due → decided; null across clocks. */
  readonly decisionTime: LatencyHistogram | null
  readonly decidedCount: number
  readonly notes: readonly string[]
}

/** Books are closed also after an interruption: the wait is bounded by a lag that no longer falls. */
export async function takeAftermath(options: AftermathOptions): Promise<Aftermath> {
  const {kafka, topics, group, clock, before, tag, plannedCount, warmupCount, journalPath} = options
  const facts = options.facts ?? new RunFacts()
  const notes = [...before.notes]
  const {isOver, onProgress} = options
  const drained = await caughtUp({kafka, group, topic: topics.raw, clock, isOver, onPoll: onProgress})
  if (!drained) notes.push('the detector had not decided on every accepted payment at the drain deadline')

  const isOneClock = options.isOneClock ?? areLocal(kafka.brokers)
  const decisionTime = createHistogram()
  let decidedBeforeCount = 0
  let ladder: Ladder | null = null
  try {
    const never = new AbortController().signal
    ladder = await balance({
      tag,
      plannedCount,
      journal: readJournal(journalPath),
      // What waited in the queue when a signal came was never handed over.
      unjournalled: (await readJournalHeader(journalPath)).closed ? 'unsent' : 'unknown',
      topics,
      startOffsets: before.startOffsets,
      endOffsets: topic => kafka.admin.endOffsets(topic),
      readRange: (topic, from, to) => readRange(kafka, topic, from, to, never),
      store: options.store,
      onDecided: record => {
        const {sequence, kind, decidedUs} = record
        // At least once: of several copies the first counts.
        if (!facts.decided(sequence, kind)) return
        const dueUs = options.dueUsOf?.(sequence) ?? record.dueUs
        if (Number.isNaN(dueUs + decidedUs) || sequence < warmupCount) return
        if (decidedUs < dueUs) decidedBeforeCount += 1
        else decisionTime.recordUs(decidedUs - dueUs)
      },
    })
  } catch (error) {
    notes.push(`the books could not be balanced: ${messageOf(error)}`)
  }
  if (!isOneClock) notes.push(acrossClocks(`the broker is at ${kafka.brokers.join(',')}`))
  else if (decidedBeforeCount > 0) {
    notes.push(
      `${plural(decidedBeforeCount, 'payment')} of this tag had been decided before: their latencies are not of this run`,
    )
  }
  return {
    drained,
    ladder,
    detection: gradeOf(options.facts, {warmupCount, plannedCount}, notes),
    decisionTime: isOneClock ? decisionTime : null,
    decidedCount: facts.decidedCount,
    notes,
  }
}

/** Of the decisions that `facts` has; null without any. Says in the notes when they are too few. */
export function gradeOf(
  facts: RunFacts | null,
  {warmupCount, plannedCount}: {readonly warmupCount: number; readonly plannedCount: number},
  notes: string[],
): DetectionSummary | null {
  if (facts === null || facts.decidedCount === 0) return null
  const detection = summarizeDetection(facts, {from: Math.min(warmupCount, plannedCount), to: plannedCount})
  if (!detection.enough_frauds) {
    notes.push(`${plural(detection.frauds, 'graded fraud')}: detection figures need ${ENOUGH_FRAUDS} before a verdict`)
  }
  return detection
}

/** The sentence that stands for a latency between two clocks. */
export function acrossClocks(why: string): string {
  return `due → decided is n/a: ${why}, and the clocks of two machines cannot be compared to the microsecond`
}

/** @param brokers `host:port` */
function areLocal(brokers: readonly string[]): boolean {
  return brokers.every(broker => isLoopback(broker.slice(0, broker.lastIndexOf(':'))))
}
