/**
 * An idempotent kafkajs producer, one attempt at a time: each attempt is exactly one Produce request to one broker, or
 * none, and says so. Retries are the caller's, because only the caller knows when a batch must not be sent again.
 *
 * What the caller must know of kafkajs 2.2: after any error it rolls the sequence numbers of the whole request back.
 * The same batches may then be attempted again (the broker recognises those that it has), but nothing else may be
 * sent to these partitions before; when they are given up instead, this producer must be closed and another one
 * opened, or the broker would take the next batch for the lost one: acknowledged and lost.
 */
import type {PartitionMetadata, Producer} from 'kafkajs'
import type {KafkaClients} from './client.js'
import {failureOf, toEnvironmentError} from './errors.js'
import {PRODUCE_API_KEY} from './socket.js'

export interface ProduceRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Record<string, Buffer | string>
  /** ms since the epoch, as text. */
  readonly timestamp: string
  readonly partition: number
}

export interface ProduceBatch {
  readonly partition: number
  readonly records: readonly ProduceRecord[]
}

export type AttemptResult =
  | {readonly kind: 'acked'; readonly baseOffsets: ReadonlyMap<number, number>}
  /** The batches have different leaders now: nothing was sent. */
  | {readonly kind: 'spread'}
  | {
      readonly kind: 'error'
      readonly refusal: Refusal
      /** A Produce request left this process. */
      readonly written: boolean
      readonly code: string
      readonly message: string
    }

/**
 * What a broker's answer means for what was sent.
 * `too-large`, `content`: these records will never be taken, other partitions of the request may have been.
 * `topic`: nothing of the request was taken, nor will be. `later`: not taken, worth trying again.
 * `sequence`: not taken, this producer is out of step. `duplicate`: taken earlier. `none`: no answer, or one that
 * leaves it open.
 */
export type Refusal = 'too-large' | 'content' | 'topic' | 'later' | 'sequence' | 'duplicate' | 'none'

const REFUSALS: Readonly<Record<string, Refusal>> = {
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  INVALID_TIMESTAMP: 'content',
  INVALID_RECORD: 'content',
  POLICY_VIOLATION: 'content',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'content',
  UNSUPPORTED_COMPRESSION_TYPE: 'content',
  INVALID_REQUIRED_ACKS: 'content',
  INVALID_TOPIC_EXCEPTION: 'topic',
  TOPIC_AUTHORIZATION_FAILED: 'topic',
  CLUSTER_AUTHORIZATION_FAILED: 'topic',
  UNSUPPORTED_VERSION: 'topic',
  CORRUPT_MESSAGE: 'later',
  UNKNOWN_TOPIC_OR_PARTITION: 'later',
  LEADER_NOT_AVAILABLE: 'later',
  NOT_LEADER_FOR_PARTITION: 'later',
  REPLICA_NOT_AVAILABLE: 'later',
  NOT_ENOUGH_REPLICAS: 'later',
  FENCED_LEADER_EPOCH: 'later',
  UNKNOWN_LEADER_EPOCH: 'later',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'sequence',
  UNKNOWN_PRODUCER_ID: 'sequence',
  INVALID_PRODUCER_EPOCH: 'sequence',
  INVALID_PRODUCER_ID_MAPPING: 'sequence',
  DUPLICATE_SEQUENCE_NUMBER: 'duplicate',
}

/**
 * No retries inside kafkajs: each attempt's error must be seen here. It refuses 0 for idempotent producers by
 * `retries < 1`, and retries while `count < retries`; NaN answers no to both (a test holds this).
 */
const NO_RETRIES = Number.NaN

export class IdempotentProducer {
  /** Node id of each partition's leader, as of the last attempt. */
  readonly leaders = new Map<number, number>()
  readonly #producer: Producer
  readonly #topic: string
  #metadata: readonly PartitionMetadata[] = []
  #produceWrittenCount = 0
  /** By the first record of an attempt: attempts for several leaders are under way at once. */
  readonly #guards = new Map<unknown, LeaderGuard>()

  /** @throws EnvironmentError when no producer id could be had */
  static async open(clients: KafkaClients, topic: string): Promise<IdempotentProducer> {
    const opened = new IdempotentProducer(clients, topic)
    try {
      await opened.#producer.connect()
      return opened
    } catch (error) {
      void opened.close()
      throw toEnvironmentError(error, {doing: 'open a producer', brokers: clients.brokers})
    }
  }

  private constructor(clients: KafkaClients, topic: string) {
    this.#topic = topic
    const client = clients.newClient({
      connectRetries: 1,
      onRequest: apiKey => {
        if (apiKey === PRODUCE_API_KEY) this.#produceWrittenCount++
      },
    })
    this.#producer = client.producer({
      idempotent: true,
      // Ours is the only request under way on each connection anyway.
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: clients.settings.metadataMaxAgeMs,
      retry: {retries: NO_RETRIES},
      createPartitioner: () => {
        let guard: LeaderGuard | undefined
        return ({partitionMetadata, message}) => {
          const partition = message.partition ?? 0
          this.#learn(partitionMetadata)
          // kafkajs asks for all records of one attempt in a row, from the first one on.
          guard = this.#guards.get(message) ?? guard
          guard?.pass(partition, this.leaders.get(partition))
          return partition
        }
      },
    })
  }

  async attempt(batches: readonly ProduceBatch[]): Promise<AttemptResult> {
    const guard = new LeaderGuard()
    const messages = batches.flatMap(batch => batch.records.slice())
    const [first] = messages
    this.#guards.set(first, guard)
    const writtenBefore = this.#produceWrittenCount
    try {
      const answers = await this.#producer.send({topic: this.#topic, acks: -1, messages})
      const baseOffsets = new Map(answers.map(answer => [answer.partition, Number(answer.baseOffset ?? -1)]))
      // kafkajs passes over partitions without a leader and still reports success.
      const silent = batches.find(batch => !baseOffsets.has(batch.partition))
      if (silent === undefined) return {kind: 'acked', baseOffsets}
      return {
        kind: 'error',
        refusal: 'none',
        written: true,
        code: 'NO_ANSWER',
        message: `the answer leaves out partition ${silent.partition}`,
      }
    } catch (error) {
      if (guard.isSpread) return {kind: 'spread'}
      const failure = failureOf(error)
      return {
        kind: 'error',
        refusal: REFUSALS[failure.type ?? ''] ?? 'none',
        written: this.#produceWrittenCount > writtenBefore,
        code: failure.type ?? failure.code ?? nameOf(failure.names),
        message: failure.message,
      }
    } finally {
      if (this.#guards.get(first) === guard) this.#guards.delete(first)
    }
  }

  /** Called for each record, with the same array until kafkajs has asked for fresh metadata. */
  #learn(metadata: readonly PartitionMetadata[]): void {
    if (metadata === this.#metadata) return
    this.#metadata = metadata
    this.leaders.clear()
    for (const {partitionId, leader} of metadata) this.leaders.set(partitionId, leader)
  }

  /** Never throws: whoever closes a producer after trouble wants to get rid of it. */
  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => {})
  }
}

/** Sees each record's leader before anything is sent, and stops the attempt when it would take two requests. */
class LeaderGuard {
  isSpread = false
  #leader: number | undefined

  pass(partition: number, leader: number | undefined): void {
    if (leader === undefined) throw new Error(`partition ${partition} is not in the cluster's metadata`)
    this.#leader ??= leader
    if (leader === this.#leader) return
    this.isSpread = true
    throw new Error('the partitions have different leaders')
  }
}

function nameOf(names: readonly string[]): string {
  if (names.includes('KafkaJSRequestTimeoutError')) return 'REQUEST_TIMEOUT'
  if (names.includes('KafkaJSConnectionClosedError')) return 'CONNECTION_CLOSED'
  if (names.some(name => name.startsWith('KafkaJSConnection'))) return 'CONNECTION_FAILED'
  return names.at(-1) ?? 'UNKNOWN'
}
