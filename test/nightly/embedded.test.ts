/** A minute of kills on the embedded services: of detectors, of detectors that come and go in pairs, and of the host. */
import {describe, it} from 'vitest'
import {freePorts} from '../services/ports.js'
import {
  comeAndGo,
  countsOf,
  expectNothingLost,
  figuresOf,
  killDetectors,
  killHosts,
  startHost,
} from '../support/kills.js'
import {Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'

const LOAD = {tps: 500, durationS: 60} as const

async function hostedPipeline(): Promise<Pipeline> {
  const directory = await temporaryDirectory()
  return new Pipeline({...(await startHost(directory)), directory, sessionTimeoutMs: 1000})
}

describe('on the embedded services', () => {
  it('a detector that is killed ten times leaves no trace', async () => {
    const pipeline = await hostedPipeline()
    const killed = await killDetectors(pipeline, {load: {...LOAD, seed: 101}, killCount: 10})
    process.stderr.write(`${figuresOf(killed)}\n`)
    await expectNothingLost(pipeline, killed.aftermath)
  })

  it('two detectors that join, leave and are killed hand partitions over without loss', async () => {
    const pipeline = await hostedPipeline()
    const aftermath = await comeAndGo(pipeline, {...LOAD, seed: 102})
    process.stderr.write(`${countsOf(aftermath)}\n`)
    await expectNothingLost(pipeline, aftermath)
  })

  it('a host that is killed three times comes back each time', async () => {
    const [port = 0, databasePort = 0] = await freePorts(2)
    const place = {directory: await temporaryDirectory(), port, databasePort}
    const {pipeline, aftermath} = await killHosts(place, {...LOAD, seed: 103}, 3)
    process.stderr.write(`${countsOf(aftermath)}\n`)
    await expectNothingLost(pipeline, aftermath)
  })
})
