/**
 * What the API counts and measures, for a Prometheus scraper. Each instance has a registry of its own, so that two
 * servers in one process do not mix. Label values are bounded: routes are patterns, and codes beyond a maximum fall
 * into one bucket, so no client can make the answer grow.
 */
import {Counter, collectDefaultMetrics, Gauge, Histogram, Registry} from 'prom-client'
import {DECISIONS} from '../payment/decision.js'
import type {Intake} from './intake.js'
import type {ApiOptions} from './ports.js'

/** Where the figures come from that others keep. */
export interface MetricSources extends Pick<ApiOptions, 'clock' | 'version' | 'detector' | 'lag' | 'watchDecisions'> {
  readonly ingest: Pick<Intake, 'pendingCount' | 'pendingBytes'>
}

/**
 * What became of the claim on a payment id or an Idempotency-Key. `new`: nobody had it. `replayed`: answered again,
 * nothing sent. `joined`: the same request is under way here. `busy`: under way elsewhere. `taken_over`: its owner is
 * gone. `conflict`: another content has it.
 */
export const CLAIM_OUTCOMES = ['new', 'replayed', 'joined', 'busy', 'taken_over', 'conflict'] as const
export type ClaimOutcome = (typeof CLAIM_OUTCOMES)[number]

/** Another scrape within this time is answered with the lag that the broker said before. */
export const LAG_CACHE_MS = 1000
/** Error codes that get a series of their own; the rest is counted as `other`. */
export const MAX_ERROR_CODES = 50
/** Routes are the server's own patterns; this only guards against a caller that passes raw paths. */
export const MAX_ROUTES = 100

/** Around the targets: 10 ms for an acknowledgement, 25/75/95 ms for a decision, 100 ms for a score. */
const LATENCY_BUCKETS_S = [...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]]

export class ApiMetrics {
  readonly #registry = new Registry()
  readonly #sources: MetricSources
  readonly #errorCodes = new Labels(MAX_ERROR_CODES)
  readonly #routes = new Labels(MAX_ROUTES)
  readonly #requestCounts: Counter<'method' | 'route' | 'status'>
  readonly #requestTimes: Histogram<'method' | 'route'>
  readonly #sentCount: Counter
  readonly #sendTimes: Histogram
  readonly #sendErrors: Counter<'code'>
  readonly #claims: Counter<'outcome'>
  #lag: Promise<ReadonlyMap<number, number> | null> | undefined
  #lagAskedUs = 0
  #ackedCount = 0
  #errorCount = 0

  constructor(sources: MetricSources) {
    this.#sources = sources
    const registers = [this.#registry]
    this.#sentCount = new Counter({...METRICS.sent, registers})
    this.#sendTimes = new Histogram({...METRICS.sendTime, registers, buckets: LATENCY_BUCKETS_S})
    this.#sendErrors = new Counter({...METRICS.sendErrors, registers, labelNames: ['code']})
    this.#claims = new Counter({...METRICS.claims, registers, labelNames: ['outcome']})
    for (const outcome of CLAIM_OUTCOMES) this.#claims.inc({outcome}, 0)
    this.#requestCounts = new Counter({...METRICS.requests, registers, labelNames: ['method', 'route', 'status']})
    this.#requestTimes = new Histogram({
      ...METRICS.requestTime,
      registers,
      labelNames: ['method', 'route'],
      buckets: LATENCY_BUCKETS_S,
    })
    this.#addIngestGauges()
    if (sources.detector !== null) this.#addDetectorFigures(sources.detector)
    this.#addLag()
    new Gauge({...METRICS.info, registers, labelNames: ['version']}).set({version: sources.version}, 1)
    collectDefaultMetrics({register: this.#registry})
  }

  /** A payment was acknowledged. @param latencySeconds from its arrival to the broker's acknowledgement */
  sent(latencySeconds: number): void {
    this.#ackedCount += 1
    this.#sentCount.inc()
    this.#sendTimes.observe(latencySeconds)
  }

  /** A payment got no acknowledgement: refused, not in time, or nobody knows. @param code such as MESSAGE_TOO_LARGE */
  sendError(code: string): void {
    this.#errorCount += 1
    this.#sendErrors.inc({code: this.#errorCodes.of(code)})
  }

  /**
   * A request was answered.
   *
   * @param route method and pattern, such as `GET /api/v1/payments/:id`; `GET unknown` when no route fits. Never a path
   * that a client chose
   */
  request(route: string, status: number, seconds: number): void {
    const [method = 'other', pattern = 'unknown'] = this.#routes.of(route).split(' ', 2)
    this.#requestCounts.inc({method, route: pattern, status})
    this.#requestTimes.observe({method, route: pattern}, seconds)
  }

  claim(outcome: ClaimOutcome, count = 1): void {
    this.#claims.inc({outcome}, count)
  }

  /** Payments acknowledged, and payments without an acknowledgement, since the start. */
  get sendCounts(): {readonly acked: number; readonly errors: number} {
    return {acked: this.#ackedCount, errors: this.#errorCount}
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Everything, in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Records that the group has not committed, by partition; asks the broker once a second at most. */
  lag(): Promise<ReadonlyMap<number, number> | null> {
    const {clock, lag} = this.#sources
    const nowUs = clock.nowUs()
    if (this.#lag === undefined || nowUs - this.#lagAskedUs >= LAG_CACHE_MS * 1000) {
      this.#lagAskedUs = nowUs
      // A broker that cannot say is no reason to keep the other figures back.
      this.#lag = lag().catch(() => null)
    }
    return this.#lag
  }

  #addIngestGauges(): void {
    const {ingest} = this.#sources
    const registers = [this.#registry]
    new Gauge({
      ...METRICS.pending,
      registers,
      collect() {
        this.set(ingest.pendingCount)
      },
    })
    new Gauge({
      ...METRICS.pendingBytes,
      registers,
      collect() {
        this.set(ingest.pendingBytes)
      },
    })
  }

  #addDetectorFigures(figures: NonNullable<MetricSources['detector']>): void {
    const registers = [this.#registry]
    new Counter({
      ...METRICS.decisions,
      registers,
      labelNames: ['decision'],
      collect() {
        this.reset()
        const now = figures()
        for (const decision of DECISIONS) this.inc({decision}, now[decision])
      },
    })
    new Counter({
      ...METRICS.deadLettered,
      registers,
      collect() {
        this.reset()
        this.inc(figures().deadLettered)
      },
    })
    new Counter({
      ...METRICS.storedRows,
      registers,
      collect() {
        this.reset()
        this.inc(figures().storedRows)
      },
    })
    new Gauge({
      ...METRICS.outbox,
      registers,
      collect() {
        this.set(figures().outboxCount)
      },
    })
    const times = new Histogram({...METRICS.decisionTime, registers, buckets: LATENCY_BUCKETS_S})
    this.#sources.watchDecisions?.(latencyUs => times.observe(latencyUs / 1_000_000))
  }

  #addLag(): void {
    const lag = (): Promise<ReadonlyMap<number, number> | null> => this.lag()
    new Gauge({
      ...METRICS.lag,
      registers: [this.#registry],
      labelNames: ['partition'],
      async collect() {
        const partitions = await lag()
        // What nobody knows has no sample; the last known figure would look like a fact.
        this.reset()
        for (const [partition, count] of partitions ?? []) this.set({partition}, count)
      },
    })
  }
}

/** Lets so many values of a label through; what is new beyond them is one value. */
class Labels {
  readonly #seen = new Set<string>()
  readonly #maxCount: number

  constructor(maxCount: number) {
    this.#maxCount = maxCount
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#maxCount) return 'other'
    this.#seen.add(value)
    return value
  }
}

interface MetricMeaning {
  readonly name: string
  readonly help: string
}

/** Every metric of ours, with its meaning; also part of the API's description. */
export const METRICS = {
  sent: {
    name: 'producer_messages_sent_total',
    help: 'Payments that the broker acknowledged on the raw topic.',
  },
  sendTime: {
    name: 'producer_send_latency_seconds',
    help: 'From the arrival of a payment to the acknowledgement of the broker.',
  },
  sendErrors: {
    name: 'producer_send_errors_total',
    help: 'Payments without an acknowledgement, by error code: refused, not in time, or nobody knows.',
  },
  lag: {
    name: 'consumer_lag',
    help: 'Records of the raw topic that the detector group has not committed, by partition; none while unknown.',
  },
  decisions: {name: 'decisions_total', help: 'Payments decided by the detector in this process, by decision.'},
  decisionTime: {
    name: 'decision_latency_seconds',
    help: 'From when a payment was due to its decision by the detector in this process.',
  },
  deadLettered: {name: 'dead_letters_total', help: 'Records that the detector in this process dead-lettered.'},
  storedRows: {name: 'stored_rows_total', help: 'Rows that the detector in this process has stored.'},
  pending: {name: 'ingest_pending', help: 'Payments taken over that wait for the database or the broker.'},
  pendingBytes: {
    name: 'ingest_pending_bytes',
    help: 'Bytes of the payments taken over that wait for the database or the broker.',
  },
  outbox: {name: 'detector_outbox', help: 'Payments decided by the detector in this process and not yet written.'},
  claims: {
    name: 'claims_total',
    help: 'Claims on payment ids and idempotency keys, by what came of them.',
  },
  requests: {name: 'http_requests_total', help: 'Requests answered, by method, route and status.'},
  requestTime: {name: 'http_request_duration_seconds', help: 'From the head of a request to the end of its answer.'},
  info: {name: 'p2pay_info', help: 'Always 1; the label names the version.'},
} as const satisfies Record<string, MetricMeaning>
