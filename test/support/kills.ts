/** The fault runs that several suites share: a detector that is killed again and again while payments come in. */
import {setTimeout as delay} from 'node:timers/promises'
import {expect} from 'vitest'
import {present} from '../../src/lib/base/assert.js'
import {Random} from '../../src/lib/base/random.js'
import {type Aftermath, extraCopies, flaggedCount, problemsOf, statesOf} from './aftermath.js'
import {type Finished, type P2pay, start} from './p2pay.js'
import {type LoadOptions, Pipeline} from './pipeline.js'

/** More than any process here takes for a step; the longest load runs for a minute. */
const MAX_WAIT_MS = 90_000

export interface KillOptions {
  readonly load: LoadOptions
  readonly killCount: number
  readonly detectorFlags?: readonly string[]
}

export interface KillRun {
  /** Rows in the table at each kill. */
  readonly rowsAtKill: readonly number[]
  /** Shards with a snapshot after the last kill: there was something to restart from. */
  readonly snapshotCount: number
  readonly aftermath: Aftermath
}

/**
 * Generates, and kills the detector with SIGKILL whenever the table has reached a count that the seed draws, one in
 * each of equal parts of the run; each time another one takes over. Ends with everything committed and the last
 * detector stopped in order.
 */
export async function killDetectors(
  pipeline: Pipeline,
  {load, killCount, detectorFlags}: KillOptions,
): Promise<KillRun> {
  const totalCount = load.tps * load.durationS
  const generator = pipeline.generate(load)
  let detector = pipeline.detect(detectorFlags)
  const rowsAtKill: number[] = []
  for (const moment of momentsOf(load.seed, killCount, totalCount)) {
    // At least one row of its own: no two kills are one.
    rowsAtKill.push(await pipeline.untilRows(Math.max(moment, (rowsAtKill.at(-1) ?? 0) + 1)))
    await kill(detector)
    detector = pipeline.detect(detectorFlags)
  }
  const snapshotCount = await pipeline.snapshotCount()
  await expectGenerated(generator)
  await finish(pipeline, detector)
  return {rowsAtKill, snapshotCount, aftermath: await pipeline.aftermath()}
}

/** Row counts below nine tenths of all, so that payments still come in at the last kill. */
export function momentsOf(seed: number, killCount: number, totalCount: number): number[] {
  const random = new Random(seed)
  const part = (0.9 * totalCount) / killCount
  return Array.from({length: killCount}, (_, index) => 1 + Math.floor((index + random.unit()) * part))
}

export async function kill(process: P2pay): Promise<void> {
  process.kill('SIGKILL')
  expect((await process.finished).signal).toBe('SIGKILL')
}

/** Waits for the end of a process. @throws Error with all that it said when it does not end */
export function endOf(process: P2pay): Promise<Finished> {
  return inTime(process, 'end', process.finished)
}

async function inTime<T>(process: P2pay, what: string, event: Promise<T>): Promise<T> {
  const late = new AbortController()
  const overdue = delay(MAX_WAIT_MS, undefined, {signal: late.signal, ref: false}).then(() => {
    throw new Error(`there was no ${what} within ${MAX_WAIT_MS} ms:\n${process.stdout}\n${process.stderr}`)
  })
  overdue.catch(() => {})
  try {
    return await Promise.race([event, overdue])
  } finally {
    late.abort()
  }
}

/** The generator ended by itself, and everything that it sent was acknowledged. */
export async function expectGenerated(generator: P2pay): Promise<void> {
  const {exitCode, stderr} = await endOf(generator)
  expect(exitCode, stderr).toBe(0)
}

/** Waits until the group has nothing left to do, then stops the detector in order. */
export async function finish(pipeline: Pipeline, detector: P2pay, {isAlone = true} = {}): Promise<void> {
  await pipeline.untilNoLag()
  detector.kill('SIGTERM')
  const {exitCode, stdout, stderr} = await endOf(detector)
  expect(exitCode, stderr).toBe(0)
  // The windows are whole: nothing that belongs into them was gone when they were rebuilt. With several detectors
  // those of creditors, devices and places are not.
  if (isAlone) expect(stdout).not.toContain('partial')
}

/** Books, then windows: everything that must hold however often something was killed. */
export async function expectNothingLost(pipeline: Pipeline, aftermath: Aftermath): Promise<void> {
  expect(problemsOf(aftermath)).toEqual([])
  expect(flaggedCount(aftermath)).toBeGreaterThan(0)
  await pipeline.detectUndisturbed()

  expect(await pipeline.differingWindows()).toEqual([])
}

/** One line of figures for the log of a suite. */
export function figuresOf({rowsAtKill, snapshotCount, aftermath}: KillRun): string {
  return `killed at ${rowsAtKill.join(', ')} rows, then ${snapshotCount} snapshots; ${countsOf(aftermath)}`
}

export function countsOf(aftermath: Aftermath): string {
  const {raw, rows, legit, fraud, alerts} = aftermath
  return [
    `journal ${JSON.stringify(statesOf(aftermath))}`,
    `raw ${raw.size}, rows ${rows.size}, legit ${legit.size}, fraud ${fraud.size}, alerts ${alerts.size}`,
    `extra copies on legit ${extraCopies(legit)}, fraud ${extraCopies(fraud)}, alerts ${extraCopies(alerts)}`,
  ].join('; ')
}

/**
 * What the generator says of its payments is what its journal says, and every payment of the schedule is in it: an
 * outage may leave some failed or unknown, which are counted and told by the exit code, but none is left out.
 */
export function expectCounted(aftermath: Aftermath, {exitCode, stdout, stderr}: Finished, load: LoadOptions): void {
  const {acked = 0, failed = 0, unsent = 0, unknown = 0, ...states} = statesOf(aftermath)
  const outcomes = {acked, failed, unknown: states['unknown-outcome'] ?? 0}
  const sent = acked + failed + outcomes.unknown
  expect({sent, unsent, unknown}, stderr).toEqual({sent: load.tps * load.durationS, unsent: 0, unknown: 0})
  const said = /sent ([\d,]+), acked ([\d,]+), failed ([\d,]+), unknown ([\d,]+)/.exec(stdout)?.slice(1)
  expect(said?.map(number => Number(number.replaceAll(',', '')))).toEqual([
    sent,
    outcomes.acked,
    outcomes.failed,
    outcomes.unknown,
  ])
  expect(exitCode, stderr).toBe(failed > 0 ? 3 : outcomes.unknown > 0 ? 4 : 0)
}

/** `p2pay up` in a process of its own; port 0 is any free one. */
export async function startHost(
  directory: string,
  port = 0,
  databasePort = 0,
): Promise<{readonly process: P2pay; readonly brokers: string; readonly databaseUrl: string}> {
  const ports = ['--port', String(port), '--database-port', String(databasePort)]
  const process = start(['up', ...ports], {cwd: directory})
  const announced = process.output(/^P2PAY_BROKERS=(.+)\nP2PAY_DATABASE_URL=(.+)$/m)
  const [, brokers = '', databaseUrl = ''] = await inTime(process, 'address', announced)
  return {process, brokers, databaseUrl}
}

/**
 * Lets outages happen one after the other, each once the table has got its part of the run's rows, beside one generator
 * and one detector that live through all of them.
 */
export async function outages(
  pipeline: Pipeline,
  load: LoadOptions,
  happen: readonly ((detector: P2pay) => Promise<void>)[],
): Promise<Aftermath> {
  const detector = pipeline.detect()
  const generator = pipeline.generate(load)
  for (const [index, outage] of happen.entries()) {
    await pipeline.untilRows(((0.3 + index) / happen.length) * load.tps * load.durationS)
    await outage(detector)
  }
  const generated = await endOf(generator)
  await finish(pipeline, detector)
  const aftermath = await pipeline.aftermath()
  expectCounted(aftermath, generated, load)
  return aftermath
}

/**
 * Detectors of one group that join, leave in order and are killed, alone and beside each other, each step once the
 * table has got its part of the run's rows. Ends with one, which has all partitions.
 */
export async function comeAndGo(pipeline: Pipeline, load: LoadOptions): Promise<Aftermath> {
  const running: P2pay[] = []
  const join = async (): Promise<void> => {
    running.push(pipeline.detect())
  }
  const leave = async (): Promise<void> => {
    const leaving = present(running.shift(), 'a detector')
    leaving.kill('SIGTERM')
    const {exitCode, stderr} = await endOf(leaving)
    expect(exitCode, stderr).toBe(0)
  }
  const die = (): Promise<void> => kill(present(running.shift(), 'a detector'))
  const steps = [join, join, die, join, leave, join, join, die, die, join, leave, leave, join, join, leave]
  const generator = pipeline.generate(load)
  for (const [index, step] of steps.entries()) {
    if (running.length > 0) await pipeline.untilRows((0.9 * index * load.tps * load.durationS) / steps.length)
    await step()
  }
  await expectGenerated(generator)
  expect(running).toHaveLength(1)
  await finish(pipeline, present(running[0], 'the last detector'), {isAlone: false})
  // What it had taken over last it may not have read again.
  await pipeline.detectToEnd()
  return pipeline.aftermath()
}

export interface HostOutage {
  readonly pipeline: Pipeline
  readonly aftermath: Aftermath
}

/**
 * Kills the host of the embedded services and starts it again at the same place, as often as asked; generator and
 * detector are other processes. What SQL had shown before a kill is there at once after it.
 */
export async function killHosts(
  {directory, port, databasePort}: {readonly directory: string; readonly port: number; readonly databasePort: number},
  load: LoadOptions,
  killCount = 1,
): Promise<HostOutage> {
  let host = await startHost(directory, port, databasePort)
  const pipeline = new Pipeline({...host, directory, sessionTimeoutMs: 2000})
  const killHost = async (): Promise<void> => {
    const before = await pipeline.paymentIds()
    await kill(host.process)
    host = await startHost(directory, port, databasePort)
    const after = new Set(await pipeline.paymentIds())
    expect(before.filter(id => !after.has(id))).toEqual([])
  }
  const aftermath = await outages(pipeline, load, new Array<typeof killHost>(killCount).fill(killHost))
  return {pipeline, aftermath}
}
