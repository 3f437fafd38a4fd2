/**
 * The detector: reads a payment once into hashes and numbers, looks at the windows, scores, and moves the windows of
 * those shards that have not seen the position. Looking and moving are apart, so that whatever comes again (a
 * redelivery, a producer's duplicate) is decided by looking only.
 */
import type {Decision} from '../payment/decision.js'
import type {Payment} from '../payment/payment.js'
import {countryRisks} from './country-risk.js'
import {DebtorWindows, lookAtStranger, type NearThreshold} from './debtor-windows.js'
import type {Detector, DetectorStats, InputPosition, Look, ShardSnapshot} from './detector.js'
import {PaymentEvent} from './event.js'
import {createFeatures, type Features} from './features.js'
import {type DetectorOptions, type ResolvedOptions, resolveOptions} from './options.js'
import {Scoring} from './scoring.js'
import {debtorShard, partitionOf, SHARED_SHARD} from './shard-name.js'
import {SHARED_KINDS, type SharedKind, SharedWindows} from './shared-windows.js'
import {decodeState, encodeState, misfit, STATE_VERSION, type StatefulWindows, takeOver} from './state-codec.js'

/** @throws UsageError code P2PAY_DETECTOR_OPTIONS when the options do not fit the catalogue */
export function createDetector(options: DetectorOptions): Detector {
  return new InProcessDetector(resolveOptions(options))
}

interface DebtorShard {
  readonly windows: DebtorWindows
  nextOffset: number
}

/** Where a payment is, or would be, in the stream. */
interface Place {
  readonly offset: number
  readonly isNewToDebtor: boolean
  readonly isNewToShared: boolean
}

class InProcessDetector implements Detector {
  readonly #options: ResolvedOptions
  readonly #scoring: Scoring
  readonly #near: NearThreshold
  readonly #countryRisks = countryRisks()
  readonly #event = new PaymentEvent()
  readonly #features: Features = createFeatures()
  readonly #debtors = new Map<number, DebtorShard>()
  #shared: SharedTables
  #sharedOffsets = new Map<number, number>()

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#scoring = new Scoring(options)
    this.#near = nearThreshold(options)
    this.#shared = new SharedTables(options.maxSharedEntities)
  }

  decide(payment: Payment, position: InputPosition): Decision {
    const {partition, offset} = position
    const shard = this.#debtorShard(partition)
    const isNewToDebtor = offset >= shard.nextOffset
    const isNewToShared = offset >= this.#nextSharedOffset(partition)
    const isDuplicate = this.#readFeatures(payment, shard.windows, {offset, isNewToDebtor, isNewToShared})
    const decision = this.#scoring.decide(this.#features)

    // Nothing of the decision goes into the windows: it depends on shared state, and with it on the order in which
    // partitions came, which must not reach a debtor's windows.
    if (!isDuplicate && isNewToDebtor) shard.windows.move(this.#event, offset)
    if (!isDuplicate && isNewToShared) this.#shared.move(this.#event)
    this.#pass(shard, partition, offset)
    return decision
  }

  look(payment: Payment, partition: number): Look {
    // A shard that is not here is not made for a look.
    const shard = this.#debtors.get(partition)
    const offset = Math.max(shard?.nextOffset ?? 0, this.#nextSharedOffset(partition))
    this.#readFeatures(payment, shard?.windows, {offset, isNewToDebtor: true, isNewToShared: true})
    return this.#scoring.look(this.#features)
  }

  skip(position: InputPosition): void {
    this.#pass(this.#debtorShard(position.partition), position.partition, position.offset)
  }

  nextOffset(partition: number): {readonly debtor: number | undefined; readonly shared: number | undefined} {
    return {debtor: this.#debtors.get(partition)?.nextOffset, shared: this.#sharedOffsets.get(partition)}
  }

  snapshot(partitions: readonly number[]): ShardSnapshot[] {
    const snapshots: ShardSnapshot[] = []
    for (const partition of partitions) {
      const shard = this.#debtors.get(partition)
      if (shard === undefined) continue
      snapshots.push({
        shard: debtorShard(partition),
        offsets: new Map([[partition, shard.nextOffset]]),
        stateVersion: STATE_VERSION,
        state: encodeState([shard.windows]),
      })
    }
    snapshots.push({
      shard: SHARED_SHARD,
      offsets: new Map(this.#sharedOffsets),
      stateVersion: STATE_VERSION,
      state: encodeState(this.#shared.all),
    })
    return snapshots
  }

  restore(snapshot: ShardSnapshot): void {
    const {shard, state, offsets} = snapshot
    if (snapshot.stateVersion !== STATE_VERSION)
      throw misfit(shard, `its version is ${snapshot.stateVersion}, not ${STATE_VERSION}`)
    if (shard === SHARED_SHARD) {
      const tables = new SharedTables(this.#options.maxSharedEntities)
      takeOverAll(shard, state, tables.all)
      this.#shared = tables
      this.#sharedOffsets = new Map(offsets)
      return
    }
    const partition = partitionOf(shard)
    const nextOffset = partition === undefined ? undefined : offsets.get(partition)
    if (partition === undefined || nextOffset === undefined)
      throw misfit(shard, 'it names no partition with its offset')
    const windows = new DebtorWindows(this.#options.maxDebtorsPerPartition, this.#near)
    takeOverAll(shard, state, [windows])
    this.#debtors.set(partition, {windows, nextOffset})
  }

  drop(partition: number): void {
    this.#debtors.delete(partition)
  }

  get stats(): DetectorStats {
    const entityCount: Record<string, number> = {debtor: 0}
    let stateBytes = 0
    let lateCount = 0
    let evictedCount = 0
    const add = (kind: string, windows: StatefulWindows) => {
      entityCount[kind] = (entityCount[kind] ?? 0) + windows.slab.count
      stateBytes += windows.slab.byteLength
      lateCount += windows.lateCount
      evictedCount += windows.slab.evictedCount
    }
    for (const shard of this.#debtors.values()) add('debtor', shard.windows)
    for (const kind of SHARED_KINDS) add(kind, this.#shared[kind])
    return {entityCount, stateBytes, lateCount, evictedCount}
  }

  /**
   * Fills event and features as of now; moves nothing.
   *
   * @param windows undefined: nothing is known of any debtor of the partition
   * @returns whether the payment is a producer's duplicate
   */
  #readFeatures(payment: Payment, windows: DebtorWindows | undefined, place: Place): boolean {
    const event = this.#event
    const features = this.#features
    event.read(payment)
    features.amountMinor = event.amountMinor
    features.countryRisk = this.#riskOf(event)
    features.creditorIsPerson = event.creditorIsPerson ? 1 : 0
    let isDuplicate = false
    if (windows === undefined) lookAtStranger(event, this.#near, features)
    else isDuplicate = windows.look(event, place.offset, place.isNewToDebtor, features)
    this.#shared.look(event, place.isNewToShared && !isDuplicate, features)
    return isDuplicate
  }

  #nextSharedOffset(partition: number): number {
    return this.#sharedOffsets.get(partition) ?? 0
  }

  #debtorShard(partition: number): DebtorShard {
    let shard = this.#debtors.get(partition)
    if (shard === undefined) {
      shard = {windows: new DebtorWindows(this.#options.maxDebtorsPerPartition, this.#near), nextOffset: 0}
      this.#debtors.set(partition, shard)
    }
    return shard
  }

  /** Offsets may have gaps (compaction, markers); they never go back. */
  #pass(shard: DebtorShard, partition: number, offset: number): void {
    if (offset >= shard.nextOffset) shard.nextOffset = offset + 1
    if (offset >= this.#nextSharedOffset(partition)) this.#sharedOffsets.set(partition, offset + 1)
  }

  #riskOf(event: PaymentEvent): number {
    const here = this.#countryRisks.get(event.country) ?? 0
    const there = this.#countryRisks.get(event.creditorCountry) ?? 0
    return Math.max(here, there)
  }
}

/** The shared shard: a table for each kind of entity. */
class SharedTables implements Readonly<Record<SharedKind, SharedWindows>> {
  readonly creditor: SharedWindows
  readonly device: SharedWindows
  readonly ip: SharedWindows
  readonly card: SharedWindows

  constructor(maxCount: number) {
    this.creditor = new SharedWindows('creditor', maxCount)
    this.device = new SharedWindows('device', maxCount)
    this.ip = new SharedWindows('ip', maxCount)
    this.card = new SharedWindows('card', maxCount)
  }

  /** In the order of snapshots. */
  get all(): SharedWindows[] {
    return SHARED_KINDS.map(kind => this[kind])
  }

  look(event: PaymentEvent, isNew: boolean, features: Features): void {
    this.creditor.look(event.creditor, event, isNew)
    features.creditorDebtors24h = this.creditor.debtors24h
    this.device.look(event.device, event, isNew)
    this.ip.look(event.ip, event, isNew)
    features.ipCount10m = this.ip.count10m
    let micro = Math.max(features.microCount10m, this.device.micro10m, this.ip.micro10m)
    features.cardDebtors24h = 0
    if (event.hasCard) {
      this.card.look(event.card, event, isNew)
      features.cardDebtors24h = this.card.debtors24h
      micro = Math.max(micro, this.card.micro10m)
    }
    features.microCount10m = micro
  }

  move(event: PaymentEvent): void {
    this.creditor.move(event.creditor, event)
    this.device.move(event.device, event)
    this.ip.move(event.ip, event)
    if (event.hasCard) this.card.move(event.card, event)
  }
}

function takeOverAll(shard: string, state: Buffer, parts: readonly StatefulWindows[]): void {
  const decoded = decodeState(
    shard,
    state,
    parts.map(part => part.slab.recordWords),
  )
  parts.forEach((part, index) => {
    takeOver(part, decoded[index])
  })
}

/** The bounds by which the near-threshold rule counts; rounded to whole minor units. */
function nearThreshold(options: ResolvedOptions): NearThreshold {
  const limits = options.rules.get('near-threshold-repeats') ?? {}
  return {
    fromMinor: Math.round(limits['thresholdMinor'] * limits['fromShare']),
    toMinor: Math.round(limits['thresholdMinor'] * limits['toShare']),
    windowMs: limits['windowHours'] * 3_600_000,
  }
}
