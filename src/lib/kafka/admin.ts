/**
 * The administrative side of a cluster: what is there, what is missing, how far everybody is.
 * Existing topics are looked at and never changed (design, section 6).
 */
import type {Admin} from 'kafkajs'
import {EnvironmentError} from '../base/errors.js'
import type {PartitionOffsets} from '../payment/record.js'
import type {KafkaClients} from './client.js'
import {failureOf, isPassing, toEnvironmentError} from './errors.js'
import {checkTopicNames} from './topic-name.js'

export interface ClusterInfo {
  readonly clusterId: string | null
  readonly brokers: readonly {readonly nodeId: number; readonly address: string}[]
  /** Node id; null when the cluster does not say. */
  readonly controller: number | null
}

export interface TopicInfo {
  readonly name: string
  readonly partitions: readonly PartitionInfo[]
}

export interface PartitionInfo {
  readonly partition: number
  /** Node id; −1 while there is none. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

export interface GroupInfo {
  readonly group: string
  readonly state: string
  readonly memberCount: number
}

export interface GroupLag {
  readonly partition: number
  /** Next offset to read; null when the group has committed none. */
  readonly committed: number | null
  readonly earliest: number
  readonly end: number
  /** Records between the committed offset (or the earliest record) and the end. */
  readonly lag: number
}

export interface EnsuredTopics {
  readonly created: readonly string[]
  /** What the reader of a report should know: topics with more partitions than asked. */
  readonly notes: readonly string[]
  readonly partitionCounts: ReadonlyMap<string, number>
}

export interface KafkaAdmin {
  clusterInfo(): Promise<ClusterInfo>
  /** Names, sorted; internal topics (`__…`) are left out. */
  listTopics(): Promise<readonly string[]>
  /** In the order asked; topics that do not exist are left out. @throws UsageError P2PAY_TOPIC_NAME */
  describeTopics(names: readonly string[]): Promise<readonly TopicInfo[]>
  /**
   * Creates the missing topics with `partitions` partitions and verifies the others, unless that number is only our
   * own default: then topics that exist may have any.
   * @throws UsageError P2PAY_TOPIC_NAME, before anything is created
   * @throws EnvironmentError P2PAY_TOPIC_PARTITIONS when one has fewer than asked
   */
  ensureTopics(names: readonly string[], partitions: number, origin?: 'asked' | 'default'): Promise<EnsuredTopics>
  /** Topics that do not exist are ignored. */
  deleteTopics(names: readonly string[]): Promise<void>
  /** Deletes the records below the given offsets. */
  deleteRecords(topic: string, below: PartitionOffsets): Promise<void>
  /** Groups that do not exist are ignored. @throws EnvironmentError when one has members */
  deleteGroups(groups: readonly string[]): Promise<void>
  listGroups(): Promise<readonly string[]>
  describeGroups(groups: readonly string[]): Promise<readonly GroupInfo[]>
  /** Offset of the next record to be written, by partition. @throws EnvironmentError P2PAY_TOPIC_MISSING */
  endOffsets(topic: string): Promise<PartitionOffsets>
  /** Offset of the earliest record still there, by partition. @throws EnvironmentError P2PAY_TOPIC_MISSING */
  startOffsets(topic: string): Promise<PartitionOffsets>
  /** Both at once: `earliest` is the earliest record still there, `end` the next one to be written. */
  offsetBounds(topic: string): Promise<ReadonlyMap<number, {readonly earliest: number; readonly end: number}>>
  /** Absent = nothing committed. */
  committedOffsets(group: string, topic: string): Promise<PartitionOffsets>
  lagOf(group: string, topic: string): Promise<readonly GroupLag[]>
  close(): Promise<void>
}

/** The broker chooses (`default.replication.factor`). */
const BROKER_DEFAULT_REPLICATION = -1
const CREATE_TIMEOUT_MS = 15_000
/** How long a cluster may sort itself out (a coordinator that loads, a leader that moves) before it is an error. */
const PASSING_LIMIT_MS = 10_000
const PASSING_PAUSE_MS = 200

export async function openAdmin(clients: KafkaClients, timeoutMs: number): Promise<KafkaAdmin> {
  const {brokers, clock} = clients
  const admin = clients.newClient().admin({retry: {retries: 5, initialRetryTime: 100, maxRetryTime: 1000}})

  const attempt = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    const untilUs = clock.nowUs() + PASSING_LIMIT_MS * 1000
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!isPassing(error) || clock.nowUs() >= untilUs) throw toEnvironmentError(error, {doing, brokers})
        await clock.sleep(PASSING_PAUSE_MS)
      }
    }
  }

  const limit = new AbortController()
  const connecting = admin.connect().finally(() => limit.abort())
  try {
    await Promise.race([
      connecting,
      clock.sleep(timeoutMs, limit.signal).then(() => {
        if (!limit.signal.aborted) {
          throw Object.assign(new Error('no answer'), {name: 'KafkaJSConnectionError'})
        }
        return connecting
      }),
    ])
  } catch (error) {
    void admin.disconnect().catch(() => {})
    throw toEnvironmentError(error, {doing: 'connect', brokers, timeoutMs})
  }

  const offsetsOf = (topic: string): Promise<ReadonlyMap<number, {readonly earliest: number; readonly end: number}>> =>
    attempt(`tell the offsets of ${topic}`, async () => {
      await existing(admin, topic)
      const offsets = await admin.fetchTopicOffsets(topic)
      return new Map(
        offsets
          .toSorted((a, b) => a.partition - b.partition)
          .map(({partition, low, high}) => [partition, {earliest: Number(low), end: Number(high)}]),
      )
    })

  const committedOffsets = (group: string, topic: string): Promise<PartitionOffsets> =>
    attempt(`tell the offsets of group ${group}`, async () => {
      const topics = await admin.fetchOffsets({groupId: group, topics: [topic]})
      const partitions = topics.find(one => one.topic === topic)?.partitions ?? []
      return new Map(
        partitions.flatMap(({partition, offset}) =>
          Number(offset) >= 0 ? [[partition, Number(offset)] as const] : [],
        ),
      )
    })

  return {
    clusterInfo: () =>
      attempt('describe itself', async () => {
        const cluster = await admin.describeCluster()
        return {
          clusterId: cluster.clusterId ?? null,
          brokers: cluster.brokers.map(({nodeId, host, port}) => ({nodeId, address: `${host}:${port}`})),
          controller: cluster.controller ?? null,
        }
      }),
    listTopics: () => attempt('list the topics', () => listTopics(admin)),
    describeTopics: names => attempt('describe topics', () => describeTopics(admin, names)),
    ensureTopics: (names, partitions, origin = 'asked') => {
      const created = new Set<string>()
      return attempt(`create topics ${names.join(', ')}`, () =>
        ensureTopics(admin, {names, partitions, origin, created}),
      )
    },
    deleteTopics: names =>
      attempt('delete topics', async () => {
        const there = await listTopics(admin)
        const topics = names.filter(name => there.includes(name))
        if (topics.length > 0) await admin.deleteTopics({topics, timeout: CREATE_TIMEOUT_MS})
      }),
    deleteRecords: (topic, below) =>
      attempt(`delete records of ${topic}`, () =>
        admin.deleteTopicRecords({
          topic,
          partitions: [...below].map(([partition, offset]) => ({partition, offset: String(offset)})),
        }),
      ),
    deleteGroups: groups =>
      attempt('delete groups', async () => {
        const there = (await admin.listGroups()).groups.map(one => one.groupId)
        const wanted = groups.filter(group => there.includes(group))
        if (wanted.length > 0) await admin.deleteGroups(wanted)
      }),
    listGroups: () =>
      attempt('list groups', async () => (await admin.listGroups()).groups.map(one => one.groupId).toSorted()),
    describeGroups: groups =>
      attempt('describe groups', async () => {
        if (groups.length === 0) return []
        const described = await admin.describeGroups([...groups])
        return described.groups.map(({groupId, state, members}) => ({
          group: groupId,
          state,
          memberCount: members.length,
        }))
      }),
    endOffsets: async topic => new Map([...(await offsetsOf(topic))].map(([partition, {end}]) => [partition, end])),
    startOffsets: async topic =>
      new Map([...(await offsetsOf(topic))].map(([partition, {earliest}]) => [partition, earliest])),
    offsetBounds: offsetsOf,
    committedOffsets,
    lagOf: async (group, topic) => {
      const [committed, bounds] = await Promise.all([committedOffsets(group, topic), offsetsOf(topic)])
      return [...bounds].map(([partition, {earliest, end}]) => {
        const next = committed.get(partition)
        const lag = Math.max(0, end - Math.max(next ?? earliest, earliest))
        return {partition, committed: next ?? null, earliest, end, lag}
      })
    },
    close: () => admin.disconnect().catch(() => {}),
  }
}

async function listTopics(admin: Admin): Promise<readonly string[]> {
  return (await admin.listTopics()).filter(name => !name.startsWith('__')).toSorted()
}

async function describeTopics(admin: Admin, names: readonly string[]): Promise<readonly TopicInfo[]> {
  checkTopicNames(names)
  const there = await admin.listTopics()
  const topics = [...new Set(names)].filter(name => there.includes(name))
  if (topics.length === 0) return []
  const metadata = await admin.fetchTopicMetadata({topics}).catch((error: unknown) => {
    // kafkajs swallows what a broker says of a topic that it has not heard of, and then reads from null.
    throw error instanceof TypeError ? notYet('the topics are not known yet', error) : error
  })
  const partitionsOf = new Map(metadata.topics.map(({name, partitions}) => [name, partitions]))
  return topics.map(name => ({
    name,
    partitions: (partitionsOf.get(name) ?? [])
      .map(one => ({partition: one.partitionId, leader: one.leader, replicas: one.replicas, inSync: one.isr}))
      .toSorted((a, b) => a.partition - b.partition),
  }))
}

interface WantedTopics {
  readonly names: readonly string[]
  readonly partitions: number
  readonly origin: 'asked' | 'default'
  /** By earlier attempts, and by this one. */
  readonly created: Set<string>
}

async function ensureTopics(admin: Admin, wishes: WantedTopics): Promise<EnsuredTopics> {
  const {names, partitions, origin} = wishes
  const wanted = [...new Set(names)]
  checkTopicNames(wanted)
  const there = await admin.listTopics()
  const missing = wanted.filter(name => !there.includes(name))
  if (missing.length > 0 && (await createTopics(admin, missing, partitions))) {
    for (const name of missing) wishes.created.add(name)
  }
  const created = wanted.filter(name => wishes.created.has(name))
  const topics = await describeTopics(admin, wanted)
  const isEverywhere = (topic: TopicInfo): boolean => topic.partitions.every(({leader}) => leader >= 0)
  if (topics.length < wanted.length || !topics.every(isEverywhere)) {
    throw notYet('the topics do not have leaders yet')
  }
  const counts = new Map(topics.map(topic => [topic.name, topic.partitions.length]))
  if (origin === 'default') return {created, notes: [], partitionCounts: counts}
  const few = topics.filter(topic => topic.partitions.length < partitions)
  if (few.length > 0) {
    const found = few.map(topic => `${topic.name} has ${topic.partitions.length}`).join(', ')
    throw new EnvironmentError(`${partitions} partitions are asked for, but ${found}`, {
      code: 'P2PAY_TOPIC_PARTITIONS',
      suggestions: [
        `ask for what is there: --partitions ${Math.min(...few.map(topic => topic.partitions.length))}`,
        `or add partitions with Kafka's own tools (this moves keys to other partitions): kafka-topics.sh --alter --topic ${few[0]?.name} --partitions ${partitions}`,
        'or use other topic names; p2pay never changes a topic that exists',
      ],
    })
  }
  const notes = topics
    .filter(topic => topic.partitions.length > partitions)
    .map(
      topic => `topic ${topic.name} has ${topic.partitions.length} partitions, more than the ${partitions} asked for`,
    )
  return {created, notes, partitionCounts: counts}
}

/** Passes by itself: `attempt` waits for it. */
function notYet(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message), {type: 'LEADER_NOT_AVAILABLE', cause})
}

/**
 * Does not wait for leaders: kafkajs gives up when the broker that it asks has not heard of the topics yet, as happens
 * for a moment with KRaft.
 *
 * @returns false when somebody else has created one of them at the same moment
 */
async function createTopics(admin: Admin, names: readonly string[], partitions: number): Promise<boolean> {
  const create = (replicationFactor: number): Promise<boolean> =>
    admin.createTopics({
      topics: names.map(topic => ({topic, numPartitions: partitions, replicationFactor})),
      waitForLeaders: false,
      timeout: CREATE_TIMEOUT_MS,
    })
  try {
    return await create(BROKER_DEFAULT_REPLICATION)
  } catch (error) {
    // Brokers before 2.4 want a number.
    if (failureOf(error).type !== 'INVALID_REPLICATION_FACTOR') throw error
    return create(1)
  }
}

async function existing(admin: Admin, topic: string): Promise<void> {
  const there = await admin.listTopics()
  if (there.includes(topic)) return
  throw new EnvironmentError(`Topic ${topic} does not exist`, {
    code: 'P2PAY_TOPIC_MISSING',
    suggestions: [`create it: p2pay topics create ${topic}`, 'p2pay topics list shows what is there'],
  })
}
