import {describe, expect, it} from 'vitest'
import {lockBrokerDirectory} from '../../../src/lib/broker/lock.js'
import {temporaryDirectory} from '../../support/temp.js'

// How locks are taken, kept and taken over: test/lib/base/directory-lock.test.ts.
describe('the lock of a broker directory', () => {
  it('keeps a second broker out, says who holds it, and lets it in after the release', async () => {
    const directory = await temporaryDirectory()
    const lock = lockBrokerDirectory(directory)
    expect(() => lockBrokerDirectory(directory)).toThrow(`in use by the broker of process ${process.pid}`)
    lock.release()
    lockBrokerDirectory(directory).release()
  })
})
