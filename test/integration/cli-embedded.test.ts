/**
 * `p2pay detect` and `p2pay generate` in two terminals, and `p2pay up`: the embedded services of one directory, in
 * processes that come and go. The tests share the directory, and so show that what one left is there for the next.
 */
import {access, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {sequenceOf} from '../../src/lib/payment/payment-id.js'
import {TOPICS} from '../../src/lib/payment/topics.js'
import {runPaths} from '../../src/lib/run/run-directory.js'
import {type Aftermath, problemsOf, readAftermath} from '../support/aftermath.js'
import {type P2pay, run, start} from '../support/p2pay.js'
import {makeTemporaryDirectory, removeDirectory, temporaryDirectory} from '../support/temp.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const FREE_PORTS = ['--port', '0', '--database-port', '0']

let cwd = ''
beforeAll(async () => {
  cwd = await makeTemporaryDirectory()
})
afterAll(() => removeDirectory(cwd))

interface Up {
  readonly process: P2pay
  readonly brokers: string
  readonly databaseUrl: string
}

async function up(): Promise<Up> {
  const process = start(['up', ...FREE_PORTS], {cwd})
  const [, brokers = '', databaseUrl = ''] = await process.output(/P2PAY_BROKERS=(\S+)\nP2PAY_DATABASE_URL=(\S+)/)
  return {process, brokers, databaseUrl}
}

async function down({process}: Up): Promise<void> {
  process.kill('SIGINT')
  expect(await process.finished).toMatchObject({exitCode: 0, signal: null})
}

/** Of each run, read from the services that hold them all. */
async function aftermathsOf(tags: readonly string[]): Promise<Aftermath[]> {
  const services = await up()
  const connection = await connectKafka({brokers: services.brokers})
  const {databaseUrl} = services
  const aftermaths: Aftermath[] = []
  for (const tag of tags) {
    const {journal: journalFile} = runPaths(join(cwd, '.p2pay'), tag)
    const all = await readAftermath({connection, databaseUrl, topics: TOPICS, tag, journalFile})
    const own = <T>(copies: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
      new Map([...copies].filter(([id]) => sequenceOf(tag, id) !== undefined))
    const {raw, legit, fraud, alerts, rows} = all
    aftermaths.push({
      ...all,
      ...{raw: own(raw), legit: own(legit), fraud: own(fraud), alerts: own(alerts), rows: own(rows)},
    })
  }
  await connection.close()
  await down(services)
  return aftermaths
}

function tagIn(text: string): string {
  return /^run ([0-9a-f]{12})/m.exec(text)?.[1] ?? ''
}

// The first start makes the database, which takes seconds and on a busy machine many.
describe('two terminals', {timeout: 120_000}, () => {
  const tags: string[] = []

  it('detect first, then generate: all is decided, stored and on its topic, also after a Ctrl-C between', async () => {
    const detect = start(['detect'], {cwd})
    await detect.output(/detecting: group p2pay-detector, 6 of 6 partitions of payments\.raw/)
    const generated = await run(['generate', '--tps', '500', '--duration', '3s'], {cwd})
    expect(generated.exitCode, generated.stderr).toBe(0)
    expect(generated.stdout).toMatch(/^sent 1,500, acked 1,500, failed 0, unknown 0\nrequested 500\/s, achieved /)
    detect.kill('SIGINT')
    const stopped = await detect.finished
    expect(stopped.exitCode, stopped.stderr).toBe(0)
    expect(stopped.stdout).not.toContain('not drained')
    // What came too late for the first one waits for the next one.
    const rest = await run(['detect', '--until-idle', '500ms'], {cwd})
    expect(rest.exitCode, rest.stderr).toBe(0)
    tags.push(tagIn(generated.stderr))
  })

  it('generate first waits for detect', async () => {
    const generate = start(['generate', '--tps', '500', '--duration', '2s'], {cwd})
    await generate.output(/no broker is named and none is running: waiting up to 30 s for one/)
    const detect = await run(['detect', '--until-idle', '2s'], {cwd})
    expect(detect.exitCode, detect.stderr).toBe(0)
    const generated = await generate.finished
    expect(generated.exitCode, generated.stderr).toBe(0)
    expect(generated.stdout).toContain('sent 1,000, acked 1,000, failed 0, unknown 0')
    tags.push(tagIn(generated.stderr))
  })

  it('what they left is balanced by id, and there after a restart', async () => {
    const aftermaths = await aftermathsOf(tags)
    expect(aftermaths.map(problemsOf)).toEqual([[], []])
    const countsOf = ({raw, legit, fraud, rows}: Aftermath): number[] => [raw.size, rows.size, legit.size + fraud.size]
    expect(aftermaths.map(countsOf)).toEqual([
      [1500, 1500, 1500],
      [1000, 1000, 1000],
    ])
  })

  it('generate alone can be stopped while it waits, and nothing was done', async () => {
    const empty = await temporaryDirectory()
    const generate = start(['generate', '--tps', '500'], {cwd: empty})
    await generate.output(/waiting up to 30 s/)
    generate.kill('SIGINT')
    const {exitCode, stdout, stderr} = await generate.finished
    expect([exitCode, stdout]).toEqual([130, ''])
    expect(stderr).toContain('no --duration and no --count: sending for 60 s')
    expect(stderr).toContain('Error: stopped while waiting for a broker: nothing was done\nCode: P2PAY_INTERRUPTED')
    expect(await readdir(empty)).toEqual([])
  })

  it('two detectors at once: one hosts, the other one waits for it and ends first', async () => {
    const [first, second] = await Promise.all([
      run(['detect', '--until-idle', '1s'], {cwd}),
      run(['detect', '--until-idle', '1s'], {cwd}),
    ])
    expect([first.exitCode, second.exitCode], `${first.stderr}\n${second.stderr}`).toEqual([0, 0])
    const hosts = [first, second].filter(({stderr}) => /^embedded broker /m.test(stderr))
    expect(hosts).toHaveLength(1)
  })
})

describe('p2pay up', {timeout: 60_000}, () => {
  it('is found by other commands, refuses a second one and a port that is taken, and ends on Ctrl-C', async () => {
    const services = await up()
    const topics = await run(['topics', 'list', '--json'], {cwd})
    expect(JSON.parse(topics.stdout).topics).toContainEqual({name: 'payments.raw', partitions: 6, records: 2500})
    const doctor = await run(['doctor'], {cwd})
    expect(doctor.exitCode, doctor.stdout).toBe(0)
    expect(doctor.stdout).toContain(`✓ broker      Kafka at ${services.brokers}`)
    const second = await run(['up', ...FREE_PORTS], {cwd})
    expect([second.exitCode, second.stderr]).toEqual([2, expect.stringContaining('Code: P2PAY_ALREADY_UP')])
    expect(second.stderr).toContain(`broker ${services.brokers}, database ${services.databaseUrl}`)
    const [, port = ''] = services.brokers.split(':')
    const elsewhere = await run(['up', '--port', port], {cwd: await temporaryDirectory()})
    expect([elsewhere.exitCode, elsewhere.stderr]).toEqual([3, expect.stringContaining('Code: P2PAY_BROKER_START')])
    expect(elsewhere.stderr).toContain(`cannot listen on ${services.brokers}`)
    await down(services)
    await expect(access(join(cwd, '.p2pay', 'up.json'))).rejects.toMatchObject({code: 'ENOENT'})
  })

  it('runs a command with the addresses in its environment, and ends with its exit code', async () => {
    const list = `const {spawnSync} = require('node:child_process')
      console.log(process.env.P2PAY_DATABASE_URL)
      const listed = spawnSync(process.execPath, [${JSON.stringify(BIN)}, 'topics', 'list'], {encoding: 'utf8'})
      console.log(listed.stdout)
      process.exit(7)`
    const finished = await run(['up', ...FREE_PORTS, '--', process.execPath, '-e', list], {cwd})
    expect(finished.exitCode, finished.stderr).toBe(7)
    expect(finished.stdout).toMatch(/^postgresql:\/\/postgres@127\.0\.0\.1:\d+\/postgres\n/)
    expect(finished.stdout).toMatch(/^payments\.raw +6 +2500$/m)
  })

  it.each([
    ['SIGINT', []],
    ['SIGTERM', ['--json']],
  ] as const)('passes %s on to the command and waits for it %j', async (signal, flags) => {
    const wait = `process.on('${signal}', () => { console.log('tidied up'); process.exit(5) })
      console.log('ready')
      setInterval(() => {}, 1000)`
    const child = start(['up', ...FREE_PORTS, ...flags, '--', process.execPath, '-e', wait], {cwd})
    await child.output(/^ready$/m)
    child.kill(signal)
    const {exitCode, stdout, stderr} = await child.finished
    expect(exitCode).toBe(5)
    if (flags.length === 0) return expect(stdout).toBe('ready\ntidied up\n')
    // With --json stdout is for the result alone.
    expect(stderr).toContain('ready\ntidied up\n')
    expect(JSON.parse(stdout)).toMatchObject({exit_code: 5, command: [process.execPath, '-e', wait]})
  })

  it('ends with exit 3 when the command is not there', async () => {
    const {exitCode, stderr} = await run(['up', ...FREE_PORTS, '--', 'p2pay-no-such-command'], {cwd})
    expect(exitCode).toBe(3)
    expect(stderr).toContain('Error: The command "p2pay-no-such-command" cannot be started\nCode: P2PAY_COMMAND')
  })
})
