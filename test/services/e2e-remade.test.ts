/** A topic that is deleted and made again under a running detector: what is on the new one is read from its beginning. */
import {describe, expect, it} from 'vitest'
import {problemsOf} from '../support/aftermath.js'
import {expectGenerated, finish, startHost} from '../support/kills.js'
import {run} from '../support/p2pay.js'
import {Pipeline, type PipelineOptions} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'
import {services, withFreshDatabase} from './context.js'

/** Two runs through one detector, the raw topic deleted between them. */
async function remake(options: PipelineOptions): Promise<void> {
  const first = new Pipeline(options)
  const detector = first.detect()
  await expectGenerated(first.generate({tps: 500, durationS: 2, seed: 41}))
  await first.untilNoLag()
  await first.remakeRawTopic()

  const second = first.again()
  await expectGenerated(second.generate({tps: 500, durationS: 1, seed: 42}))
  await second.untilRows(1500)
  await finish(second, detector)
  expect(await second.rowCount()).toBe(1500)
  // Nothing is wrong but that the first run's payments are gone from the topic.
  expect(problemsOf(await second.aftermath())).toEqual([
    expect.stringMatching(`^1000 payments with a row and not on the raw topic: ${first.tag.slice(0, 8)}`),
  ])
  await second.detectUndisturbed()
  expect(await second.differingWindows()).toEqual([])
}

describe('a topic that is made anew under a running detector', {timeout: 120_000}, () => {
  it('is read from its beginning on the embedded services', async () => {
    const directory = await temporaryDirectory()
    await remake({...(await startHost(directory)), directory, sessionTimeoutMs: 2000})
  })

  it('is read from its beginning on Apache Kafka', async () => {
    const directory = await temporaryDirectory()
    await withFreshDatabase(async databaseUrl => {
      await run(['migrate', '--database-url', databaseUrl], {cwd: directory})
      await remake({brokers: services().brokers, databaseUrl, directory, sessionTimeoutMs: 6000})
    })
  })
})
