/**
 * Committed offsets, durable: an append-only file of JSON lines, one per request, written before the answer. The last
 * line for a partition wins; a torn last line was never answered and is ignored. Rewritten whole at start and
 * whenever it has grown by `COMPACT_AFTER_BYTES`.
 */
import {closeSync, fsync, openSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {codeOf} from '../base/disk.js'
import {appendWhole, replaceFile, type WriteAt, writeAt} from './files.js'

const COMPACT_AFTER_BYTES = 4 * 1024 * 1024

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string | null
}

export interface OffsetEntry extends CommittedOffset {
  readonly topic: string
  readonly partition: number
}

/** group · protocol type · [topic, partition, offset, leader epoch, metadata] … ; or a deletion. */
type Line =
  | {readonly g: string; readonly k: string; readonly c: readonly [string, number, number, number, string | null][]}
  | {readonly deletedGroup: string}
  | {readonly deletedTopic: string}

interface GroupOffsets {
  protocolType: string
  readonly topics: Map<string, Map<number, CommittedOffset>>
}

export class OffsetStore {
  readonly #path: string
  readonly #write: WriteAt
  readonly #groups = new Map<string, GroupOffsets>()
  #fd = -1
  #sizeBytes = 0
  #compactedBytes = 0
  #isDirty = false
  #isSyncing = false

  constructor(directory: string, write: WriteAt = writeAt) {
    this.#path = join(directory, 'offsets.log')
    this.#write = write
    this.#load()
    this.#compact()
  }

  #load(): void {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      // A file that is there and cannot be read must not be replaced by an empty one.
      if (codeOf(error) !== 'ENOENT') throw error
      return
    }
    for (const line of text.split('\n')) {
      if (line === '') continue
      try {
        this.#apply(JSON.parse(line) as Line)
      } catch {
        // Torn by a crash: never acknowledged, and nothing sound follows it.
        break
      }
    }
  }

  #apply(line: Line): void {
    if ('deletedGroup' in line) this.#groups.delete(line.deletedGroup)
    else if ('deletedTopic' in line) for (const group of this.#groups.values()) group.topics.delete(line.deletedTopic)
    else {
      let group = this.#groups.get(line.g)
      if (group === undefined) this.#groups.set(line.g, (group = {protocolType: line.k, topics: new Map()}))
      group.protocolType = line.k
      for (const [topic, partition, offset, leaderEpoch, metadata] of line.c) {
        let partitions = group.topics.get(topic)
        if (partitions === undefined) group.topics.set(topic, (partitions = new Map()))
        partitions.set(partition, {offset, leaderEpoch, metadata})
      }
    }
  }

  #compact(): void {
    const text = [...this.#groups].map(([groupId, group]) => `${JSON.stringify(lineOf(groupId, group))}\n`).join('')
    replaceFile(this.#path, text, this.#write)
    const former = this.#fd
    this.#fd = openSync(this.#path, 'r+')
    if (former >= 0) closeSync(former)
    this.#sizeBytes = Buffer.byteLength(text)
    this.#compactedBytes = this.#sizeBytes
  }

  #append(line: Line): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
    appendWhole(this.#fd, bytes, this.#sizeBytes, this.#write)
    this.#sizeBytes += bytes.length
    this.#isDirty = true
    this.#apply(line)
    // Not under a running fsync: its descriptor would be closed and the number used again.
    if (this.#isSyncing || this.#sizeBytes - this.#compactedBytes < COMPACT_AFTER_BYTES) return
    try {
      this.#compact()
    } catch {
      // No room for a second file: the long one stays right, and the next growth tries again.
      this.#compactedBytes = this.#sizeBytes
    }
  }

  /** @throws the system's error when the line could not be written; nothing is changed then */
  commit(groupId: string, protocolType: string, entries: readonly OffsetEntry[]): void {
    if (entries.length === 0) return
    this.#append({
      g: groupId,
      k: protocolType,
      c: entries.map(entry => [entry.topic, entry.partition, entry.offset, entry.leaderEpoch, entry.metadata]),
    })
  }

  deleteGroup(groupId: string): void {
    if (this.#groups.has(groupId)) this.#append({deletedGroup: groupId})
  }

  deleteTopic(topic: string): void {
    if (this.#topicIsKnown(topic)) this.#append({deletedTopic: topic})
  }

  /** Forgets offsets of topics that are gone: a crash may have come between a topic's end and that of its offsets. */
  keepTopics(existing: ReadonlySet<string>): void {
    for (const group of this.#groups.values()) {
      for (const topic of [...group.topics.keys()]) if (!existing.has(topic)) this.deleteTopic(topic)
    }
  }

  #topicIsKnown(topic: string): boolean {
    for (const group of this.#groups.values()) if (group.topics.has(topic)) return true
    return false
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.topics.get(topic)?.get(partition)
  }

  /** All of a group's offsets by topic; undefined for a group without any. */
  ofGroup(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> | undefined {
    return this.#groups.get(groupId)?.topics
  }

  protocolTypeOf(groupId: string): string | undefined {
    return this.#groups.get(groupId)?.protocolType
  }

  groupIds(): string[] {
    return [...this.#groups.keys()]
  }

  /** The offsets that each group has committed on a topic: the groups that read it. */
  readersOf(topic: string): {groupId: string; offsets: ReadonlyMap<number, CommittedOffset>}[] {
    const readers: {groupId: string; offsets: ReadonlyMap<number, CommittedOffset>}[] = []
    for (const [groupId, group] of this.#groups) {
      const offsets = group.topics.get(topic)
      if (offsets !== undefined) readers.push({groupId, offsets})
    }
    return readers
  }

  async sync(): Promise<void> {
    if (!this.#isDirty) return
    this.#isDirty = false
    this.#isSyncing = true
    try {
      await new Promise<void>((resolve, reject) => fsync(this.#fd, error => (error ? reject(error) : resolve())))
    } finally {
      this.#isSyncing = false
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}

function lineOf(groupId: string, group: GroupOffsets): Line {
  const entries: [string, number, number, number, string | null][] = []
  for (const [topic, partitions] of group.topics) {
    for (const [partition, committed] of partitions) {
      entries.push([topic, partition, committed.offset, committed.leaderEpoch, committed.metadata])
    }
  }
  return {g: groupId, k: group.protocolType, c: entries}
}
