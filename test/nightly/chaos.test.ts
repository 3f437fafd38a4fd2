/**
 * Accidents that a seed draws, one or two at a time: detectors and hosts that are killed, brokers and databases that
 * crash. P2PAY_CHAOS_SEED repeats a run that failed.
 */
import {afterAll, beforeAll, describe, it} from 'vitest'
import {Random} from '../../src/lib/base/random.js'
import {OwnServices} from '../services/own-services.js'
import {freePorts} from '../services/ports.js'
import {countsOf, expectCounted, expectNothingLost, finish, kill, startHost} from '../support/kills.js'
import type {P2pay} from '../support/p2pay.js'
import {type LoadOptions, Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'

const LOAD = {tps: 500, durationS: 60} as const
const STEP_COUNT = 10
const SEED = Number(process.env['P2PAY_CHAOS_SEED'] ?? Date.now() % 1_000_000)

type Accident = readonly [name: string, happen: () => Promise<void>]

/** A detector that is started again when it found no services at its start, as whoever runs it would. */
class Supervised {
  #current: P2pay
  readonly #pipeline: Pipeline
  #isKilled = false

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline
    this.#current = this.#start()
  }

  async kill(): Promise<void> {
    this.#isKilled = true
    this.#current.kill('SIGKILL')
    await this.#current.finished
    this.#isKilled = false
    this.#current = this.#start()
  }

  /** The one that found everything there. */
  async ready(): Promise<P2pay> {
    for (;;) {
      const {output, finished} = {output: this.#current.output(/detecting:/), finished: this.#current.finished}
      if (await output.then(() => true).catch(() => false)) return this.#current
      await finished
    }
  }

  #start(): P2pay {
    const detector = this.#pipeline.detect()
    void detector.finished.then(({exitCode, stderr}) => {
      const foundNothing = exitCode === 3 && !stderr.includes('detecting:')
      if (foundNothing && !this.#isKilled) this.#current = this.#start()
    })
    return detector
  }
}

/** Two detectors, one generator, and accidents of the given kinds and of the detectors. */
async function chaos(pipeline: Pipeline, load: LoadOptions, accidents: readonly Accident[]): Promise<void> {
  const random = new Random(load.seed)
  const [one, other] = [new Supervised(pipeline), new Supervised(pipeline)]
  const all: readonly Accident[] = [...accidents, ['one', () => one.kill()], ['other', () => other.kill()]]
  const generator = pipeline.generate(load)
  const log: string[] = []
  for (let step = 0; step < STEP_COUNT; step++) {
    const rows = ((step + random.unit()) * 0.9 * load.tps * load.durationS) / STEP_COUNT
    const chosen = [...new Set([random.below(all.length), random.below(all.length)])].map(index => all[index])
    log.push(`${chosen.map(accident => accident?.[0]).join('+')} at ${Math.floor(rows)}`)
    await pipeline.untilRows(rows).catch(error => {
      throw new Error(`seed ${SEED}: ${log.join(', ')}`, {cause: error})
    })
    await Promise.all(chosen.map(accident => accident?.[1]()))
  }
  const generated = await generator.finished
  for (const detector of [one, other]) await finish(pipeline, await detector.ready(), {isAlone: false})
  // What they had taken over last they may not have read again.
  await pipeline.detectToEnd()
  const aftermath = await pipeline.aftermath()
  process.stderr.write(`seed ${SEED}: ${log.join(', ')}; ${countsOf(aftermath)}\n`)
  expectCounted(aftermath, generated, load)
  await expectNothingLost(pipeline, aftermath)
}

describe(`accidents of seed ${SEED}`, () => {
  let own: OwnServices
  beforeAll(async () => {
    own = await OwnServices.create()
  })
  afterAll(() => own?.remove())

  it('cost nothing on the embedded services', async () => {
    const [port = 0, databasePort = 0] = await freePorts(2)
    const directory = await temporaryDirectory()
    let host = await startHost(directory, port, databasePort)
    const pipeline = new Pipeline({...host, directory, sessionTimeoutMs: 2000})
    const killHost = async (): Promise<void> => {
      await kill(host.process)
      host = await startHost(directory, port, databasePort)
    }
    await chaos(pipeline, {...LOAD, seed: SEED}, [['host', killHost]])
  })

  it('cost nothing on real services', async () => {
    const {node, server} = own
    await chaos(await own.pipeline(), {...LOAD, seed: SEED}, [
      ['broker', () => node.kill().then(() => node.start())],
      ['database', () => server.kill().then(() => server.start())],
    ])
  })
})
