import {spawnSync} from 'node:child_process'
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {lockDirectory} from '../../../src/lib/broker/lock.js'
import {temporaryDirectory} from '../../support/temp.js'

/** A process number that nobody has: its process has just ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid
}

describe('the lock of a broker directory', () => {
  it('keeps a second one out, says who holds it, and lets it in after the release', async () => {
    const directory = await temporaryDirectory()
    const lock = lockDirectory(directory)
    expect(() => lockDirectory(directory)).toThrow(`in use by the broker of process ${process.pid}`)
    lock.release()
    expect(existsSync(join(directory, 'lock'))).toBe(false)
    lockDirectory(directory).release()
  })

  it.each([
    {name: 'of a process that has ended', text: () => JSON.stringify({pid: deadPid(), startTime: '1', token: 'x'})},
    {name: 'that its writer did not finish', text: () => '{"pid":'},
    {name: 'that is empty', text: () => ''},
    {name: 'that names no process', text: () => '{"pid":-1}'},
  ])('takes over a lock $name', async ({text}) => {
    const directory = await temporaryDirectory()
    writeFileSync(join(directory, 'lock'), text())
    const lock = lockDirectory(directory)
    expect(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'))).toMatchObject({pid: process.pid})
    expect(readdirSync(directory)).toEqual(['lock'])
    lock.release()
  })

  // The start time of a process is shown by Linux only; elsewhere the number alone decides.
  it.runIf(process.platform === 'linux')('takes over a lock whose process number was given out again', async () => {
    const directory = await temporaryDirectory()
    writeFileSync(join(directory, 'lock'), JSON.stringify({pid: process.pid, startTime: '1', token: 'x'}))
    lockDirectory(directory).release()
  })

  it('never removes a lock that is not its own', async () => {
    const directory = await temporaryDirectory()
    const lock = lockDirectory(directory)
    writeFileSync(join(directory, 'lock'), 'another')
    lock.release()
    expect(readFileSync(join(directory, 'lock'), 'utf8')).toBe('another')
  })
})
