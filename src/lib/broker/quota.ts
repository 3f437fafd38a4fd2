/**
 * The disk quota. Above it, closed segments that every group has read past go first. If that is not enough, produce
 * to a topic is refused while a group lags on it: its input waits, as in front of a full pipe. Topics that no group
 * reads (a detector's outputs) and committed offsets are never refused, for refusing those would stop the very
 * consumer that has to catch up.
 *
 * The refusal is NOT_ENOUGH_REPLICAS: every client takes it as retriable and as "certainly not appended"
 * (REQUEST_TIMED_OUT would leave that open, a quota error is not retriable for a produce in kafkajs).
 */
import type {OffsetStore} from './offset-store.js'
import type {Storage, Topic} from './storage.js'

export class Quota {
  readonly #quotaBytes: number
  readonly #storage: Storage
  readonly #offsets: OffsetStore

  constructor(quotaBytes: number, storage: Storage, offsets: OffsetStore) {
    this.#quotaBytes = quotaBytes
    this.#storage = storage
    this.#offsets = offsets
  }

  /** @returns why produce to the topic is refused now, or undefined */
  refusalFor(topic: Topic): string | undefined {
    if (this.#storage.totalBytes <= this.#quotaBytes) return undefined
    this.#dropConsumed()
    if (this.#storage.totalBytes <= this.#quotaBytes) return undefined
    const lagging = this.#laggingGroup(topic)
    if (lagging === undefined) return undefined
    return `the log has ${this.#storage.totalBytes} of ${this.#quotaBytes} bytes and group ${lagging} lags on ${topic.name}`
  }

  /** Deletes closed segments that all readers of their topic have passed; a topic without readers keeps all. */
  #dropConsumed(): void {
    for (const topic of this.#storage.topics()) {
      const readers = this.#offsets.readersOf(topic.name)
      if (readers.length === 0) continue
      for (const [partition, log] of topic.partitions.entries()) {
        const consumed = Math.min(...readers.map(reader => reader.offsets.get(partition)?.offset ?? 0))
        for (
          let end = log.oldestClosedEndOffset;
          end !== undefined && end <= consumed;
          end = log.oldestClosedEndOffset
        ) {
          this.#storage.dropOldestClosed(log)
          if (this.#storage.totalBytes <= this.#quotaBytes) return
        }
      }
    }
  }

  #laggingGroup(topic: Topic): string | undefined {
    for (const {groupId, offsets} of this.#offsets.readersOf(topic.name)) {
      for (const [partition, log] of topic.partitions.entries()) {
        if ((offsets.get(partition)?.offset ?? log.startOffset) < log.endOffset) return groupId
      }
    }
    return undefined
  }
}
