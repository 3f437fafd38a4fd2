import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {BugError} from '../../../../src/lib/base/errors.js'
import type {HttpClient, HttpOutcome} from '../../../../src/lib/http/http-client.js'
import {type Journal, openJournal, readJournal, readJournalHeader} from '../../../../src/lib/run/journal.js'
import {loadtest} from '../../../../src/lib/run/loadtest/loadtest.js'
import type {MintedIds} from '../../../../src/lib/run/loadtest/minted-ids.js'
import type {ResponseJudge} from '../../../../src/lib/run/loadtest/options.js'
import type {JournalEntry} from '../../../../src/lib/run/run-directory.js'
import type {SendOutcome} from '../../../../src/lib/sink/sink.js'
import {type FakeServer, openFakeClient, stalling, steady} from '../../../support/fake-http-client.js'
import {
  closedModel,
  FIRST_CREATED_MS,
  loaded,
  loading,
  numberedSource,
  openModel,
  STATUS_2XX,
} from '../../../support/load.js'
import {temporaryDirectory} from '../../../support/temp.js'
import {VirtualClock} from '../../../support/virtual-clock.js'

function memoryJournal(): Journal & {readonly outcomes: SendOutcome[]; closed: boolean} {
  return {
    outcomes: [],
    closed: false,
    record(outcome) {
      this.outcomes.push(outcome)
    },
    recordOne(sequence, state, sentUs, settledUs) {
      this.record({
        state,
        sequences: Float64Array.of(sequence),
        sentUs,
        settledUs,
        partition: -1,
        baseOffset: -1,
      })
    },
    room: () => undefined,
    flush: async () => {},
    async close() {
      this.closed = true
    },
  }
}

function memoryMintedIds(): MintedIds & {readonly ids: [number, string][]; closed: boolean} {
  return {
    ids: [],
    closed: false,
    record(sequence, id) {
      this.ids.push([sequence, id])
    },
    room: () => undefined,
    async close() {
      this.closed = true
    },
  }
}

describe('what an outcome is', () => {
  const cases: [string, Partial<HttpOutcome>, 'succeeded' | 'failed' | 'timeouts' | 'errors', SendOutcome['state']][] =
    [
      ['202', {status: 202}, 'succeeded', 'acked'],
      ['a 3xx, which is not followed', {status: 302}, 'failed', 'failed'],
      ['a 4xx', {status: 422}, 'failed', 'failed'],
      ['a 5xx: it may have been taken', {status: 503}, 'failed', 'unknown'],
      ['a final 1xx', {status: 101}, 'failed', 'unknown'],
      ['a status that HTTP does not know', {status: 999}, 'failed', 'unknown'],
      ['a timeout', {kind: 'timeout'}, 'timeouts', 'unknown'],
      ['a timeout before there was a connection', {kind: 'timeout', sentUs: 0}, 'timeouts', 'failed'],
      ['a refused connection', {kind: 'refused'}, 'errors', 'failed'],
      ['a broken connection', {kind: 'broken'}, 'errors', 'unknown'],
    ]
  it.each(cases)('%s', async (_, answer, countedAs, state) => {
    const journal = memoryJournal()
    const {result} = await loaded({
      model: closedModel({requestCount: 10}),
      server: () => ({afterMs: 3, ...answer}),
      journal,
    })
    expect(result).toMatchObject({succeeded: 0, failed: 0, timeouts: 0, errors: 0, [countedAs]: 10})
    expect(result.journalled).toEqual({acked: 0, failed: 0, unknown: 0, [state]: 10})
    expect(journal.outcomes.map(outcome => outcome.state)).toEqual(new Array(10).fill(state))
    expect(journal.closed).toBe(true)
    expect(result.response.count).toBe(state === 'acked' ? 10 : 0)
    expect(result.groups).toHaveLength(1)
    // Of what never had a connection the time counts since it was handed over.
    expect(result.groups[0]?.response.maxUs).toBe(3000)
  })

  it('is for the judge to say: by status, or by body', async () => {
    const judge: ResponseJudge = {
      needsBody: true,
      isSuccess: ({body}) => body?.toString() === 'accepted',
      idOf: () => undefined,
      description: 'body matches /accepted/',
    }
    const server: FakeServer = index => ({afterMs: 1, status: 200, body: Buffer.from(index < 3 ? 'accepted' : 'nope')})
    const {result} = await loaded({model: closedModel({requestCount: 10}), judge, server})
    expect(result).toMatchObject({succeeded: 3, failed: 7, journalled: {acked: 3, failed: 7, unknown: 0}})
    expect(result.groups.map(({outcome, success, count}) => [outcome, success, count])).toEqual([
      ['2xx', true, 3],
      ['2xx', false, 7],
    ])
    expect(result.errorKinds).toEqual([{code: 'HTTP 200', count: 7, example: 'OK; success is body matches /accepted/'}])
  })

  it('keeps twenty kinds of trouble, and the rest as one', async () => {
    const {result} = await loaded({
      model: closedModel({requestCount: 100}),
      server: index => ({afterMs: 1, kind: 'broken', errorCode: `E${index}`}),
    })
    expect(result.errorKinds).toHaveLength(21)
    expect(result.errorKinds.at(-1)).toMatchObject({code: 'OTHER', count: 80})
  })
})

describe('latencies', () => {
  it('of timeouts and failures stay apart from those of successes', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 1000, concurrency: 1000}),
      server: index =>
        index % 2 === 0 ? {afterMs: 5} : index % 4 === 1 ? {afterMs: 900, kind: 'timeout'} : {afterMs: 1, status: 500},
    })
    expect([result.response.minUs, result.response.maxUs, result.response.count]).toEqual([5000, 5000, 500])
    expect(result.plannedTime?.count).toBe(500)
    expect(
      result.groups.map(({outcome, count, response, firstByte}) => [outcome, count, response.minUs, firstByte.count]),
    ).toEqual([
      ['2xx', 500, 5000, 500],
      ['5xx', 250, 1000, 250],
      ['timeout', 250, 900_000, 0],
    ])
  })

  it('count from the due time as well, and say how late each was sent', async () => {
    // One at a time, 10 ms each, all five due within 4 ms.
    const {result} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 5, concurrency: 1}),
      server: steady(10),
    })
    expect([result.response.minUs, result.response.maxUs]).toEqual([10_000, 10_000])
    expect([result.lateness?.minUs, result.lateness?.maxUs]).toEqual([0, 36_000])
    expect([result.plannedTime?.minUs, result.plannedTime?.maxUs]).toEqual([10_000, 46_000])
  })

  it('leave out the warm-up, which is counted like the rest', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 1000}),
      server: index => ({afterMs: index < 100 ? 50 : 2}),
      warmupCount: 100,
    })
    expect(result).toMatchObject({sent: 1000, succeeded: 1000, warmupCount: 100})
    expect([result.response.count, result.response.maxUs]).toEqual([900, 2000])
    expect([result.plannedTime?.count, result.lateness?.count, result.firstByte.count]).toEqual([900, 900, 900])
    expect(result.groups.map(({count, response}) => [count, response.count])).toEqual([[1000, 900]])
  })

  it('are kept for each scenario of the schedule', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 1000, durationMs: 1000}),
      scenarios: [
        {name: 'calm', fromSequence: 0},
        {name: 'unused', fromSequence: 600},
        {name: 'storm', fromSequence: 600},
      ],
      server: index => (index < 600 ? {afterMs: 2} : {afterMs: 4, status: index % 2 === 0 ? 202 : 429}),
    })
    expect(
      result.groups.map(({scenario, outcome, count, response}) => [scenario, outcome, count, response.maxUs]),
    ).toEqual([
      ['calm', '2xx', 600, 2000],
      ['storm', '2xx', 200, 4000],
      ['storm', '4xx', 200, 4000],
    ])
    expect(result.response.count).toBe(800)
  })
})

describe('second by second', () => {
  it('an outcome belongs to the second in which it came back, and has its percentiles', async () => {
    const {result} = await loaded({
      model: openModel({rateTps: 100, durationMs: 3000, concurrency: 200}),
      server: stalling(10, 995, 2000),
    })
    expect(result.perSecond.map(({second, due, sent, succeeded}) => [second, due, sent, succeeded])).toEqual([
      [0, 100, 100, 99],
      [1, 100, 100, 0],
      [2, 100, 100, 200],
      [3, 0, 0, 1],
    ])
    expect(result.perSecond[0]).toMatchObject({inFlight: 1, queued: 0, responseP50Us: 10_000, responseMaxUs: 10_000})
    expect(result.perSecond[1]).toMatchObject({inFlight: 101, responseP50Us: null, responseMaxUs: null})
    expect(result.perSecond[1]?.plannedP99Us).toBeNull()
    expect(result.perSecond[2]?.responseMaxUs).toBe(1_020_000)
    expect(result.perSecond[2]?.plannedP99Us).toBeGreaterThan(980_000)
  })

  it('has the seconds in which nothing happened', async () => {
    const {result} = await loaded({
      model: openModel({
        phases: [
          {executor: 'constant-arrival-rate', rateTps: 10, durationMs: 1000, arrivals: 'uniform'},
          {executor: 'constant-arrival-rate', rateTps: 0, durationMs: 2000, arrivals: 'uniform'},
          {executor: 'constant-arrival-rate', rateTps: 10, durationMs: 1000, arrivals: 'uniform'},
        ],
      }),
    })
    expect(result.perSecond.map(second => second.sent)).toEqual([10, 0, 0, 10])
  })

  it('progress tells of the last full second, and of the whole at the end', async () => {
    const {result, progress} = await loaded({model: openModel({rateTps: 100, durationMs: 3000}), server: steady(4)})
    expect(progress.at(-1)).toMatchObject({sent: 300, succeeded: 300, inFlight: 0, queued: 0, planned: 300, dropped: 0})
    const later = progress.filter(({elapsedUs}) => elapsedUs >= 1_010_000)
    expect(later.length).toBeGreaterThan(3)
    for (const {elapsedUs, lastSecond} of later) {
      const second = Math.min(2, Math.floor(elapsedUs / 1e6) - 1)
      expect(lastSecond).toEqual({second, succeeded: 100, p50Us: 4000, p99Us: 4000})
    }
    expect(result.perSecond[0]?.succeeded).toBe(100)
  })
})

describe('schedules', () => {
  it('plays Poisson arrivals: bursts, and the asked count', async () => {
    const {result, client, startUs} = await loaded({
      model: openModel({
        phases: [{executor: 'constant-arrival-rate', rateTps: 1000, durationMs: 4000, arrivals: 'poisson'}],
      }),
    })
    expect(result).toMatchObject({due: 4000, sent: 4000})
    expect(result.description).toBe('1,000 requests/s for 4 s in Poisson arrivals, at most 200 at once (open model)')
    const perTick = new Map<number, number>()
    for (const {sentUs} of client.sent) {
      const tick = Math.floor((sentUs - startUs) / 1000)
      perTick.set(tick, (perTick.get(tick) ?? 0) + 1)
    }
    expect(Math.max(...perTick.values())).toBeGreaterThan(3)
    expect(result.lateness?.maxUs).toBeLessThanOrEqual(1000)
  })

  it('plays ramps: every second as many as the stage asks', async () => {
    const {result} = await loaded({
      model: openModel({
        phases: [
          {
            executor: 'ramping-arrival-rate',
            startRateTps: 0,
            stages: [
              {targetTps: 1000, durationMs: 2000},
              {targetTps: 1000, durationMs: 1000},
              {targetTps: 0, durationMs: 1000},
            ],
            arrivals: 'uniform',
          },
        ],
      }),
    })
    expect(result.perSecond.map(second => second.due)).toEqual([250, 750, 1000, 500])
    for (const {due, sent} of result.perSecond) expect(Math.abs(sent - (due ?? 0))).toBeLessThanOrEqual(1)
    expect(result.description).toBe('0 → 1,000 → 1,000 → 0 requests/s over 4 s, at most 200 at once (open model)')
  })

  it('after a standstill of our own process finds all that came due, and sends it at once', async () => {
    const {summary, clock, client, startUs} = loading({model: openModel({rateTps: 1000, durationMs: 2000})})
    await clock.advance(500)
    clock.freeze(150)
    const result = await clock.until(summary)
    expect(result).toMatchObject({sent: 2000, dropped: 0})
    expect(client.sent.filter(({sentUs}) => sentUs - startUs === 650_000)).toHaveLength(150)
    expect(result.plannedTime?.maxUs).toBeGreaterThan(145_000)
  })

  it('writes the start before it, so that the first requests are not late', async () => {
    const clock = new VirtualClock()
    const started: number[] = []
    const {result, client} = await loaded({
      clock,
      model: openModel({rateTps: 1000, durationMs: 100}),
      onStart: async startUs => {
        started.push(startUs)
        await clock.sleep(30)
      },
    })
    expect(started).toEqual([result.startUs])
    expect(client.sent[0]?.sentUs).toBe(result.startUs)
    expect(result.lateness?.maxUs).toBeLessThanOrEqual(1000)
  })
})

describe('a signal', () => {
  it('before the start ends a run that has sent nothing', async () => {
    const {summary, abort, clock, client} = loading({model: openModel(), onStart: () => undefined})
    abort.abort()
    const result = await clock.until(summary)
    expect(client.sent).toHaveLength(0)
    expect(result).toMatchObject({sent: 0, due: 0, succeeded: 0, interrupted: true, simulatedFromMs: null})
    expect([result.wallUs, result.achievedRps, result.achievedRatio]).toEqual([0, null, null])
  })

  it('stops the release of an open model; what waits is unsent, what is under way is waited for', async () => {
    const {summary, abort, clock, client} = loading({
      model: openModel({rateTps: 1000, durationMs: 10_000, concurrency: 20}),
      server: steady(100),
    })
    await clock.advance(1000)
    const sentBefore = client.sent.length
    abort.abort()
    const result = await clock.until(summary)
    expect(client.sent).toHaveLength(sentBefore)
    expect(client.inFlight).toBe(0)
    expect(result).toMatchObject({planned: 10_000, due: 1001, sent: sentBefore, succeeded: sentBefore, dropped: 0})
    expect(result).toMatchObject({unsent: 1001 - sentBefore, interrupted: true})
    // As asked, though one more was due at the very start.
    expect(result.requestedRps).toBeCloseTo(1000, 6)
  })

  it('while the queue of a played schedule empties leaves the rest unsent', async () => {
    const {summary, abort, clock} = loading({
      model: openModel({rateTps: 1000, durationMs: 1000, concurrency: 1}),
      server: steady(10),
    })
    await clock.advance(3000)
    abort.abort()
    const result = await clock.until(summary)
    expect(result).toMatchObject({due: 1000, interrupted: true})
    expect(result.sent + result.unsent).toBe(1000)
  })

  it('when all is sent changes nothing: the run is whole', async () => {
    const {summary, abort, clock} = loading({
      model: openModel({rateTps: 100, durationMs: 1000}),
      server: steady(5000),
    })
    await clock.advance(2000)
    abort.abort()
    expect(await clock.until(summary)).toMatchObject({sent: 100, succeeded: 100, interrupted: false})
  })

  it('stops a closed model', async () => {
    const {summary, abort, clock} = loading({
      model: closedModel({concurrency: 5, requestCount: 1000}),
      server: steady(10),
    })
    await clock.advance(95)
    abort.abort()
    expect(await clock.until(summary)).toMatchObject({
      planned: 1000,
      due: 50,
      sent: 50,
      succeeded: 50,
      interrupted: true,
    })
  })

  it('ends a service that never answers when its timeouts have come', async () => {
    const {summary, abort, clock} = loading({
      model: openModel({rateTps: 100, durationMs: 60_000, concurrency: 10}),
      server: () => ({afterMs: 10_000, kind: 'timeout'}),
    })
    await clock.advance(500)
    abort.abort()
    const result = await clock.until(summary)
    expect(result).toMatchObject({sent: 10, timeouts: 10, unsent: 41, interrupted: true})
    expect(result.wallUs).toBe(10_090_000)
  })

  it('closes a client without a timeout when it has waited long enough', async () => {
    const {summary, abort, clock, client} = loading({
      model: closedModel({concurrency: 10}),
      server: () => ({afterMs: Number.POSITIVE_INFINITY}),
      drainMs: 2000,
    })
    await clock.advance(500)
    abort.abort()
    expect(await clock.until(summary)).toMatchObject({sent: 10, errors: 10, interrupted: true, wallUs: 2_500_000})
    expect(client.closed).toBe(true)
  })
})

describe('what is journalled', () => {
  it('has every request that was sent once; a dropped one reads as not sent', async () => {
    const path = join(await temporaryDirectory(), 'journal.bin')
    const clock = new VirtualClock()
    const journal = await openJournal(path, 1000)
    const {result} = await loaded({
      clock,
      journal,
      model: openModel({rateTps: 1000, durationMs: 1000, concurrency: 5, queueCount: 10}),
      server: index => (index % 3 === 0 ? {afterMs: 20, status: 503} : {afterMs: 20}),
    })
    const states = new Map<JournalEntry['state'], number>()
    let count = 0
    for await (const entries of readJournal(path)) {
      for (const {state} of entries) states.set(state, (states.get(state) ?? 0) + 1)
      count += entries.length
    }
    expect((await readJournalHeader(path)).closed).toBe(true)
    expect(result.dropped).toBeGreaterThan(500)
    expect(states.get('acked')).toBe(result.succeeded)
    expect(states.get('unknown-outcome')).toBe(result.failed)
    // Beyond its end the journal says nothing, which in a closed one means the same.
    expect((states.get('unsent') ?? 0) + 1000 - count).toBe(result.dropped)
  })

  it('holds the release back while the disk is behind, and goes on in order', async () => {
    const clock = new VirtualClock()
    const journal = memoryJournal()
    let calls = 0
    journal.room = () => (++calls === 100 ? clock.sleep(300) : undefined)
    const {result, client, startUs} = await loaded({clock, journal, model: openModel({rateTps: 500, durationMs: 1000})})
    expect(result).toMatchObject({sent: 500, succeeded: 500, dropped: 0})
    const sentMs = client.sent.map(({sentUs}) => (sentUs - startUs) / 1000)
    expect(sentMs.filter(ms => ms > 198 && ms < 498)).toEqual([])
    expect(result.longestQueue).toBeGreaterThan(140)
  })

  it('has ids that the service minted, where they are not those that it was given, of successes alone', async () => {
    const mintedIds = memoryMintedIds()
    const source = numberedSource()
    await loaded({
      mintedIds,
      source,
      model: closedModel({requestCount: 4, concurrency: 1}),
      judge: {
        ...STATUS_2XX,
        idOf: ({body}) => body?.toString(),
      },
      server: index =>
        [
          {afterMs: 1, body: Buffer.from('minted-0')},
          {afterMs: 1, body: Buffer.from('id-1')},
          {afterMs: 1, status: 503, body: Buffer.from('minted-2')},
          {afterMs: 1, body: null},
        ][index] ?? {afterMs: 1},
    })
    expect(mintedIds.ids).toEqual([[0, 'minted-0']])
    expect(mintedIds.closed).toBe(true)
  })
})

describe('what carries a load test', () => {
  it('counts bytes, and the event time of the first and the last payment', async () => {
    const {result} = await loaded({model: closedModel({requestCount: 100})})
    expect(result).toMatchObject({sentBytes: 10 + 90 * 2, receivedBytes: 4000})
    expect([result.simulatedFromMs, result.simulatedToMs]).toEqual([FIRST_CREATED_MS, FIRST_CREATED_MS + 99_000])
  })

  it('counts as sent only what left, and of unfinished answers what came', async () => {
    const {result} = await loaded({
      model: closedModel({requestCount: 10}),
      server: index =>
        index < 6 ? {afterMs: 1, kind: 'refused'} : {afterMs: 1, kind: 'timeout', receivedBytes: index === 6 ? 700 : 0},
    })
    expect(result).toMatchObject({sent: 10, sentBytes: 4, receivedBytes: 700})
  })

  it('ends with the error of a source that throws, when what is under way has come back and is journalled', async () => {
    const journal = memoryJournal()
    const source = numberedSource()
    const {summary, clock, client} = loading({
      journal,
      source: {
        at(sequence) {
          if (sequence === 30) throw new Error('the template has no field amount')
          return source.at(sequence)
        },
      },
      model: openModel({rateTps: 1000, durationMs: 1000}),
      server: steady(50),
    })
    await expect(clock.until(summary)).rejects.toThrow('the template has no field amount')
    expect(client.inFlight).toBe(0)
    expect(journal.outcomes).toHaveLength(30)
    expect(journal.closed).toBe(true)
  })

  it('ends with the error of a judge that throws', async () => {
    const judge: ResponseJudge = {
      ...STATUS_2XX,
      isSuccess: () => {
        throw new Error('no JSON')
      },
    }
    const {summary, clock, client} = loading({judge})
    await expect(clock.until(summary)).rejects.toThrow('no JSON')
    expect(client.inFlight).toBe(0)
  })

  it('ends with the error of a disk that is full', async () => {
    const journal = memoryJournal()
    journal.room = () => (journal.outcomes.length > 50 ? Promise.reject(new Error('disk full')) : undefined)
    const {summary, clock, client} = loading({journal})
    await expect(clock.until(summary)).rejects.toThrow('disk full')
    expect(client.inFlight).toBe(0)
    expect(journal.closed).toBe(true)
  })

  it('tells of a journal that cannot be closed, and closes the minted ids all the same', async () => {
    const journal = memoryJournal()
    journal.close = () => Promise.reject(new Error('disk gone'))
    const mintedIds = memoryMintedIds()
    const {summary, clock} = loading({journal, mintedIds})
    await expect(clock.until(summary)).rejects.toThrow('disk gone')
    expect(mintedIds.closed).toBe(true)
  })

  it.each([
    [
      'calls back twice',
      BugError,
      (send: HttpClient['send'], sent: () => number): HttpClient['send'] =>
        (request, onOutcome) =>
          send(request, outcome => {
            onOutcome(outcome)
            if (sent() === 10) onOutcome(outcome)
          }),
    ],
    [
      'throws',
      TypeError,
      (send: HttpClient['send'], sent: () => number): HttpClient['send'] =>
        (request, onOutcome) => {
          if (sent() === 5) throw new TypeError('bad header')
          send(request, onOutcome)
        },
    ],
  ])('notices a client that %s, and ends', async (_, error, broken) => {
    const clock = new VirtualClock()
    const client = openFakeClient(clock, steady(2))
    const summary = loadtest({
      model: closedModel({requestCount: 10, concurrency: 2}),
      source: numberedSource(),
      judge: STATUS_2XX,
      scenarios: [{name: 'all', fromSequence: 0}],
      warmupCount: 0,
      clock,
      signal: new AbortController().signal,
      client: {...client, send: broken(client.send, () => client.sent.length)},
    })
    await expect(clock.until(summary)).rejects.toThrow(error)
    expect(client.inFlight).toBe(0)
  })

  it('ends with a bug when a client keeps requests to itself although it was closed', async () => {
    const clock = new VirtualClock()
    const client = openFakeClient(clock, () => ({afterMs: Number.POSITIVE_INFINITY}))
    const summary = loadtest({
      model: closedModel({concurrency: 2, durationMs: 1000}),
      source: numberedSource(),
      judge: STATUS_2XX,
      scenarios: [{name: 'all', fromSequence: 0}],
      warmupCount: 0,
      clock,
      signal: new AbortController().signal,
      drainMs: 100,
      client: {...client, close: async () => {}},
    })
    await expect(clock.until(summary)).rejects.toThrow('kept 2 requests to itself')
  })
})
