/** Where generated payments go. One implementation a file: kafka, file, stdout, memory. */
import type {PaymentBlock} from '../generate/stream.js'

/** A run of payments of one block, released by the schedule. */
export interface OutgoingPayments {
  readonly block: PaymentBlock
  /** Rows [from, to) of the block. */
  readonly from: number
  readonly to: number
  /** Due times, wall clock µs since the epoch; entry 0 belongs to row `from`. */
  readonly dueUs: Float64Array
}

/**
 * What became of payments: `acked` was confirmed by the broker; `failed` was definitely refused before append;
 * `unknown` may or may not have arrived.
 */
export type SendState = 'acked' | 'failed' | 'unknown'

/** The outcome of payments that share a fate: one partition of one send. */
export interface SendOutcome {
  readonly state: SendState
  /** In append order. */
  readonly sequences: Float64Array
  /**
   * Wall clock µs when the send was handed to the client library / when its outcome was known. `sentUs` is 0 when
   * nothing of it can have left us: there was no connection.
   */
  readonly sentUs: number
  readonly settledUs: number
  /** −1 when not known. */
  readonly partition: number
  /** Offset of the first payment, the rest follow; −1 when not known. */
  readonly baseOffset: number
  /** Error code for failed and unknown, such as `MESSAGE_TOO_LARGE`. */
  readonly errorCode?: string
  readonly errorMessage?: string
}

export interface PaymentSink {
  /** One line for humans: where payments go. */
  readonly description: string
  /** Aborts when the reader has gone (stdout closed by `| head`): nothing more is wanted, and nothing is wrong. */
  readonly ended?: AbortSignal
  /**
   * Takes payments over. Returns at once while there is room, else a promise that resolves when there is:
   * backpressure shows up as lateness, never as memory. Outcomes arrive through the callback given at opening.
   * @throws EnvironmentError only when the sink is beyond recovery
   */
  send(payments: OutgoingPayments): Promise<void> | undefined
  /** Resolves when every payment taken over has an outcome; retries and waits are bounded. */
  flush(): Promise<void>
  close(): Promise<void>
}

export type OutcomeListener = (outcome: SendOutcome) => void
