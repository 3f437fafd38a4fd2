/**
 * The wire format against bytes that nobody here made: requests and expected answers serialised by Apache Kafka 4.1's
 * own message classes (test/services/kafka/GoldenExchanges.java), every API in its oldest, its newest and each
 * version where the grammar changes.
 */
import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {BrokerState} from '../../../src/lib/broker/api.js'
import {APIS} from '../../../src/lib/broker/api-table.js'
import {Coordinator} from '../../../src/lib/broker/coordinator.js'
import {FaultPlan} from '../../../src/lib/broker/fault-plan.js'
import {FetchWaiters} from '../../../src/lib/broker/fetch-waiters.js'
import {OffsetStore} from '../../../src/lib/broker/offset-store.js'
import {Quota} from '../../../src/lib/broker/quota.js'
import {RequestLoop} from '../../../src/lib/broker/request-loop.js'
import {Storage} from '../../../src/lib/broker/storage.js'
import {makeTemporaryDirectory, removeDirectory} from '../../support/temp.js'
import {VirtualClock} from '../../support/virtual-clock.js'

interface Exchange {
  readonly name: string
  readonly version: number
  readonly request: string
  /** null = only the request is Kafka's. */
  readonly response: string | null
}

const exchanges: Exchange[] = JSON.parse(readFileSync(new URL('golden-exchanges.json', import.meta.url), 'utf8'))

const TOPIC = {
  name: 'payments.raw',
  id: '00112233-4455-6677-8899-aabbccddeeff',
  partitions: 2,
  configs: {},
}

let directory: string
let loop: RequestLoop
let close: () => void

beforeAll(async () => {
  directory = await makeTemporaryDirectory()
  const brokerFile = {version: 1, clusterId: 'golden', producerIdEnd: 1, topics: [TOPIC]}
  writeFileSync(join(directory, 'broker.json'), JSON.stringify(brokerFile))
  const clock = new VirtualClock()
  const storage = new Storage({directory, segmentBytes: 1_000_000})
  const offsets = new OffsetStore(directory)
  const state: BrokerState = {
    host: '127.0.0.1',
    port: 9092,
    clock,
    storage,
    coordinator: new Coordinator(clock, offsets),
    quota: new Quota(1_000_000, storage, offsets),
    waiters: new FetchWaiters(clock),
    defaultPartitions: 2,
    maxMessageBytes: 1_048_588,
    log: () => {},
  }
  loop = new RequestLoop(state, new FaultPlan())
  close = () => {
    state.coordinator.close()
    offsets.close()
    storage.abandon()
  }
})

afterAll(async () => {
  close()
  await removeDirectory(directory)
})

async function answer(request: string): Promise<Buffer> {
  const bytes = await loop.answer(Buffer.from(request, 'hex'), {host: '/127.0.0.1', gone: new AbortController().signal})
  if (bytes === undefined) throw new Error('there is no answer')
  expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
  return bytes.subarray(4)
}

describe("Kafka's own bytes", () => {
  it('are there for every API, at both ends of its range', () => {
    for (const api of APIS) {
      const versions = exchanges.filter(exchange => exchange.name === api.name).map(exchange => exchange.version)
      // Produce 0 to 2 are only named (see 00_produce.ts).
      expect([api.name, Math.min(...versions)]).toEqual([api.name, api.name === 'Produce' ? 3 : api.minVersion])
      expect([api.name, Math.max(...versions)]).toEqual([api.name, api.maxVersion])
    }
  })

  // In order: a produce is before the fetch that reads it.
  it.each(exchanges.map((exchange, index) => ({...exchange, index})))(
    '$index: $name version $version is understood and answered as Kafka would write it',
    async ({request, response}) => {
      const bytes = await answer(request)
      if (response !== null) expect(bytes.toString('hex')).toBe(response)
      else expect(bytes.subarray(0, 6).toString('hex')).toBe('000000070000')
    },
  )
})

describe('an ApiVersions request of a version to come', () => {
  it('is answered in version 0 with UNSUPPORTED_VERSION and the whole list', async () => {
    const bytes = await answer('001200630000000700066675747572650000')
    expect(bytes.subarray(0, 10).toString('hex')).toBe(`00000007${'0023'}${APIS.length.toString(16).padStart(8, '0')}`)
    expect(bytes.length).toBe(10 + APIS.length * 6)
  })
})
