/**
 * kill -9 of the process that hosts the embedded broker and database, in the middle of a run, and its restart on the
 * same directory and ports. Generator and detector are processes of their own and live through it.
 */
import {describe, it} from 'vitest'
import {freePorts} from '../services/ports.js'
import {countsOf, expectNothingLost, killHosts} from '../support/kills.js'
import {temporaryDirectory} from '../support/temp.js'

describe('a killed host of the embedded services', () => {
  it('comes back with all that it had acknowledged, and nobody else ends', {timeout: 120_000}, async () => {
    const [port = 0, databasePort = 0] = await freePorts(2)
    const place = {directory: await temporaryDirectory(), port, databasePort}
    const {pipeline, aftermath} = await killHosts(place, {tps: 500, durationS: 8, seed: 5})
    process.stderr.write(`${countsOf(aftermath)}\n`)
    await expectNothingLost(pipeline, aftermath)
  })
})
