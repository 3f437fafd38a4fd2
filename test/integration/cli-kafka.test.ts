/** `p2pay generate` to Kafka and what can be asked about its runs afterwards; two runs at once; keys, shards, repeats. */
import {access, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {readRange} from '../../src/lib/kafka/read-range.js'
import type {SourceRecord} from '../../src/lib/payment/record.js'
import {HEADERS, TOPICS} from '../../src/lib/payment/topics.js'
import {parseResult} from '../../src/lib/report/parse.js'
import type {Finished} from '../support/p2pay.js'
import {sharedUp} from '../support/shared-up.js'

const up = sharedUp()

async function generate(args: readonly string[]): Promise<Finished & {readonly tag: string}> {
  const finished = await up().run(['generate', ...args])
  expect(finished.exitCode, finished.stderr).toBe(0)
  return {...finished, tag: /^run ([0-9a-f]{12})/m.exec(finished.stderr)?.[1] ?? ''}
}

async function recordsOf(topic: string): Promise<SourceRecord[]> {
  const connection = await connectKafka({brokers: up().brokers})
  try {
    const [from, to] = await Promise.all([connection.admin.startOffsets(topic), connection.admin.endOffsets(topic)])
    const records: SourceRecord[] = []
    for await (const batch of readRange(connection, topic, from, to)) records.push(...batch)
    return records
  } finally {
    await connection.close()
  }
}

const field = (record: SourceRecord, name: string): string => String(JSON.parse(String(record.value))[name])
const byId = (a: SourceRecord, b: SourceRecord): number => (field(a, 'payment_id') < field(b, 'payment_id') ? -1 : 1)

describe.concurrent('a run to Kafka', {timeout: 60_000}, () => {
  it('is repeated byte for byte by --run-tag and --start, and is another one without', async () => {
    const first = await generate(['--tps', '500', '--count', '200', '--seed', '7', '-t', 'repeated'])
    const manifest = JSON.parse(await readFile(join(up().cwd, '.p2pay/runs', first.tag, 'manifest.json'), 'utf8'))
    const again = ['--tps', '1000', '--count', '200', '--seed', '7', '-t', 'again']
    await generate([...again, '--run-tag', first.tag, '--start', manifest.start])
    const [sent, repeated] = await Promise.all([recordsOf('repeated'), recordsOf('again')])
    const bytes = (records: SourceRecord[]): string[] => records.toSorted(byId).map(({value}) => String(value))
    expect(bytes(repeated)).toEqual(bytes(sent))
    const other = await generate(['--tps', '500', '--count', '200', '--seed', '7', '-t', 'other'])
    expect(other.tag).not.toBe(first.tag)
    expect(bytes(await recordsOf('other'))).not.toEqual(bytes(sent))
  })

  it('carries its due time and its key, and no word of the truth', async () => {
    await generate(['--tps', '500', '--count', '500', '--fraud-rate', '0.1', '-t', 'carried'])
    const records = await recordsOf('carried')
    expect(records).toHaveLength(500)
    for (const record of records) {
      expect(record.key?.toString()).toBe(field(record, 'debtor_id'))
      expect(Object.keys(record.headers)).toEqual([HEADERS.dueUs])
      const dueUs = Number(record.headers[HEADERS.dueUs]?.toString())
      expect(record.timestampMs).toBe(Math.floor(dueUs / 1000))
    }
  })

  it.each([
    ['creditor_id', (record: SourceRecord) => record.key?.toString() === field(record, 'creditor_id')],
    ['none', (record: SourceRecord) => record.key === null],
  ])('with --key %s has that key, and a warning', async (key, isRight) => {
    const {stderr} = await generate(['--tps', '500', '--count', '50', '--key', key, '-t', `key-${key}`])
    expect(stderr).toContain(`! with --key ${key} a debtor's payments spread over partitions`)
    expect((await recordsOf(`key-${key}`)).every(isRight)).toBe(true)
  })

  it('as fast as it is taken, for a time: nothing is late, and the figures say so', async () => {
    const {stdout} = await generate(['--tps', 'max', '--duration', '1s', '-t', 'fast', '--json'])
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({planned: null, requested_tps: null, lateness_us: null, failed: 0, unknown: 0})
    expect(result.acked).toBe(result.sent)
    expect(result.acked).toBeGreaterThan(500)
    expect(result.ack_time_us.count).toBe(result.acked)
  })
})

describe.concurrent('the truth about a run', {timeout: 60_000}, () => {
  it('equals the file that --truth wrote beside it', async () => {
    const {tag} = await generate([
      '--tps',
      '1000',
      '--count',
      '1500',
      '--fraud-rate',
      '0.05',
      '--truth',
      'truth.ndjson',
    ])
    const {exitCode, stdout, stderr} = await up().run(['truth', '--run', tag])
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toBe(await readFile(join(up().cwd, 'truth.ndjson'), 'utf8'))
    const frauds = await up().run(['truth', '--run', tag, '--frauds-only', '--json'])
    expect(JSON.parse(frauds.stdout)).toMatchObject({run_tag: tag, payments: 1500})
    expect(JSON.parse(frauds.stdout).frauds).toBe(stdout.split('"is_fraud":true').length - 1)
  })

  it('cannot be told from a manifest that was edited', async () => {
    const {tag} = await generate(['--tps', '1000', '--count', '20'])
    const path = join(up().cwd, '.p2pay/runs', tag, 'manifest.json')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"fraudRate": 0.01', '"fraudRate": 0.02'))
    const edited = await up().run(['truth', '--run', tag])
    expect([edited.exitCode, edited.stderr]).toEqual([3, expect.stringContaining('its plan does not fit its digest')])
    await writeFile(path, text.slice(0, 100))
    const torn = await up().run(['truth', '--run', tag])
    expect([torn.exitCode, torn.stderr]).toEqual([3, expect.stringContaining('Code: P2PAY_MANIFEST')])
  })
})

describe.concurrent('shards of one run', {timeout: 60_000}, () => {
  it('sent at once from one place are the whole run, each payment at its own due time', async () => {
    const tag = 'abcdefabcdef'
    const run = ['--tps', '400', '--count', '600', '--seed', '3', '--run-tag', tag, '--start', '2026-01-01T00:00:00Z']
    const shards = await Promise.all(
      ['1/2', '2/2'].map(shard => generate([...run, '--shard', shard, '-t', 'sharded', '--json'])),
    )
    const [one, two] = shards.map(({stdout}) => JSON.parse(stdout))
    expect(one.acked + two.acked).toBe(600)
    expect(one.planned + two.planned).toBe(600)
    // Each has its part of the rate: 600 payments in 1.5 s.
    expect(one.requested_tps + two.requested_tps).toBeCloseTo(400, 5)
    const records = (await recordsOf('sharded')).toSorted(byId)
    const whole = await up().run(['generate', ...run.slice(2), '--out', 'stdout'])
    expect(records.map(({value}) => `${value}\n`).join('')).toBe(whole.stdout)
    const {exitCode, stdout: truth} = await up().run(['truth', '--run', tag])
    expect(exitCode).toBe(0)
    expect(
      truth
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).sequence),
    ).toEqual(Array.from({length: 600}, (_, sequence) => sequence))
  })
})

describe('two runs at once', {timeout: 60_000}, () => {
  beforeAll(async () => {
    const scenario = `version: 1
name: side by side
population: {accounts: 200}
load: {executor: constant-arrival-rate, rate: 200, duration: 3s}
thresholds:
  audit.lost: '==0'
  audit.duplicate_rows: '==0'
  audit.misrouted: '==0'
  audit.unbalanced: '==0'
`
    await writeFile(join(up().cwd, 'side.yaml'), scenario)
  })

  it('on the same topics both end balanced, and clean removes one of them', async () => {
    const finished = await Promise.all([
      up().run(['run', 'side.yaml', '--json']),
      up().run(['run', 'side.yaml', '--json', '--seed', '8', '--duration', '4s']),
    ])
    const results = finished.map(({stdout}) => parseResult(stdout).result)
    for (const [index, result] of results.entries()) {
      const sent = index === 0 ? 600 : 800
      expect(result).toMatchObject({verdict: 'passed', load: {sent, acked: sent}})
      expect(result?.ladder).toMatchObject({balanced: true, onRaw: sent, rows: sent})
      // Partitions that change hands may leave a second copy of a decision on a topic: at least once, and counted.
      expect(result?.ladder?.anomalies.filter(one => one.fatal)).toEqual([])
    }
    const tag = String(results[0]?.run.tag)
    const cleaned = await up().run(['clean', '--run', tag, '--json'])
    expect([cleaned.exitCode, cleaned.stderr]).toEqual([0, ''])
    expect(JSON.parse(cleaned.stdout)).toEqual({run_tag: tag, rows: 600, files: join('.p2pay/runs', tag)})
    await expect(access(join(up().cwd, '.p2pay/runs', tag))).rejects.toMatchObject({code: 'ENOENT'})
    const again = await up().run(['clean', '--run', tag])
    expect(again.stdout).toBe(`✓ 0 rows deleted\n✓ no run directory .p2pay/runs/${tag}\n`)
    // The other one's rows are untouched.
    const other = await up().run(['clean', '--run', String(results[1]?.run.tag), '--json'])
    expect(JSON.parse(other.stdout).rows).toBe(800)
  })
})

describe.concurrent('topics', {timeout: 60_000}, () => {
  it('are created once, and are never changed', async () => {
    const first = await up().run(['topics', 'create', 'three', '--partitions', '3', '--json'])
    expect(JSON.parse(first.stdout)).toMatchObject({created: ['three'], existing: []})
    const again = await up().run(['topics', 'create', 'three', '--partitions', '3'])
    expect([again.exitCode, again.stdout]).toEqual([0, '✓ three exists with 3 partitions\n'])
    const more = await up().run([
      'generate',
      '--tps',
      '10',
      '--count',
      '5',
      '-t',
      'three',
      '--partitions',
      '6',
      '--json',
    ])
    expect(more.exitCode).toBe(3)
    expect(JSON.parse(more.stdout).error).toMatchObject({code: 'P2PAY_TOPIC_PARTITIONS', exit: 3})
    const fewer = await up().run(['generate', '--tps', '10', '--count', '5', '-t', 'three', '--partitions', '2'])
    expect(fewer.exitCode, fewer.stderr).toBe(0)
    expect(fewer.stderr).toContain('! topic three has 3 partitions, more than the 2 asked for')
    // Nobody asked: whatever is there will do.
    const any = await up().run(['generate', '--tps', '10', '--count', '5', '-t', 'three'])
    expect(any.exitCode, any.stderr).toBe(0)
    const described = await up().run(['topics', 'describe', 'three', '--json'])
    expect(JSON.parse(described.stdout).partitions).toHaveLength(3)
  })

  it('that are not there are named', async () => {
    const {exitCode, stderr} = await up().run(['topics', 'describe', 'nowhere'])
    expect(exitCode).toBe(3)
    expect(stderr).toContain('Error: Topic nowhere does not exist\nCode: P2PAY_TOPIC_MISSING')
  })

  it('of the pipeline are listed with their records', async () => {
    const {stdout} = await up().run(['topics', 'list'])
    for (const name of Object.values(TOPICS)) expect(stdout).toMatch(new RegExp(`^${name} +6 +\\d+$`, 'm'))
  })
})
