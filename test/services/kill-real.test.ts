/**
 * Kills and outages in the middle of a run on a real Apache Kafka and a real PostgreSQL: the detector with kill -9
 * five times, the database stopped for five seconds, the broker with kill -9. Nothing that was acknowledged is lost,
 * nothing is doubled, and the windows are those of a detector that nobody disturbed.
 */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {
  countsOf,
  expectCounted,
  expectNothingLost,
  figuresOf,
  finish,
  killDetectors,
  untilBehind,
} from '../support/kills.js'
import {run} from '../support/p2pay.js'
import {Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'
import {services, uniqueName} from './context.js'
import {KafkaNode} from './kafka/node.js'
import {PostgresServer, withClient} from './postgres.js'

const SESSION_TIMEOUT_MS = 1000

describe('on real services of its own', {timeout: 180_000}, () => {
  let node: KafkaNode
  let server: PostgresServer
  beforeAll(async () => {
    ;[node, server] = await Promise.all([
      // Its default of 6 s would make five restarts last half a minute.
      KafkaNode.create(services().classpath, {properties: {'group.min.session.timeout.ms': '500'}}),
      PostgresServer.create(),
    ])
  })
  afterAll(() => Promise.all([node?.remove(), server?.remove()]))

  async function pipeline(): Promise<Pipeline> {
    const {brokers} = node
    const databaseUrl = await newDatabase(server)
    const directory = await temporaryDirectory()
    const migrated = await run(['migrate', '--database-url', databaseUrl], {cwd: directory})
    expect(migrated.exitCode, migrated.stderr).toBe(0)
    return new Pipeline({brokers, databaseUrl, directory, sessionTimeoutMs: SESSION_TIMEOUT_MS})
  }

  it('a detector that is killed five times leaves no trace', async () => {
    const its = await pipeline()
    const killed = await killDetectors(its, {load: {tps: 500, durationS: 15, seed: 11}, killCount: 5})
    process.stderr.write(`${figuresOf(killed)}\n`)
    await expectNothingLost(its, killed.aftermath)
  })

  it('a database that stops and a broker that is killed are waited for', async () => {
    const its = await pipeline()
    const load = {tps: 500, durationS: 20, seed: 12}
    const detector = its.detect()
    const generator = its.generate(load)
    const started = await its.untilRows(1)

    await its.untilRows(started + 1000)
    await server.stop()
    await untilBehind(its, 5 * load.tps)
    await server.start()
    await detector.output(/✓ storing rows works again/)

    await its.untilRows(started + 5000)
    await node.kill()
    await node.start()

    const generated = await generator.finished
    await finish(its, detector)
    const aftermath = await its.aftermath()
    process.stderr.write(`${countsOf(aftermath)}\n${generated.stdout}\n`)
    expectCounted(aftermath, generated, load)
    await expectNothingLost(its, aftermath)
  })
})

async function newDatabase({databaseUrl}: PostgresServer): Promise<string> {
  const name = uniqueName('kill')
  await withClient(databaseUrl, client => client.query(`create database ${name}`))
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  return url.href
}
