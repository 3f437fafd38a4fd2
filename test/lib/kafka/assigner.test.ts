import fc from 'fast-check'
import kafkajs from 'kafkajs'
import {describe, expect, it} from 'vitest'
import {assignPartitions, decodeSubscription, encodeSubscription} from '../../../src/lib/kafka/assigner.js'

const TOPICS = ['a', 'b', 'c', '__proto__']

const group = fc.record({
  members: fc.uniqueArray(fc.record({memberId: fc.string(), topics: fc.subarray(TOPICS)}), {
    selector: ({memberId}) => memberId,
    maxLength: 8,
  }),
  counts: fc
    .tuple(...TOPICS.map(() => fc.integer({min: 0, max: 20})))
    .map(counts => new Map(TOPICS.map((topic, index) => [topic, counts[index] ?? 0]))),
})

describe('an assignment', () => {
  it('gives every partition of a topic to exactly one of its subscribers, as evenly as can be', () => {
    fc.assert(
      fc.property(group, ({members, counts}) => {
        const shares = assignPartitions(members, counts)
        expect([...shares.keys()].toSorted()).toEqual(members.map(({memberId}) => memberId).toSorted())
        for (const [topic, count] of counts) {
          const subscribers = members.filter(({topics}) => topics.includes(topic))
          const sizes = subscribers.map(({memberId}) => shares.get(memberId)?.get(topic)?.length ?? 0)
          const dealt = [...shares.values()].flatMap(share => [...(share.get(topic) ?? [])])
          const expected = subscribers.length === 0 ? [] : Array.from({length: count}, (_, partition) => partition)
          expect(dealt.toSorted((x, y) => x - y)).toEqual(expected)
          expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(expected.length)
          if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  it('is the same in whatever order the group is given', () => {
    fc.assert(
      fc.property(group, ({members, counts}) => {
        const turned = assignPartitions(members.toReversed(), new Map([...counts].toReversed()))
        expect(turned).toEqual(assignPartitions(members, counts))
      }),
    )
  })

  it('of many small topics does not give everything to the first member', () => {
    const topics = ['a', 'b', 'c', 'd']
    const shares = assignPartitions(
      [
        {memberId: 'one', topics},
        {memberId: 'two', topics},
      ],
      new Map(topics.map(topic => [topic, 1])),
    )
    expect([...shares.values()].map(share => share.size)).toEqual([2, 2])
  })
})

describe('a subscription', () => {
  const {MemberMetadata} = kafkajs.AssignerProtocol
  const withUserData = (text: string): Buffer =>
    MemberMetadata.encode({version: 0, topics: ['a'], userData: Buffer.from(text)})

  it('is read back as it was written, and its topics by every client', () => {
    const counts = new Map([
      ['a', 3],
      ['__proto__', 6],
    ])
    const metadata = encodeSubscription(['a', '__proto__'], counts)
    expect(decodeSubscription(metadata)).toEqual({topics: ['a', '__proto__'], partitionCounts: counts})
    expect(MemberMetadata.decode(metadata)).toMatchObject({version: 0, topics: ['a', '__proto__']})
  })

  it.each([
    ['no user data', withUserData(''), ['a']],
    ['another shape', withUserData('{"a":3}'), ['a']],
    ['a count of a topic that it did not subscribe to', withUserData('[["b",3]]'), ['a']],
    ['a count that is none', withUserData('[["a","3"],["a",-1],["a",1e12],["a",0.5],7,["a"]]'), ['a']],
    ['text that is not JSON', withUserData('{'), ['a']],
    ['nothing at all', Buffer.alloc(0), []],
  ])('with %s counts for nothing', (_name, metadata, topics) => {
    expect(decodeSubscription(metadata)).toEqual({topics, partitionCounts: new Map()})
  })
})
