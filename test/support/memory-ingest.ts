/** An ingest sink in memory whose topic can be looked at, and that does with a payment what the test wants. */
import type {Clock} from '../../src/lib/base/clock.js'
import type {IngestOutcome, IngestRecord, IngestSink} from '../../src/lib/sink/ingest-sink.js'

/**
 * `ack`. `fail`: definitely refused. `lose`: appended, and the answer is lost. `drop`: not appended, and nobody knows.
 * `full`: not taken over. `hold`: nothing happens until `settle`.
 */
export type Fate = 'ack' | 'fail' | 'lose' | 'drop' | 'full' | 'hold'

export class MemoryIngest implements IngestSink {
  readonly description = 'memory'
  readonly partitionCount = 1
  /** What was appended, in order. */
  readonly topic: IngestRecord[] = []
  pendingCount = 0
  pendingBytes = 0
  offeredCount = 0
  isFlushed = false
  fate: (record: IngestRecord) => Fate = () => 'ack'
  readonly #clock: Clock
  readonly #held: ((fate: Exclude<Fate, 'full' | 'hold'>) => void)[] = []
  readonly #waiting: (() => void)[] = []
  readonly #holding: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get heldCount(): number {
    return this.#held.length
  }

  offer(record: IngestRecord): Promise<IngestOutcome> | undefined {
    const fate = this.fate(record)
    if (fate === 'full') return undefined
    this.offeredCount++
    this.pendingCount++
    this.pendingBytes += record.value.length
    const settled = (outcome: IngestOutcome): IngestOutcome => {
      this.pendingCount--
      this.pendingBytes -= record.value.length
      for (const wake of this.#waiting.splice(0)) wake()
      return outcome
    }
    if (fate !== 'hold') return Promise.resolve().then(() => settled(this.#outcome(record, fate)))
    return new Promise(resolve => {
      this.#held.push(later => resolve(settled(this.#outcome(record, later))))
      for (const wake of this.#holding.splice(0)) wake()
    })
  }

  /** Resolves when so many are held: a client may have been answered before its payment came this far. */
  async held(count: number): Promise<void> {
    while (this.#held.length < count) await new Promise<void>(resolve => this.#holding.push(resolve))
  }

  /** Of what is held, oldest first. */
  settle(fate: Exclude<Fate, 'full' | 'hold'>, count = this.#held.length): void {
    for (const decide of this.#held.splice(0, count)) decide(fate)
  }

  async flush(): Promise<void> {
    while (this.pendingCount > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.isFlushed = true
  }

  async close(): Promise<void> {}

  /** The contents of a payment on the topic: one, if all is well, however often it is there. */
  contentsOf(paymentId: string): string[] {
    const values = this.topic.map(({value}) => value.toString()).filter(value => value.includes(paymentId))
    return [...new Set(values)]
  }

  #outcome(record: IngestRecord, fate: Exclude<Fate, 'full' | 'hold'>): IngestOutcome {
    if (fate === 'fail') return {state: 'failed', code: 'TOPIC_AUTHORIZATION_FAILED', message: 'asked to fail'}
    if (fate === 'drop') return {state: 'unknown', code: 'REQUEST_TIMEOUT', message: 'asked to be dropped'}
    const offset = this.topic.push(record) - 1
    if (fate === 'lose') return {state: 'unknown', code: 'REQUEST_TIMEOUT', message: 'asked to be lost'}
    return {state: 'acked', partition: 0, offset, settledUs: this.#clock.nowUs()}
  }
}
