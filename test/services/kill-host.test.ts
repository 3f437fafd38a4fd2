/**
 * kill -9 of the embedded services' host, looked at with kcat: checksums are right, and every acknowledged payment
 * stands at the offset that the journal says, after the restart as well.
 */
import {describe, expect, it} from 'vitest'
import {paymentIdOf} from '../../src/lib/payment/payment-id.js'
import {readJournal} from '../../src/lib/run/journal.js'
import {statesOf} from '../support/aftermath.js'
import {
  countsOf,
  endOf,
  expectCounted,
  expectNothingLost,
  finish,
  kill,
  killHosts,
  outages,
  startHost,
} from '../support/kills.js'
import {Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'
import {freePorts} from './ports.js'
import {runCommand} from './process.js'

describe('a killed host of the embedded services', () => {
  it('shows kcat the same payments at the same offsets', {timeout: 120_000}, async () => {
    const [port = 0, databasePort = 0] = await freePorts(2)
    const place = {directory: await temporaryDirectory(), port, databasePort}
    const {pipeline, aftermath} = await killHosts(place, {tps: 500, durationS: 6, seed: 6})
    process.stderr.write(`${countsOf(aftermath)}\n`)

    const {stdout} = await runCommand('kcat', [
      ...['-b', pipeline.brokers, '-C', '-q', '-e', '-o', 'beginning', '-X', 'check.crcs=true'],
      ...['-t', pipeline.topics.raw, '-f', '%p %o %s\\n'],
    ])
    const places = new Map<string, string>()
    for (const line of stdout.trimEnd().split('\n')) {
      const [, place = '', value = ''] = /^(\d+ \d+) (.+)$/.exec(line) ?? []
      places.set(JSON.parse(value).payment_id, place)
    }
    expect(places.size).toBe(aftermath.raw.size)
    for await (const entries of readJournal(pipeline.journalFile)) {
      for (const {sequence, state, partition, offset} of entries) {
        const place = places.get(paymentIdOf(pipeline.tag, sequence))
        if (state === 'acked') expect(place).toBeDefined()
        // Acknowledged by a repetition: the broker had it, and did not say where.
        if (offset >= 0) expect(place).toBe(`${partition} ${offset}`)
      }
    }
    await expectNothingLost(pipeline, aftermath)
  })

  it('that has only the database holds up the detector, and nothing else', {timeout: 120_000}, async () => {
    const [port = 0, databasePort = 0] = await freePorts(2)
    const [directory, directoryOfDatabase] = await Promise.all([temporaryDirectory(), temporaryDirectory()])
    const [{brokers}, host] = await Promise.all([
      startHost(directory),
      startHost(directoryOfDatabase, port, databasePort),
    ])
    const {databaseUrl} = host
    const pipeline = new Pipeline({brokers, databaseUrl, directory, sessionTimeoutMs: 2000})
    const aftermath = await outages(pipeline, {tps: 500, durationS: 5, seed: 7}, [
      async detector => {
        await kill(host.process)
        await pipeline.untilBehind(1000)
        await startHost(directoryOfDatabase, port, databasePort)
        await detector.output(/✓ storing rows works again/)
      },
    ])
    expect(statesOf(aftermath)).toEqual({acked: 2500})
    await expectNothingLost(pipeline, aftermath)
  })

  it('that stays away for too long leaves outcomes failed or unknown, and says so', {timeout: 120_000}, async () => {
    const [port = 0, databasePort = 0] = await freePorts(2)
    const directory = await temporaryDirectory()
    const host = await startHost(directory, port, databasePort)
    const pipeline = new Pipeline({...host, directory, sessionTimeoutMs: 2000})
    const load = {tps: 500, durationS: 10, seed: 8}
    const detector = pipeline.detect()
    const generator = pipeline.generate(load, ['-X', 'delivery.timeout.ms=1000'])
    await pipeline.untilRows(500)
    await kill(host.process)
    await generator.output(/ [\d,]+ failed, [\d,]+ unknown/)
    await startHost(directory, port, databasePort)

    const generated = await endOf(generator)
    await finish(pipeline, detector)
    const aftermath = await pipeline.aftermath()
    process.stderr.write(`${countsOf(aftermath)}\n`)
    expectCounted(aftermath, generated, load)
    expect(generated.exitCode).not.toBe(0)
    // Among the problems would be: acked and lost, failed and yet there.
    await expectNothingLost(pipeline, aftermath)
  })
})
