import {describe, expect, it} from 'vitest'
import {steady} from '../../../support/fake-http-client.js'
import {closedModel, loaded} from '../../../support/load.js'

describe('a closed model', () => {
  it.each([1, 7, 200])('keeps %i requests under way, and sends every number once, in order', async concurrency => {
    const {result, client} = await loaded({
      model: closedModel({concurrency, requestCount: 1000}),
      // Answers overtake each other.
      server: index => ({afterMs: 1 + ((index * 7) % 5)}),
    })
    expect(client.maxInFlight).toBe(concurrency)
    expect(client.sent.map(({sequence}) => sequence)).toEqual(Array.from({length: 1000}, (_, sequence) => sequence))
    expect(result).toMatchObject({model: 'closed', planned: 1000, due: 1000, sent: 1000, succeeded: 1000, unsent: 0})
    expect(result).toMatchObject({dropped: null, plannedTime: null, lateness: null, longestQueue: null})
    expect(result.interrupted).toBe(false)
  })

  it('never has more under way than there are requests', async () => {
    const {client} = await loaded({model: closedModel({concurrency: 200, requestCount: 3})})
    expect(client.maxInFlight).toBe(3)
  })

  it('sends the next request in the turn in which an answer comes', async () => {
    const {client, startUs} = await loaded({model: closedModel({concurrency: 1, requestCount: 5}), server: steady(7)})
    expect(client.sent.map(({sentUs}) => (sentUs - startUs) / 1000)).toEqual([0, 7, 14, 21, 28])
  })

  it('divides successes by the wall clock, up to the last outcome', async () => {
    const {result} = await loaded({model: closedModel({concurrency: 10, requestCount: 1000}), server: steady(10)})
    expect(result.wallUs).toBe(1_000_000)
    expect(result.achievedRps).toBe(1000)
    expect(result.requestedRps).toBe(Number.POSITIVE_INFINITY)
    expect(result.achievedRatio).toBeNull()
  })

  it('begins no request after its time, and waits for those under way', async () => {
    const {result, client, startUs} = await loaded({
      model: closedModel({concurrency: 4, durationMs: 1000}),
      server: steady(30),
    })
    // 0, 30, …, 990: 34 times four.
    expect(result).toMatchObject({planned: Number.POSITIVE_INFINITY, due: 136, sent: 136, succeeded: 136})
    expect(result).toMatchObject({wallUs: 1_020_000, interrupted: false})
    expect(Math.max(...client.sent.map(({sentUs}) => sentUs - startUs))).toBeLessThan(1_000_000)
  })

  it.each([
    ['the count', {requestCount: 50, durationMs: 60_000}, 50],
    ['the time', {requestCount: 1_000_000, durationMs: 100}, 200],
  ])('ends with whichever comes first: %s', async (_, bounds, sent) => {
    const {result} = await loaded({model: closedModel({concurrency: 10, ...bounds}), server: steady(5)})
    expect(result.sent).toBe(sent)
    expect(result.interrupted).toBe(false)
  })

  it('ends at its time although nothing answers, when the timeout has brought everything back', async () => {
    const {result} = await loaded({
      model: closedModel({concurrency: 10, durationMs: 1000}),
      server: () => ({afterMs: 5000, kind: 'timeout'}),
    })
    expect(result).toMatchObject({sent: 10, succeeded: 0, timeouts: 10, achievedRps: 0, wallUs: 5_000_000})
    expect(result.response.count).toBe(0)
    expect(result.response.percentileUs(99)).toBeNull()
  })

  it('does not nest when a client answers at once', async () => {
    const {result} = await loaded({
      model: closedModel({concurrency: 3, requestCount: 50_000}),
      isSynchronous: true,
    })
    expect(result).toMatchObject({sent: 50_000, succeeded: 50_000})
  })

  it.each([
    [{requestCount: 10_000, concurrency: 200}, '10,000 requests, 200 at once (closed model)'],
    [{requestCount: 1}, '1 request, 10 at once (closed model)'],
    [{durationMs: 1500}, 'as many requests as are answered in 1.5 s, 10 at once (closed model)'],
    [{requestCount: 5, durationMs: 50}, '5 requests or 0.05 s, whichever ends first, 10 at once (closed model)'],
  ])('describes itself: %o', async (bounds, description) => {
    const {result} = await loaded({model: closedModel(bounds)})
    expect(result.description).toBe(description)
  })
})
