/**
 * The shape of a result as a schema: `p2pay report RESULT.json` reads with it (parse.ts), and docs/result-v1.schema.json is
 * generated from it. The types in result.ts lead; the compiler holds this to them.
 */
import {z} from 'zod'
import {ANOMALY_KINDS, ANOMALY_STAGES, STAGES} from '../audit/ladder.js'
import {HTTP_OUTCOMES, LATENCY_METRICS, RESULT_SCHEMA_VERSION, type RunResult} from './result.js'

const count = z.int().gte(0)
const us = z.number().gte(0).nullable()
const share = z.number().gte(0).nullable()

const proportion = z
  .object({count, total: count, share, low: share, high: share})
  .describe('A share with its 95 % Wilson interval; null when total is 0.')

const ladder = z.object({
  planned: count,
  sent: count,
  acked: count,
  failed: count,
  unknown: count,
  onRaw: count.nullable(),
  legit: count.nullable(),
  fraud: count.nullable(),
  dlq: count.nullable(),
  rows: count.nullable(),
  alerts: count.nullable(),
  foreign: z.partialRecord(z.enum(STAGES), count).describe('Records of others met at a stage.'),
  anomalies: z.array(
    z.object({
      kind: z.enum(ANOMALY_KINDS),
      stage: z.enum(ANOMALY_STAGES),
      count,
      examples: z.array(z.string()).max(20).describe('Payment ids.'),
      fatal: z.boolean().describe('Whether it breaks the books.'),
    }),
  ),
  balanced: z.boolean(),
})

const latency = z.object({
  metric: z.enum(LATENCY_METRICS),
  basis: z.string().describe('From where to where it was counted, such as due → acked.'),
  unit: z.literal('us'),
  count,
  min: us,
  mean: us,
  p50: us,
  p90: us,
  p95: us,
  p99: us,
  p999: us,
  p9999: us.default(null),
  max: us,
  hdr: z.string().nullable().describe('HdrHistogram V2, compressed, base64; null when empty.'),
})

const detection = z.object({
  graded: count,
  frauds: count,
  decisions: z.object({approve: count, review: count, block: count}),
  recall: proportion,
  precision: proportion,
  false_positive_rate: proportion,
  enough_frauds: z.boolean().describe('False when fewer than 100 frauds were graded: no verdict rests on the figures.'),
  typologies: z.array(
    z.object({
      typology: z.string(),
      frauds: count,
      approve: count,
      review: count,
      block: count,
      flagged: proportion,
      look_alikes: count,
      look_alikes_flagged: proportion,
    }),
  ),
})

const threshold = z.object({
  metric: z.string(),
  expression: z.string(),
  severity: z.enum(['fail', 'warn']),
  actual: z.number().nullable().describe('µs for times, a share for ratios, a count otherwise; null = no samples.'),
  passed: z.boolean(),
  reason: z.string().nullable(),
})

const http = z.object({
  target: z.string(),
  method: z.string(),
  model: z.enum(['closed', 'open']),
  concurrency: count,
  keep_alive: z.boolean(),
  timeout_ms: z.number().nullable(),
  success: z.string().describe('What counts as success.'),
  queue: z.object({limit: count, longest: count}).nullable().describe('Open model: how many may wait, and did.'),
  planned: count.nullable().describe('Null when only time bounds.'),
  due: count,
  sent: count,
  dropped: count.nullable().describe('Past the queue’s bound; null in the closed model.'),
  unsent: count.describe('In the queue when the run was interrupted.'),
  succeeded: count,
  failed: count.describe('Answers that are no success.'),
  timeouts: count,
  errors: count.describe('Connections refused or broken.'),
  error_rate: share.describe('(failed + timeouts + errors + dropped) ÷ (sent + dropped).'),
  requests_per_s: z.number().nullable().describe('Successes ÷ wall clock.'),
  sent_bytes: count.describe('Of bodies that left, without headers.'),
  received_bytes: count.describe('Of bodies, unfinished answers included.'),
  statuses: z.record(z.string(), count).describe('How often each status came.'),
  groups: z.array(
    z.object({
      scenario: z.string(),
      outcome: z.enum(HTTP_OUTCOMES),
      success: z.boolean(),
      count,
      response: latency,
      first_byte: latency,
      planned: latency.nullable(),
    }),
  ),
  per_second: z.array(
    z.object({
      second: count,
      due: count.nullable(),
      sent: count,
      succeeded: count,
      failed: count,
      timeouts: count,
      errors: count,
      dropped: count.nullable(),
      in_flight: count,
      queued: count,
      response_p50: us,
      response_p95: us,
      response_p99: us,
      response_max: us,
      planned_p99: us,
    }),
  ),
})

export const resultSchema: z.ZodType<RunResult> = z
  .object({
    schema_version: z.literal(RESULT_SCHEMA_VERSION),
    run: z.object({
      tag: z.string(),
      scenario: z.string(),
      scenario_sha256: z.string(),
      seed: count,
      started_at: z.string().describe('ISO 8601.'),
      finished_at: z.string().describe('ISO 8601.'),
      command: z.string().describe('Repeats the run.'),
      versions: z.object({p2pay: z.string(), node: z.string()}),
      machine: z.object({cpus: count, platform: z.string()}),
      broker: z.string(),
      cluster: z.string().nullable(),
      database: z.string().nullable(),
      interrupted: z.boolean(),
    }),
    load: z.object({
      description: z.string(),
      requested_tps: z.number().nullable().describe('Payments/s; null when unpaced.'),
      achieved_tps: z.number().nullable(),
      achieved_ratio: z.number().nullable(),
      shortfall: count,
      planned: count,
      sent: count,
      acked: count,
      failed: count,
      unknown: count,
      wall_s: z.number().gte(0),
      simulated_s: z.number().gte(0),
      speed_up: z.number().nullable().describe('Simulated ÷ wall.'),
      warmup_count: count,
      per_second: z.array(z.number()).describe('Acked payments in each second of the schedule.'),
      errors: z.array(z.object({code: z.string(), count, example: z.string()})),
    }),
    latencies: z.array(latency),
    http: http.nullable().default(null).describe('Of a load test over HTTP.'),
    ladder: ladder.nullable(),
    detection: detection.nullable(),
    thresholds: z.array(threshold),
    notes: z.array(z.string()),
    verdict: z.enum(['passed', 'failed', 'inconclusive']),
  })
  .meta({title: 'p2pay result', description: 'The result of a p2pay run, version 1. What was not measured is null.'})

/** JSON Schema, draft 2020-12. Readers must ignore keys that they do not know: later versions may add some. */
export function resultJsonSchema(): unknown {
  return z.toJSONSchema(resultSchema, {io: 'input'})
}
