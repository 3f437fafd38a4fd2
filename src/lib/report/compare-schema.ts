/** The published shape of `p2pay compare --json`: docs/compare-v1.schema.json is generated from it. */
import {z} from 'zod'
import {isMetricName, METRICS, type MetricName} from '../metrics/catalogue.js'
import {COMPARED_STATISTICS} from './compare-quantities.js'
import {COMPARISON_SCHEMA_VERSION, type Comparison} from './comparison.js'

const run = z.object({
  file: z.string(),
  tag: z.string(),
  scenario: z.string(),
  started_at: z.string().describe('ISO 8601.'),
  p2pay: z.string(),
  load: z.string(),
  target: z.string(),
  verdict: z.enum(['passed', 'failed', 'inconclusive']),
})
const verdict = z.enum(['better', 'same', 'worse'])

export const comparisonSchema: z.ZodType<Comparison> = z
  .object({
    schema_version: z.literal(COMPARISON_SCHEMA_VERSION),
    base: run,
    new: run,
    noise: z.number().gte(0).describe('A share: 0.05 is 5 %.'),
    floors: z
      .object({latency_us: z.number(), share: z.number()})
      .describe('Differences up to here are the same, whatever their ratio.'),
    unlike: z
      .array(z.object({what: z.string(), base: z.string(), new: z.string()}))
      .describe('Why the two cannot be judged; empty when they are alike.'),
    rows: z.array(
      z.object({
        metric: z.enum(metricNames()),
        statistic: z.enum(COMPARED_STATISTICS).nullable().describe('Of a latency.'),
        unit: z.enum(['us', 'share', 'tps', 'payments']),
        better: z.enum(['lower', 'higher']),
        base: z.number().nullable().describe('Null when it was not measured.'),
        new: z.number().nullable(),
        ratio: z.number().nullable().describe('new ÷ base.'),
        verdict: verdict.nullable().describe('Null when either was not measured, or the runs are not alike.'),
        decides: z.boolean().describe('Whether the verdict of the whole rests on it.'),
      }),
    ),
    verdict: z.enum(['better', 'same', 'worse', 'unlike']),
  })
  .meta({title: 'p2pay comparison', description: 'Two results of p2pay side by side, version 1.'})

/** JSON Schema, draft 2020-12. Readers must ignore keys that they do not know: later versions may add some. */
export function comparisonJsonSchema(): unknown {
  return z.toJSONSchema(comparisonSchema, {io: 'input'})
}

function metricNames(): MetricName[] {
  return Object.keys(METRICS).filter(isMetricName)
}
