/**
 * kill -9 of the generator: what its journal calls acknowledged went all the way, and whatever else arrived is one of
 * the payments whose outcome the journal calls unknown.
 */
import {describe, expect, it} from 'vitest'
import {problemsOf, statesOf} from '../support/aftermath.js'
import {finish, kill, startHost} from '../support/kills.js'
import {Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'

describe('a killed generator', () => {
  it('leaves a journal that is true', {timeout: 60_000}, async () => {
    const directory = await temporaryDirectory()
    const pipeline = new Pipeline({...(await startHost(directory)), directory, sessionTimeoutMs: 1000})
    const detector = pipeline.detect()
    // A journal is written in blocks of 4,096: this one has written some when it is killed.
    const generator = pipeline.generate({tps: 4000, durationS: 60, seed: 31})
    await pipeline.untilRows(10_000)
    await kill(generator)
    await finish(pipeline, detector)

    const aftermath = await pipeline.aftermath()
    expect(problemsOf(aftermath)).toEqual([])
    expect(statesOf(aftermath).acked).toBeGreaterThanOrEqual(4096)
    expect(aftermath.rows.size).toBeGreaterThanOrEqual(10_000)
  })
})
