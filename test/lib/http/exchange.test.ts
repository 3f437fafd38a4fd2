/** What an exchange tells when its time is up. */
import {describe, expect, it} from 'vitest'
import {Deadlines} from '../../../src/lib/http/deadlines.js'
import {Exchange} from '../../../src/lib/http/exchange.js'
import type {HttpOutcome} from '../../../src/lib/http/http-client.js'
import {prepareTarget} from '../../../src/lib/http/prepared-target.js'
import {VirtualClock} from '../../support/virtual-clock.js'

describe('an exchange whose time is up', () => {
  it.each([
    ['while its answer comes: what has come counts', 1, {kind: 'timeout', receivedBytes: 700}],
    ['before anything left: no timeout of the service', 0, {kind: 'refused', receivedBytes: 0}],
  ])('%s', (_, sentUs, expected) => {
    const clock = new VirtualClock()
    const outcomes: HttpOutcome[] = []
    const target = prepareTarget({method: 'POST', url: new URL('http://127.0.0.1:1/'), headers: []}, {keepAlive: true})
    const deadlines = new Deadlines(clock, 1000)
    const exchange = new Exchange(
      {target, body: null, extraHeaders: []},
      {deadlines, timeoutMs: 1000, clock},
      outcome => outcomes.push(outcome),
    )
    exchange.sentUs = sentUs
    exchange.carrier = {receivedBytes: 700, abandon: () => {}}
    exchange.expire()
    expect(outcomes).toEqual([expect.objectContaining(expected)])
  })
})
