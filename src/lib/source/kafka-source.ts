/**
 * A member of a Kafka consumer group as a RecordSource: new groups start at the earliest record, nothing is committed
 * but what `commit` says, and the membership outlives brokers that go away and come back. Assignments are announced
 * one after the other: never while a handler of an earlier one still runs.
 */
import type {Clock} from '../base/clock.js'
import {EnvironmentError, isP2payError, messageOf} from '../base/errors.js'
import {sharedAbort} from '../base/shared-abort.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {isHopeless, toEnvironmentError} from '../kafka/errors.js'
import {type GroupBatch, GroupSession} from '../kafka/group-session.js'
import type {PartitionOffsets} from '../payment/record.js'
import type {RecordSource, SourceHandlers} from './source.js'

export interface KafkaSourceOptions {
  readonly topic: string
  readonly group: string
  /** Starts at the earliest record whatever the group has committed; once per partition and process. */
  readonly fromBeginning?: boolean
  /** After this silence the group gives our partitions away; default: the connection's (10 s). */
  readonly sessionTimeoutMs?: number
  /** How long a fetch waits for records; default: the connection's (50 ms). */
  readonly maxWaitMs?: number
  /** For the first assignment; default 60 s. */
  readonly startTimeoutMs?: number
  /** How long `stop` waits for handlers; default 10 s. */
  readonly stopTimeoutMs?: number
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const MIN_CONCURRENCY = 12
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 5000

/** @throws EnvironmentError P2PAY_TOPIC_MISSING */
export async function openKafkaSource(connection: KafkaConnection, options: KafkaSourceOptions): Promise<RecordSource> {
  const [topic] = await connection.admin.describeTopics([options.topic])
  if (topic === undefined) {
    throw new EnvironmentError(`Topic ${options.topic} does not exist`, {
      code: 'P2PAY_TOPIC_MISSING',
      suggestions: [`create it: p2pay topics create ${options.topic}`],
    })
  }
  return new KafkaSource(connection, options, topic.partitions.length)
}

class KafkaSource implements RecordSource {
  readonly description: string
  readonly #connection: KafkaConnection
  readonly #clock: Clock
  readonly #options: KafkaSourceOptions
  readonly #concurrency: number
  readonly #stopping = sharedAbort()
  readonly #rewound = new Set<number>()
  /** Handlers that run, by partition, also those of a lost assignment. */
  readonly #running = new Map<number, Promise<void>>()
  #handlers: SourceHandlers | undefined
  #session: GroupSession | undefined
  #supervision: Promise<void> = Promise.resolve()
  #assigned: ReadonlySet<number> = new Set()
  /** False between two sessions: what is assigned then is not known, so nothing may pass for committed. */
  #isMember = false
  /** Grows with each assignment; deliveries of an earlier one are void. */
  #generation = 0
  #announced: Promise<void> = Promise.resolve()
  #failures = 0
  #onFirstAssignment: () => void = () => {}
  #onFailure: (error: EnvironmentError) => void = () => {}

  constructor(connection: KafkaConnection, options: KafkaSourceOptions, partitionCount: number) {
    this.description = `Kafka topic ${options.topic} at ${connection.brokers.join(',')} as group ${options.group}`
    this.#connection = connection
    this.#clock = connection.clock
    this.#options = options
    this.#concurrency = Math.max(MIN_CONCURRENCY, 2 * partitionCount)
  }

  async start(handlers: SourceHandlers): Promise<void> {
    this.#handlers = handlers
    const timeoutMs = this.#options.startTimeoutMs ?? START_TIMEOUT_MS
    const started = new AbortController()
    const assigned = new Promise<void>((resolve, reject) => {
      this.#onFirstAssignment = resolve
      this.#onFailure = reject
    })
    const overdue = this.#clock.sleep(timeoutMs, started.signal).then(() => {
      if (started.signal.aborted) return
      throw new EnvironmentError(`Group ${this.#options.group} gave no partitions within ${timeoutMs / 1000} s`, {
        code: 'P2PAY_BROKER_UNREACHABLE',
        suggestions: [
          'p2pay doctor looks at the broker',
          'a member that was killed holds its place for its session time',
        ],
      })
    })
    this.#supervision = this.#supervise()
    try {
      await Promise.race([assigned, overdue])
      this.#onFailure = error => handlers.onFailed?.(error)
    } catch (error) {
      await this.stop()
      throw error
    } finally {
      started.abort()
    }
  }

  async committed(partitions: readonly number[]): Promise<PartitionOffsets> {
    const offsets = await this.#connection.admin.committedOffsets(this.#options.group, this.#options.topic)
    return new Map([...offsets].filter(([partition]) => partitions.includes(partition)))
  }

  bounds(): Promise<ReadonlyMap<number, {readonly earliest: number; readonly end: number}>> {
    return this.#connection.admin.offsetBounds(this.#options.topic)
  }

  seek(partition: number, offset: number): void {
    if (this.#assigned.has(partition)) this.#session?.seek(partition, offset)
  }

  async commit(offsets: PartitionOffsets): Promise<void> {
    if (this.#isMember) {
      const ours = new Map([...offsets].filter(([partition]) => this.#assigned.has(partition)))
      if (ours.size === 0 || (await this.#session?.commit(ours)) === true) return
    }
    const {group, topic} = this.#options
    throw new EnvironmentError(`Group ${group} is being joined again: offsets of ${topic} cannot be committed yet`, {
      code: 'P2PAY_BROKER_UNREACHABLE',
      suggestions: ['p2pay doctor looks at the broker'],
    })
  }

  async stop(): Promise<void> {
    // Handlers may finish and commit while the membership still holds; nothing new is delivered.
    this.#stopping.abort()
    const timeoutMs = this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS
    const finished = new AbortController()
    await Promise.race([
      Promise.all(this.#running.values()).then(() => finished.abort()),
      this.#clock.sleep(timeoutMs, finished.signal),
    ])
    finished.abort()
    await this.#session?.stop()
    await this.#supervision
    this.#assigned = new Set()
  }

  /** One session after the other, until stopped or hopeless. */
  async #supervise(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const error = await this.#runSession()
      if (this.#stopping.signal.aborted) return
      this.#generation++
      this.#isMember = false
      this.#assigned = new Set()
      const doing = `consume ${this.#options.topic}`
      if (isHopeless(error)) {
        this.#onFailure(
          isP2payError(error) ? error : toEnvironmentError(error, {doing, brokers: this.#connection.brokers}),
        )
        return
      }
      this.#handlers?.onTrouble?.(`lost group ${this.#options.group}, joining again: ${messageOf(error)}`)
      const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10))
      await this.#clock.sleep(pauseMs, this.#stopping.signal)
    }
  }

  /** @returns why it ended */
  async #runSession(): Promise<unknown> {
    const {topic, group, sessionTimeoutMs, maxWaitMs} = this.#options
    const {settings} = this.#connection
    const session = new GroupSession(this.#connection, {
      topic,
      group,
      sessionTimeoutMs: sessionTimeoutMs ?? settings.sessionTimeoutMs,
      maxWaitMs: maxWaitMs ?? settings.fetchWaitMs,
      concurrency: this.#concurrency,
      onJoined: partitions => this.#joined(session, partitions),
      onBatch: batch => this.#deliver(batch),
    })
    this.#session = session
    let onStop = (): void => {}
    const stopped = new Promise<undefined>(resolve => {
      onStop = () => resolve(undefined)
    })
    if (this.#stopping.signal.aborted) onStop()
    this.#stopping.signal.addEventListener('abort', onStop, {once: true})
    try {
      await session.start()
      const error = await Promise.race([session.broken, stopped])
      // When stopping, the session is stopped by `stop`, after the handlers.
      if (error !== undefined) await session.stop()
      return error
    } catch (error) {
      await session.stop()
      return error
    } finally {
      this.#stopping.signal.removeEventListener('abort', onStop)
    }
  }

  #joined(session: GroupSession, partitions: readonly number[]): void {
    if (session !== this.#session || this.#stopping.signal.aborted) return
    this.#failures = 0
    this.#isMember = true
    this.#assigned = new Set(partitions)
    this.#announced = this.#announce(++this.#generation, [...partitions])
  }

  async #announce(generation: number, partitions: readonly number[]): Promise<void> {
    await Promise.all(this.#running.values())
    if (this.#options.fromBeginning === true) await this.#rewind(partitions, generation)
    if (generation !== this.#generation || this.#stopping.signal.aborted) return
    this.#handlers?.onAssigned(partitions)
    this.#onFirstAssignment()
  }

  async #rewind(partitions: readonly number[], generation: number): Promise<void> {
    const fresh = partitions.filter(partition => !this.#rewound.has(partition))
    for (let isDone = fresh.length === 0; !isDone && generation === this.#generation; ) {
      try {
        const bounds = await this.bounds()
        for (const partition of fresh) {
          this.seek(partition, bounds.get(partition)?.earliest ?? 0)
          this.#rewound.add(partition)
        }
        isDone = true
      } catch (error) {
        this.#handlers?.onTrouble?.(messageOf(error))
        await this.#clock.sleep(FIRST_PAUSE_MS, this.#stopping.signal)
        if (this.#stopping.signal.aborted) return
      }
    }
  }

  async #deliver({partition, records, highWatermark, isStale}: GroupBatch): Promise<boolean> {
    const generation = this.#generation
    const isVoid = (): boolean => generation !== this.#generation || isStale()
    await this.#announced
    // The handler of an earlier delivery may outlive it: a session that broke, a rebalance.
    await this.#running.get(partition)
    for (let failures = 0; !isVoid(); failures++) {
      // A stopped source takes nothing new; kafkajs is kept busy until the session ends.
      if (this.#stopping.signal.aborted) return new Promise(() => {})
      const result = await this.#handle(partition, records, highWatermark)
      if (result === undefined) return !isVoid()
      this.#handlers?.onTrouble?.(`partition ${partition} from offset ${records[0]?.offset}: ${result.message}`)
      const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
      await this.#clock.sleep(pauseMs, this.#stopping.signal)
    }
    return false
  }

  /** @returns what the handler rejected with, wrapped; undefined when it did its work */
  async #handle(
    partition: number,
    records: GroupBatch['records'],
    highWatermark: number,
  ): Promise<{readonly message: string} | undefined> {
    let failure: {readonly message: string} | undefined
    const run = async (): Promise<void> => {
      try {
        await this.#handlers?.onRecords(partition, records, highWatermark)
      } catch (error) {
        failure = {message: messageOf(error)}
      }
    }
    const running = run()
    this.#running.set(partition, running)
    await running
    if (this.#running.get(partition) === running) this.#running.delete(partition)
    return failure
  }
}
