/**
 * What a payment store promises, as tests: run against the embedded database always, and against a real PostgreSQL in
 * the service suite. The database that `openUrl` names is empty and nobody else's.
 */
import fc from 'fast-check'
import {Client} from 'pg'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {Decision} from '../../src/lib/payment/decision.js'
import type {Payment} from '../../src/lib/payment/payment.js'
import {paymentIdOf, paymentIdRange} from '../../src/lib/payment/payment-id.js'
import {migrate, schemaStatus} from '../../src/lib/store/migrate.js'
import {MIGRATIONS} from '../../src/lib/store/migrations/all.js'
import {openStore} from '../../src/lib/store/open.js'
import {type PaymentRow, type PaymentStore, RowError, type Snapshot} from '../../src/lib/store/store.js'
import {anyPayment, paymentWith} from './payments.js'

const APPROVE: Decision = {kind: 'approve', score: 0, reasons: []}
const BLOCK: Decision = {kind: 'block', score: 0.9375, reasons: ['amount', 'card "shared", twice']}
const DECIDED_US = 1_700_000_000_123_457

/** A row with everything at rest but the payment's id, and what is given. */
export function rowWith(
  payment: Partial<Payment> & {paymentId: string},
  overrides: Partial<PaymentRow> = {},
): PaymentRow {
  return {
    payment: paymentWith(payment),
    decision: APPROVE,
    decidedUs: DECIDED_US,
    partition: 0,
    offset: 0,
    ...overrides,
  }
}

export function rowsOf(tag: string, count: number, overrides: Partial<PaymentRow> = {}): PaymentRow[] {
  return Array.from({length: count}, (_, index) =>
    rowWith({paymentId: paymentIdOf(tag, index)}, {offset: index, ...overrides}),
  )
}

export function storeContract(name: string, openUrl: () => Promise<string>): void {
  describe(`the payment store on ${name}`, () => {
    let url = ''
    let store: PaymentStore
    const query = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => {
      const client = new Client(url)
      await client.connect()
      try {
        const {rows} = await client.query(text, values)
        return rows as Record<string, unknown>[]
      } finally {
        await client.end()
      }
    }

    beforeAll(async () => {
      url = await openUrl()
      const behind = await openStore(url).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(behind).toMatchObject({code: 'P2PAY_DATABASE_SCHEMA', suggestions: ['run p2pay migrate']})
      expect(await schemaStatus(url)).toEqual({current: 0, latest: MIGRATIONS.length})
      // Two at once: each migration is applied by one of them, and both end at the newest.
      const [one, other] = await Promise.all([migrate(url), migrate(url)])
      expect([...one.applied, ...other.applied].sort()).toEqual([
        '0001_payments',
        '0002_detector_snapshots',
        '0003_payment_claims',
        '0004_payment_lookups',
      ])
      expect([one.current, other.current]).toEqual([4, 4])
      store = await openStore(url)
    })

    afterAll(async () => {
      await store?.close()
    })

    describe('migrations', () => {
      it('finds nothing to do the second time', async () => {
        expect(await migrate(url)).toEqual({applied: [], current: 4})
      })

      it('leaves nothing of a migration that fails', async () => {
        const bad = {id: '9000_bad', sql: 'CREATE TABLE public.half (a int); SELECT 1/0'}
        await expect(migrate(url, [bad])).rejects.toThrow(/division by zero/)
        expect(await query(`SELECT to_regclass('public.half') AS half`)).toEqual([{half: null}])
      })

      it('refuses a schema that is newer than this version', async () => {
        await query(`INSERT INTO p2pay_migrations (id) VALUES ('9999_future')`)
        try {
          await expect(openStore(url)).rejects.toMatchObject({code: 'P2PAY_DATABASE_SCHEMA'})
        } finally {
          await query(`DELETE FROM p2pay_migrations WHERE id = '9999_future'`)
        }
      })
    })

    it('describes itself with version and place, and no password', async () => {
      const address = new URL(url)
      // A real server has its own and wants it; the embedded one takes any.
      address.password ||= 'secret-word'
      const withPassword = await openStore(address.href)
      await withPassword.close()
      expect(withPassword.description).toMatch(/^PostgreSQL \d+.* at [\w.]+:\d+\/\w+$/)
      expect(withPassword.description).not.toContain(address.password)
    })

    describe('insert', () => {
      it('answers with nothing when all rows are new, and with nothing for no rows', async () => {
        expect(await store.insert(rowsOf('000000000001', 3))).toEqual([])
        expect(await store.insert([])).toEqual([])
        expect(await store.count(paymentIdRange('000000000001'))).toBe(3)
      })

      it('keeps the first writer, and answers the stored decision of each row that was not new, in order', async () => {
        const first = rowsOf('000000000002', 3, {decision: BLOCK})
        await store.insert(first)
        const again = [...rowsOf('000000000002', 5, {decidedUs: DECIDED_US + 1})].reverse()
        const stored = {decision: BLOCK, decidedUs: DECIDED_US}
        expect(await store.insert(again)).toEqual(
          [2, 1, 0].map(index => ({paymentId: paymentIdOf('000000000002', index), ...stored})),
        )
        expect(await store.count(paymentIdRange('000000000002'))).toBe(5)
      })

      it('takes the first of several rows with one id in one batch', async () => {
        const paymentId = paymentIdOf('000000000003', 0)
        const rows = [BLOCK, APPROVE, APPROVE].map((decision, offset) => rowWith({paymentId}, {decision, offset}))
        const stored = {paymentId, decision: BLOCK, decidedUs: DECIDED_US}
        expect(await store.insert(rows)).toEqual([stored, stored])
        expect(await store.insert(rows)).toEqual([stored, stored, stored])
      })

      it('knows an id in capitals as the same, and answers in the spelling it was asked in', async () => {
        const paymentId = paymentIdOf('00000000abcd', 15)
        await store.insert([rowWith({paymentId})])
        const [stored] = await store.insert([rowWith({paymentId: paymentId.toUpperCase()})])
        expect(stored?.paymentId).toBe(paymentId.toUpperCase())
      })

      it('takes more rows than one statement holds, all or none', async () => {
        const rows = rowsOf('000000000004', 5200)
        const bad = rowWith({paymentId: paymentIdOf('000000000004', 5200), amountMinor: 0})
        await expect(store.insert([...rows, bad])).rejects.toBeInstanceOf(RowError)
        expect(await store.count(paymentIdRange('000000000004'))).toBe(0)
        expect(await store.insert(rows)).toEqual([])
        expect(await store.count(paymentIdRange('000000000004'))).toBe(5200)
      })

      it.each<[string, Partial<Payment>, Partial<PaymentRow>]>([
        ['a NUL character', {reference: 'a\0b'}, {}],
        ['half a surrogate pair', {reference: 'a\ud800'}, {}],
        ['an amount of zero', {amountMinor: 0}, {}],
        ['an amount that is no integer', {amountMinor: 1.5}, {}],
        ['an id that is no UUID', {paymentId: 'payment-1'}, {}],
        ['a time that does not exist', {createdAtMs: Number.NaN}, {}],
        ['a place that is not a number', {latitude: Number.NaN}, {}],
        ['a score above 1', {}, {decision: {kind: 'block', score: 1.5, reasons: []}}],
        ['a negative offset', {}, {offset: -1}],
      ])('refuses %s with a RowError, stores nothing of the batch, and goes on', async (_what, payment, row) => {
        const tag = '000000000005'
        const good = rowsOf(tag, 2)
        const bad = rowWith({paymentId: paymentIdOf(tag, 2), ...payment}, row)
        await expect(store.insert([...good, bad])).rejects.toBeInstanceOf(RowError)
        expect(await store.count(paymentIdRange(tag))).toBe(0)
        await store.insert(good)
        expect(await store.deleteRange(paymentIdRange(tag))).toBe(2)
      })

      it('reads back what was written, for any payment', async () => {
        const anyDecision = fc.record({
          kind: fc.constantFrom('approve' as const, 'review' as const, 'block' as const),
          score: fc.double({min: 0, max: 1, noNaN: true}),
          reasons: fc.array(
            fc.string({unit: 'binary'}).filter(text => !text.includes('\0')),
            {maxLength: 4},
          ),
        })
        const anyRow = fc.record({
          payment: anyPayment,
          decision: anyDecision,
          decidedUs: fc.integer({min: 0, max: Number.MAX_SAFE_INTEGER}),
          partition: fc.integer({min: 0, max: 0x7fffffff}),
          offset: fc.integer({min: 0, max: Number.MAX_SAFE_INTEGER}),
        })
        const batches = fc.uniqueArray(anyRow, {minLength: 1, maxLength: 20, selector: row => row.payment.paymentId})
        await fc.assert(
          fc.asyncProperty(batches, async rows => {
            await query('DELETE FROM payments WHERE payment_id = ANY ($1::uuid[])', [
              rows.map(r => r.payment.paymentId),
            ])
            expect(await store.insert(rows)).toEqual([])
            expect(await readRows(query, rows)).toEqual(rows.map(plain))
            // Signed zeros do not survive text, and mean nothing here.
            const stored = rows.map(({payment, decision, decidedUs}) => ({
              paymentId: payment.paymentId,
              decision: {...decision, score: decision.score + 0},
              decidedUs,
            }))
            expect(await store.insert(rows)).toEqual(stored)
            await query('DELETE FROM payments WHERE payment_id = ANY ($1::uuid[])', [
              rows.map(r => r.payment.paymentId),
            ])
          }),
          {numRuns: 25},
        )
      })

      it('lets two writers with the same ids at once end with one row each, and tell which was whose', async () => {
        const tag = '000000000006'
        const batch = rowsOf(tag, 400)
        const reversed = [...batch].reverse().map(row => ({...row, decision: BLOCK}))
        const answers = await Promise.all([store.insert(batch), store.insert(reversed), store.insert(batch)])
        expect(answers.reduce((sum, known) => sum + known.length, 0)).toBe(800)
        expect(await store.count(paymentIdRange(tag))).toBe(400)
      })
    })

    describe('ranges', () => {
      it('scans in id order, in pages, both ends inclusive', async () => {
        await store.insert(rowsOf('000000000011', 7, {decision: BLOCK}))
        await store.insert(rowsOf('000000000012', 1))
        const pages: string[][] = []
        for await (const page of store.scan(paymentIdRange('000000000011'), 3))
          pages.push(page.map(row => row.paymentId))
        expect(pages.map(page => page.length)).toEqual([3, 3, 1])
        expect(pages.flat()).toEqual(Array.from({length: 7}, (_, index) => paymentIdOf('000000000011', index)))
      })

      it('gives amounts as numbers up to the largest safe one', async () => {
        const row = rowWith({
          paymentId: paymentIdOf('000000000013', 0),
          amountMinor: Number.MAX_SAFE_INTEGER,
          currency: 'JPY',
        })
        await store.insert([{...row, decision: BLOCK}])
        const pages = await collect(store.scan(paymentIdRange('000000000013'), 10))
        expect(pages).toEqual([
          [
            {
              paymentId: row.payment.paymentId,
              kind: 'block',
              score: 0.9375,
              amountMinor: Number.MAX_SAFE_INTEGER,
              currency: 'JPY',
            },
          ],
        ])
      })

      it('finds nothing in an empty range', async () => {
        const range = paymentIdRange('0000000000ee')
        expect(await collect(store.scan(range, 10))).toEqual([])
        expect(await store.count(range)).toBe(0)
        expect(await store.deleteRange(range)).toBe(0)
      })

      it('deletes a run and leaves its neighbours', async () => {
        for (const tag of ['000000000021', '000000000022', '000000000023']) await store.insert(rowsOf(tag, 3))
        expect(await store.deleteRange(paymentIdRange('000000000022'))).toBe(3)
        expect(await store.count({first: paymentIdOf('000000000021', 0), last: paymentIdOf('000000000023', 9)})).toBe(6)
      })
    })

    it('shows flagged rows, and only those, in the view of alerts', async () => {
      const review: Decision = {kind: 'review', score: 0.5, reasons: ['velocity']}
      const rows = rowsOf('000000000031', 3).map((row, index) => ({
        ...row,
        decision: [APPROVE, review, BLOCK][index] ?? APPROVE,
      }))
      await store.insert(rows)
      const {first, last} = paymentIdRange('000000000031')
      const alerts = await query(
        'SELECT decision, reasons FROM alerts WHERE payment_id BETWEEN $1 AND $2 ORDER BY payment_id',
        [first, last],
      )
      expect(alerts).toEqual([
        {decision: 'review', reasons: ['velocity']},
        {decision: 'block', reasons: BLOCK.reasons},
      ])
    })

    describe('snapshots', () => {
      const owner = {group: 'contract', topic: 'payments.raw'}
      const snapshot = (shard: string, offsets: [number, number][], state = `${shard} ${offsets}`): Snapshot => ({
        shard,
        offsets: new Map(offsets),
        stateVersion: 3,
        state: Buffer.from(state),
      })

      it('come back as they were saved, in the order asked, without those that do not exist', async () => {
        const shared = snapshot('shared', [
          [0, 12],
          [3, 9_007_199_254_740_991],
        ])
        const debtor = snapshot('debtor/3', [[3, 0]], '')
        await store.saveSnapshots(owner, [shared, debtor])
        expect(await store.loadSnapshots(owner, ['debtor/3', 'debtor/9', 'shared'])).toEqual([debtor, shared])
        expect(await store.loadSnapshots({...owner, topic: 'other'}, ['shared'])).toEqual([])
        expect(await store.loadSnapshots({...owner, group: 'other'}, ['shared'])).toEqual([])
      })

      it('may be larger than one chunk, and shrink again', async () => {
        const state = Buffer.alloc(2_500_000, 'p2pay ')
        const large = {...snapshot('debtor/1', [[1, 10]]), state}
        await store.saveSnapshots(owner, [large])
        const [loaded] = await store.loadSnapshots(owner, ['debtor/1'])
        expect(loaded?.state.equals(state)).toBe(true)
        const small = snapshot('debtor/1', [[1, 11]])
        await store.saveSnapshots(owner, [small])
        expect(await store.loadSnapshots(owner, ['debtor/1'])).toEqual([small])
      })

      it.each<[string, [number, number][], [number, number][], 'new' | 'old']>([
        ['further on', [[0, 10]], [[0, 11]], 'new'],
        ['the same offset (again)', [[0, 10]], [[0, 10]], 'new'],
        [
          'one more partition',
          [[0, 10]],
          [
            [0, 10],
            [1, 1],
          ],
          'new',
        ],
        ['behind', [[0, 10]], [[0, 9]], 'old'],
        [
          'ahead in one and behind in another',
          [
            [0, 10],
            [1, 10],
          ],
          [
            [0, 99],
            [1, 9],
          ],
          'old',
        ],
        [
          'a partition not seen',
          [
            [0, 10],
            [1, 10],
          ],
          [[0, 99]],
          'old',
        ],
        ['nothing seen', [[0, 10]], [], 'old'],
        ['after nothing seen', [], [[0, 0]], 'new'],
      ])('with %s: the newer offsets stay', async (what, before, after, winner) => {
        const shard = `rule ${what}`
        const old = snapshot(shard, before, 'old')
        const fresh = snapshot(shard, after, 'new')
        const beside = snapshot(`${shard} beside`, [[5, 5]])
        await store.saveSnapshots(owner, [old])
        await store.saveSnapshots(owner, [fresh, beside])
        expect(await store.loadSnapshots(owner, [shard])).toEqual([winner === 'new' ? fresh : old])
        expect(await store.loadSnapshots(owner, [`${shard} beside`])).toEqual([beside])
      })

      it('go with the partitions that they have seen, for one group and topic', async () => {
        const other = {...owner, topic: 'dropped elsewhere'}
        const both = snapshot('drop both', [
          [70, 1],
          [71, 1],
        ])
        const [first, second] = [snapshot('drop 70', [[70, 5]]), snapshot('drop 71', [[71, 5]])]
        await store.saveSnapshots(owner, [both, first, second])
        await store.saveSnapshots(other, [first])
        await store.dropSnapshots(owner, [70, 700])
        expect(await store.loadSnapshots(owner, ['drop both', 'drop 70', 'drop 71'])).toEqual([second])
        expect(await store.loadSnapshots(other, ['drop 70'])).toEqual([first])
        // What comes now may well be behind what was there.
        await store.saveSnapshots(owner, [snapshot('drop 70', [[70, 2]])])
        expect(await store.loadSnapshots(owner, ['drop 70'])).toEqual([snapshot('drop 70', [[70, 2]])])
      })

      it('are saved all or none', async () => {
        const good = snapshot('all 1', [[0, 1]])
        const bad = snapshot('all 2\0', [[0, 1]])
        await expect(store.saveSnapshots(owner, [good, bad])).rejects.toThrow()
        expect(await store.loadSnapshots(owner, ['all 1'])).toEqual([])
      })

      it('of two savers at once end with the newest offsets', async () => {
        const savers = Array.from({length: 8}, (_, index) =>
          store.saveSnapshots(owner, [snapshot('race/b', [[0, index]]), snapshot('race/a', [[0, 7 - index]])]),
        )
        await Promise.all(savers)
        const loaded = await store.loadSnapshots(owner, ['race/a', 'race/b'])
        expect(loaded).toEqual([snapshot('race/a', [[0, 7]]), snapshot('race/b', [[0, 7]])])
      })
    })

    it('answers nothing once it is closed', async () => {
      const other = await openStore(url)
      await other.close()
      await expect(other.count(paymentIdRange('000000000041'))).rejects.toThrow()
      expect(await store.count(paymentIdRange('000000000041'))).toBe(0)
    })
  })
}

type Ask = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>

/** The rows as the table has them, in the order of those given, with times as numbers. */
async function readRows(query: Ask, rows: readonly PaymentRow[]): Promise<unknown[]> {
  const found = await query(
    `SELECT *, payment_id::text AS id, amount_minor::text AS amount,
            (extract(epoch FROM created_at) * 1000)::bigint::text AS created_ms,
            (extract(epoch FROM sim_changed_at) * 1000)::bigint::text AS changed_ms,
            (extract(epoch FROM decided_at) * 1000000)::bigint::text AS decided_us
     FROM payments WHERE payment_id = ANY ($1::uuid[])`,
    [rows.map(row => row.payment.paymentId)],
  )
  return rows.map(row => {
    const stored = found.find(candidate => candidate['id'] === row.payment.paymentId) ?? {}
    const number = (name: string): number | undefined => (stored[name] === null ? undefined : Number(stored[name]))
    const text = (name: string): unknown => stored[name] ?? undefined
    return {
      payment: {
        schemaVersion: stored['schema_version'],
        paymentId: stored['id'],
        createdAtMs: number('created_ms'),
        paymentType: stored['payment_type'],
        debtorId: stored['debtor_id'],
        creditorId: stored['creditor_id'],
        creditorType: stored['creditor_type'],
        amountMinor: number('amount'),
        currency: stored['currency'],
        method: stored['method'],
        cardToken: text('card_token'),
        cardLastFour: text('card_last_four'),
        channel: stored['channel'],
        country: stored['country'],
        creditorCountry: stored['creditor_country'],
        ipAddress: stored['ip_address'],
        deviceId: stored['device_id'],
        latitude: stored['latitude'],
        longitude: stored['longitude'],
        merchantCategory: text('merchant_category'),
        reference: text('reference'),
        originalPaymentId: text('original_payment_id'),
        status: text('status'),
        simChangedAtMs: number('changed_ms'),
      },
      decision: {kind: stored['decision'], score: stored['score'], reasons: stored['reasons']},
      decidedUs: number('decided_us'),
      partition: stored['source_partition'],
      offset: number('source_offset'),
    }
  })
}

async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(page)
  return all
}

/** Without signed zeros. */
function plain(row: PaymentRow): PaymentRow {
  return {...row, decision: {...row.decision, score: row.decision.score + 0}}
}
