/** An ingest sink that counts what came of what was offered, for the summary at the end. */
import type {IngestOutcome, IngestRecord, IngestSink} from '../../sink/ingest-sink.js'

export interface IngestCounts {
  readonly acked: number
  /** Definitely not on the topic. */
  readonly failed: number
  /** May be on the topic; the client was told to send it again. */
  readonly unknown: number
  /** Not taken over: the queue was full. */
  readonly refused: number
}

/** What came of the payments of a server: those that were answered before the broker was asked included. */
export interface ServeCounts extends IngestCounts {
  /** Told 503 because no acknowledgement came in time; whatever came later is in the other counts too. */
  readonly late: number
  /** Told 503 because the database did not answer; nothing was sent. */
  readonly unclaimed: number
}

export class CountingIngest implements IngestSink {
  readonly #inner: IngestSink
  readonly #counts = {acked: 0, failed: 0, unknown: 0, refused: 0}

  constructor(inner: IngestSink) {
    this.#inner = inner
  }

  get counts(): IngestCounts {
    return {...this.#counts}
  }

  get description(): string {
    return this.#inner.description
  }

  get partitionCount(): number {
    return this.#inner.partitionCount
  }

  get pendingCount(): number {
    return this.#inner.pendingCount
  }

  get pendingBytes(): number {
    return this.#inner.pendingBytes
  }

  offer(record: IngestRecord): Promise<IngestOutcome> | undefined {
    const offered = this.#inner.offer(record)
    if (offered === undefined) this.#counts.refused += 1
    // Never rejects, by contract.
    else void offered.then(({state}) => (this.#counts[state] += 1))
    return offered
  }

  flush(): Promise<void> {
    return this.#inner.flush()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
