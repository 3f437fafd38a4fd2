/** Everything around the detect use case, in memory and virtual time, with outages at the flick of a switch. */
import {present} from '../../src/lib/base/assert.js'
import type {Detector} from '../../src/lib/detect/detector.js'
import {encodePayment} from '../../src/lib/payment/encode.js'
import type {Payment} from '../../src/lib/payment/payment.js'
import type {Headers, OutputRecord} from '../../src/lib/payment/record.js'
import {HEADERS, TOPICS} from '../../src/lib/payment/topics.js'
import type {DetectTrouble} from '../../src/lib/run/detect/patience.js'
import type {DecidedPayment} from '../../src/lib/run/detect/writer.js'
import {type DetectOptions, type DetectSummary, detect} from '../../src/lib/run/detect.js'
import {CountingDetector} from './counting-detector.js'
import {
  Life,
  MemoryKafka,
  type Step,
  TestPublisher,
  type TestPublisherOptions,
  TestSource,
  type TestSourceOptions,
} from './memory-kafka.js'
import {MemoryTables, TestStore, type TestStoreOptions} from './memory-store.js'
import {paymentWith, testPaymentId} from './payments.js'
import {VirtualClock} from './virtual-clock.js'

export interface DetectWorldOptions {
  readonly source?: TestSourceOptions
  readonly publisher?: TestPublisherOptions
  readonly store?: TestStoreOptions
}

export class DetectWorld {
  readonly clock = new VirtualClock()
  readonly kafka: MemoryKafka
  readonly tables = new MemoryTables()
  /** Steps in the order in which they happened. */
  readonly steps: Step[] = []
  /** These steps fail until they are taken out again. */
  readonly down = new Set<Step>()
  readonly decided: DecidedPayment[] = []
  readonly troubles: DetectTrouble[] = []
  #count = 0

  constructor(partitionCount = 2) {
    this.kafka = new MemoryKafka(partitionCount)
  }

  /** Appends payments of 1.00, one partition after the other. @returns their ids */
  send(count: number, fields: Partial<Payment> = {}, headers: Headers = {}): string[] {
    return Array.from({length: count}, () => {
      const number = this.#count++
      const payment = paymentWith({
        paymentId: testPaymentId(number),
        debtorId: `debtor-${number % this.kafka.partitionCount}`,
        amountMinor: 100,
        ...fields,
      })
      this.kafka.append(number % this.kafka.partitionCount, {
        key: Buffer.from(payment.debtorId),
        value: Buffer.from(encodePayment(payment)),
        headers,
      })
      return payment.paymentId
    })
  }

  /** Starts one process. */
  start(options: Partial<DetectOptions> = {}, world: DetectWorldOptions = {}): Process {
    const life = new Life(this.clock, step => {
      this.steps.push(step)
      return this.down.has(step) ? 'fail' : undefined
    })
    const source = new TestSource(this.kafka, life, world.source)
    const publisher = new TestPublisher(this.kafka, life, world.publisher)
    const store = new TestStore(this.tables, life, world.store)
    const stop = new AbortController()
    const detector = options.detector ?? new CountingDetector(true)
    const ended = detect({
      source,
      publisher,
      store,
      topics: TOPICS,
      group: 'g',
      clock: life.clock,
      signal: stop.signal,
      onDecided: batch => this.decided.push(...batch),
      onTrouble: trouble => this.troubles.push(trouble),
      ...options,
      detector,
    })
    ended.catch(() => {})
    return {ended, stop, life, source, publisher, store, detector}
  }

  /** Runs one process until nothing is left to do. */
  async run(options: Partial<DetectOptions> = {}, world: DetectWorldOptions = {}): Promise<DetectSummary> {
    return this.clock.until(this.start({untilIdleMs: 1000, ...options}, world).ended)
  }

  /** Records on an output topic. */
  on(topic: keyof typeof TOPICS): OutputRecord[] {
    return this.kafka.outputs.filter(record => record.topic === TOPICS[topic])
  }

  /** The one record on an output topic. */
  only(topic: keyof typeof TOPICS): OutputRecord {
    const records = this.on(topic)
    if (records.length !== 1) throw new Error(`${records.length} records on ${topic}`)
    return present(records[0], topic)
  }

  /** Offsets at which records were dead-lettered, as `partition:offset`. */
  get deadLettered(): string[] {
    return this.on('dlq').map(({headers}) => `${headers[HEADERS.sourcePartition]}:${headers[HEADERS.sourceOffset]}`)
  }

  get committed(): Record<string, number> {
    return Object.fromEntries([...this.kafka.committed].sort(([a], [b]) => a - b))
  }
}

export interface Process {
  readonly ended: Promise<DetectSummary>
  readonly stop: AbortController
  readonly life: Life
  readonly source: TestSource
  readonly publisher: TestPublisher
  readonly store: TestStore
  readonly detector: Detector
}
