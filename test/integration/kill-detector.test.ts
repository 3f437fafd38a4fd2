/**
 * kill -9 of the detector, five times in a run, on the embedded services that a third process hosts: every
 * acknowledged payment is in the table exactly once, and the windows are those of a detector that nobody disturbed.
 */
import {describe, it} from 'vitest'
import {expectNothingLost, figuresOf, killDetectors, startHost} from '../support/kills.js'
import {Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'

const SESSION_TIMEOUT_MS = 1000

describe('a detector on the embedded services', () => {
  it('loses, doubles and miscounts nothing over five times kill -9', {timeout: 120_000}, async () => {
    const directory = await temporaryDirectory()
    const pipeline = new Pipeline({...(await startHost(directory)), directory, sessionTimeoutMs: SESSION_TIMEOUT_MS})

    const killed = await killDetectors(pipeline, {
      load: {tps: 500, durationS: 12, seed: 4},
      killCount: 5,
    })
    process.stderr.write(`${figuresOf(killed)}\n`)
    await expectNothingLost(pipeline, killed.aftermath)
  })
})
