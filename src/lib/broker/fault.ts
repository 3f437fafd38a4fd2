/**
 * The broker's one hook for fault injection. A fault matches requests by API (and topic, where it has one),
 * skips the first `skip` matches, then acts `times` times.
 */
export interface Fault {
  /** Kafka API name, such as `Produce`, `Fetch`, `OffsetCommit`. */
  readonly api: string
  readonly topic?: string
  readonly skip?: number
  /** Default 1; Infinity = always. */
  readonly times?: number
  readonly action: /** Handle, then answer late. */
    | {readonly kind: 'delay'; readonly delayMs: number}
    /** Do not handle; answer with this Kafka error code. */
    | {readonly kind: 'error'; readonly errorCode: number}
    /** Handle, then never answer (an append whose response is lost). */
    | {readonly kind: 'drop-response'}
    /** Produce only: acknowledge, but leave out the record at this index of the first batch. */
    | {readonly kind: 'drop-record'; readonly index: number}
    /** Do not handle; close the connection. */
    | {readonly kind: 'close'}
}
