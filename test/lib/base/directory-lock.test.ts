import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {lockDirectory} from '../../../src/lib/base/directory-lock.js'
import {temporaryDirectory} from '../../support/temp.js'

describe('the lock of a directory', () => {
  it('is had by one at a time, and free again after its release', async () => {
    const directory = await temporaryDirectory()
    const first = lockDirectory(directory)
    expect(lockDirectory(directory)).toEqual({heldBy: process.pid})
    if ('release' in first) first.release()
    expect(lockDirectory(directory)).toHaveProperty('release')
  })

  it.each([
    ['of a process that is gone', JSON.stringify({pid: 2 ** 30, startTime: null, token: 'a'})],
    ['of another process with our number', JSON.stringify({pid: process.pid, startTime: '1', token: 'a'})],
    ['that was never written', ''],
    ['that is not ours to read', '{"pid": "all of them"}'],
  ])('%s is taken over', async (_what, text) => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'lock'), text)
    expect(lockDirectory(directory)).toHaveProperty('release')
    expect(await readdir(directory)).toEqual(['lock'])
  })

  it('of a living process stays', async () => {
    const directory = await temporaryDirectory()
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    await writeFile(join(directory, 'lock'), JSON.stringify({pid: child.pid, startTime: null, token: 'a'}))
    expect(lockDirectory(directory)).toEqual({heldBy: child.pid})
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(lockDirectory(directory)).toHaveProperty('release')
  })

  it('is not released by one who has lost it', async () => {
    const directory = await temporaryDirectory()
    const lost = lockDirectory(directory)
    await writeFile(join(directory, 'lock'), JSON.stringify({pid: process.pid, startTime: null, token: 'other'}))
    if ('release' in lost) lost.release()
    expect(await readdir(directory)).toEqual(['lock'])
  })
})
