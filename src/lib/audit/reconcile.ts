/**
 * Expectations against observations, payment by payment: what the journal says was sent beside where it was seen.
 * Pure, and free of strings until an anomaly needs an example: five bytes a payment, in columns by sequence number.
 * Feed `plan` before the sightings of its payments; the order is free otherwise.
 */
import {assert} from '../base/assert.js'
import {Uint8Column, Uint16Column} from '../base/column.js'
import {DECISIONS, type DecisionKind} from '../payment/decision.js'
import {
  ANOMALY_KINDS,
  ANOMALY_STAGES,
  type AnomalyKind,
  type AnomalyStage,
  type Ladder,
  type LadderAnomaly,
  STAGES,
  type Stage,
} from './ladder.js'

export const MAX_EXAMPLES = 20
/** Distinct phantoms outside the plan that are told apart; beyond it their sightings are counted. */
export const MAX_STRAYS = 100_000

/** `unsent` was planned and never handed to the sink; `failed` was definitely refused before append. */
export const SEND_STATES = ['unsent', 'acked', 'failed', 'unknown'] as const
export type SendState = (typeof SEND_STATES)[number]

export interface ReconcilerOptions {
  /** Names a payment, for examples. */
  readonly idOf: (sequence: number) => string
  /** Stages that were looked at completely; what was not looked at can lose nothing. All unless given. */
  readonly stages?: readonly Stage[]
  /** What planned payments without a journal entry are: `unknown` after a crash (the default), else `unsent`. */
  readonly unjournalled?: 'unknown' | 'unsent'
  /** Capacity to begin with. */
  readonly plannedCount?: number
}

export interface Reconciler {
  /** Payments [from, to) were planned. */
  plan(from: number, to: number): void
  /** What the journal says of a planned payment; the last word counts. */
  journal(sequence: number, state: SendState): void
  /**
   * One record or row of this run at a stage; called once for each, so that duplicates show.
   * @param kind the decision it carries, on `legit`, `fraud` and `rows`
   */
  seen(stage: Stage, sequence: number, kind?: DecisionKind): void
  /** One record or row of somebody else. */
  foreign(stage: Stage): void
  finish(): Ladder
}

// journal column: planned, journalled, then the state in two bits.
const PLANNED = 1
const JOURNALLED = 2
const STATE_SHIFT = 2
// seen column: a bit by stage, and above it a bit for more than once.
const TWICE_SHIFT = STAGES.length
// kinds column: a bit by decision on the topics, and above them on the rows.
const ROW_KINDS_SHIFT = DECISIONS.length
const ALL_KINDS = (1 << DECISIONS.length) - 1
const APPROVE = 1 << DECISIONS.indexOf('approve')
const FLAGGED = ALL_KINDS & ~APPROVE

export function createReconciler(options: ReconcilerOptions): Reconciler {
  return new ColumnReconciler(options)
}

class ColumnReconciler implements Reconciler {
  readonly #options: ReconcilerOptions
  readonly #looked: ReadonlySet<Stage>
  readonly #journal: Uint8Column
  readonly #seen: Uint16Column
  readonly #kinds: Uint8Column
  #plannedEnd = 0
  /** Seen outside the plan: their ids could be any number, so they get no column. */
  readonly #strays = new Map<number, number>()
  readonly #uncountedStrays = new Map<Stage, number>()
  readonly #foreign = new Map<Stage, number>()

  constructor(options: ReconcilerOptions) {
    const capacity = Math.max(1, options.plannedCount ?? 16_384)
    this.#options = options
    this.#looked = new Set(options.stages ?? STAGES)
    this.#journal = new Uint8Column(capacity)
    this.#seen = new Uint16Column(capacity)
    this.#kinds = new Uint8Column(capacity)
  }

  plan(from: number, to: number): void {
    for (let sequence = from; sequence < to; sequence++) {
      assert(!this.#strays.has(sequence), `payment ${sequence} was seen before it was planned`)
      this.#journal.set(sequence, this.#journal.get(sequence) | PLANNED)
    }
    if (to > from) this.#plannedEnd = Math.max(this.#plannedEnd, to)
  }

  journal(sequence: number, state: SendState): void {
    assert((this.#journal.get(sequence) & PLANNED) !== 0, `payment ${sequence} is in the journal and was not planned`)
    this.#journal.set(sequence, PLANNED | JOURNALLED | (SEND_STATES.indexOf(state) << STATE_SHIFT))
  }

  seen(stage: Stage, sequence: number, kind?: DecisionKind): void {
    assert(Number.isSafeInteger(sequence) && sequence >= 0, `${sequence} is no sequence number`)
    const bit = 1 << STAGES.indexOf(stage)
    if ((this.#journal.get(sequence) & PLANNED) === 0) {
      const before = this.#strays.get(sequence) ?? 0
      if (before === 0 && this.#strays.size >= MAX_STRAYS) add(this.#uncountedStrays, stage)
      else this.#strays.set(sequence, marked(before, bit))
      return
    }
    this.#seen.set(sequence, marked(this.#seen.get(sequence), bit))
    if (kind !== undefined) {
      const kindBit = 1 << (DECISIONS.indexOf(kind) + (stage === 'rows' ? ROW_KINDS_SHIFT : 0))
      this.#kinds.set(sequence, this.#kinds.get(sequence) | kindBit)
    }
  }

  foreign(stage: Stage): void {
    add(this.#foreign, stage)
  }

  finish(): Ladder {
    const tally = new Tally(this.#options.idOf)
    const states: Record<SendState, number> = {unsent: 0, acked: 0, failed: 0, unknown: 0}
    const stages: Record<Stage, number> = {raw: 0, legit: 0, fraud: 0, dlq: 0, rows: 0, alerts: 0}
    const count = (seen: number): void => {
      STAGES.forEach((stage, index) => {
        if ((seen & (1 << index)) !== 0) stages[stage] += 1
      })
    }
    let planned = 0
    for (let sequence = 0; sequence < this.#plannedEnd; sequence++) {
      const entry = this.#journal.get(sequence)
      if ((entry & PLANNED) === 0) continue
      planned += 1
      const state = this.#stateOf(entry)
      states[state] += 1
      const seen = this.#seen.get(sequence)
      count(seen)
      if (seen !== 0 || state === 'acked') this.#judge(sequence, state, seen, this.#kinds.get(sequence), tally)
    }
    for (const [sequence, seen] of [...this.#strays].sort(([a], [b]) => a - b)) {
      count(seen)
      this.#judge(sequence, 'unsent', seen, 0, tally)
    }
    for (const [stage, sightings] of this.#uncountedStrays) {
      stages[stage] += sightings
      tally.addUnnamed('phantom', stage, sightings)
    }
    const anomalies = tally.anomalies()
    const at = (stage: Stage): number | null => (this.#looked.has(stage) ? stages[stage] : null)
    return {
      planned,
      sent: states.acked + states.failed + states.unknown,
      acked: states.acked,
      failed: states.failed,
      unknown: states.unknown,
      onRaw: at('raw'),
      legit: at('legit'),
      fraud: at('fraud'),
      dlq: at('dlq'),
      rows: at('rows'),
      alerts: at('alerts'),
      foreign: Object.fromEntries(this.#foreign),
      anomalies,
      balanced: anomalies.every(anomaly => !anomaly.fatal),
    }
  }

  #stateOf(entry: number): SendState {
    if ((entry & JOURNALLED) === 0) return this.#options.unjournalled ?? 'unknown'
    return SEND_STATES[entry >> STATE_SHIFT] ?? 'unknown'
  }

  /** All that is wrong with one payment. */
  #judge(sequence: number, state: SendState, seen: number, kinds: number, tally: Tally): void {
    const looked = this.#looked
    const is = (stage: Stage): boolean => (seen & (1 << STAGES.indexOf(stage))) !== 0
    const note = (kind: AnomalyKind, stage: AnomalyStage): void => tally.add(kind, stage, sequence)

    STAGES.forEach((stage, index) => {
      if ((seen & (1 << (index + TWICE_SHIFT))) !== 0) note('duplicate', stage)
    })
    if (state === 'unsent' || state === 'failed') {
      const first = STAGES.find(is)
      if (first !== undefined) note('phantom', first)
      return
    }

    const onRaw = is('raw')
    const isDecided = is('legit') || is('fraud')
    const isSettled = isDecided || is('dlq')
    if (looked.has('raw')) {
      if (state === 'acked' && !onRaw) note('lost', 'raw')
      if (state === 'unknown' && onRaw) note('arrived-unknown', 'raw')
    }
    if (looked.has('legit') && looked.has('fraud') && looked.has('dlq') && looked.has('raw')) {
      if (onRaw && !isSettled) note('lost', 'decided')
      if (!onRaw && isSettled) note('unexplained', 'decided')
    }
    const topicKinds = kinds & ALL_KINDS
    const isSplit = (is('legit') && is('fraud')) || (isDecided && is('dlq'))
    if (isSplit || (topicKinds & (topicKinds - 1)) !== 0) note('contradicted', 'decided')
    if (is('legit') && !is('fraud') && (topicKinds & FLAGGED) !== 0) note('misrouted', 'legit')
    if (is('fraud') && !is('legit') && (topicKinds & APPROVE) !== 0) note('misrouted', 'fraud')

    if (looked.has('rows') && looked.has('legit') && looked.has('fraud')) {
      if (isDecided && !is('rows')) note('lost', 'rows')
      if (!isDecided && is('rows')) note('unexplained', 'rows')
      const rowKinds = kinds >> ROW_KINDS_SHIFT
      const allowed = topicKinds !== 0 ? topicKinds : (is('legit') ? APPROVE : 0) | (is('fraud') ? FLAGGED : 0)
      if (isDecided && (rowKinds & ~allowed) !== 0) note('misrouted', 'rows')
    }
    if (looked.has('alerts') && looked.has('fraud')) {
      if (is('fraud') && !is('alerts')) note('lost', 'alerts')
      if (!is('fraud') && is('alerts')) note('unexplained', 'alerts')
    }
  }
}

/** Anomalies by kind and stage, with the first examples. */
class Tally {
  readonly #idOf: (sequence: number) => string
  readonly #found = new Map<string, {kind: AnomalyKind; stage: AnomalyStage; count: number; examples: string[]}>()

  constructor(idOf: (sequence: number) => string) {
    this.#idOf = idOf
  }

  add(kind: AnomalyKind, stage: AnomalyStage, sequence: number): void {
    const found = this.addUnnamed(kind, stage, 1)
    if (found.examples.length < MAX_EXAMPLES) found.examples.push(this.#idOf(sequence))
  }

  addUnnamed(kind: AnomalyKind, stage: AnomalyStage, count: number): {examples: string[]} {
    const key = `${kind}@${stage}`
    const found = this.#found.get(key) ?? {kind, stage, count: 0, examples: []}
    found.count += count
    this.#found.set(key, found)
    return found
  }

  /** Fatal ones first, then by kind and stage. */
  anomalies(): LadderAnomaly[] {
    return [...this.#found.values()]
      .map(found => ({...found, fatal: isFatal(found)}))
      .sort(
        (a, b) =>
          Number(b.fatal) - Number(a.fatal) ||
          ANOMALY_KINDS.indexOf(a.kind) - ANOMALY_KINDS.indexOf(b.kind) ||
          ANOMALY_STAGES.indexOf(a.stage) - ANOMALY_STAGES.indexOf(b.stage),
      )
  }
}

function isFatal({kind, stage}: Pick<LadderAnomaly, 'kind' | 'stage'>): boolean {
  return kind === 'duplicate' ? stage === 'rows' : kind !== 'arrived-unknown'
}

function marked(seen: number, bit: number): number {
  return (seen & bit) === 0 ? seen | bit : seen | (bit << TWICE_SHIFT)
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
