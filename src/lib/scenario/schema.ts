/**
 * The shape of a scenario file, version 1, in k6's words. Each field says in `error` what it expects, range included;
 * docs/scenario-v1.schema.json (for editors) is generated from here. What zod cannot see, such as the syntax of a
 * threshold or review ≤ block, is checked in build.ts.
 */
import {z} from 'zod'
import {TYPOLOGIES} from '../payment/label.js'
import {LIMITS} from './limits.js'

export const SCENARIO_VERSION = 1

interface Range {
  readonly above?: number
  readonly from?: number
  readonly to: number
  readonly whole?: boolean
}

/** `a rate in (0, 1,000,000]` as schema and as words. */
function numberIn(what: string, {above, from, to, whole = false}: Range) {
  const open = above === undefined ? `[${grouped(from ?? 0)}` : `(${grouped(above)}`
  const close = to === Number.MAX_SAFE_INTEGER ? '2^53)' : `${grouped(to)}]`
  const error = `${what} in ${open}, ${close}`
  const base = whole ? z.int({error}) : z.number({error})
  return (above === undefined ? base.gte(from ?? 0, {error}) : base.gt(above, {error})).lte(to, {error})
}

function grouped(value: number): string {
  return value.toLocaleString('en-US', {maximumFractionDigits: 6})
}

const text = (what: string, maxLength: number) => {
  const error = `${what} of 1 to ${maxLength} characters`
  return z.string({error}).min(1, {error}).max(maxLength, {error})
}

// Not nothing but zeros.
const DURATION = /^(?=.*[1-9])(\d+(\.\d+)?(us|ms|s|m|h|d))+$/
const durationError = 'a duration above 0 with its unit, such as 250ms, 30s or 1m30s'
const duration = z.string({error: durationError}).regex(DURATION, {error: durationError})
const lengthError = `${durationError}, or forever`
const length = z.string({error: lengthError}).regex(new RegExp(`${DURATION.source}|^forever$`), {error: lengthError})

const share = (what: string) => numberIn(what, {from: 0, to: LIMITS.share})
const score = numberIn('a score', {from: 0, to: 1})
const rate = numberIn('a rate', {above: 0, to: LIMITS.rateTps})
const rateOrZero = numberIn('a rate', {from: 0, to: LIMITS.rateTps})
const finite = z.number({error: 'a number'})

const arrivals = z
  .enum(['uniform', 'poisson'], {error: 'uniform or poisson'})
  .describe('Gaps between payments: all alike, or exponential as from many independent payers.')
  .optional()
const timeUnit = duration.describe('The time that rates are per; 1s unless given.').optional()
const phaseName = text('a name', 100)
  .describe('What reports call the phase; latencies of a load test are kept for each.')
  .optional()
const executorError = 'constant-arrival-rate, ramping-arrival-rate or shared-iterations'

const phase = z.discriminatedUnion(
  'executor',
  [
    z
      .strictObject(
        {
          executor: z.literal('constant-arrival-rate'),
          name: phaseName,
          rate: rate.describe('Payments per timeUnit.'),
          timeUnit,
          duration: length.describe('How long, such as 20s; or forever.'),
          arrivals,
        },
        {error: 'a phase of load'},
      )
      .describe('A constant rate, whatever the pipeline does.'),
    z
      .strictObject(
        {
          executor: z.literal('ramping-arrival-rate'),
          name: phaseName,
          startRate: rateOrZero.describe('Payments per timeUnit at the beginning; 0 unless given.').optional(),
          timeUnit,
          stages: z
            .array(
              z.strictObject(
                {
                  target: rateOrZero.describe('Payments per timeUnit at the end of the stage.'),
                  duration: duration.describe('How long the stage takes to get there.'),
                },
                {error: 'a stage: {target, duration}'},
              ),
              {error: 'a list of stages: {target, duration}'},
            )
            .min(1, {error: 'a list of at least one stage: {target, duration}'})
            .max(LIMITS.phases, {error: `a list of at most ${LIMITS.phases} stages`}),
          arrivals,
        },
        {error: 'a phase of load'},
      )
      .describe('A rate that moves in straight lines from target to target.'),
    z
      .strictObject(
        {
          executor: z.literal('shared-iterations'),
          name: phaseName,
          iterations: numberIn('a whole number', {from: 1, to: LIMITS.count, whole: true}).describe(
            'How many payments.',
          ),
          concurrency: numberIn('a whole number', {from: 1, to: LIMITS.concurrency, whole: true})
            .describe('Requests under way at once, of p2pay loadtest; 50 unless given.')
            .optional(),
        },
        {error: 'a phase of load'},
      )
      .describe('So many payments, as fast as they are taken.'),
  ],
  {error: executorError},
)

/** A phase whose executor is not known: what can be said of its keys and their values anyway. */
export const loosePhaseSchema = z
  .strictObject(Object.fromEntries(phase.options.flatMap(({shape}) => Object.entries<z.ZodType>(shape))))
  .extend({executor: z.unknown()})
  .partial()

const expression = text('a threshold such as "p(99)<250ms"', 200)
const threshold = z.union(
  [
    expression,
    z.strictObject(
      {
        expr: expression.describe('Such as p(99)<250ms, >=0.99 or ==0.'),
        severity: z
          .enum(['fail', 'warn'], {error: 'fail or warn'})
          .describe('A breach fails the run (exit 99), or only warns.')
          .optional(),
      },
      {error: 'a threshold: an expression, or {expr, severity}'},
    ),
  ],
  {error: 'a threshold: an expression, or {expr, severity}'},
)

export const scenarioSchema = z
  .strictObject(
    {
      version: z.literal(SCENARIO_VERSION, {
        error: `${SCENARIO_VERSION}, the version of scenario files that this p2pay reads`,
      }),
      name: text('a name', 100).describe('What the report calls the run; the file’s name unless given.').optional(),
      description: text('a description', 2000).describe('What the scenario shows.').optional(),
      seed: numberIn('a whole number', {from: 0, to: Number.MAX_SAFE_INTEGER, whole: true})
        .describe('Of everything random: the same seed gives the same payments.')
        .optional(),
      start: z.iso
        .datetime({offset: true, error: 'a time in ISO 8601 with its offset, such as 2026-01-01T00:00:00Z'})
        .describe('Event time of the first payments; when the run starts unless given.')
        .optional(),
      clock: z
        .enum(['simulated', 'wall'], {error: 'simulated or wall'})
        .describe('Event times from the population’s own clock, or from the schedule.')
        .optional(),
      population: z
        .strictObject(
          {
            accounts: numberIn('a whole number', {from: LIMITS.minAccounts, to: LIMITS.accounts, whole: true})
              .describe('How many accounts pay each other.')
              .optional(),
          },
          {error: 'settings: {accounts}'},
        )
        .optional(),
      fraud: z
        .strictObject(
          {
            rate: share('a share').describe('Expected share of fraudulent payments.').optional(),
            typologies: z
              .partialRecord(z.enum(TYPOLOGIES), numberIn('a weight', {from: 0, to: 1_000_000}), {
                error: 'weights by typology, such as {velocity-burst: 1}',
              })
              .describe('Weights of frauds by typology; those not named do not occur. All alike unless given.')
              .optional(),
          },
          {error: 'settings: {rate, typologies}'},
        )
        .optional(),
      lookAlikes: z
        .strictObject(
          {rate: share('a share').describe('Expected share of legitimate payments that look like fraud.').optional()},
          {error: 'settings: {rate}'},
        )
        .optional(),
      warmup: z
        .strictObject(
          {
            count: numberIn('a whole number', {from: 0, to: LIMITS.count, whole: true})
              .describe('First payments, sent like the rest and left out of detection figures and latency.')
              .optional(),
          },
          {error: 'settings: {count}'},
        )
        .describe('10 % of the planned payments unless given.')
        .optional(),
      load: z
        .union(
          [
            phase,
            z
              .array(phase, {error: 'a phase of load, or a list of them'})
              .min(1, {error: 'a list of at least one phase'})
              .max(LIMITS.phases, {error: `a list of at most ${LIMITS.phases} phases`}),
          ],
          {error: 'a phase of load, or a list of them'},
        )
        .describe('One phase, or several that follow each other.'),
      topics: z
        .strictObject(
          {
            partitions: numberIn('a whole number', {from: 1, to: LIMITS.partitions, whole: true})
              .describe('Of topics that the run creates; existing ones are never changed.')
              .optional(),
          },
          {error: 'settings: {partitions}'},
        )
        .optional(),
      detector: z
        .strictObject(
          {
            review: score.describe('Scores from here on are reviewed.').optional(),
            block: score.describe('Scores from here on are blocked.').optional(),
            rules: z
              .record(
                z.string(),
                z.record(z.string(), finite, {error: 'numbers by setting, such as {limit: 500000}'}),
                {
                  error: 'settings by rule, such as {amount: {limit: 500000}}',
                },
              )
              .describe('Limits and scores of rules, over their defaults.')
              .optional(),
          },
          {error: 'settings: {review, block, rules}'},
        )
        .optional(),
      thresholds: z
        .record(
          z.string(),
          z.union(
            [
              threshold,
              z.array(threshold, {error: 'a list of thresholds'}).max(100, {error: 'at most 100 thresholds'}),
            ],
            {error: 'a threshold, or a list of them'},
          ),
          {error: 'thresholds by metric, such as {audit.lost: "==0"}'},
        )
        .describe('What the run must keep, by metric.')
        .optional(),
    },
    {error: 'a scenario: settings such as version, load and thresholds, each with its value'},
  )
  .meta({title: 'p2pay scenario', description: 'A p2pay scenario file, version 1.'})

export type ScenarioFile = z.infer<typeof scenarioSchema>
export type ScenarioPhase = z.infer<typeof phase>

/** A JSON Schema node, as far as this room reads it. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly propertyNames?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** The JSON Schema (draft 7, which editors read best) of a scenario file. */
export function scenarioJsonSchema(): JsonSchema {
  return z.toJSONSchema(scenarioSchema, {
    target: 'draft-7',
    override: ({jsonSchema}) => {
      // A number may come from the environment, and is then a text until the file is read.
      if (jsonSchema.const === undefined && (jsonSchema.type === 'number' || jsonSchema.type === 'integer')) {
        Object.assign(jsonSchema, {type: [jsonSchema.type, 'string'], pattern: '^\\$\\{.+\\}$'})
      }
    },
  }) as JsonSchema
}
