/** A server that closes: what is under way is answered, and no idle client holds it up. */
import {Agent, request} from 'node:http'
import {connect} from 'node:net'
import {describe, expect, it, onTestFinished} from 'vitest'
import {MemoryClaims} from '../../../src/lib/api/memory-claims.js'
import {API_LIMITS, type ApiServer} from '../../../src/lib/api/ports.js'
import {startApi} from '../../../src/lib/api/server.js'
import {systemClock} from '../../../src/lib/base/clock.js'
import type {IngestOutcome, IngestSink} from '../../../src/lib/sink/ingest-sink.js'
import {instantIngest} from '../../support/api-world.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const PAYMENT = JSON.stringify({debtor_id: 'a', creditor_id: 'b', amount: '12.50', currency: 'EUR'})

/** @param offer what becomes of a payment */
function serve(offer: IngestSink['offer']): Promise<ApiServer> {
  return startApi(
    {
      clock: systemClock,
      version: '0.0.0-test',
      ingest: {...instantIngest(new VirtualClock()), offer},
      claims: new MemoryClaims({clock: systemClock}),
      queries: null,
      scorer: null,
      detector: null,
      lag: async () => new Map(),
      troubles: async () => [],
      // By force it would close after this only, long after the test's own end.
      limits: {...API_LIMITS, requestTimeoutMs: 600_000},
      apiKey: undefined,
      onNote: () => {},
    },
    {host: '127.0.0.1', port: 0},
  )
}

function post(url: string, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {'content-type': 'application/json'}
    const sent = request(`${url}/api/v1/payments`, {agent, method: 'POST', headers})
    sent.once('error', reject)
    sent.once('response', response => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.end(PAYMENT)
  })
}

describe('a server that closes', () => {
  it('answers what is under way first', async () => {
    let acknowledge: (outcome: IngestOutcome) => void = () => {}
    let offered = (): void => {}
    const isOffered = new Promise<void>(resolve => {
      offered = resolve
    })
    const api = await serve(() => {
      offered()
      return new Promise(resolve => {
        acknowledge = resolve
      })
    })
    const agent = new Agent({keepAlive: true})
    onTestFinished(() => agent.destroy())
    const answered = post(api.url, agent)
    await isOffered
    const closed = api.close()
    acknowledge({state: 'acked', partition: 0, offset: 0, settledUs: 1})
    expect(await answered).toBe(202)
    await closed
  })

  it.each([
    ['on which nothing was ever sent', ''],
    ['that has sent half a request', 'POST /api/v1/payments HTTP/1.1\r\nHost: '],
  ])('does not wait for a connection %s', async (_what, sent) => {
    const api = await serve(() => undefined)
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
    await new Promise<void>(resolve => socket.once('connect', () => resolve()))
    if (sent !== '') socket.write(sent)
    // An answer to somebody else: by now the server has taken the first one.
    expect(await post(api.url, new Agent())).toBe(503)
    await api.close()
    await ended
  })
})
