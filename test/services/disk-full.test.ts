/**
 * `.p2pay` on a disk that fills up: a small file system of its own, mounted for the test, which needs root. Sending
 * ends with exit 3; with room again the same directory goes on, and nothing that was acknowledged is lost.
 */
import {execFile} from 'node:child_process'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {describe, expect, it, onTestFinished} from 'vitest'
import {connectKafka} from '../../src/lib/kafka/connection.js'
import {TOPICS} from '../../src/lib/payment/topics.js'
import {runPaths} from '../../src/lib/run/run-directory.js'
import {extraCopies, problemsOf, readAftermath, statesOf} from '../support/aftermath.js'
import {copyEmptyDatabase} from '../support/embedded-database.js'
import {run, start} from '../support/p2pay.js'
import {temporaryDirectory} from '../support/temp.js'

const execute = promisify(execFile)

/** The empty database has 39 MB. */
const SMALL = '60m'
const LARGE = '400m'
const TAG = 'd15cf0110001'

/** An empty file system in memory; unmounted with the test. */
async function smallDisk(): Promise<string> {
  const place = await temporaryDirectory()
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${SMALL}`, 'tmpfs', place])
  onTestFinished(async () => void (await execute('umount', ['--lazy', place])))
  return place
}

describe('a full disk', () => {
  it('ends a generation with exit 3, and with room again nothing that was acknowledged is missing', async () => {
    const disk = await smallDisk()
    const dir = join(disk, '.p2pay')
    await copyEmptyDatabase(join(dir, 'database'))
    const place = {cwd: await temporaryDirectory(), env: {P2PAY_DIR: dir}}
    const up = start(['up', '--port', '0', '--database-port', '0'], place)
    const [, brokers = '', databaseUrl = ''] = await up.output(/P2PAY_BROKERS=(\S+)\nP2PAY_DATABASE_URL=(\S+)/)

    const load = ['generate', '--tps', '8000', '--duration', '30s', '--run-tag', TAG, '--fraud-rate', '0.02']
    const generated = await run([...load, '-X', 'delivery.timeout.ms=5000'], place)
    expect(generated.exitCode, generated.stderr).toBe(3)
    expect(generated.stderr).toMatch(/Error: No space left while writing .*journal\.bin\nCode: P2PAY_DISK_FULL/)

    await execute('mount', ['-o', `remount,size=${LARGE}`, disk])
    const detected = await run(['detect', '--until-idle', '2s'], place)
    expect(detected.exitCode, detected.stderr).toBe(0)

    const connection = await connectKafka({brokers})
    onTestFinished(() => connection.close())
    const {journal: journalFile} = runPaths(dir, TAG)
    const aftermath = await readAftermath({connection, databaseUrl, topics: TOPICS, tag: TAG, journalFile})
    expect(problemsOf(aftermath)).toEqual([])
    expect(extraCopies(aftermath.legit)).toBe(0)
    expect(statesOf(aftermath).acked).toBeGreaterThan(1000)
    expect(aftermath.rows.size).toBe(aftermath.raw.size)

    up.kill('SIGINT')
    expect((await up.finished).exitCode).toBe(0)
  })
})
