import {describe, expect, it} from 'vitest'
import {runTagFromSeed, startMsFromSeed} from '../../../src/lib/generate/defaults.js'
import {encodeLabel, labelsOf} from '../../../src/lib/generate/labels.js'
import {parseRunTag, paymentIdOf} from '../../../src/lib/payment/payment-id.js'
import {streamInputs} from '../../support/stream-inputs.js'
import {firstBlocks} from '../../support/stream-rows.js'

describe('the labels of a stream', () => {
  const inputs = streamInputs({fraudRate: 0.1, lookAlikeRate: 0.1})
  const labels = firstBlocks(inputs, 3000).flatMap(block => [...labelsOf(block, inputs.runTag)])

  it('are one for each payment, by its id', () => {
    expect(labels.map(label => label.paymentId)).toEqual(
      labels.map((_, sequence) => paymentIdOf(inputs.runTag, sequence)),
    )
  })

  it('name typology, campaign, step and confirmation of frauds', () => {
    const frauds = labels.filter(label => label.isFraud)
    expect(frauds.length).toBeGreaterThan(200)
    for (const label of frauds) {
      expect(label.typology).toBeDefined()
      expect(label.lookAlikeOf).toBeUndefined()
      expect(label.campaignId).toMatch(new RegExp(`^cmp_${inputs.runTag}_\\d+$`))
      expect(label.step).toBeGreaterThan(0)
      expect(label.confirmedAtMs).toBeGreaterThan(inputs.startMs)
    }
  })

  it('name the typology that a look-alike resembles, and never confirm it', () => {
    const twins = labels.filter(label => label.lookAlikeOf !== undefined)
    expect(twins.length).toBeGreaterThan(200)
    for (const label of twins) {
      expect(label).toMatchObject({isFraud: false, campaignId: expect.any(String), step: expect.any(Number)})
      expect(label.typology).toBeUndefined()
      expect(label.confirmedAtMs).toBeUndefined()
    }
  })

  it('of ordinary payments say no more than that they are no frauds', () => {
    const ordinary = labels.filter(label => !label.isFraud && label.lookAlikeOf === undefined)
    expect(Object.keys(ordinary[0] ?? {})).toEqual(['paymentId', 'sequence', 'isFraud'])
  })

  it('are written in snake_case, one object a line', () => {
    const full = {
      paymentId: paymentIdOf(inputs.runTag, 7),
      sequence: 7,
      isFraud: true,
      typology: 'structuring',
      campaignId: 'cmp_x_1',
      step: 2,
      confirmedAtMs: 1_767_592_800_123,
    } as const
    expect(encodeLabel(full)).toBe(
      `{"payment_id":"${full.paymentId}","sequence":7,"is_fraud":true,"typology":"structuring","campaign_id":"cmp_x_1","step":2,"confirmed_at":"2026-01-05T06:00:00.123Z"}`,
    )
    expect(encodeLabel({paymentId: 'x', sequence: 0, isFraud: false, lookAlikeOf: 'card-testing'})).toBe(
      '{"payment_id":"x","sequence":0,"is_fraud":false,"look_alike_of":"card-testing"}',
    )
  })
})

describe('what a seed stands for', () => {
  it('is a run tag and a morning of 2026', () => {
    for (const seed of [0, 1, -1, 42, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(parseRunTag(runTagFromSeed(seed))).toBe(runTagFromSeed(seed))
      const start = new Date(startMsFromSeed(seed))
      expect(start.getUTCHours()).toBe(6)
      expect(start.getTime()).toBeGreaterThanOrEqual(Date.UTC(2026, 0, 5))
      expect(start.getTime()).toBeLessThan(Date.UTC(2027, 0, 5))
    }
  })

  it('differs by seed', () => {
    const tags = new Set(Array.from({length: 1000}, (_, seed) => runTagFromSeed(seed)))
    expect(tags.size).toBe(1000)
  })
})
