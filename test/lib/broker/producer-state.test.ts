import {describe, expect, it} from 'vitest'
import {PRODUCERS_MAX, ProducerStates} from '../../../src/lib/broker/producer-state.js'
import {batchHeader} from '../../../src/lib/broker/record-batch.js'
import {batchOf} from '../../support/kafka-wire.js'

interface Sent {
  readonly sequence: number
  readonly count?: number
  readonly epoch?: number
  readonly producerId?: number
}

const header = ({sequence, count = 10, epoch = 0, producerId = 1}: Sent): ReturnType<typeof batchHeader> =>
  batchHeader(
    batchOf(
      Array.from({length: count}, () => 'x'),
      {producerId, producerEpoch: epoch, baseSequence: sequence},
    ),
  )

/** Appends the batches one after the other, each at the offset after the last. */
const having = (...sent: Sent[]): ProducerStates => {
  const states = new ProducerStates()
  let offset = 0
  for (const batch of sent) {
    expect(states.check(header(batch)).kind).toBe('append')
    states.appended(header(batch), offset)
    offset += batch.count ?? 10
  }
  return states
}

const six = [0, 10, 20, 30, 40, 50].map(sequence => ({sequence}))

describe('the sequence check', () => {
  it.each([
    {name: 'a first batch at 0', before: [], sent: {sequence: 0}, verdict: {kind: 'append'}},
    {name: 'the next batch', before: [{sequence: 0}], sent: {sequence: 10}, verdict: {kind: 'append'}},
    {name: 'a batch without a producer', before: six, sent: {sequence: -1, producerId: -1}, verdict: {kind: 'append'}},
    {name: 'a new epoch from 0', before: six, sent: {sequence: 0, epoch: 1}, verdict: {kind: 'append'}},
    {name: 'another producer', before: six, sent: {sequence: 0, producerId: 2}, verdict: {kind: 'append'}},
    {
      name: 'sequences that begin again after 2^31 - 1',
      before: [{sequence: 0, count: 10}],
      sent: {sequence: 10},
      verdict: {kind: 'append'},
    },
  ])('accepts $name', ({before, sent, verdict}) => {
    expect(having(...before).check(header(sent))).toEqual(verdict)
  })

  it.each([0, 1, 2, 3, 4])('knows the batch before the last %d again, with its offset', back => {
    const again = six[5 - back]
    expect(having(...six).check(header({sequence: again?.sequence ?? -1}))).toEqual({
      kind: 'duplicate',
      baseOffset: 50 - back * 10,
    })
  })

  it.each([
    {name: 'a first batch that is not at 0', before: [], sent: {sequence: 10}, errorCode: 45},
    {name: 'a gap', before: [{sequence: 0}], sent: {sequence: 20}, errorCode: 45},
    {name: 'a batch older than the last five', before: six, sent: {sequence: 0}, errorCode: 45},
    {
      name: 'a repeated begin with another length',
      before: [{sequence: 0}],
      sent: {sequence: 0, count: 5},
      errorCode: 45,
    },
    {name: 'a new epoch that goes on', before: six, sent: {sequence: 60, epoch: 1}, errorCode: 45},
    {name: 'an old epoch', before: [{sequence: 0, epoch: 3}], sent: {sequence: 10, epoch: 2}, errorCode: 47},
  ])('refuses $name', ({before, sent, errorCode}) => {
    expect(having(...before).check(header(sent))).toMatchObject({kind: 'refused', errorCode})
  })

  it('goes on at 0 after the highest sequence', () => {
    const states = new ProducerStates()
    states.appended(header({sequence: 2 ** 31 - 3, count: 2}), 0)
    expect(states.check(header({sequence: 2 ** 31 - 1, count: 3})).kind).toBe('append')
    states.appended(header({sequence: 2 ** 31 - 1, count: 3}), 2)
    expect(states.check(header({sequence: 2})).kind).toBe('append')
    expect(states.check(header({sequence: 2 ** 31 - 1, count: 3}))).toEqual({kind: 'duplicate', baseOffset: 2})
  })

  it('is the same after a snapshot', () => {
    const restored = new ProducerStates(JSON.parse(JSON.stringify(having(...six).snapshot())))
    expect(restored.check(header({sequence: 60})).kind).toBe('append')
    expect(restored.check(header({sequence: 50}))).toEqual({kind: 'duplicate', baseOffset: 50})
  })

  it('forgets the producer that was silent longest when there are too many', () => {
    const one = header({sequence: 0, count: 1})
    const states = new ProducerStates()
    for (let producerId = 0; producerId < PRODUCERS_MAX; producerId++) states.appended({...one, producerId}, producerId)
    states.appended({...one, producerId: 0, baseSequence: 1}, 1)
    states.appended({...one, producerId: PRODUCERS_MAX}, 2)
    expect(states.check({...one, producerId: 0, baseSequence: 2}).kind).toBe('append')
    expect(states.check({...one, producerId: 1, baseSequence: 1}).kind).toBe('refused')
  })
})
