/** The detector as a part of a service: what it says of itself, and that its trouble stays its own. */
import {describe, expect, it} from 'vitest'
import {EnvironmentError} from '../../../../src/lib/base/errors.js'
import {createDetector} from '../../../../src/lib/detect/create.js'
import {encodePayment} from '../../../../src/lib/payment/encode.js'
import type {OutputRecord} from '../../../../src/lib/payment/record.js'
import {HEADERS, TOPICS} from '../../../../src/lib/payment/topics.js'
import {ServiceDetector} from '../../../../src/lib/run/serve/service-detector.js'
import {planFromFlags} from '../../../../src/lib/scenario/load.js'
import type {RecordSource, SourceHandlers} from '../../../../src/lib/source/source.js'
import {paymentWith} from '../../../support/payments.js'
import {settle, VirtualClock} from '../../../support/virtual-clock.js'

const DUE_US = 1_700_000_000_000_000 - 5000

/** A topic of one partition whose records come when the test says so. */
class Topic implements RecordSource {
  readonly description = 'a test'
  handlers: SourceHandlers | undefined
  startError: Error | undefined
  #end = 0

  async start(handlers: SourceHandlers): Promise<void> {
    if (this.startError !== undefined) throw this.startError
    this.handlers = handlers
    await handlers.onAssigned([0])
  }

  async deliver(value: Buffer): Promise<void> {
    const offset = this.#end++
    const headers = {[HEADERS.dueUs]: String(DUE_US)}
    await this.handlers?.onRecords(0, [{partition: 0, offset, timestampMs: 1, key: null, value, headers}], this.#end)
  }

  async committed(): Promise<ReadonlyMap<number, number>> {
    return new Map()
  }

  async bounds(): Promise<ReadonlyMap<number, {earliest: number; end: number}>> {
    return new Map([[0, {earliest: 0, end: this.#end}]])
  }

  seek(): void {}
  async commit(): Promise<void> {}
  async stop(): Promise<void> {}
}

interface Given {
  readonly publishFailure?: () => Error | undefined
}

function given({publishFailure}: Given = {}) {
  const clock = new VirtualClock()
  const source = new Topic()
  const notes: string[] = []
  const published: OutputRecord[] = []
  const detector = new ServiceDetector({
    detector: createDetector(planFromFlags({}).plan.detector),
    source,
    publisher: {
      publish: async records => {
        const failure = publishFailure?.()
        if (failure !== undefined) throw failure
        published.push(...records)
      },
      close: async () => {},
    },
    store: null,
    snapshots: null,
    topics: TOPICS,
    group: 'g',
    clock,
    onNote: note => notes.push(note),
  })
  return {clock, source, notes, detector, published}
}

const PAYMENT = paymentWith()

describe('a detector beside an API', () => {
  it('is not ready, says so, and gives no scores before it has its partitions', () => {
    const {detector} = given()
    expect(detector.troubles).toEqual(['the detector is not ready yet: it joins its group or reads its state'])
    expect(detector.partitions).toBeNull()
    expect(detector.figures).toMatchObject({decided: 0, outboxCount: 0})
    expect(() => detector.look(PAYMENT, 0)).toThrow(expect.objectContaining({code: 'P2PAY_DETECTOR_AWAY'}))
  })

  it('decides, tells how long each decision took, and drains at the end', async () => {
    const {clock, source, detector, published} = given()
    const latencies: number[] = []
    detector.watch(latencyUs => latencies.push(latencyUs))
    detector.start()
    await clock.until(detector.ready)
    expect([detector.troubles, detector.partitions]).toEqual([[], {assigned: 1, all: 1}])
    expect(detector.look(PAYMENT, 0).decision.kind).toBe('approve')
    void source.deliver(Buffer.from(encodePayment(PAYMENT)))
    await settle()
    expect(detector.figures).toMatchObject({decided: 0, outboxCount: 1})
    const summary = await clock.until(detector.stop())
    expect(summary).toMatchObject({drained: true, counters: {decided: 1}})
    expect(detector.figures).toMatchObject({decided: 1, approve: 1, outboxCount: 0})
    expect(latencies).toHaveLength(1)
    expect(latencies[0]).toBeGreaterThanOrEqual(5000)
    expect(published).toHaveLength(1)
  })

  it('has a trouble while its outputs are not taken, and none afterwards; both are told', async () => {
    let isAway = true
    const away = (): Error | undefined => (isAway ? new EnvironmentError('gone', {code: 'P2PAY_TEST'}) : undefined)
    const {clock, source, detector, notes} = given({publishFailure: away})
    detector.start()
    await clock.until(detector.ready)
    void source.deliver(Buffer.from(encodePayment(PAYMENT)))
    await clock.advance(1000)
    expect(detector.troubles).toEqual(['the detector, publishing: gone'])
    isAway = false
    await clock.advance(10_000)
    expect(detector.troubles).toEqual([])
    expect(notes).toEqual(['! the detector, publishing: gone', 'the detector: publishing works again'])
    await clock.until(detector.stop())
  })

  it('that gives up is a trouble from then on, gives no scores, and leaves the end to the others', async () => {
    const {clock, source, detector, notes} = given()
    source.startError = new EnvironmentError('no access', {code: 'P2PAY_TEST'})
    detector.start()
    await clock.until(detector.ready)
    expect(detector.hasEnded).toBe(true)
    expect(detector.troubles).toEqual(['the detector gave up: no access'])
    expect(notes).toEqual(['! the detector gave up: no access; payments are still taken, and decided after a restart'])
    expect(() => detector.look(PAYMENT, 0)).toThrow('the detector gave up: no access')
    expect(await clock.until(detector.stop())).toBeNull()
  })

  it('that dies of a bug says so at once, and at the end again', async () => {
    const {clock, source, detector, notes} = given()
    source.startError = new TypeError('not a function')
    detector.start()
    await clock.until(detector.ready)
    expect(notes).toHaveLength(1)
    await expect(clock.until(detector.stop())).rejects.toThrow('not a function')
  })
})
