/**
 * Kills and outages in the middle of a run on a real Apache Kafka and a real PostgreSQL: the detector with kill -9
 * five times, the database stopped for five seconds, the broker with kill -9. Nothing that was acknowledged is lost,
 * nothing is doubled, and the windows are those of a detector that nobody disturbed.
 */
import {afterAll, beforeAll, describe, it} from 'vitest'
import {countsOf, expectNothingLost, figuresOf, killDetectors, outages} from '../support/kills.js'
import {OwnServices} from './own-services.js'

describe('on real services', {timeout: 180_000}, () => {
  let own: OwnServices
  beforeAll(async () => {
    own = await OwnServices.create()
  })
  afterAll(() => own?.remove())

  it('a detector that is killed five times leaves no trace', async () => {
    const pipeline = await own.pipeline()
    const killed = await killDetectors(pipeline, {load: {tps: 500, durationS: 15, seed: 11}, killCount: 5})
    process.stderr.write(`${figuresOf(killed)}\n`)
    await expectNothingLost(pipeline, killed.aftermath)
  })

  it('a database that stops and a broker that is killed are waited for', async () => {
    const pipeline = await own.pipeline()
    const aftermath = await outages(pipeline, {tps: 500, durationS: 14, seed: 12}, [
      async detector => {
        await own.server.stop()
        await pipeline.untilBehind(2500)
        await own.server.start()
        await detector.output(/✓ storing rows works again/)
      },
      async () => {
        await own.node.kill()
        await own.node.start()
      },
    ])
    process.stderr.write(`${countsOf(aftermath)}\n`)
    await expectNothingLost(pipeline, aftermath)
  })
})
