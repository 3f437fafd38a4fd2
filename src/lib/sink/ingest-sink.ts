/**
 * Port for payments that come one by one and wait each for their own acknowledgement, as those of an API do. What is
 * queued and under way is bounded: beyond it `offer` refuses at once instead of growing.
 */

export interface IngestRecord {
  readonly key: Buffer
  readonly value: Buffer
  /** When the payment was due or came in, wall clock µs: becomes header and record timestamp. */
  readonly dueUs: number
}

/** `failed`: definitely not appended. `unknown`: may be on the topic; sending the same bytes again settles it. */
export type IngestOutcome =
  | {readonly state: 'acked'; readonly partition: number; readonly offset: number; readonly settledUs: number}
  | {readonly state: 'failed' | 'unknown'; readonly code: string; readonly message: string}

export interface IngestSink {
  readonly description: string
  readonly partitionCount: number
  /** Undefined when the queue is full. The promise never rejects. */
  offer(record: IngestRecord): Promise<IngestOutcome> | undefined
  /** Taken over and without an outcome. */
  readonly pendingCount: number
  readonly pendingBytes: number
  /** Resolves when everything taken over has an outcome. */
  flush(): Promise<void>
  close(): Promise<void>
}
