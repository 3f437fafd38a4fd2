/**
 * A topic, its consumer group and the detector's other ports in memory, with an accident possible at every step. A
 * `Life` is one process: when it dies, its calls never return, and what it had not done yet is never done.
 */
import type {Clock} from '../../src/lib/base/clock.js'
import {EnvironmentError} from '../../src/lib/base/errors.js'
import type {OutputRecord, PartitionOffsets, SourceRecord} from '../../src/lib/payment/record.js'
import type {RecordPublisher} from '../../src/lib/sink/publisher.js'
import type {RecordSource, SourceHandlers} from '../../src/lib/source/source.js'

/** Where an accident may happen. */
export type Step =
  | 'insert'
  | 'inserted'
  | 'publish'
  | 'published'
  | 'commit'
  | 'committed'
  | 'save'
  | 'saved'
  | 'load'
  | 'drop'
  | 'deliver'

/** One process and its luck. */
export class Life {
  isDead = false
  readonly #clock: Clock
  readonly #accident: (step: Step) => 'die' | 'fail' | undefined

  constructor(clock: Clock, accident: (step: Step) => 'die' | 'fail' | undefined = () => undefined) {
    this.#clock = clock
    this.#accident = accident
  }

  /** The process's own view of time: the dead never wake. */
  get clock(): Clock {
    return {
      nowUs: () => this.#clock.nowUs(),
      sleep: async (ms, signal) => {
        await this.#clock.sleep(ms, signal)
        await this.alive()
      },
    }
  }

  /** Never resolves after death. */
  alive(): Promise<void> {
    return this.isDead ? new Promise(() => {}) : Promise.resolve()
  }

  /** Time passes, and the step is survived, or fails, or kills. */
  async step(step: Step, ms = 0): Promise<void> {
    if (ms > 0) await this.#clock.sleep(ms)
    await this.alive()
    const accident = this.#accident(step)
    if (accident === 'die') this.isDead = true
    await this.alive()
    if (accident === 'fail') throw trouble(step)
  }
}

export function trouble(what: string): EnvironmentError {
  return new EnvironmentError(`${what} failed`, {code: 'P2PAY_TEST_TROUBLE'})
}

interface Log {
  earliest: number
  end: number
  records: SourceRecord[]
}

export type Append = Pick<SourceRecord, 'key' | 'value'> & Partial<Pick<SourceRecord, 'headers'>>

export class MemoryKafka {
  readonly partitionCount: number
  committed = new Map<number, number>()
  /** Looks at each commit before it counts. */
  onCommit: (offsets: PartitionOffsets) => void = () => {}
  readonly outputs: OutputRecord[] = []
  #logs: Log[]
  readonly #waiting = new Set<() => void>()

  constructor(partitionCount: number) {
    this.partitionCount = partitionCount
    this.#logs = this.#fresh()
  }

  append(partition: number, {key, value, headers = {}}: Append): number {
    const log = this.log(partition)
    log.records.push({partition, offset: log.end, timestampMs: 0, key, value, headers})
    log.end += 1
    this.#wake()
    return log.end - 1
  }

  /** Offsets that no consumer ever sees, as a transaction's markers are. */
  skip(partition: number, count = 1): void {
    this.log(partition).end += count
  }

  log(partition: number): Log {
    const log = this.#logs[partition]
    if (log === undefined) throw new Error(`no partition ${partition}`)
    return log
  }

  get records(): SourceRecord[] {
    return this.#logs.flatMap(log => log.records)
  }

  /** Retention. */
  deleteBelow(partition: number, earliest: number): void {
    const log = this.log(partition)
    log.earliest = earliest
    log.records = log.records.filter(record => record.offset >= earliest)
  }

  /** The topic is deleted and made again, the group keeps its offsets. */
  remake(): void {
    this.#logs = this.#fresh()
    this.#wake()
  }

  changed(): Promise<void> {
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #fresh(): Log[] {
    return Array.from({length: this.partitionCount}, () => ({earliest: 0, end: 0, records: []}))
  }
}

export interface TestSourceOptions {
  readonly partitions?: readonly number[]
  readonly maxBatchCount?: number
  readonly fetchMs?: () => number
  /** Records that a careless client leaves out when it begins with a partition. */
  readonly leaveOut?: () => number
}

/** A member of the one group. Records of a partition come one batch at a time, from the committed offset at first. */
export class TestSource implements RecordSource {
  readonly description = 'test'
  isStopped = false
  /** While set, commits are acknowledged and count for nothing: the member was thrown out and does not know. */
  isOutcast = false
  readonly seeks: {readonly partition: number; readonly offset: number}[] = []
  readonly #kafka: MemoryKafka
  readonly #life: Life
  readonly #options: TestSourceOptions
  #handlers: SourceHandlers | undefined
  #positions = new Map<number, {next: number; epoch: number}>()
  #assignment = new AbortController()
  readonly #busy = new Set<Promise<void>>()
  #wakeSought: (() => void)[] = []

  constructor(kafka: MemoryKafka, life: Life, options: TestSourceOptions = {}) {
    this.#kafka = kafka
    this.#life = life
    this.#options = options
  }

  async start(handlers: SourceHandlers): Promise<void> {
    this.#handlers = handlers
    await this.assign(this.#options.partitions ?? Array.from({length: this.#kafka.partitionCount}, (_, id) => id))
  }

  /** A rebalance; running handlers end first, as the contract says. */
  async assign(partitions: readonly number[]): Promise<void> {
    this.#assignment.abort()
    const assignment = new AbortController()
    this.#assignment = assignment
    this.#wake()
    await Promise.all(this.#busy)
    if (assignment.signal.aborted || this.#life.isDead) return
    this.isOutcast = false
    this.#positions = new Map(
      partitions.map(id => {
        const next = this.#kafka.committed.get(id) ?? this.#kafka.log(id).earliest
        return [id, {next: Math.min(this.#kafka.log(id).end, next + (this.#options.leaveOut?.() ?? 0)), epoch: 0}]
      }),
    )
    this.#handlers?.onAssigned(partitions)
    for (const id of partitions) void this.#drive(id, assignment.signal)
  }

  fail(error: EnvironmentError): void {
    this.#handlers?.onFailed?.(error)
  }

  async committed(partitions: readonly number[]): Promise<PartitionOffsets> {
    await this.#life.step('load', 1)
    return new Map([...this.#kafka.committed].filter(([id]) => partitions.includes(id)))
  }

  async bounds(): Promise<ReadonlyMap<number, {readonly earliest: number; readonly end: number}>> {
    await this.#life.step('load', 1)
    const ids = Array.from({length: this.#kafka.partitionCount}, (_, id) => id)
    return new Map(ids.map(id => [id, {earliest: this.#kafka.log(id).earliest, end: this.#kafka.log(id).end}]))
  }

  seek(partition: number, offset: number): void {
    const position = this.#positions.get(partition)
    if (position === undefined) return
    this.seeks.push({partition, offset})
    position.next = offset
    position.epoch += 1
    this.#wake()
  }

  async commit(offsets: PartitionOffsets): Promise<void> {
    await this.#life.step('commit', 1)
    if (!this.isOutcast) {
      const ours = new Map([...offsets].filter(([id]) => this.#positions.has(id)))
      this.#kafka.onCommit(ours)
      for (const [id, offset] of ours) this.#kafka.committed.set(id, offset)
    }
    await this.#life.step('committed')
  }

  async stop(): Promise<void> {
    this.isStopped = true
    this.#assignment.abort()
    this.#wake()
    await Promise.all(this.#busy)
  }

  async #drive(id: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#life.isDead) {
      const position = this.#positions.get(id)
      if (position === undefined) return
      const log = this.#kafka.log(id)
      // Out of range, as `auto.offset.reset = earliest` has it.
      if (position.next < log.earliest || position.next > log.end) position.next = log.earliest
      const {next, epoch} = position
      const from = log.records.findIndex(record => record.offset >= next)
      const records = from < 0 ? [] : log.records.slice(from, from + (this.#options.maxBatchCount ?? 5))
      if (records.length === 0) {
        position.next = log.end
        await Promise.race([this.#kafka.changed(), new Promise<void>(resolve => this.#wakeSought.push(resolve))])
        continue
      }
      const delivery = this.#deliver(id, records, log.end, epoch, signal)
      this.#busy.add(delivery)
      await delivery
      this.#busy.delete(delivery)
    }
  }

  async #deliver(
    id: number,
    records: readonly SourceRecord[],
    end: number,
    epoch: number,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#life.step('deliver', this.#options.fetchMs?.() ?? 1).catch(() => {})
    const position = this.#positions.get(id)
    if (signal.aborted || position === undefined || position.epoch !== epoch) return
    await this.#handlers?.onRecords(id, records, end)
    if (position.epoch === epoch) position.next = (records.at(-1)?.offset ?? -1) + 1
  }

  #wake(): void {
    for (const wake of this.#wakeSought) wake()
    this.#wakeSought = []
  }
}

export interface TestPublisherOptions {
  /** An error to refuse these records with, if any. */
  readonly refuse?: (record: OutputRecord) => Error | undefined
  readonly publishMs?: number
}

/** Appends to `kafka.outputs`. */
export class TestPublisher implements RecordPublisher {
  readonly #kafka: MemoryKafka
  readonly #life: Life
  readonly #options: TestPublisherOptions
  calls = 0

  constructor(kafka: MemoryKafka, life: Life, options: TestPublisherOptions = {}) {
    this.#kafka = kafka
    this.#life = life
    this.#options = options
  }

  async publish(records: readonly OutputRecord[]): Promise<void> {
    this.calls += 1
    await this.#life.step('publish', this.#options.publishMs ?? 1)
    for (const record of records) {
      const refusal = this.#options.refuse?.(record)
      if (refusal !== undefined) throw refusal
    }
    this.#kafka.outputs.push(...records)
    await this.#life.step('published')
  }

  async close(): Promise<void> {}
}
