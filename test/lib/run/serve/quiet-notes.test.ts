import {describe, expect, it} from 'vitest'
import {withoutRepeats} from '../../../../src/lib/run/serve/quiet-notes.js'
import {VirtualClock} from '../../../support/virtual-clock.js'

describe('notes without repeats', () => {
  it('tells the same thing again only after ten seconds, and other things at once', async () => {
    const clock = new VirtualClock()
    const told: string[] = []
    const note = withoutRepeats(clock, text => told.push(text))
    note('away')
    note('away')
    note('slow')
    await clock.advance(9_999)
    note('away')
    expect(told).toEqual(['away', 'slow'])
    await clock.advance(1)
    note('away')
    expect(told).toEqual(['away', 'slow', 'away'])
  })

  it('remembers a bounded number of them: with more, it would rather repeat itself', () => {
    const told: string[] = []
    const note = withoutRepeats(new VirtualClock(), text => told.push(text))
    for (let index = 0; index <= 200; index++) note(`trouble ${index}`)
    note('trouble 200')
    note('trouble 0')
    expect(told).toHaveLength(202)
  })
})
