/** What is no payment on the raw topic: it goes to the dead-letter topic with its reason, and its neighbours are decided. */
import pg from 'pg'
import {describe, expect, it} from 'vitest'
import {connectKafka, type KafkaConnection} from '../../src/lib/kafka/connection.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import {encodePayment} from '../../src/lib/payment/encode.js'
import type {OutputRecord, SourceRecord} from '../../src/lib/payment/record.js'
import {HEADERS} from '../../src/lib/payment/topics.js'
import {openKafkaPublisher} from '../../src/lib/sink/kafka-publisher.js'
import {paymentWith, testPaymentId} from '../support/payments.js'
import {sharedUp} from '../support/shared-up.js'

const up = sharedUp()

const RAW = 'bad.raw'
const OUTPUTS = {legit: 'bad.legit', fraud: 'bad.fraud', alerts: 'bad.alerts', dlq: 'bad.dlq'}
const MEGABYTE = 1_000_000

const valid = encodePayment(paymentWith({paymentId: testPaymentId(999)}))
const without = (field: string): string => JSON.stringify({...JSON.parse(valid), [field]: undefined})
const withField = (field: string, value: unknown): string => JSON.stringify({...JSON.parse(valid), [field]: value})

interface BadRecord {
  readonly name: string
  readonly value: Buffer | string | null
  readonly code: string
  readonly reason: string | RegExp
  /** It is too large for the dead-letter topic, too: what arrives there says where it is. */
  readonly isStripped?: boolean
}

const BAD: readonly BadRecord[] = [
  {name: 'malformed JSON', value: '{"schema_version":1,', code: 'MALFORMED_JSON', reason: 'not JSON'},
  {name: 'a JSON array', value: '[1,2]', code: 'NOT_AN_OBJECT', reason: 'not a JSON object'},
  {name: 'no bytes', value: '', code: 'EMPTY_VALUE', reason: 'the value is empty'},
  {name: 'a null value', value: null, code: 'EMPTY_VALUE', reason: 'the value is empty'},
  {name: 'bytes that are not UTF-8', value: Buffer.from([0x7b, 0xff, 0x7d]), code: 'INVALID_UTF8', reason: 'UTF-8'},
  {
    name: 'an unknown version',
    value: withField('schema_version', 9),
    code: 'UNKNOWN_VERSION',
    reason: 'schema_version: version 9 is unknown',
  },
  {name: 'a missing field', value: without('debtor_id'), code: 'INVALID_FIELD', reason: 'debtor_id'},
  {
    name: 'a field of the wrong type',
    value: withField('amount_minor', '2500'),
    code: 'INVALID_FIELD',
    reason: 'amount_minor',
  },
  {name: 'an amount of nothing', value: withField('amount_minor', 0), code: 'INVALID_FIELD', reason: 'amount_minor'},
  {
    name: 'several wrong fields',
    value: JSON.stringify({...JSON.parse(valid), currency: 'euro', country: 5}),
    code: 'INVALID_FIELD',
    reason: /currency.*country|country.*currency/,
  },
  {name: 'a NUL', value: withField('reference', 'a\u0000b'), code: 'INVALID_FIELD', reason: 'reference'},
  {name: 'a lone surrogate', value: withField('reference', 'a\uD800b'), code: 'INVALID_FIELD', reason: 'reference'},
  {
    name: 'a NUL in a field that nobody knows',
    value: withField('memo', 'a\u0000b'),
    code: 'INVALID_FIELD',
    reason: 'memo',
  },
  {
    name: 'half a megabyte',
    value: withField('memo', 'x'.repeat(MEGABYTE / 2)),
    code: 'TOO_LARGE',
    reason: 'at most 65536 are read',
  },
  {
    name: 'two megabytes',
    value: withField('memo', 'x'.repeat(2 * MEGABYTE)),
    code: 'TOO_LARGE',
    reason: 'at most 65536 are read',
    isStripped: true,
  },
]

/** A good payment before, between and after the bad ones; the last one has no key. */
const GOOD = Array.from({length: BAD.length + 1}, (_, number) => testPaymentId(number + 1))

async function connected<T>(use: (connection: KafkaConnection) => Promise<T>): Promise<T> {
  const connection = await connectKafka({brokers: up().brokers})
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

async function publishAll(connection: KafkaConnection): Promise<void> {
  const admin = connection.newClient().admin()
  await admin.connect()
  const configEntries = [{name: 'max.message.bytes', value: String(4 * MEGABYTE)}]
  await admin.createTopics({topics: [{topic: RAW, numPartitions: 1, configEntries}]})
  await admin.disconnect()
  const record = (value: Buffer | string | null, key: string | null): OutputRecord => ({
    topic: RAW,
    key: key === null ? null : Buffer.from(key),
    value: typeof value === 'string' ? Buffer.from(value) : value,
    headers: {trace: 'kept'},
  })
  const good = GOOD.map(paymentId => encodePayment(paymentWith({paymentId, debtorId: `debtor-${paymentId}`})))
  const records = BAD.flatMap(({value, name}, index) => [record(good[index] ?? '', 'debtor'), record(value, name)])
  const publisher = await openKafkaPublisher(connection)
  for (const one of [...records, record(good.at(-1) ?? '', null)]) await publisher.publish([one])
  await publisher.close()
}

async function recordsOf(connection: KafkaConnection, topic: string): Promise<SourceRecord[]> {
  const [from, to] = await Promise.all([connection.admin.startOffsets(topic), connection.admin.endOffsets(topic)])
  const records: SourceRecord[] = []
  for await (const batch of readRange(connection, topic, from, to)) records.push(...batch)
  return records
}

describe('bad records on the raw topic', () => {
  it('go to the dead-letter topic with reason and origin, and what is between them is decided and stored', async () => {
    await connected(publishAll)
    const flags = Object.entries(OUTPUTS).flatMap(([role, topic]) => [`--${role}-topic`, topic])
    const detected = await up().run(['detect', '-t', RAW, ...flags, '--until-idle', '500ms', '--json'])
    expect(detected.exitCode, detected.stderr).toBe(0)
    const {counters} = JSON.parse(detected.stdout)
    expect(counters).toMatchObject({consumed: 2 * BAD.length + 1, decided: GOOD.length, deadLettered: BAD.length})

    const [dead, decided] = await connected(async connection => [
      await recordsOf(connection, OUTPUTS.dlq),
      [...(await recordsOf(connection, OUTPUTS.legit)), ...(await recordsOf(connection, OUTPUTS.fraud))],
    ])
    const header = (record: SourceRecord, name: string): string => String(record.headers[name])
    const byOffset = new Map(dead.map(record => [Number(header(record, HEADERS.sourceOffset)), record]))
    for (const [index, {name, value, code, reason, isStripped}] of BAD.entries()) {
      const record = byOffset.get(2 * index + 1)
      if (record === undefined) throw new Error(`${name} is not on the dead-letter topic`)
      expect(header(record, HEADERS.errorCode), name).toBe(code)
      expect(header(record, HEADERS.error), name).toMatch(reason)
      expect([header(record, HEADERS.sourceTopic), header(record, HEADERS.sourcePartition)]).toEqual([RAW, '0'])
      if (isStripped === true) {
        expect([record.key, record.value], name).toEqual([null, null])
        continue
      }
      expect(record.key?.toString(), name).toBe(name)
      const bytes = typeof value === 'string' ? Buffer.from(value) : value
      expect(record.value === null ? null : record.value.equals(bytes ?? Buffer.of()), name).toBe(
        value === null ? null : true,
      )
      expect(header(record, 'trace'), name).toBe('kept')
    }
    expect(dead).toHaveLength(BAD.length)
    const ids = decided.map(record => JSON.parse(String(record.value)).payment_id)
    expect(ids.toSorted()).toEqual(GOOD.toSorted())

    const client = new pg.Client({connectionString: up().databaseUrl})
    await client.connect()
    const {rows} = await client.query<{id: string}>('select payment_id::text as id from payments order by payment_id')
    await client.end()
    expect(rows.map(({id}) => id)).toEqual(GOOD.toSorted())
  })
})
