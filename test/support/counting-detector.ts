/**
 * A detector whose state anybody can check: debtor shards count payments and sum amounts, the shared shard counts all.
 * Its decisions depend on both, so that a decision made twice at different moments is likely to differ.
 */
import {EnvironmentError} from '../../src/lib/base/errors.js'
import type {Detector, InputPosition, Look, ShardSnapshot} from '../../src/lib/detect/detector.js'
import {debtorShard, partitionOf, SHARED_SHARD} from '../../src/lib/detect/shard-name.js'
import {DECISIONS, type Decision} from '../../src/lib/payment/decision.js'
import type {Payment} from '../../src/lib/payment/payment.js'

const VERSION = 1

interface DebtorState {
  next: number
  readonly sums: Map<string, [count: number, amountMinor: number]>
}

export class CountingDetector implements Detector {
  readonly stats = {entityCount: {}, stateBytes: 0, lateCount: 0, evictedCount: 0}
  readonly #debtors = new Map<number, DebtorState>()
  #sharedNext = new Map<number, number>()
  #sharedCount = 0
  /** Decides by nothing but the amount: review from 1,000, block from 10,000. */
  readonly isSimple: boolean

  constructor(isSimple = false) {
    this.isSimple = isSimple
  }

  decide(payment: Payment, position: InputPosition): Decision {
    const {partition, offset} = position
    const state = this.#state(partition)
    const [count, sum] = state.sums.get(payment.debtorId) ?? [0, 0]
    const mix = (count * 31 + sum + this.#sharedCount * 7) % 10
    const kind = this.isSimple ? simpleKind(payment.amountMinor) : DECISIONS[mix < 6 ? 0 : mix < 8 ? 1 : 2]
    if (offset >= state.next) state.sums.set(payment.debtorId, [count + 1, sum + payment.amountMinor])
    if (offset >= (this.#sharedNext.get(partition) ?? 0)) this.#sharedCount += 1
    this.skip(position)
    const reasons = kind === 'approve' ? [] : ['amount', 'debtor-velocity']
    return {kind, score: kind === 'approve' ? 0.1 : kind === 'review' ? 0.6 : 0.95, reasons}
  }

  look(payment: Payment): Look {
    const kind = simpleKind(payment.amountMinor)
    return {decision: {kind, score: kind === 'approve' ? 0.1 : 0.9, reasons: []}, factors: []}
  }

  skip({partition, offset}: InputPosition): void {
    const state = this.#state(partition)
    state.next = Math.max(state.next, offset + 1)
    this.#sharedNext.set(partition, Math.max(this.#sharedNext.get(partition) ?? 0, offset + 1))
  }

  nextOffset(partition: number): {readonly debtor: number | undefined; readonly shared: number | undefined} {
    return {debtor: this.#debtors.get(partition)?.next, shared: this.#sharedNext.get(partition)}
  }

  snapshot(partitions: readonly number[]): ShardSnapshot[] {
    const shards: ShardSnapshot[] = []
    for (const id of partitions) {
      const state = this.#debtors.get(id)
      if (state !== undefined) {
        shards.push({
          shard: debtorShard(id),
          offsets: new Map([[id, state.next]]),
          stateVersion: VERSION,
          state: Buffer.from(JSON.stringify([...state.sums])),
        })
      }
    }
    const state = Buffer.from(JSON.stringify(this.#sharedCount))
    return [...shards, {shard: SHARED_SHARD, offsets: new Map(this.#sharedNext), stateVersion: VERSION, state}]
  }

  restore({shard, offsets, state, stateVersion}: ShardSnapshot): void {
    if (stateVersion !== VERSION) throw new EnvironmentError('another version', {code: 'P2PAY_SNAPSHOT'})
    const id = partitionOf(shard)
    if (id === undefined) {
      this.#sharedNext = new Map(offsets)
      this.#sharedCount = JSON.parse(state.toString())
    } else this.#debtors.set(id, {next: offsets.get(id) ?? 0, sums: new Map(JSON.parse(state.toString()))})
  }

  drop(partition: number): void {
    this.#debtors.delete(partition)
  }

  /** Everything that debtors did, by partition. */
  get debtorDigest(): string {
    const states = [...this.#debtors].sort(([a], [b]) => a - b)
    return JSON.stringify(states.map(([id, {sums}]) => [id, [...sums].sort(([a], [b]) => (a < b ? -1 : 1))]))
  }

  get sharedCount(): number {
    return this.#sharedCount
  }

  #state(partition: number): DebtorState {
    const known = this.#debtors.get(partition)
    if (known !== undefined) return known
    const fresh = {next: 0, sums: new Map()}
    this.#debtors.set(partition, fresh)
    return fresh
  }
}

function simpleKind(amountMinor: number): Decision['kind'] {
  return amountMinor >= 10_000 ? 'block' : amountMinor >= 1000 ? 'review' : 'approve'
}
