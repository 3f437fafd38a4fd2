/**
 * Deals a group's partitions to its members, each topic only to those who have subscribed to it: kafkajs's own
 * assigner deals the leader's topics to everybody, and what a member did not subscribe to it never reads. Members that
 * read different topics can so share a group without starving each other.
 *
 * Each member states with its subscription how many partitions its topics have. So the leader need not look at topics
 * that it may have no access to, or that are deleted meanwhile; and a member that sees new partitions joins again with
 * other metadata than before, which makes the coordinator rebalance even when the leader does not read that topic.
 */
import type {Cluster, PartitionAssigner} from 'kafkajs'
import kafkajs from 'kafkajs'

export interface Subscriber {
  readonly memberId: string
  readonly topics: readonly string[]
}

/** Partitions by topic. */
type Share = Map<string, number[]>

const NAME = 'p2pay-subscribed'
const VERSION = 0
/** No topic has more; a count beyond is nonsense of a strange member. */
const MAX_PARTITIONS = 1_000_000

/** For kafkajs's `partitionAssigners`. All members of a group have to use it. */
export const subscribedTopicsAssigner: PartitionAssigner = ({cluster}) => ({
  name: NAME,
  version: VERSION,
  protocol: ({topics}) => ({
    name: NAME,
    metadata: encodeSubscription(topics, countsKnownTo(cluster, topics)),
  }),
  assign: async ({members, topics}) => {
    const subscriptions = members.map(({memberId, memberMetadata}) => ({
      memberId,
      ...decodeSubscription(memberMetadata),
    }))
    // The leader's own knowledge is the newest: kafkajs refreshes it before it asks for an assignment.
    const counts = highest([countsKnownTo(cluster, topics), ...subscriptions.map(one => one.partitionCounts)])
    return [...assignPartitions(subscriptions, counts)].map(([memberId, share]) => ({
      memberId,
      memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
        version: VERSION,
        assignment: Object.fromEntries([...share].map(([topic, partitions]) => [topic, [...partitions]])),
        userData: Buffer.alloc(0),
      }),
    }))
  },
})

/**
 * Every partition goes to exactly one subscriber of its topic. The shares of a topic differ by at most one, and who has
 * least of all topics together comes first. The same group always gets the same answer, in whatever order it is given.
 *
 * @param partitionCounts by topic; topics that nobody has subscribed to are left out
 * @returns the share of every member, empty for those that go without
 */
export function assignPartitions(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, ReadonlyMap<string, readonly number[]>> {
  const members = subscribers.toSorted((a, b) => compare(a.memberId, b.memberId))
  const shares = new Map<string, Share>(members.map(({memberId}) => [memberId, new Map()]))
  const totals = new Map<string, number>()
  const totalOf = (memberId: string): number => totals.get(memberId) ?? 0
  for (const [topic, count] of [...partitionCounts].toSorted(([a], [b]) => compare(a, b))) {
    const takers = members
      .filter(member => member.topics.includes(topic))
      .toSorted((a, b) => totalOf(a.memberId) - totalOf(b.memberId))
    for (const [turn, {memberId}] of takers.entries()) {
      const partitions: number[] = []
      for (let partition = turn; partition < count; partition += takers.length) partitions.push(partition)
      if (partitions.length === 0) continue
      shares.get(memberId)?.set(topic, partitions)
      totals.set(memberId, totalOf(memberId) + partitions.length)
    }
  }
  return shares
}

/** In Kafka's own format of a subscription, the counts in its user data: Kafka's tools can read it. */
export function encodeSubscription(topics: readonly string[], partitionCounts: ReadonlyMap<string, number>): Buffer {
  return kafkajs.AssignerProtocol.MemberMetadata.encode({
    version: VERSION,
    topics: [...topics],
    userData: Buffer.from(JSON.stringify([...partitionCounts])),
  })
}

/** What another member says about counts is not trusted: nonsense counts for nothing. */
export function decodeSubscription(metadata: Buffer): {
  readonly topics: readonly string[]
  readonly partitionCounts: ReadonlyMap<string, number>
} {
  const subscription = withoutError(() => kafkajs.AssignerProtocol.MemberMetadata.decode(metadata))
  const topics = subscription?.topics ?? []
  const stated = withoutError((): unknown => JSON.parse(subscription?.userData.toString() ?? ''))
  const counts = (Array.isArray(stated) ? stated : []).filter(isCount)
  return {topics, partitionCounts: new Map(counts.filter(([topic]) => topics.includes(topic)))}
}

function withoutError<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}

function isCount(entry: unknown): entry is [string, number] {
  if (!Array.isArray(entry) || entry.length !== 2) return false
  const [topic, count]: unknown[] = entry
  return (
    typeof topic === 'string' &&
    typeof count === 'number' &&
    Number.isInteger(count) &&
    count >= 0 &&
    count <= MAX_PARTITIONS
  )
}

function countsKnownTo(cluster: Cluster, topics: readonly string[]): ReadonlyMap<string, number> {
  return new Map(topics.map(topic => [topic, cluster.findTopicPartitionMetadata(topic).length]))
}

function highest(all: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const [topic, count] of all.flatMap(one => [...one])) counts.set(topic, Math.max(count, counts.get(topic) ?? 0))
  return counts
}

/** By code unit, the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
