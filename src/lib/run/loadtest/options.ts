/** What the loadtest use case takes, and what it measured. Flags, own service and report are others' business. */
import type {Clock} from '../../base/clock.js'
import type {HttpClient, HttpOutcome, HttpTarget} from '../../http/http-client.js'
import type {LatencyHistogram} from '../../metrics/metrics.js'
import type {Schedule} from '../../pace/schedule.js'
import type {Journal} from '../journal.js'
import type {MintedIds} from './minted-ids.js'

/** How load is made. Closed: the next request goes when an answer has come. Open: when the schedule says. */
export type LoadModel =
  | {
      readonly kind: 'closed'
      /** Requests under way at once. */
      readonly concurrency: number
      /** Infinity when only the time bounds. */
      readonly requestCount: number
      /** Infinity when only the count bounds; no request begins after it. */
      readonly durationMs: number
    }
  | {
      readonly kind: 'open'
      readonly schedule: Schedule
      /** Requests under way at once; what is due beyond waits in the queue. */
      readonly concurrency: number
      /** Requests that may wait; past it a due request is dropped and counted. */
      readonly queueCount: number
    }

/** A request that is ready to go. */
export interface PreparedRequest {
  /** Sequence number within the run, of the payment that it carries. */
  readonly sequence: number
  readonly target: HttpTarget
  readonly body: Buffer | null
  readonly headers?: readonly string[]
  /** Event time of the payment, ms since the epoch; 0 when it carries none. */
  readonly createdAtMs: number
  /** The id that the service is expected to keep; null when it mints its own. */
  readonly paymentId: string | null
}

/** Requests in sequence order, made when they are needed; seeded, the same for the same inputs. */
export interface RequestSource {
  /** The request of this sequence number; called with ascending numbers, those left out are skipped for good. */
  at(sequence: number): PreparedRequest
}

/** What an answer says about a request. */
export interface ResponseJudge {
  /** Response bodies are wanted. */
  readonly needsBody: boolean
  isSuccess(outcome: HttpOutcome): boolean
  /** The id that the service minted, when the answer names one. @param sentId need not be told when it is named */
  idOf(outcome: HttpOutcome, sentId?: string | null): string | undefined
  /** For the report: `status 2xx`, `status 202 and body matches /accepted/`. */
  readonly description: string
}

/** A stretch of the schedule with a name; latencies are kept for each. */
export interface LoadScenario {
  readonly name: string
  /** Its first sequence number; the first scenario's is 0. */
  readonly fromSequence: number
}

export interface LoadtestOptions {
  readonly model: LoadModel
  readonly source: RequestSource
  readonly client: HttpClient
  readonly judge: ResponseJudge
  readonly scenarios: readonly LoadScenario[]
  /** Closed here. */
  readonly journal?: Journal
  /** Where ids minted by the service are kept; closed here. */
  readonly mintedIds?: MintedIds
  readonly clock: Clock
  /** Aborting stops the release; what is under way is waited for. */
  readonly signal: AbortSignal
  /**
   * How long what is still under way is waited for when the release has ended: for clients without a timeout, which
   * else bounds it. Past it the client is closed, and what comes back is broken. Infinity by default.
   */
  readonly drainMs?: number
  /** The first requests, by sequence number, that are left out of the latencies; counted like the rest. */
  readonly warmupCount: number
  /** Called before the first request, with the start that lies a moment ahead: the place to write it to a manifest. */
  readonly onStart?: (startUs: number) => Promise<void> | void
  readonly onProgress?: (progress: LoadtestProgress) => void
}

export interface LoadtestProgress {
  readonly elapsedUs: number
  /** Infinity when only time bounds. */
  readonly planned: number
  readonly sent: number
  readonly succeeded: number
  /** Answers that are no success. */
  readonly failed: number
  readonly timeouts: number
  /** Refused and broken. */
  readonly errors: number
  /** Null in the closed model. */
  readonly dropped: number | null
  readonly inFlight: number
  /** Waiting in the queue; 0 in the closed model. */
  readonly queued: number
  /** Of the last full second; its number is null before one has passed. */
  readonly lastSecond: {
    readonly second: number | null
    readonly succeeded: number
    readonly p50Us: number | null
    readonly p99Us: number | null
  }
}

/** 1xx … 5xx, or what came instead of an answer. */
export type OutcomeClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'timeout' | 'error'

/** Latencies of requests that share scenario and fate. Histograms in µs. */
export interface OutcomeGroup {
  readonly scenario: string
  readonly outcome: OutcomeClass
  readonly success: boolean
  /** With those of the warm-up, which the histograms leave out. */
  readonly count: number
  /** Sent → last byte, or → failure known. */
  readonly response: LatencyHistogram
  /** Sent → first byte; empty without answers. */
  readonly firstByte: LatencyHistogram
  /** Due → last byte; null in the closed model. */
  readonly planned: LatencyHistogram | null
}

/** What happened in one second since the start. */
export interface SecondSample {
  readonly second: number
  /** Due in it by the schedule; null in the closed model. */
  readonly due: number | null
  /** Handed to the client in it. Outcomes belong to the second in which they came back. */
  readonly sent: number
  readonly succeeded: number
  readonly failed: number
  readonly timeouts: number
  readonly errors: number
  readonly dropped: number | null
  /** At its end. */
  readonly inFlight: number
  readonly queued: number
  /** Of the successes that came back in it; null when none did. */
  readonly responseP50Us: number | null
  readonly responseP95Us: number | null
  readonly responseP99Us: number | null
  readonly responseMaxUs: number | null
  /** Null in the closed model as well. */
  readonly plannedP99Us: number | null
}

export interface LoadtestSummary {
  readonly model: LoadModel['kind']
  /** `2,000 requests/s for 30 s, at most 200 at once (open model)`. */
  readonly description: string
  readonly startUs: number
  /** From the start to the last outcome, and not less than the schedule as far as it was played. */
  readonly wallUs: number
  /** Of the whole plan; Infinity when only time bounds. */
  readonly planned: number
  /** Due before the release ended (open), begun (closed). Open: due = sent + dropped + unsent. */
  readonly due: number
  readonly sent: number
  /** Past the queue's bound; null in the closed model. */
  readonly dropped: number | null
  /** Waiting in the queue when a signal ended the run. */
  readonly unsent: number
  readonly succeeded: number
  /** Answers that are no success: apart from what had none. */
  readonly failed: number
  readonly timeouts: number
  readonly errors: number
  /** In the journal's words: acked = successes; failed = refused, 3xx, 4xx and unwanted 2xx bodies; unknown = the rest. */
  readonly journalled: {readonly acked: number; readonly failed: number; readonly unknown: number}
  /** Open model: requests/s; Infinity in the closed one. */
  readonly requestedRps: number
  /** Successes ÷ wall; null when no time passed. */
  readonly achievedRps: number | null
  readonly achievedRatio: number | null
  readonly statuses: ReadonlyMap<number, number>
  /** Successes only, past the warm-up. */
  readonly response: LatencyHistogram
  readonly firstByte: LatencyHistogram
  /** Due → last byte of successes; null in the closed model. */
  readonly plannedTime: LatencyHistogram | null
  /** Due → sent, of all that were sent; null in the closed model. */
  readonly lateness: LatencyHistogram | null
  readonly groups: readonly OutcomeGroup[]
  readonly perSecond: readonly SecondSample[]
  /** Of bodies: those that left us, and what came of answers, unfinished ones included. */
  readonly sentBytes: number
  readonly receivedBytes: number
  /** Most requests that waited at once; null in the closed model. */
  readonly longestQueue: number | null
  readonly warmupCount: number
  /** Event time of the first and the last payment sent, ms since the epoch; null when none was. */
  readonly simulatedFromMs: number | null
  readonly simulatedToMs: number | null
  /** Whatever was no success: `HTTP 503`, ECONNREFUSED, … 20 kinds at most, the rest are OTHER. */
  readonly errorKinds: readonly {readonly code: string; readonly count: number; readonly example: string}[]
  /** Stopped by the signal before the plan's end. */
  readonly interrupted: boolean
}
