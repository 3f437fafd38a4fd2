/** Balancing the books from what a run left behind: what was not looked at is never called lost. */
import {describe, expect, it} from 'vitest'
import {paymentIdOf} from '../../../src/lib/payment/payment-id.js'
import type {SourceRecord} from '../../../src/lib/payment/record.js'
import {HEADERS} from '../../../src/lib/payment/topics.js'
import {type BalanceOptions, balance} from '../../../src/lib/run/balance.js'
import type {JournalEntry} from '../../../src/lib/run/run-directory.js'

const TAG = '0123456789ab'
const NOWHERE = new Map([[0, 0]])

async function* only<T>(...items: T[]): AsyncGenerator<T> {
  yield* items
}

function recordOf(sequence: number): SourceRecord {
  return {
    partition: 0,
    offset: sequence,
    timestampMs: 1,
    key: null,
    value: Buffer.from(JSON.stringify({payment_id: paymentIdOf(TAG, sequence)})),
    headers: {[HEADERS.decision]: 'approve', [HEADERS.dueUs]: '1000', [HEADERS.decidedUs]: '3000'},
  }
}

function acked(sequence: number): JournalEntry {
  return {sequence, state: 'acked', partition: 0, offset: sequence, sentUs: 1, settledUs: 2}
}

/** Two payments, acknowledged and approved; one topic may have been read badly. */
function given(changes: Partial<BalanceOptions> & {expired?: number; unread?: number} = {}): BalanceOptions {
  const {expired, unread, ...options} = changes
  const records: Readonly<Record<string, readonly SourceRecord[]>> = {
    raw: [recordOf(0), recordOf(1)],
    legit: [recordOf(0), recordOf(1)],
  }
  return {
    tag: TAG,
    plannedCount: 2,
    journal: only([acked(0), acked(1)]),
    unjournalled: 'unsent',
    topics: {raw: 'raw', legit: 'legit', fraud: 'fraud', alerts: 'alerts', dlq: 'dlq'},
    startOffsets: {raw: NOWHERE, legit: NOWHERE, fraud: NOWHERE, alerts: NOWHERE, dlq: NOWHERE},
    endOffsets: async () => new Map([[0, 2]]),
    readRange: topic =>
      Object.assign(only(records[topic] ?? []), {
        expiredCounts: new Map(topic === 'legit' && expired !== undefined ? [[0, expired]] : []),
        incomplete: new Map(topic === 'legit' && unread !== undefined ? [[0, unread]] : []),
      }),
    store: null,
    ...options,
  }
}

describe('the books', () => {
  it('balance when every acknowledged payment was decided', async () => {
    expect(await balance(given())).toMatchObject({planned: 2, sent: 2, acked: 2, onRaw: 2, legit: 2, balanced: true})
  })

  it.each([
    {
      what: 'a journal that was closed calls what it does not reach unsent',
      unjournalled: 'unsent',
      sent: 2,
      unknown: 0,
    },
    {what: 'a journal cut off by a crash leaves it unknown', unjournalled: 'unknown', sent: 5, unknown: 3},
  ] as const)('$what', async ({unjournalled, sent, unknown}) => {
    const ladder = await balance(given({plannedCount: 5, unjournalled}))
    expect(ladder).toMatchObject({planned: 5, sent, unknown, acked: 2, balanced: true})
  })

  it('are not balanced on a topic whose records expired', async () => {
    await expect(balance(given({expired: 40}))).rejects.toMatchObject({
      code: 'P2PAY_DATA_EXPIRED',
      message: expect.stringContaining('40 records of legit'),
    })
  })

  it('are not balanced on a topic that could not be read to its end', async () => {
    await expect(balance(given({unread: 1}))).rejects.toMatchObject({code: 'P2PAY_TOPIC_UNREAD'})
  })
})
