import {describe, expect, it} from 'vitest'
import {Random} from '../../../src/lib/base/random.js'
import {MAX_CAMPAIGN_MS} from '../../../src/lib/generate/campaign.js'
import {PaymentDraft} from '../../../src/lib/generate/draft.js'
import {Life} from '../../../src/lib/generate/life.js'
import {TYPOLOGY_DEFINITIONS} from '../../../src/lib/generate/typologies/registry.js'
import {TYPOLOGIES, type Typology} from '../../../src/lib/payment/label.js'
import {buildPopulation} from '../../../src/lib/population/population.js'
import {groupBy} from '../../support/group-by.js'
import {streamInputs} from '../../support/stream-inputs.js'
import {firstRows, type StreamRow} from '../../support/stream-rows.js'

const kinds = TYPOLOGIES.flatMap(typology =>
  (['fraud', 'lookAlike'] as const).map(side => [typology, side] as [Typology, 'fraud' | 'lookAlike']),
)

describe('each kind of campaign', () => {
  const inputs = streamInputs()
  const life = new Life(buildPopulation(inputs), inputs.startMs)

  it.each(kinds)(
    '%s %s: ascends in time within the bound, and has about its mean number of payments',
    (typology, side) => {
      const kind = TYPOLOGY_DEFINITIONS[typology][side]
      const draw = new Random(1)
      let steps = 0
      for (let index = 0; index < 600; index++) {
        const {offsetsMs} = kind.plan(life, inputs.startMs + index * 3_600_000, draw)
        expect(offsetsMs[0]).toBeGreaterThanOrEqual(0)
        for (let step = 1; step < offsetsMs.length; step++)
          expect(offsetsMs[step]).toBeGreaterThanOrEqual(offsetsMs[step - 1])
        expect(offsetsMs[offsetsMs.length - 1]).toBeLessThan(MAX_CAMPAIGN_MS)
        steps += offsetsMs.length
      }
      expect(steps / 600 / kind.meanSteps).toBeGreaterThan(0.9)
      expect(steps / 600 / kind.meanSteps).toBeLessThan(1.1)
    },
  )

  it.each(kinds)('%s %s: shapes the same payment for the same step, whatever was in the draft', (typology, side) => {
    const draw = new Random(2)
    const plan = TYPOLOGY_DEFINITIONS[typology][side].plan(life, inputs.startMs, draw)
    const first = new PaymentDraft()
    const second = Object.assign(new PaymentDraft(), {
      type: 4,
      method: 2,
      declined: true,
      card: 7,
      reference: 9,
      amountMinor: 3,
    })
    for (let step = 0; step < plan.offsetsMs.length; step++) {
      const timeMs = inputs.startMs + plan.offsetsMs[step]
      plan.shape(first, step, timeMs, draw.reseed(5, step))
      plan.shape(second, step, timeMs, draw.reseed(5, step))
      expect(visible(second)).toEqual(visible(first))
    }
  })
})

/** The draft without fields that its type and method do not show. */
function visible(draft: PaymentDraft): Record<string, unknown> {
  const {card, declined, simChangedAtMs, reference, originalSequence: _, ...rest} = draft
  return {
    ...rest,
    ...(draft.method === 0 && {card, declined}),
    ...(draft.method === 2 && {simChangedAtMs}),
    ...((draft.type === 0 || draft.type === 3) && {reference}),
  }
}

describe('campaigns in the stream', () => {
  const rows = firstRows(streamInputs({accountCount: 2500, fraudRate: 0.1, lookAlikeRate: 0.1}), 40_000)
  const campaigns = groupBy(
    rows.filter(row => row.campaign > 0),
    row => row.campaign,
  )

  it('have one label each, and steps that count up', () => {
    for (const steps of campaigns.values()) {
      expect(new Set(steps.map(row => `${row.fraudTypology}/${row.lookAlikeTypology}`)).size).toBe(1)
      expect((steps[0]?.fraudTypology ?? 0) > 0).toBe((steps[0]?.lookAlikeTypology ?? 0) === 0)
      for (let index = 1; index < steps.length; index++) expect(steps[index].step).toBe(steps[index - 1].step + 1)
    }
  })

  it('are confirmed after their last payment and within nine days, frauds alone', () => {
    expect(rows.filter(row => row.fraudTypology === 0 && row.confirmedAtMs > 0)).toEqual([])
    for (const row of rows.filter(row => row.fraudTypology > 0)) {
      const last = campaigns.get(row.campaign)?.at(-1) ?? row
      expect(row.confirmedAtMs).toBeGreaterThan(last.createdAtMs)
      expect(row.confirmedAtMs - row.createdAtMs).toBeLessThan(10 * 86_400_000)
    }
  })

  it('occur from the very beginning', () => {
    expect(rows.slice(0, 2000).some(row => row.fraudTypology > 0)).toBe(true)
    expect(rows.slice(0, 2000).some(row => row.lookAlikeTypology > 0)).toBe(true)
  })

  it('of velocity bursts come within minutes from one account', () => {
    for (const steps of complete('velocity-burst')) {
      expect(debtors(steps).size).toBe(1)
      expect(spanMs(steps)).toBeLessThan(25 * 60_000)
    }
  })

  it('of account takeovers pay people whom the victim seldom pays', () => {
    const payees = groupBy(
      rows.filter(row => row.campaign === 0),
      row => `${parsed(row).debtor_id} ${parsed(row).creditor_id}`,
    )
    const transfers = complete('account-takeover')
      .flat()
      .filter(row => parsed(row).payment_type === 'transfer')
    const known = transfers.filter(row => payees.has(`${parsed(row).debtor_id} ${parsed(row).creditor_id}`))
    expect(known.length / transfers.length).toBeLessThan(0.1)
  })

  it('of card testing try several cards from one device', () => {
    for (const steps of complete('card-testing')) {
      expect(new Set(steps.map(row => parsed(row).device_id)).size).toBe(1)
      expect(new Set(steps.map(row => parsed(row).card_token)).size).toBeGreaterThan(1)
    }
  })

  it('of mules collect from many and pass most of it on', () => {
    for (const steps of complete('mule-fan-in')) {
      const inflow = groupBy(steps, row => parsed(row).creditor_id)
      const [mule, received] = [...inflow].sort((a, b) => b[1].length - a[1].length)[0]
      expect(debtors(received).size).toBeGreaterThanOrEqual(3)
      const sent = steps.filter(row => parsed(row).debtor_id === mule)
      const ratio = total(sent) / total(received)
      expect(ratio).toBeGreaterThan(0.7)
      expect(ratio).toBeLessThan(1.05)
    }
  })

  it('of structuring stay below the threshold', () => {
    for (const row of complete('structuring').flat()) {
      expect(row.amountMinor).toBeLessThan(1_000_000)
      expect(row.amountMinor).toBeGreaterThanOrEqual(790_000)
    }
  })

  /** Frauds of a typology of which the stream holds the first step and is past the last. */
  function complete(typology: Typology): StreamRow[][] {
    const endMs = (rows.at(-1)?.createdAtMs ?? 0) - MAX_CAMPAIGN_MS
    const found = [...campaigns.values()].filter(
      ([first]) => first.step === 1 && first.createdAtMs < endMs && TYPOLOGIES[first.fraudTypology - 1] === typology,
    )
    expect(found.length).toBeGreaterThan(3)
    return found
  }
})

describe('refunds', () => {
  const rows = firstRows(streamInputs({accountCount: 3000}), 40_000)
  const refunds = rows.filter(row => parsed(row).payment_type === 'refund')
  const byId = new Map(rows.map(row => [parsed(row).payment_id, parsed(row)]))

  it('give back an earlier purchase: same parties, same amount, same card', () => {
    expect(refunds.length).toBeGreaterThan(20)
    for (const row of refunds) {
      const refund = parsed(row)
      const purchase = byId.get(refund.original_payment_id)
      expect(purchase).toMatchObject({
        payment_type: 'purchase',
        debtor_id: refund.creditor_id,
        creditor_id: refund.debtor_id,
        amount_minor: refund.amount_minor,
        currency: refund.currency,
      })
      expect(purchase?.card_token).toBe(refund.card_token)
      expect(purchase?.status).toBe(refund.status)
    }
  })
})

function parsed(row: StreamRow): Record<string, string> {
  return JSON.parse(row.json)
}

function debtors(rows: readonly StreamRow[]): Set<string | undefined> {
  return new Set(rows.map(row => parsed(row).debtor_id))
}

function spanMs(rows: readonly StreamRow[]): number {
  return (rows.at(-1)?.createdAtMs ?? 0) - (rows[0]?.createdAtMs ?? 0)
}

function total(rows: readonly StreamRow[]): number {
  return rows.reduce((sum, row) => sum + row.amountMinor, 0)
}
