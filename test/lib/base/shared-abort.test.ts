import {describe, expect, it, onTestFinished} from 'vitest'
import {sharedAbort} from '../../../src/lib/base/shared-abort.js'

describe('a shared abort', () => {
  it('ends many waits, and Node does not warn of a leak', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): number => warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => void process.off('warning', warned))
    const abort = sharedAbort()
    let endedCount = 0
    for (let wait = 0; wait < 50; wait++) abort.signal.addEventListener('abort', () => endedCount++, {once: true})
    abort.abort()
    await new Promise(resolve => setImmediate(resolve))
    expect([endedCount, warnings]).toEqual([50, []])
  })
})
