/**
 * What looking up decided payments promises, as tests: run against the embedded database always, and against a real
 * PostgreSQL in the service suite. The database is a test's own.
 */
import fc from 'fast-check'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {present} from '../../src/lib/base/assert.js'
import {systemClock} from '../../src/lib/base/clock.js'
import type {Decision} from '../../src/lib/payment/decision.js'
import type {Payment} from '../../src/lib/payment/payment.js'
import {migrate} from '../../src/lib/store/migrate.js'
import {openStore} from '../../src/lib/store/open.js'
import type {DecidedPaymentRow, Page, PageRequest, PaymentQueries} from '../../src/lib/store/payment-queries.js'
import {openQueries, PROFILE_PAYMENTS} from '../../src/lib/store/postgres-queries.js'
import type {PaymentRow, PaymentStore} from '../../src/lib/store/store.js'
import {anyPayment, NOON_MS, testPaymentId} from './payments.js'
import {sql} from './sql-claims.js'
import {rowWith} from './store-contract.js'

const APPROVE: Decision = {kind: 'approve', score: 0, reasons: []}
const REVIEW: Decision = {kind: 'review', score: 0.6, reasons: ['ip-velocity']}
const BLOCK: Decision = {kind: 'block', score: 0.9, reasons: ['amount', 'ip-velocity']}
const DECIDED_US = 1_700_000_000_000_000
const SQL = `'; DROP TABLE payments; --`

function row(number: number, payment: Partial<Payment> = {}, overrides: Partial<PaymentRow> = {}): PaymentRow {
  return rowWith({paymentId: testPaymentId(number), ...payment}, {offset: number, ...overrides})
}

export function queriesContract(name: string, openUrl: () => Promise<string>): void {
  describe(`looking up payments in ${name}`, () => {
    let url = ''
    let store: PaymentStore
    let queries: PaymentQueries
    beforeAll(async () => {
      url = await openUrl()
      await migrate(url)
      store = await openStore(url)
      queries = await openQueries(url)
    })
    beforeEach(async () => {
      await sql(url, 'TRUNCATE payments')
    })
    afterAll(async () => {
      await Promise.all([store?.close(), queries?.close()])
    })

    describe('a payment', () => {
      it('comes back whole, for any payment (property)', async () => {
        const anyRow = fc.record({
          payment: anyPayment,
          decision: fc.constantFrom(APPROVE, REVIEW, BLOCK),
          decidedUs: fc.integer({min: 0, max: Number.MAX_SAFE_INTEGER}),
          partition: fc.integer({min: 0, max: 0x7fffffff}),
          offset: fc.integer({min: 0, max: Number.MAX_SAFE_INTEGER}),
        })
        await fc.assert(
          fc.asyncProperty(anyRow, async given => {
            await sql(url, 'TRUNCATE payments')
            await store.insert([given])
            const found = present(await queries.payment(given.payment.paymentId), 'the payment')
            expect(found).toEqual({...given, payment: plain(given.payment), persistedUs: expect.any(Number)})
            expect(Math.abs(found.persistedUs - systemClock.nowUs())).toBeLessThan(60_000_000)
          }),
          {numRuns: 50},
        )
      })

      it('is found in either spelling of its id', async () => {
        await store.insert([row(1)])
        expect((await queries.payment(testPaymentId(1).toUpperCase()))?.payment.paymentId).toBe(testPaymentId(1))
      })

      it.each([
        ['an id that nobody has', testPaymentId(999)],
        ['no id', 'payment-1'],
        ['SQL', `${testPaymentId(1)}' OR true --`],
        ['a NUL character', 'a\0b'],
        ['nothing', ''],
      ])('is not found under %s', async (_what, id) => {
        await store.insert([row(1)])
        expect(await queries.payment(id)).toBeUndefined()
      })

      it('may hold SQL in every field', async () => {
        const text = {debtorId: SQL, creditorId: SQL, deviceId: SQL, ipAddress: SQL, cardToken: SQL, reference: SQL}
        const more = {country: SQL, creditorCountry: SQL, currency: SQL, originalPaymentId: SQL, merchantCategory: SQL}
        const hostile = row(1, {...text, ...more}, {decision: {...BLOCK, reasons: [SQL, '"{},']}})
        await store.insert([hostile, row(2)])
        const found = {...hostile, persistedUs: expect.any(Number)}
        expect(await queries.payment(testPaymentId(1))).toEqual(found)
        expect(await queries.accountPayments(SQL, {limit: 10, cursor: null})).toEqual({items: [found], next: null})
        expect(await queries.alerts({limit: 10, cursor: null})).toEqual({items: [found], next: null})
        expect(await queries.accountProfile(SQL)).toMatchObject({
          accountId: SQL,
          paymentCount: 1,
          countries: [SQL],
          amounts: [{currency: SQL, count: 1}],
          topReasons: [
            {rule: '"{},', count: 1},
            {rule: SQL, count: 1},
          ],
        })
        expect((await queries.stats()).blockedAmounts).toMatchObject([{currency: SQL, count: 1}])
      })
    })

    describe('pages', () => {
      const lists: readonly [string, (page: PageRequest) => Promise<Page<DecidedPaymentRow>>][] = [
        ['of an account', page => queries.accountPayments('debtor-1', page)],
        ['of alerts', page => queries.alerts(page)],
      ]

      it.each(lists)(
        '%s hold every payment once, latest first, whatever their length (property)',
        async (what, list) => {
          const anyStep = fc.record({
            // Few moments, so that many payments share one.
            moment: fc.nat(3),
            kind: fc.constantFrom(APPROVE, REVIEW, BLOCK),
            debtorId: fc.constantFrom('debtor-1', 'debtor-2'),
          })
          await fc.assert(
            fc.asyncProperty(fc.array(anyStep, {maxLength: 25}), fc.integer({min: 1, max: 9}), async (steps, limit) => {
              await sql(url, 'TRUNCATE payments')
              const rows = steps.map(({moment, kind, debtorId}, index) => {
                const time = {decidedUs: DECIDED_US + moment, decision: kind}
                return row((index * 37) % 101, {debtorId, createdAtMs: NOON_MS + moment}, time)
              })
              await store.insert(rows)
              const timeOf = (one: PaymentRow) => (what === 'of alerts' ? one.decidedUs : one.payment.createdAtMs)
              const expected = rows
                .filter(one =>
                  what === 'of alerts' ? one.decision.kind !== 'approve' : one.payment.debtorId === 'debtor-1',
                )
                .sort((a, b) => timeOf(b) - timeOf(a) || (a.payment.paymentId < b.payment.paymentId ? 1 : -1))
                .map(one => one.payment.paymentId)
              const pages = await allPages(list, limit)
              expect(pages.flat()).toEqual(expected)
              expect(pages.slice(0, -1).every(page => page.length === limit)).toBe(true)
            }),
            {numRuns: 30},
          )
        },
      )

      it.each(lists)('%s go on where they were, although later payments come meanwhile', async (_what, list) => {
        const alert = (number: number): PaymentRow =>
          row(number, {createdAtMs: NOON_MS + number}, {decision: BLOCK, decidedUs: DECIDED_US + number})
        await store.insert([1, 2, 3, 4].map(alert))
        const first = await list({limit: 2, cursor: null})
        await store.insert([5, 6].map(alert))
        const second = await list({limit: 2, cursor: first.next})
        expect(idsOf([...first.items, ...second.items])).toEqual([4, 3, 2, 1].map(testPaymentId))
        expect(second.next).toBeNull()
      })

      it.each(lists)('%s reach to times beyond what a number of µs can say', async (_what, list) => {
        const times = [0, NOON_MS, 253_402_300_799_999]
        await store.insert(times.map((createdAtMs, index) => row(index, {createdAtMs}, {decision: BLOCK})))
        expect((await allPages(list, 1)).flat()).toEqual([2, 1, 0].map(testPaymentId))
      })

      it.each(lists)('%s are empty when there is nothing', async (_what, list) => {
        expect(await list({limit: 1000, cursor: null})).toEqual({items: [], next: null})
      })

      it.each(['nobody', 'a\0b', '\ud800', ''])(
        'of an account that cannot be or is not are empty: %j',
        async account => {
          await store.insert([row(1, {debtorId: '\ufffd'})])
          expect(await queries.accountPayments(account, {limit: 5, cursor: null})).toEqual({items: [], next: null})
          expect(await queries.accountProfile(account)).toBeUndefined()
        },
      )

      it.each([
        ['nothing', ''],
        ['words', 'next please'],
        ['SQL', SQL],
        ['a NUL character', 'a\0b'],
        ['a number', Buffer.from('12').toString('base64url')],
        ['no list of ours', Buffer.from('["other","1","2"]').toString('base64url')],
        ['a time that is none', cursor('1; DROP', testPaymentId(1))],
        ['a time beyond all times', cursor('9'.repeat(19), testPaymentId(1))],
        ['an id that is none', cursor('1', SQL)],
        ['an id in capitals', cursor('1', testPaymentId(0xabc).toUpperCase())],
        ['too much', 'A'.repeat(100_000)],
      ])('begin with no cursor that says %s', async (_what, text) => {
        const refusal = {code: 'P2PAY_CURSOR', suggestions: [expect.stringContaining('next'), expect.anything()]}
        await expect(queries.accountPayments('debtor-1', {limit: 5, cursor: text})).rejects.toMatchObject(refusal)
        await expect(queries.alerts({limit: 5, cursor: text})).rejects.toMatchObject(refusal)
      })

      it('do not take each other’s cursors', async () => {
        await store.insert([row(1, {}, {decision: BLOCK}), row(2, {}, {decision: BLOCK})])
        const account = await queries.accountPayments('debtor-1', {limit: 1, cursor: null})
        const alerts = await queries.alerts({limit: 1, cursor: null})
        await expect(queries.alerts({limit: 1, cursor: account.next})).rejects.toMatchObject({code: 'P2PAY_CURSOR'})
        await expect(queries.accountPayments('debtor-1', {limit: 1, cursor: alerts.next})).rejects.toMatchObject({
          code: 'P2PAY_CURSOR',
        })
      })
    })

    describe('the profile of an account', () => {
      it('adds up what it paid, and only that', async () => {
        const max = Number.MAX_SAFE_INTEGER
        const rows = [
          row(1, {amountMinor: max, currency: 'EUR', country: 'DE', deviceId: 'phone'}, {decision: APPROVE}),
          row(2, {amountMinor: max, currency: 'EUR', country: 'FR', creditorId: 'shop'}, {decision: REVIEW}),
          row(3, {amountMinor: max, currency: 'EUR', country: 'FR', createdAtMs: NOON_MS - 5}, {decision: BLOCK}),
          row(4, {amountMinor: 7, currency: 'JPY', country: 'DE', createdAtMs: NOON_MS + 9}, {decision: BLOCK}),
          row(5, {debtorId: 'debtor-2', creditorId: 'debtor-1', country: 'IT'}, {decision: BLOCK}),
        ]
        await store.insert(rows)
        expect(await queries.accountProfile('debtor-1')).toEqual({
          accountId: 'debtor-1',
          isComplete: true,
          paymentCount: 4,
          approveCount: 1,
          reviewCount: 1,
          blockCount: 2,
          amounts: [
            {currency: 'EUR', count: 3, sumMinor: 3n * BigInt(max)},
            {currency: 'JPY', count: 1, sumMinor: 7n},
          ],
          creditorCount: 2,
          deviceCount: 2,
          countries: ['DE', 'FR'],
          meanScore: expect.closeTo(0.6, 12),
          maxScore: 0.9,
          firstAtMs: NOON_MS - 5,
          lastAtMs: NOON_MS + 9,
          topReasons: [
            {rule: 'ip-velocity', count: 3},
            {rule: 'amount', count: 2},
          ],
        })
      })

      it('names five reasons at most, and none when none hit', async () => {
        const reasons = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
        await store.insert([
          row(1, {}, {decision: {...BLOCK, reasons}}),
          row(2, {}, {decision: {...BLOCK, reasons: ['g']}}),
          row(3, {debtorId: 'debtor-2'}),
        ])
        const rules = (await queries.accountProfile('debtor-1'))?.topReasons.map(({rule}) => rule)
        expect(rules).toEqual(['g', 'a', 'b', 'c', 'd'])
        expect((await queries.accountProfile('debtor-2'))?.topReasons).toEqual([])
      })

      it('never has a mean above its highest score', async () => {
        const decision: Decision = {...REVIEW, score: 0.7}
        await store.insert([1, 2, 3, 4, 5, 6, 7].map(number => row(number, {}, {decision})))
        expect(await queries.accountProfile('debtor-1')).toMatchObject({meanScore: 0.7, maxScore: 0.7})
      })

      it('tells of the latest payments of one that has made too many, and says so', async () => {
        const rows = Array.from({length: PROFILE_PAYMENTS + 1}, (_, index) =>
          row(index, {createdAtMs: NOON_MS + index}, {decision: index === 0 ? BLOCK : APPROVE}),
        )
        await store.insert(rows.slice(0, -1))
        expect(await queries.accountProfile('debtor-1')).toMatchObject({isComplete: true, blockCount: 1})
        await store.insert(rows)
        expect(await queries.accountProfile('debtor-1')).toMatchObject({
          isComplete: false,
          paymentCount: PROFILE_PAYMENTS,
          blockCount: 0,
          firstAtMs: NOON_MS,
          lastAtMs: NOON_MS + PROFILE_PAYMENTS,
        })
      })
    })

    describe('statistics', () => {
      const now = (): number => systemClock.nowUs()

      it('of nothing are zero', async () => {
        expect(await queries.stats()).toEqual({
          isExact: true,
          paymentCount: 0,
          approveCount: 0,
          reviewCount: 0,
          blockCount: 0,
          blockedAmounts: [],
          lastMinuteCount: 0,
          lastDecidedUs: null,
        })
      })

      it('of a small table are exact', async () => {
        const decidedUs = now()
        await store.insert([
          row(1, {}, {decidedUs}),
          row(2, {amountMinor: Number.MAX_SAFE_INTEGER}, {decision: BLOCK, decidedUs: decidedUs - 1_000_000}),
          row(3, {amountMinor: Number.MAX_SAFE_INTEGER}, {decision: BLOCK, decidedUs: decidedUs - 3_600_000_000}),
          row(4, {currency: 'JPY', amountMinor: 5}, {decision: BLOCK, decidedUs: decidedUs - 3_600_000_000}),
          row(5, {}, {decision: REVIEW, decidedUs: decidedUs - 3_600_000_000}),
        ])
        expect(await queries.stats()).toEqual({
          isExact: true,
          paymentCount: 5,
          approveCount: 1,
          reviewCount: 1,
          blockCount: 3,
          blockedAmounts: [
            {currency: 'EUR', count: 2, sumMinor: 2n * BigInt(Number.MAX_SAFE_INTEGER)},
            {currency: 'JPY', count: 1, sumMinor: 5n},
          ],
          lastMinuteCount: 2,
          lastDecidedUs: decidedUs,
        })
      })

      it('asked at once by many are read once', async () => {
        await store.insert([row(1)])
        const [first, ...others] = await Promise.all(Array.from({length: 50}, () => queries.stats()))
        for (const other of others) expect(other).toBe(first)
        await store.insert([row(2)])
        expect((await queries.stats()).paymentCount).toBe(2)
      })

      it('of a large table are estimated from a share of it, and say so', async () => {
        const kinds = [APPROVE, APPROVE, REVIEW, BLOCK]
        const rows = Array.from({length: 4000}, (_, index) => row(index, {}, {decision: kinds[index % 4] ?? APPROVE}))
        await store.insert(rows)
        const [size] = await sql(url, `SELECT pg_relation_size('payments')::integer AS bytes`)
        const sampling = await openQueries(url, {statsExactBytes: Math.floor(Number(size?.['bytes']) / 2)})
        const stats = await sampling.stats()
        await sampling.close()
        expect(stats.isExact).toBe(false)
        expect(stats.paymentCount).toBe(stats.approveCount + stats.reviewCount + stats.blockCount)
        for (const [estimate, exact] of [
          [stats.paymentCount, 4000],
          [stats.approveCount, 2000],
          [stats.reviewCount, 1000],
          [stats.blockCount, 1000],
          [Number(stats.blockedAmounts[0]?.sumMinor), 2_500_000],
        ] as const) {
          expect(estimate / exact).toBeGreaterThan(0.6)
          expect(estimate / exact).toBeLessThan(1.4)
        }
      })

      it('of a minute with too many decisions are taken from the latest of them, and say so', async () => {
        const latestUs = now()
        // Ten a second, for half a minute.
        const rows = Array.from({length: 300}, (_, index) => row(index, {}, {decidedUs: latestUs - index * 100_000}))
        await store.insert(rows)
        const capped = await openQueries(url, {lastMinuteMax: 200})
        const {isExact, lastMinuteCount} = await capped.stats()
        await capped.close()
        expect(isExact).toBe(false)
        // 200 within the twenty seconds before the last decision, and the time since.
        expect(lastMinuteCount).toBeGreaterThan(100)
        expect(lastMinuteCount).toBeLessThanOrEqual(604)
        expect(await queries.stats()).toMatchObject({isExact: true, lastMinuteCount: 300})
      })
    })

    it('shows signs of life until it is closed', async () => {
      await queries.ping()
      const other = await openQueries(url)
      await other.close()
      await expect(other.ping()).rejects.toThrow()
      await queries.ping()
    })
  })
}

function cursor(us: string, id: string): string {
  return Buffer.from(JSON.stringify(['alerts', us, id])).toString('base64url')
}

async function allPages(
  list: (page: PageRequest) => Promise<Page<DecidedPaymentRow>>,
  limit: number,
): Promise<string[][]> {
  const pages: string[][] = []
  let next: string | null = null
  do {
    const page: Page<DecidedPaymentRow> = await list({limit, cursor: next})
    pages.push(idsOf(page.items))
    next = page.next
  } while (next !== null && pages.length < 1000)
  return pages
}

function idsOf(rows: readonly DecidedPaymentRow[]): string[] {
  return rows.map(({payment}) => payment.paymentId)
}

/** Without signed zeros and fields that are undefined. */
function plain(payment: Payment): Payment {
  const {latitude, longitude, ...others} = payment
  return {...others, latitude: latitude + 0, longitude: longitude + 0}
}
