/**
 * One membership of a consumer group, on kafkajs's eachBatch, from joining until it is stopped or breaks. It never
 * commits by itself and never restarts by itself: whoever holds it decides (kafkajs would give up for good on errors
 * that pass, such as a coordinator that is just moving).
 */
import type {Consumer, EachBatchPayload} from 'kafkajs'
import type {Clock} from '../base/clock.js'
import type {PartitionOffsets, SourceRecord} from '../payment/record.js'
import {subscribedTopicsAssigner} from './assigner.js'
import type {KafkaConnection} from './connection.js'
import {failureOf, toEnvironmentError} from './errors.js'
import {toHeaders} from './headers.js'

export interface GroupSessionOptions {
  readonly topic: string
  readonly group: string
  readonly sessionTimeoutMs: number
  readonly maxWaitMs: number
  /** Handlers that may run at once: at least the topic's partitions. */
  readonly concurrency: number
  /** The membership is there; again after each rebalance. */
  readonly onJoined: (partitions: readonly number[]) => void
  /**
   * Handles records of one partition.
   * @returns whether the next delivery goes on behind them; else they come again
   */
  readonly onBatch: (batch: GroupBatch) => Promise<boolean>
}

export interface GroupBatch {
  readonly partition: number
  readonly records: readonly SourceRecord[]
  readonly highWatermark: number
  /** A seek has moved the partition meanwhile. */
  readonly isStale: () => boolean
}

const MAX_BYTES_PER_PARTITION = 1_048_576
const MAX_BYTES = 10_485_760
const MAX_HEARTBEAT_INTERVAL_MS = 1000
/** How long the group waits for members to come back when it rebalances. */
const REBALANCE_TIMEOUT_MS = 30_000
/** Trouble within kafkajs before the session counts as broken. */
const RETRIES = 3

/** Errors of a commit that mean: these partitions are, or will be, somebody else's. */
const LOST_MEMBERSHIP = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']

export class GroupSession {
  /** Resolves with the reason when the session breaks; never after `stop`. */
  readonly broken: Promise<Error>
  readonly #options: GroupSessionOptions
  readonly #connection: KafkaConnection
  readonly #clock: Clock
  readonly #consumer: Consumer
  readonly #heartbeatIntervalMs: number
  #lastCommit: Promise<unknown> = Promise.resolve()
  #isCommitted = false
  /** What ends the waits for handlers, not the handlers: one for each that runs. */
  readonly #waits = new Set<AbortController>()
  #isStopped = false

  constructor(connection: KafkaConnection, options: GroupSessionOptions) {
    this.#options = options
    this.#connection = connection
    this.#clock = connection.clock
    this.#heartbeatIntervalMs = Math.min(MAX_HEARTBEAT_INTERVAL_MS, Math.floor(options.sessionTimeoutMs / 4))
    this.#consumer = connection.newClient().consumer({
      groupId: options.group,
      allowAutoTopicCreation: false,
      partitionAssigners: [subscribedTopicsAssigner],
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: Math.max(REBALANCE_TIMEOUT_MS, options.sessionTimeoutMs),
      heartbeatInterval: this.#heartbeatIntervalMs,
      // New partitions of the topic are noticed when the metadata is this old.
      metadataMaxAge: connection.settings.metadataMaxAgeMs,
      maxWaitTimeInMs: options.maxWaitMs,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      retry: {retries: RETRIES, initialRetryTime: 100, maxRetryTime: 1000, restartOnFailure: async () => false},
    })
    this.#consumer.on(this.#consumer.events.GROUP_JOIN, ({payload}) => {
      options.onJoined(payload.memberAssignment[options.topic] ?? [])
    })
    this.#consumer.on(this.#consumer.events.COMMIT_OFFSETS, () => {
      this.#isCommitted = true
    })
    this.broken = new Promise(resolve => {
      this.#consumer.on(this.#consumer.events.CRASH, ({payload}) => resolve(payload.error))
    })
  }

  /** Joins the group and starts delivery. @throws whatever kafkajs throws; later trouble comes through `broken` */
  async start(): Promise<void> {
    const {topic, concurrency} = this.#options
    await this.#consumer.connect()
    await this.#consumer.subscribe({topics: [topic], fromBeginning: true})
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: payload => this.#deliver(payload),
    })
  }

  seek(partition: number, offset: number): void {
    this.#consumer.seek({topic: this.#options.topic, partition, offset: String(offset)})
  }

  /**
   * @returns false when the membership was lost or is being lost: the offsets are not committed, and their records will
   *   come again
   * @throws EnvironmentError
   */
  commit(offsets: PartitionOffsets): Promise<boolean> {
    const commit = this.#lastCommit.then(() => this.#commit(offsets))
    this.#lastCommit = commit.catch(() => {})
    return commit
  }

  async #commit(offsets: PartitionOffsets): Promise<boolean> {
    const {topic, group} = this.#options
    this.#isCommitted = false
    try {
      await this.#consumer.commitOffsets(
        [...offsets].map(([partition, offset]) => ({topic, partition, offset: String(offset)})),
      )
      // A consumer that has just crashed returns without having committed anything; only the event tells.
      return this.#isCommitted
    } catch (error) {
      if (LOST_MEMBERSHIP.includes(failureOf(error).type ?? '')) return false
      throw toEnvironmentError(error, {doing: `commit offsets of group ${group}`, brokers: this.#connection.brokers})
    }
  }

  /** Leaves the group; handlers that still run are not waited for. Never throws. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const wait of this.#waits) wait.abort()
    await this.#consumer.disconnect().catch(() => {})
  }

  async #deliver({batch, resolveOffset, heartbeat, isRunning, isStale}: EachBatchPayload): Promise<void> {
    const last = batch.messages.at(-1)
    if (this.#isStopped || !isRunning() || isStale() || last === undefined) return
    const wait = new AbortController()
    this.#waits.add(wait)
    const isAbandoned = this.#keepAlive(heartbeat, wait.signal)
    const isHandled = this.#options.onBatch({
      partition: batch.partition,
      records: batch.messages.map(message => ({
        partition: batch.partition,
        offset: Number(message.offset),
        timestampMs: Number(message.timestamp),
        key: message.key,
        value: message.value,
        headers: toHeaders(message.headers),
      })),
      highWatermark: Number(batch.highWatermark),
      isStale,
    })
    try {
      if ((await Promise.race([isHandled, isAbandoned])) && !isStale()) resolveOffset(last.offset)
    } finally {
      this.#waits.delete(wait)
      // With a reason: without one an error is made for each batch, stack and all.
      wait.abort('handled')
    }
  }

  /**
   * Holds the membership while a handler takes its time.
   * @returns false when it is over: the handler is done, or the session is stopped meanwhile
   * @throws what the heartbeat says, above all that the group rebalances: kafkajs then joins again at once
   */
  async #keepAlive(heartbeat: () => Promise<void>, ended: AbortSignal): Promise<boolean> {
    while (!ended.aborted) {
      await this.#clock.sleep(this.#heartbeatIntervalMs, ended)
      if (!ended.aborted) await heartbeat()
    }
    return false
  }
}
