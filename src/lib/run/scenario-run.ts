/**
 * `p2pay run`: generate and detect together, wait for the detector to finish, balance the books, judge the thresholds.
 * The schedule starts once all partitions are assigned; an interruption still ends in a result.
 */
import {ENOUGH_FRAUDS, summarizeDetection} from '../audit/detection.js'
import type {Ladder} from '../audit/ladder.js'
import {nowMs} from '../base/clock.js'
import {EnvironmentError, messageOf} from '../base/errors.js'
import {createDetector} from '../detect/create.js'
import {readRange} from '../kafka/read-range.js'
import {createHistogram} from '../metrics/histogram.js'
import {judge} from '../metrics/threshold.js'
import {sequenceOf} from '../payment/payment-id.js'
import type {TopicNames} from '../payment/topics.js'
import {metricSetOf, summarizeLatencies, verdictOf} from '../report/assemble.js'
import {plural} from '../report/format.js'
import {RESULT_SCHEMA_VERSION, type RunResult} from '../report/result.js'
import type {RecordPublisher} from '../sink/publisher.js'
import type {RecordSource} from '../source/source.js'
import type {PaymentStore, SnapshotStore} from '../store/store.js'
import {balance, type DecidedRecord} from './balance.js'
import {caughtUp} from './caught-up.js'
import type {DecidedPayment} from './detect/writer.js'
import {type DetectSummary, detect} from './detect.js'
import {RunFacts} from './facts.js'
import type {GenerateProgress, GenerateSummary} from './generate-tally.js'
import {readJournal, readJournalHeader} from './journal.js'
import {offsetsOfList, type Produced, type ProduceOptions, produce} from './produce.js'

export interface ScenarioRunOptions extends Omit<ProduceOptions, 'topics' | 'onReleased' | 'onProgress'> {
  readonly topics: TopicNames
  readonly group: string
  readonly source: RecordSource
  readonly publisher: RecordPublisher
  /** Null: no rows. */
  readonly store: PaymentStore | null
  readonly snapshots: SnapshotStore | null
  readonly machine: RunResult['run']['machine']
  readonly databaseDescription: string | null
  readonly onProgress?: (progress: RunProgress) => void
  readonly onNote?: (note: string) => void
}

export interface RunProgress {
  readonly phase: 'catching up' | 'generating' | 'draining'
  readonly load: GenerateProgress | undefined
  /** Records that this process has decided: anybody's while it catches up, the run's own from then on. */
  readonly decidedCount: number
}

const MAX_TROUBLE_NOTES = 100

/** @throws EnvironmentError, UsageError when the run could not begin; a run that began ends in a result */
export async function runScenario(options: ScenarioRunOptions): Promise<RunResult> {
  const {clock, plan, tag} = options
  const startedMs = nowMs(clock)
  const facts = new RunFacts()
  const decisionTime = createHistogram()
  const rowTime = createHistogram()
  let decidedHere = 0
  let ownDecidedHere = 0
  const onDecided = (batch: readonly DecidedPayment[]): void => {
    decidedHere += batch.length
    for (const {dueUs, persistedUs, paymentId, adopted} of batch) {
      const sequence = sequenceOf(tag, paymentId ?? '')
      if (sequence === undefined) continue
      ownDecidedHere += 1
      // The row of an adopted decision was there before.
      if (adopted || sequence < plan.warmupCount || Number.isNaN(dueUs + persistedUs)) continue
      rowTime.recordUs(persistedUs - dueUs)
    }
  }
  const notes: string[] = []
  const detector = startDetector(options, onDecided, notes)
  let produced: Produced
  let drained: boolean
  let detected: PromiseSettledResult<DetectSummary>
  const isOver = detector.hasEnded
  try {
    await detector.ready
    // Records of others that wait on the topic would stand between our payments and their decisions.
    if (!(await detectorCaughtUp(options, 'catching up', {isOver, decidedCount: () => decidedHere}))) {
      // Without a detector there is nothing to begin.
      if (detector.hasEnded()) await detector.stop()
      notes.push('the detector had not worked off older records when the schedule began: latencies contain them')
    }
    produced = await produce({
      ...options,
      onReleased: (block, from, to) => facts.generated(block, from, to),
      onProgress: load => options.onProgress?.({phase: 'generating', load, decidedCount: ownDecidedHere}),
    })
    drained = await detectorCaughtUp(options, 'draining', {isOver, decidedCount: () => ownDecidedHere})
  } finally {
    // Also when producing failed: what is on its way is decided, stored and committed.
    ;[detected] = await Promise.allSettled([detector.stop()])
  }
  if (!drained) notes.push('the detector had not decided on every acknowledged payment at the drain deadline')
  if (detected.status === 'fulfilled') notes.push(...detected.value.state.notes)
  else if (detected.reason instanceof EnvironmentError) notes.push(`the detector gave up: ${detected.reason.message}`)
  else throw detected.reason

  const {summary, manifest} = produced
  let decidedBeforeCount = 0
  const ladder = await balanceRun(options, produced, notes, ({sequence, kind, dueUs, decidedUs}) => {
    // Decisions are taken from the topics: whichever detector of the group made them.
    if (!facts.decided(sequence, kind)) return
    // Older than the payment: adopted from an earlier run of this tag, and no latency of this one.
    if (decidedUs < dueUs) decidedBeforeCount += 1
    else if (sequence >= plan.warmupCount && !Number.isNaN(dueUs + decidedUs)) decisionTime.recordUs(decidedUs - dueUs)
  })
  if (decidedBeforeCount > 0) {
    notes.push(
      `${plural(decidedBeforeCount, 'payment')} of this tag had been decided before: their latencies are not of this run; p2pay clean --run ${tag}, or run without --run-tag`,
    )
  }
  const detection =
    facts.decidedCount === 0
      ? null
      : summarizeDetection(facts, {from: Math.min(plan.warmupCount, summary.due), to: summary.due})
  if (detection !== null && !detection.enough_frauds) {
    notes.push(`${plural(detection.frauds, 'graded fraud')}: detection figures need ${ENOUGH_FRAUDS} before a verdict`)
  }
  const histograms = {
    'produce.lateness': summary.lateness,
    'produce.ack_time': summary.ackTime,
    'detect.decision_time': decisionTime,
    ...(options.store === null ? {} : {'persist.row_time': rowTime}),
  }
  const {interrupted} = summary
  const load = loadOf(summary, facts)
  const thresholds = judge(plan.thresholds, metricSetOf({load, interrupted, histograms, ladder, detection}))
  return {
    schema_version: RESULT_SCHEMA_VERSION,
    run: {
      tag,
      scenario: plan.name,
      scenario_sha256: manifest.plan_sha256,
      seed: plan.seed,
      started_at: new Date(startedMs).toISOString(),
      finished_at: new Date(nowMs(clock)).toISOString(),
      command: options.command,
      versions: {p2pay: options.version, node: options.nodeVersion},
      machine: options.machine,
      broker: options.brokers,
      cluster: options.kafka.clusterId,
      database: options.databaseDescription,
      interrupted,
    },
    load,
    latencies: summarizeLatencies(histograms),
    http: null,
    ladder,
    detection,
    thresholds,
    notes,
    verdict: verdictOf({load, thresholds, ladder, interrupted, inconclusive: !drained || ladder === null}),
  }
}

interface RunningDetector {
  /** Partitions are assigned and state is there. */
  readonly ready: Promise<void>
  /** Whether it ended by itself: it has given up. */
  hasEnded(): boolean
  stop(): Promise<DetectSummary>
}

function startDetector(
  options: ScenarioRunOptions,
  onDecided: (batch: readonly DecidedPayment[]) => void,
  notes: string[],
): RunningDetector {
  // Not the user's signal: after an interruption the detector still has to finish what was sent.
  const stopping = new AbortController()
  let becomeReady = (): void => {}
  const isReady = new Promise<void>(resolve => {
    becomeReady = resolve
  })
  const running = detect({
    source: options.source,
    publisher: options.publisher,
    store: options.store,
    snapshots: options.snapshots,
    detector: createDetector(options.plan.detector),
    topics: options.topics,
    group: options.group,
    clock: options.clock,
    signal: stopping.signal,
    onDecided,
    onReady: () => becomeReady(),
    onTrouble: ({message, recovered}) => {
      options.onNote?.(message)
      // An outage tells the same again and again; a report tells it once.
      if (!recovered && notes.length < MAX_TROUBLE_NOTES && !notes.includes(message)) notes.push(message)
    },
  })
  const ended = running.then(() => {
    throw new EnvironmentError('The detector ended before the run did', {code: 'P2PAY_DETECTOR_ENDED'})
  })
  let hasEnded = false
  ended.catch(() => {
    hasEnded = true
  })
  return {
    ready: Promise.race([isReady, ended]),
    hasEnded: () => hasEnded,
    stop: () => {
      stopping.abort()
      return running
    },
  }
}

/** @returns false when the detector did not get there */
function detectorCaughtUp(
  options: ScenarioRunOptions,
  phase: 'catching up' | 'draining',
  {decidedCount, isOver}: {readonly decidedCount: () => number; readonly isOver: () => boolean},
): Promise<boolean> {
  return caughtUp({
    ...options,
    topic: options.topics.raw,
    isOver,
    // Who interrupts before the first payment wants to go; after it, the books want to be closed.
    signal: phase === 'catching up' ? options.signal : undefined,
    onPoll: () => options.onProgress?.({phase, load: undefined, decidedCount: decidedCount()}),
  })
}

async function balanceRun(
  options: ScenarioRunOptions,
  {summary, manifest, paths}: Produced,
  notes: string[],
  onDecided: (decided: DecidedRecord) => void,
): Promise<Ladder | null> {
  const {kafka, topics} = options
  const never = new AbortController().signal
  const startOffsets = (role: keyof TopicNames) => offsetsOfList(manifest.topics[role]?.start_offsets ?? [])
  try {
    return await balance({
      tag: options.tag,
      plannedCount: Math.min(summary.planned, Math.max(summary.due, summary.sent)),
      journal: readJournal(paths.journal),
      // An interruption leaves payments that were due and never handed over.
      unjournalled: (await readJournalHeader(paths.journal)).closed ? 'unsent' : 'unknown',
      topics,
      startOffsets: {
        raw: startOffsets('raw'),
        legit: startOffsets('legit'),
        fraud: startOffsets('fraud'),
        dlq: startOffsets('dlq'),
        alerts: startOffsets('alerts'),
      },
      endOffsets: topic => kafka.admin.endOffsets(topic),
      readRange: (topic, from, to) => readRange(kafka, topic, from, to, never),
      store: options.store,
      onDecided,
    })
  } catch (error) {
    notes.push(`the books could not be balanced: ${messageOf(error)}`)
    return null
  }
}

function loadOf(summary: GenerateSummary, facts: RunFacts): RunResult['load'] {
  const wallS = summary.wallUs / 1e6
  const simulatedS = facts.simulatedMs / 1000
  // Interrupted before anything was measured: 0 would look like a figure.
  const isCutShort = summary.interrupted && summary.acked === 0
  return {
    description: summary.description,
    requested_tps: Number.isFinite(summary.requestedTps) ? summary.requestedTps : null,
    achieved_tps: isCutShort ? null : summary.achievedTps,
    achieved_ratio: isCutShort ? null : summary.achievedRatio,
    shortfall: summary.shortfall,
    planned: summary.due,
    sent: summary.sent,
    acked: summary.acked,
    failed: summary.failed,
    unknown: summary.unknown,
    wall_s: wallS,
    simulated_s: simulatedS,
    speed_up: wallS > 0 ? simulatedS / wallS : null,
    warmup_count: summary.warmupCount,
    per_second: summary.ackedPerSecond,
    errors: summary.errors,
  }
}
