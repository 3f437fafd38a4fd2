/** Kafka records as the floors above `kafka/` see them: bytes, no client types. */

export type Headers = Readonly<Record<string, Buffer | string>>

export interface SourceRecord {
  readonly partition: number
  readonly offset: number
  /** ms since the epoch. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Headers
}

export interface OutputRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Headers
  readonly timestampMs?: number
}

/** The next offset to read, by partition. */
export type PartitionOffsets = ReadonlyMap<number, number>
