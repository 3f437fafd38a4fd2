/**
 * The whole way on a real Apache Kafka and a real PostgreSQL, as a user types it, counted by those who know nothing of
 * p2pay: Kafka's own tools and psql.
 */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {paymentIdOf} from '../../src/lib/payment/payment-id.js'
import type {TopicNames} from '../../src/lib/payment/topics.js'
import {parseResult} from '../../src/lib/report/parse.js'
import {problemsOf} from '../support/aftermath.js'
import {expectGenerated, finish} from '../support/kills.js'
import {type Finished, run} from '../support/p2pay.js'
import {Pipeline, topicFlags} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'
import {services, withFreshDatabase} from './context.js'
import {consoleConsume, kafkaTool} from './kafka/tools.js'
import {runCommand} from './process.js'

const LOAD = {tps: 500, durationS: 10, seed: 21}
const COUNT = LOAD.tps * LOAD.durationS

/** Apache Kafka's own minimum. */
const SESSION_TIMEOUT_MS = 6000

async function expectPassed(running: Promise<Finished>): Promise<string> {
  const {exitCode, stdout, stderr} = await running
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  return stdout
}

/** Calls `use` with a migrated database of its own and topics that nobody else has. */
async function withPipeline(use: (pipeline: Pipeline, directory: string) => Promise<void>): Promise<void> {
  const directory = await temporaryDirectory()
  await withFreshDatabase(async databaseUrl => {
    await expectPassed(run(['migrate', '--database-url', databaseUrl], {cwd: directory}))
    const {brokers} = services()
    await use(new Pipeline({brokers, databaseUrl, directory, sessionTimeoutMs: SESSION_TIMEOUT_MS}), directory)
  })
}

/** The one column of what psql answers. */
async function psql(databaseUrl: string, sql: string): Promise<string[]> {
  const {stdout} = await runCommand('psql', [databaseUrl, '--no-psqlrc', '--tuples-only', '--no-align', '-c', sql])
  return stdout.split('\n').filter(line => line !== '')
}

/** Records on each topic, as Kafka's GetOffsetShell counts them: the topics are new, their offsets begin at 0. */
async function countsOn({brokers, topics, tag}: Pipeline): Promise<Record<keyof TopicNames, number>> {
  const args = ['--bootstrap-server', brokers, '--topic', `[a-z]+\\.${tag}`, '--time', 'latest']
  const {stdout} = await kafkaTool(services().classpath, 'getOffsets', args)
  const count = (topic: string): number => {
    const ends = stdout.split('\n').filter(line => line.startsWith(`${topic}:`))
    expect(ends).toHaveLength(6)
    return ends.reduce((sum, line) => sum + Number(line.split(':')[2]), 0)
  }
  const {raw, legit, fraud, alerts, dlq} = topics
  return {raw: count(raw), legit: count(legit), fraud: count(fraud), alerts: count(alerts), dlq: count(dlq)}
}

/** Lag of each partition, as Kafka's consumer-groups tool prints it. */
async function lagsOf({brokers, group}: Pipeline): Promise<string[]> {
  const args = ['--bootstrap-server', brokers, '--describe', '--group', group]
  const {stdout} = await kafkaTool(services().classpath, 'consumerGroups', args)
  const [header = '', ...rows] = stdout.split('\n').filter(line => line.trim() !== '')
  const column = header.trim().split(/\s+/).indexOf('LAG')
  return rows.map(row => row.trim().split(/\s+/)[column] ?? 'none')
}

const idsIn = (lines: readonly string[]): string[] => lines.map(line => JSON.parse(line).payment_id)

describe('on real services', {timeout: 120_000}, () => {
  it('generate beside detect agrees to the payment, by Kafka’s own tools and psql', async () => {
    await withPipeline(async pipeline => {
      const {brokers, databaseUrl, topics, tag} = pipeline
      const {classpath} = services()
      const detector = pipeline.detect()
      await expectGenerated(pipeline.generate(LOAD))
      await finish(pipeline, detector)

      const {raw, legit, fraud, alerts, dlq} = await countsOn(pipeline)
      expect({raw, decided: legit + fraud, dlq, alerts}).toEqual({raw: COUNT, decided: COUNT, dlq: 0, alerts: fraud})
      expect(fraud).toBeGreaterThan(0)
      expect(await lagsOf(pipeline)).toEqual(['0', '0', '0', '0', '0', '0'])

      const ids = await psql(databaseUrl, 'select payment_id from payments order by payment_id')
      expect(ids).toEqual(Array.from({length: COUNT}, (_, sequence) => paymentIdOf(tag, sequence)))
      const flagged = await psql(databaseUrl, `select payment_id from payments where decision <> 'approve' order by 1`)
      const onFraud = await consoleConsume(classpath, brokers, {topic: topics.fraud, count: fraud})
      const alerted = await consoleConsume(classpath, brokers, {topic: topics.alerts, count: fraud})
      expect(idsIn(onFraud).toSorted()).toEqual(flagged)
      expect(idsIn(alerted).toSorted()).toEqual(flagged)
      expect(problemsOf(await pipeline.aftermath())).toEqual([])
    })
  })

  it('run passes a scenario with a balanced ladder', async () => {
    await withPipeline(async ({brokers, databaseUrl, topics, group, tag}, directory) => {
      const scenario = join(directory, 'small.yaml')
      const out = join(directory, 'result.json')
      await writeFile(scenario, SCENARIO)
      await expectPassed(
        run(
          [
            ...['run', scenario, '-b', brokers, '--database-url', databaseUrl, '-g', group, '--run-tag', tag],
            ...[...topicFlags(topics), '--out', out],
          ],
          {cwd: directory},
        ),
      )
      const {result, problems} = parseResult(await readFile(out, 'utf8'))
      expect(problems).toEqual([])
      expect(result?.ladder).toMatchObject({
        ...{planned: 1500, sent: 1500, acked: 1500, onRaw: 1500, dlq: 0, rows: 1500, balanced: true},
        anomalies: [],
      })
      expect(await psql(databaseUrl, 'select count(*) from payments')).toEqual(['1500'])
    })
  })

  it('migrate has something to do once', async () => {
    const directory = await temporaryDirectory()
    await withFreshDatabase(async databaseUrl => {
      const migrate = (): Promise<string> =>
        expectPassed(run(['migrate', '--database-url', databaseUrl], {cwd: directory}))
      expect(await migrate()).toMatch(/✓ now at migration \d+/)
      expect(await migrate()).toMatch(/^✓ up to date at migration \d+\n$/)
    })
  })

  it('detect refuses a database that was not migrated, and says what to do', async () => {
    const directory = await temporaryDirectory()
    await withFreshDatabase(async databaseUrl => {
      const {brokers} = services()
      const {exitCode, stderr} = await run(['detect', '-b', brokers, '--database-url', databaseUrl], {cwd: directory})
      expect(exitCode).toBe(3)
      expect(stderr).toContain('p2pay migrate')
    })
  })

  it('doctor finds everything in order', async () => {
    await withPipeline(async ({brokers, databaseUrl}, directory) => {
      const at = {cwd: directory}
      await expectPassed(run(['topics', 'create', '-b', brokers], at))
      const report = await expectPassed(run(['doctor', '-b', brokers, '--database-url', databaseUrl], at))
      const lines = report.trimEnd().split('\n')
      expect(lines.filter(line => !line.startsWith('✓'))).toEqual([])
      expect(lines.map(line => line.split(/\s+/)[1])).toEqual(
        'node directory broker topics group database migrations clock'.split(' '),
      )
    })
  })
})

const SCENARIO = `
version: 1
name: small
seed: 22
population: {accounts: 200}
fraud: {rate: 0.02}
warmup: {count: 300}
load: {executor: constant-arrival-rate, rate: 300, duration: 5s}
thresholds:
  audit.lost: '==0'
  audit.duplicate_rows: '==0'
  audit.unbalanced: '==0'
  produce.error_rate: '==0'
`
