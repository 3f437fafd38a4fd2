/**
 * `p2pay serve` on a real Apache Kafka and a real PostgreSQL, killed with -9 twice under load, while clients retry
 * what they were not told, repeat what they were told, and claim ids with other content: what was acknowledged is on
 * the topic with the bytes that were acknowledged, no id has two contents, and no retry made a second payment.
 */
import {setTimeout as delay} from 'node:timers/promises'
import pg from 'pg'
import {describe, expect, it} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import {encodePayment} from '../../src/lib/payment/encode.js'
import {kill} from '../support/kills.js'
import {type P2pay, run, start} from '../support/p2pay.js'
import {NOON_MS, paymentWith, testPaymentId} from '../support/payments.js'
import {topicFlags} from '../support/pipeline.js'
import {type Order, StubbornClient} from '../support/stubborn-client.js'
import {temporaryDirectory} from '../support/temp.js'
import {services, uniqueName, withFreshDatabase} from './context.js'
import {freePorts} from './ports.js'

/** Of each kind below. */
const COUNT = 1000

/** A payment with an id of its own, whose bytes pass as they are. */
function whole(number: number, amountMinor = 1000 + number): Order {
  const paymentId = testPaymentId(number)
  const debtorId = `debtor-${number % 40}`
  const payment = paymentWith({paymentId, debtorId, amountMinor, createdAtMs: NOON_MS + number * 1000})
  return {name: paymentId, body: encodePayment(payment)}
}

/** A payment that gets its id from the service, and is told from others by its key. */
function keyed(number: number, amount = `${number}.05`): Order {
  const body = JSON.stringify({debtor_id: `debtor-${number % 40}`, creditor_id: 'shop', amount, currency: 'EUR'})
  return {name: `key-${number}`, body, headers: {'idempotency-key': `key-${number}`}}
}

/** By id, the values that have it. */
type Copies = Map<string, string[]>

async function readRaw(brokers: string, topic: string): Promise<Copies> {
  const kafka = await connectKafka({brokers})
  try {
    const {startOffsets, endOffsets} = kafka.admin
    const copies: Copies = new Map()
    const never = new AbortController().signal
    const range = readRange(kafka, topic, await startOffsets(topic), await endOffsets(topic), never)
    for await (const records of range) {
      for (const record of records) {
        const value = String(record.value)
        const id = String(JSON.parse(value).payment_id)
        copies.set(id, [...(copies.get(id) ?? []), value])
      }
    }
    return copies
  } finally {
    await kafka.close()
  }
}

async function rowIds(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({connectionString: databaseUrl})
  await client.connect()
  const {rows} = await client.query<{id: string}>('select payment_id::text as id from payments order by 1')
  await client.end()
  return rows.map(({id}) => id)
}

describe('on real services, p2pay serve', {timeout: 180_000}, () => {
  it.each([
    ['alone', []],
    ['with its detector', ['--detect', '-X', 'session.timeout.ms=6000']],
  ])('%s, killed twice, loses nothing it acknowledged and makes no second payment', async (_what, flags) => {
    const cwd = await temporaryDirectory()
    const name = uniqueName('serve')
    const topics = {
      raw: `${name}.raw`,
      legit: `${name}.legit`,
      fraud: `${name}.fraud`,
      alerts: `${name}.alerts`,
      dlq: `${name}.dlq`,
    }
    const {brokers} = services()
    const [port = 0] = await freePorts(1)
    await withFreshDatabase(async databaseUrl => {
      const migrated = await run(['migrate', '--database-url', databaseUrl], {cwd})
      expect(migrated.exitCode, migrated.stderr).toBe(0)
      const serve = async (): Promise<P2pay> => {
        const args = ['serve', '--port', String(port), '-b', brokers, '--database-url', databaseUrl, '-g', name]
        const process = start([...args, ...topicFlags(topics), ...flags], {cwd})
        await process.output(/^listening on /m)
        return process
      }

      let served = await serve()
      const client = new StubbornClient(`http://127.0.0.1:${port}`)
      const numbers = Array.from({length: COUNT}, (_, index) => index)
      // Plain ones, keyed ones, and pairs of which only one may be taken.
      const orders = numbers.flatMap(n => [whole(n), keyed(n), whole(COUNT + n, 1), whole(COUNT + n, 2)])
      const sending = client.send(orders)
      for (const share of [0.3, 0.6]) {
        await client.untilTold(orders.length * share)
        await kill(served)
        served = await serve()
      }
      await sending
      const first = [...client.told]
      expect(client.surprises).toEqual([])
      // What was not answered by those that were killed was sent again.
      expect(client.retryCount).toBeGreaterThan(0)

      const taken = first.filter(({status}) => status === 202)
      const idOf = new Map(taken.map(({order, paymentId}) => [order.name, paymentId]))
      const conflicts = first.filter(({status}) => status === 409).map(({order}) => order.name)
      expect(conflicts.sort()).toEqual(numbers.map(n => testPaymentId(COUNT + n)).sort())
      expect(idOf.size).toBe(3 * COUNT)
      expect(new Set(idOf.values()).size).toBe(3 * COUNT)

      // The same again, and other content under the same names.
      const later = new StubbornClient(`http://127.0.0.1:${port}`)
      const sample = taken.filter((_, index) => index % 10 === 0).map(({order}) => order)
      await later.send(sample)
      expect(later.told.every(({status, isReplayed}) => status === 202 && isReplayed)).toBe(true)
      expect(later.told.filter(({order, paymentId}) => paymentId !== idOf.get(order.name))).toEqual([])
      const strangers = new StubbornClient(`http://127.0.0.1:${port}`)
      await strangers.send(numbers.slice(0, 100).flatMap(n => [whole(n, 7), keyed(n, '7.77')]))
      expect(strangers.told.filter(({status}) => status !== 409)).toEqual([])
      expect([...later.surprises, ...strangers.surprises]).toEqual([])

      const raw = await readRaw(brokers, topics.raw)
      const acknowledged = [...idOf.values()].map(String).sort()
      expect([...raw.keys()].sort()).toEqual(acknowledged)
      expect([...raw].filter(([, values]) => new Set(values).size > 1)).toEqual([])
      // A whole payment passes byte for byte, and of a pair it is the one that was told so.
      const wholes = taken.filter(({order}) => order.headers === undefined)
      expect(wholes.filter(({order}) => raw.get(order.name)?.[0] !== order.body)).toEqual([])
      const copies = [...raw.values()].reduce((sum, values) => sum + values.length - 1, 0)
      process.stderr.write(
        `${acknowledged.length} payments, ${client.retryCount} retries, ${copies} sent twice with the same bytes\n`,
      )

      if (flags.includes('--detect')) {
        while ((await rowIds(databaseUrl)).length < acknowledged.length) await delay(100)
        expect(await rowIds(databaseUrl)).toEqual(acknowledged)
      }
      served.kill('SIGTERM')
      const {exitCode, stderr} = await served.finished
      expect(exitCode, stderr).toBe(0)
    })
  })
})
