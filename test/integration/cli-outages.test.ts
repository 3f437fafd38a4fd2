/**
 * Brokers and databases that are not there, not ready, slow, or go away while a command works: what it says, its exit
 * code, and that nothing is lost.
 */
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import pg from 'pg'
import {describe, expect, it, onTestFinished} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {TOPICS} from '../../src/lib/payment/topics.js'
import {readJournal} from '../../src/lib/run/journal.js'
import {runPaths} from '../../src/lib/run/run-directory.js'
import {startEmbeddedDatabase} from '../../src/lib/store/embedded/start.js'
import {migrate} from '../../src/lib/store/migrate.js'
import {copyEmptyDatabase} from '../support/embedded-database.js'
import {sharedBroker} from '../support/embedded-kafka.js'
import {run, start} from '../support/p2pay.js'
import {until} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'

const broker = sharedBroker()
const BROKER_HOST = fileURLToPath(new URL('../support/broker-host.mjs', import.meta.url))

interface BrokerProcess {
  readonly address: string
  kill(): Promise<void>
}

/** A broker that can be killed. */
async function brokerProcess(directory: string, port = 0): Promise<BrokerProcess> {
  const child = spawn(process.execPath, [BROKER_HOST, directory, String(port)], {stdio: ['ignore', 'pipe', 'inherit']})
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  onTestFinished(kill)
  const [line] = await once(child.stdout, 'data')
  return {address: String(line).trim(), kill}
}

async function recordsOn(brokers: string, topic: string): Promise<number> {
  const connection = await connectKafka({brokers})
  try {
    const ends = await connection.admin.endOffsets(topic).catch(() => new Map<number, number>())
    return [...ends.values()].reduce((sum, end) => sum + end, 0)
  } finally {
    await connection.close()
  }
}

function untilRecords(brokers: string, topic: string, count: number): Promise<true> {
  return until(`${count} records`, async () => ((await recordsOn(brokers, topic)) >= count ? true : undefined))
}

async function journalStates(cwd: string, tag: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for await (const entries of readJournal(runPaths(join(cwd, '.p2pay'), tag).journal)) {
    for (const {state} of entries) counts[state] = (counts[state] ?? 0) + 1
  }
  return counts
}

describe('a broker that is killed while payments are sent', () => {
  const TAG = 'feedfeedfeed'
  const args = (address: string): string[] => [
    ...['generate', '--tps', '200', '--duration', '4s', '-b', address, '--run-tag', TAG, '--json'],
    ...['-X', 'delivery.timeout.ms=1500', '-X', 'request.timeout.ms=500'],
  ]

  it('and does not come back: what has no answer is unknown or failed, in the journal too, and the exit code is 3', async () => {
    const cwd = await temporaryDirectory()
    const host = await brokerProcess(await temporaryDirectory())
    const generator = start(args(host.address), {cwd})
    await untilRecords(host.address, TOPICS.raw, 200)
    await host.kill()
    const {exitCode, stdout, stderr} = await generator.finished
    expect(exitCode, stderr).toBe(3)
    const summary = JSON.parse(stdout)
    expect(summary.sent).toBe(800)
    expect(summary.acked).toBeGreaterThanOrEqual(200)
    expect(summary.unknown + summary.failed).toBeGreaterThan(0)
    expect(summary.acked + summary.failed + summary.unknown).toBe(800)
    expect(summary.errors.length).toBeGreaterThan(0)
    const states = await journalStates(cwd, TAG)
    expect(states).toEqual({
      acked: summary.acked,
      ...(summary.failed > 0 ? {failed: summary.failed} : {}),
      ...(summary.unknown > 0 ? {'unknown-outcome': summary.unknown} : {}),
    })
  })

  it('and comes back in time: everything is acknowledged, late', async () => {
    const cwd = await temporaryDirectory()
    const directory = await temporaryDirectory()
    const host = await brokerProcess(directory)
    const [, port = ''] = host.address.split(':')
    const generator = start([...args(host.address), '-X', 'delivery.timeout.ms=20000'], {cwd})
    await untilRecords(host.address, TOPICS.raw, 200)
    await host.kill()
    await brokerProcess(directory, Number(port))
    const {exitCode, stdout, stderr} = await generator.finished
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({sent: 800, acked: 800, failed: 0, unknown: 0, shortfall: 0})
    expect(await recordsOn(host.address, TOPICS.raw)).toBe(800)
    expect(await journalStates(cwd, TAG)).toEqual({acked: 800})
  })
})

describe('a broker that answers slowly', () => {
  it('makes payments late once all that may be under way is, and loses none', async () => {
    const delay = {kind: 'delay', delayMs: 400} as const
    await broker().injectFaults([{api: 'Produce', topic: 'slow', times: Number.POSITIVE_INFINITY, action: delay}])
    const args = ['generate', '--tps', '20000', '--duration', '2s', '-t', 'slow', '-b', broker().address, '--json']
    const {exitCode, stdout, stderr} = await run(args, {cwd: await temporaryDirectory()})
    expect(exitCode, stderr).toBe(0)
    const summary = JSON.parse(stdout)
    expect(summary).toMatchObject({sent: 40_000, acked: 40_000, failed: 0, unknown: 0, shortfall: 0})
    expect(summary.ack_time_us.p50).toBeGreaterThan(400_000)
    expect(summary.lateness_us.max).toBeGreaterThan(400_000)
    expect(summary.achieved_ratio).toBeLessThan(0.95)
    expect(await recordsOn(broker().address, 'slow')).toBe(40_000)
  })

  it('is waited for after a first Ctrl-C, and not after a second one', async () => {
    const cwd = await temporaryDirectory()
    const delay = {kind: 'delay', delayMs: 8000} as const
    await broker().injectFaults([{api: 'Produce', topic: 'stuck', times: Number.POSITIVE_INFINITY, action: delay}])
    const tag = 'cafecafecafe'
    const args = ['generate', '--tps', '200', '--duration', '60s', '-t', 'stuck', '-b', broker().address]
    const generate = start([...args, '--run-tag', tag], {cwd})
    await untilRecords(broker().address, 'stuck', 1)
    generate.kill('SIGINT')
    await generate.output(/stopping: draining what is on its way; once more to leave at once/)
    generate.kill('SIGINT')
    // Without a summary: it did not wait for one.
    expect(await generate.finished).toMatchObject({exitCode: 130, stdout: ''})
    // What the journal does not say is unknown: it promises nothing that did not happen.
    expect((await journalStates(cwd, tag))['acked'] ?? 0).toBe(0)
  })
})

describe('a database', () => {
  const detect = (databaseUrl: string, topic: string): string[] => [
    ...['detect', '-b', broker().address, '--database-url', databaseUrl, '-t', topic, '-g', `group-${topic}`],
    ...['--until-idle', '500ms'],
  ]

  it('that is not there at the start ends the detector with exit 3', async () => {
    const url = 'postgresql://p2pay:secret@127.0.0.1:1/p2pay'
    const {exitCode, stderr} = await run(detect(url, 'absent'), {cwd: await temporaryDirectory()})
    expect(exitCode).toBe(3)
    expect(stderr).toContain('Error: The database at 127.0.0.1:1/p2pay is not there')
    expect(stderr).toMatch(/Code: P2PAY_DATABASE_DOWN\nTry this:\n {2}\* start it/)
    expect(stderr).not.toContain('secret')
  })

  it('whose schema is behind ends it with exit 3, naming migrate, which brings it up to date', async () => {
    const directory = await temporaryDirectory()
    await copyEmptyDatabase(directory)
    const database = await startEmbeddedDatabase({directory})
    onTestFinished(() => database.stop())
    const cwd = await temporaryDirectory()
    const behind = await run(detect(database.url, 'behind'), {cwd})
    expect([behind.exitCode, behind.stderr]).toEqual([3, expect.stringContaining('Code: P2PAY_DATABASE_SCHEMA')])
    expect(behind.stderr).toMatch(/Try this:\n( {2}\* .*\n)*.*p2pay migrate/)
    const doctor = await run(['doctor', '-b', broker().address, '--database-url', database.url], {cwd})
    expect([doctor.exitCode, doctor.stdout]).toEqual([3, expect.stringMatching(/✗ migrations .*\n.*→ p2pay migrate/)])
    const migrated = await run(['migrate', '--database-url', database.url], {cwd})
    expect([migrated.exitCode, migrated.stdout]).toEqual([0, expect.stringMatching(/✓ now at migration \d+\n$/)])
    const again = await run(['migrate', '--database-url', database.url, '--json'], {cwd})
    expect(JSON.parse(again.stdout)).toMatchObject({applied: []})
    const ready = await run(detect(database.url, 'behind'), {cwd})
    expect(ready.exitCode, ready.stderr).toBe(0)
  })

  it('that goes away in the middle makes the detector wait, and nothing is lost', {timeout: 60_000}, async () => {
    const directory = await temporaryDirectory()
    await copyEmptyDatabase(directory)
    const database = await startEmbeddedDatabase({directory})
    await migrate(database.url)
    const cwd = await temporaryDirectory()
    const detector = start(detect(database.url, 'interrupted').slice(0, -2), {cwd})
    await detector.output(/detecting: group/)
    const load = ['generate', '--tps', '300', '--duration', '2s', '-t', 'interrupted', '-b', broker().address]
    const generating = run(load, {cwd})
    await untilRecords(broker().address, 'interrupted', 150)
    await database.stop()
    await detector.output(/! The database at .* is not there/)
    expect((await generating).exitCode).toBe(0)
    const back = await startEmbeddedDatabase({directory, port: Number(new URL(database.url).port)})
    onTestFinished(() => back.stop())
    await detector.output(/✓ storing rows works again/)
    const client = new pg.Client({connectionString: back.url})
    await client.connect()
    await until('600 rows', async () => {
      const {rows} = await client.query<{count: string}>('select count(distinct payment_id) as count from payments')
      return rows[0]?.count === '600' ? true : undefined
    })
    await client.end()
    detector.kill('SIGINT')
    const {exitCode, stdout, stderr} = await detector.finished
    expect(exitCode, stderr).toBe(0)
    expect(stdout).toContain('consumed 600, decided 600')
  })
})

describe('a directory', () => {
  it.each([
    ['that is a file', 'taken'],
    ['that cannot be made', '/dev/null/p2pay'],
  ])('%s ends commands with exit 3', async (_name, dir) => {
    const cwd = await temporaryDirectory()
    await writeFile(join(cwd, 'taken'), 'a file')
    const up = await run(['up', '--port', '0', '--database-port', '0', '--dir', dir], {cwd})
    expect([up.exitCode, up.stderr]).toEqual([3, expect.stringContaining('Code: P2PAY_DIRECTORY')])
    expect(up.stderr).toContain('name a writable one with --dir or P2PAY_DIR')
    const load = ['generate', '--tps', '100', '--count', '10', '-t', 'nowhere', '-b', broker().address, '--dir', dir]
    const generate = await run(load, {cwd})
    expect([generate.exitCode, generate.stderr]).toEqual([3, expect.stringContaining('Code: P2PAY_DISK')])
    expect(await recordsOn(broker().address, 'nowhere')).toBe(0)
    const doctor = await run(['doctor', '--dir', dir], {cwd})
    expect([doctor.exitCode, doctor.stdout]).toEqual([3, expect.stringContaining('✗ directory')])
  })

  it.each([
    ['manifest, nothing is sent', 'manifest.json.new', 0],
    ['journal, what was sent is counted', 'journal.bin', 2000],
  ])('on a full disk ends a run with exit 3: for the %s', async (_name, file, sentAtMost) => {
    const cwd = await temporaryDirectory()
    const tag = 'fadefadefade'
    const topic = `full-${file}`
    const {directory} = runPaths(join(cwd, '.p2pay'), tag)
    await mkdir(directory, {recursive: true})
    await symlink('/dev/full', join(directory, file))
    const args = ['generate', '--tps', '4000', '--count', '2000', '-t', topic, '-b', broker().address]
    const {exitCode, stderr} = await run([...args, '--run-tag', tag], {cwd})
    expect(exitCode, stderr).toBe(3)
    expect(stderr).toMatch(/Error: No space left while writing .*\nCode: P2PAY_DISK_FULL/)
    expect(await recordsOn(broker().address, topic)).toBeLessThanOrEqual(sentAtMost)
  })
})
