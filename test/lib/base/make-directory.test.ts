import {statSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {makeDirectory} from '../../../src/lib/base/make-directory.js'
import {temporaryDirectory} from '../../support/temp.js'

describe('makeDirectory', () => {
  it('makes what is missing, and is content with what is there', async () => {
    const path = join(await temporaryDirectory(), 'a', 'b', 'c')
    makeDirectory(path)
    makeDirectory(path)
    expect(statSync(path).isDirectory()).toBe(true)
  })

  it.each(['file', 'file/below'])('refuses where a file stands: %s', async name => {
    const directory = await temporaryDirectory()
    writeFileSync(join(directory, 'file'), '')
    expect(() => makeDirectory(join(directory, name))).toThrow(/EEXIST|ENOTDIR/)
  })

  // Node's own recursive mkdir never returns from this one.
  it.runIf(process.platform === 'linux')('refuses where no directories can be', () => {
    expect(() => makeDirectory('/proc/p2pay/below')).toThrow('ENOENT')
  })
})
