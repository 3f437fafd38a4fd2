/** A minute of kills on a real Apache Kafka and a real PostgreSQL. */
import {afterAll, beforeAll, describe, it} from 'vitest'
import {OwnServices} from '../services/own-services.js'
import {comeAndGo, countsOf, expectNothingLost, figuresOf, killDetectors, outages} from '../support/kills.js'

const LOAD = {tps: 500, durationS: 60} as const

describe('on real services', () => {
  let own: OwnServices
  beforeAll(async () => {
    own = await OwnServices.create()
  })
  afterAll(() => own?.remove())

  it('a detector that is killed ten times leaves no trace', async () => {
    const pipeline = await own.pipeline()
    const killed = await killDetectors(pipeline, {load: {...LOAD, seed: 111}, killCount: 10})
    process.stderr.write(`${figuresOf(killed)}\n`)
    await expectNothingLost(pipeline, killed.aftermath)
  })

  it('two detectors that join, leave and are killed hand partitions over without loss', async () => {
    const pipeline = await own.pipeline()
    const aftermath = await comeAndGo(pipeline, {...LOAD, seed: 112})
    process.stderr.write(`${countsOf(aftermath)}\n`)
    await expectNothingLost(pipeline, aftermath)
  })

  it('a broker and a database that crash and stop in turn are waited for', async () => {
    const pipeline = await own.pipeline()
    const {node, server} = own
    const restartOf =
      (service: {start(): Promise<void>}, end: () => Promise<void>): (() => Promise<void>) =>
      async () => {
        await end()
        await service.start()
      }
    const aftermath = await outages(pipeline, {...LOAD, seed: 113}, [
      restartOf(server, () => server.kill()),
      restartOf(node, () => node.kill()),
      restartOf(server, () => server.stop()),
      restartOf(node, () => node.stop()),
      restartOf(node, () => node.kill()),
    ])
    process.stderr.write(`${countsOf(aftermath)}\n`)
    await expectNothingLost(pipeline, aftermath)
  })
})
