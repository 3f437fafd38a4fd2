/**
 * Topics and their logs in one directory: `<topic>-<partition>/` per partition and `broker.json` for what is not a
 * record (cluster id, topics, producer ids given out). A topic exists when broker.json says so: it is written after
 * the directories of a new topic and before those of a deleted one go.
 */
import {randomBytes, randomUUID} from 'node:crypto'
import {readdirSync, readFileSync, renameSync, rmSync} from 'node:fs'
import {join} from 'node:path'
import {makeDirectory} from '../base/make-directory.js'
import {replaceFile, type WriteAt} from './files.js'
import {type Appended, PartitionLog} from './partition-log.js'

export const PARTITIONS_PER_TOPIC_MAX = 1000
/** Each has an open file. */
export const PARTITIONS_MAX = 4000
const TOPIC_NAME_MAX = 249
/** Producer ids are promised to the file in blocks, so that a restart never gives one out twice. */
const PRODUCER_ID_BLOCK = 1000

export interface Topic {
  readonly name: string
  readonly id: string
  readonly configs: ReadonlyMap<string, string>
  readonly partitions: PartitionLog[]
}

export interface StorageOptions {
  readonly directory: string
  readonly segmentBytes: number
  readonly write?: WriteAt
  readonly log?: (line: string) => void
}

interface BrokerFile {
  readonly version: 1
  readonly clusterId: string
  readonly producerIdEnd: number
  readonly topics: readonly {
    readonly name: string
    readonly id: string
    readonly partitions: number
    readonly configs: Readonly<Record<string, string>>
  }[]
}

export class Storage {
  readonly clusterId: string
  readonly #options: StorageOptions
  readonly #topics = new Map<string, Topic>()
  readonly #topicsById = new Map<string, Topic>()
  #nextProducerId: number
  #producerIdEnd: number
  #totalBytes = 0

  /** @throws the system's error when the directory cannot be used, Error when broker.json is damaged */
  constructor(options: StorageOptions) {
    this.#options = options
    makeDirectory(options.directory)
    const file = readBrokerFile(join(options.directory, 'broker.json'))
    this.clusterId = file?.clusterId ?? randomBytes(16).toString('base64url')
    this.#nextProducerId = file?.producerIdEnd ?? 1
    this.#producerIdEnd = this.#nextProducerId
    this.#removeDeleted()
    for (const {name, id, partitions, configs} of file?.topics ?? []) {
      const logs = Array.from({length: partitions}, (_, index) => PartitionLog.open(this.#place(name, index), options))
      this.#remember({name, id, configs: new Map(Object.entries(configs)), partitions: logs})
      for (const log of logs) this.#totalBytes += log.sizeBytes
    }
    if (file === undefined) this.#save()
  }

  #place(topic: string, partition: number): string {
    return join(this.#options.directory, `${topic}-${partition}`)
  }

  #removeDeleted(): void {
    for (const name of readdirSync(this.#options.directory)) {
      if (/-\d+\.[0-9a-f-]{36}\.deleted$/.test(name)) {
        rmSync(join(this.#options.directory, name), {recursive: true, force: true})
      }
    }
  }

  #remember(topic: Topic): void {
    this.#topics.set(topic.name, topic)
    this.#topicsById.set(topic.id, topic)
  }

  #save(): void {
    const file: BrokerFile = {
      version: 1,
      clusterId: this.clusterId,
      producerIdEnd: this.#producerIdEnd,
      topics: [...this.#topics.values()].map(topic => ({
        name: topic.name,
        id: topic.id,
        partitions: topic.partitions.length,
        configs: Object.fromEntries(topic.configs),
      })),
    }
    replaceFile(join(this.#options.directory, 'broker.json'), `${JSON.stringify(file, null, 2)}\n`)
  }

  topics(): Topic[] {
    return [...this.#topics.values()]
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#topicsById.get(id)
  }

  partition(topic: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(topic)?.partitions[partition]
  }

  /** Log bytes of all topics. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** Why no topic of this name can be made, or undefined. An existing topic is not asked about. */
  nameProblem(name: string): string | undefined {
    if (!/^[a-zA-Z0-9._-]+$/.test(name)) return 'a topic name has only letters, digits, ".", "_" and "-"'
    if (name === '.' || name === '..') return 'a topic cannot be named "." or ".."'
    if (name.length > TOPIC_NAME_MAX) return `a topic name has at most ${TOPIC_NAME_MAX} characters`
    const lower = name.toLowerCase()
    for (const other of this.#topics.keys()) {
      // On macOS and Windows both would be one directory.
      if (other !== name && other.toLowerCase() === lower) return `"${other}" differs from it only in letter case`
    }
    return undefined
  }

  /** Whether `count` more partitions fit. */
  hasRoomFor(count: number): boolean {
    let held = 0
    for (const topic of this.#topics.values()) held += topic.partitions.length
    return held + count <= PARTITIONS_MAX
  }

  /** @throws the system's error; the topic does not exist then */
  createTopic(name: string, partitions: number, configs: ReadonlyMap<string, string> = new Map()): Topic {
    const topic: Topic = {name, id: randomUUID(), configs, partitions: []}
    this.#remember(topic)
    try {
      this.#growTo(topic, partitions)
      this.#save()
    } catch (error) {
      this.#forget(topic)
      throw error
    }
    return topic
  }

  /** @throws the system's error; the topic has its former partitions then */
  addPartitions(topic: Topic, count: number): void {
    const former = topic.partitions.length
    try {
      this.#growTo(topic, count)
      this.#save()
    } catch (error) {
      for (const log of topic.partitions.splice(former)) log.abandon()
      throw error
    }
  }

  #growTo(topic: Topic, count: number): void {
    for (let index = topic.partitions.length; index < count; index++) {
      topic.partitions.push(PartitionLog.create(this.#place(topic.name, index), this.#options))
    }
  }

  #forget(topic: Topic): void {
    this.#topics.delete(topic.name)
    this.#topicsById.delete(topic.id)
    for (const log of topic.partitions) log.abandon()
  }

  /** @throws the system's error when broker.json cannot be written; the topic stays then */
  deleteTopic(topic: Topic): void {
    this.#topics.delete(topic.name)
    try {
      this.#save()
    } catch (error) {
      this.#topics.set(topic.name, topic)
      throw error
    }
    this.#forget(topic)
    for (const [index, log] of topic.partitions.entries()) {
      this.#totalBytes -= log.sizeBytes
      // Renamed first: what a crash leaves of a deletion must not look like a topic.
      const aside = `${this.#place(topic.name, index)}.${topic.id}.deleted`
      renameSync(log.directory, aside)
      rmSync(aside, {recursive: true, force: true})
    }
  }

  /** @throws the system's error when the disk refuses */
  append(log: PartitionLog, batch: Buffer): Appended {
    const appended = log.append(batch)
    if (appended.kind === 'appended') this.#totalBytes += batch.length
    return appended
  }

  deleteBefore(log: PartitionLog, offset: number): void {
    this.#totalBytes -= log.deleteBefore(offset)
  }

  dropOldestClosed(log: PartitionLog): void {
    this.#totalBytes -= log.dropOldestClosed()
  }

  /** @throws the system's error when the next block of ids cannot be promised */
  newProducerId(): number {
    if (this.#nextProducerId >= this.#producerIdEnd) {
      const former = this.#producerIdEnd
      this.#producerIdEnd = this.#nextProducerId + PRODUCER_ID_BLOCK
      try {
        this.#save()
      } catch (error) {
        this.#producerIdEnd = former
        throw error
      }
    }
    return this.#nextProducerId++
  }

  get isDirty(): boolean {
    for (const topic of this.#topics.values()) if (topic.partitions.some(log => log.isDirty)) return true
    return false
  }

  async sync(): Promise<void> {
    for (const topic of [...this.#topics.values()]) {
      for (const log of topic.partitions) if (log.isDirty) await log.sync()
    }
  }

  async close(): Promise<void> {
    for (const topic of this.#topics.values()) for (const log of topic.partitions) await log.close()
  }

  /** Closes without syncing, as a killed process would. */
  abandon(): void {
    for (const topic of this.#topics.values()) for (const log of topic.partitions) log.abandon()
  }
}

function readBrokerFile(path: string): BrokerFile | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const file = JSON.parse(text) as BrokerFile
  if (file.version !== 1) throw new Error(`${path} has version ${file.version}, this p2pay reads version 1`)
  return file
}
