// biome-ignore-all lint/suspicious/noTemplateCurlyInString: scenarios have placeholders of their own
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {loadPlan, planFromFlags} from '../../../src/lib/scenario/load.js'
import type {PlanOverrides} from '../../../src/lib/scenario/overrides.js'
import type {Plan} from '../../../src/lib/scenario/plan.js'
import {plannedCountOf} from '../../../src/lib/scenario/planned-count.js'
import {problemsError} from '../../../src/lib/scenario/problem.js'
import {validateScenario} from '../../../src/lib/scenario/validate-scenario.js'

const CONSTANT = 'load: {executor: constant-arrival-rate, rate: 500, duration: 20s, arrivals: poisson}'
const RAMP = 'load: {executor: ramping-arrival-rate, startRate: 100, stages: [{target: 300, duration: 10s}]}'
const UNPACED = 'load: {executor: shared-iterations, iterations: 1000}'

function planOf(load: string, overrides: PlanOverrides = {}): Plan {
  const {loaded, problems} = validateScenario(`version: 1\n${load}`, {file: 'x/name.yaml', overrides, env: {}})
  if (loaded === undefined) throw new Error(JSON.stringify(problems))
  return loaded.plan
}

describe('a plan', () => {
  it('has every default filled in', () => {
    expect(planOf(CONSTANT)).toEqual({
      name: 'name',
      seed: 1,
      accountCount: 2000,
      clock: 'simulated',
      fraudRate: 0.01,
      typologies: {'velocity-burst': 1, 'account-takeover': 1, 'card-testing': 1, 'mule-fan-in': 1, structuring: 1},
      lookAlikeRate: 0.05,
      warmupCount: 1000,
      load: [{executor: 'constant-arrival-rate', rateTps: 500, durationMs: 20_000, arrivals: 'poisson'}],
      maxCount: Number.POSITIVE_INFINITY,
      partitions: 6,
      detector: {reviewScore: 0.5, blockScore: 0.8, rules: {}},
      thresholds: [],
    })
  })

  it('counts rates per timeUnit', () => {
    const plan = planOf('load: {executor: constant-arrival-rate, rate: 30, timeUnit: 1m, duration: 1h}')
    expect(plan.load).toEqual([expect.objectContaining({rateTps: 0.5, durationMs: 3_600_000})])
  })

  it('keeps thresholds in order, failing unless they only warn', () => {
    const thresholds =
      'thresholds: {audit.lost: "==0", produce.ack_time: ["p(99)<1s", {expr: "max<5s", severity: warn}]}'
    expect(planOf(`${CONSTANT}\n${thresholds}`).thresholds).toEqual([
      {metric: 'audit.lost', expression: '==0', severity: 'fail'},
      {metric: 'produce.ack_time', expression: 'p(99)<1s', severity: 'fail'},
      {metric: 'produce.ack_time', expression: 'max<5s', severity: 'warn'},
    ])
  })

  it.each([
    ['only review is given, above the usual block', 'detector: {review: 0.9}', {reviewScore: 0.9, blockScore: 0.9}],
    ['only block is given, below the usual review', 'detector: {block: 0.3}', {reviewScore: 0.3, blockScore: 0.3}],
  ])('keeps review ≤ block when %s', (_, line, expected) => {
    expect(planOf(`${CONSTANT}\n${line}`).detector).toMatchObject(expected)
  })

  it.each([
    ['a constant rate', CONSTANT, 10_000],
    ['a ramp', RAMP, 2000],
    ['no rate', UNPACED, 1000],
    ['no end', 'load: {executor: constant-arrival-rate, rate: 5, duration: forever}', Number.POSITIVE_INFINITY],
  ])('asks for a count: %s', (_, load, expected) => {
    expect(plannedCountOf(planOf(load))).toBe(expected)
  })

  it('warms a run without end up for a tenth of its first minute', () => {
    expect(planOf('load: {executor: constant-arrival-rate, rate: 500, duration: forever}').warmupCount).toBe(3000)
  })
})

describe('flags over a file', () => {
  const constant = (rateTps: number, durationMs: number): unknown => [
    {executor: 'constant-arrival-rate', rateTps, durationMs, arrivals: expect.anything()},
  ]
  const forever = Number.POSITIVE_INFINITY

  it.each<[string, string, PlanOverrides, unknown, number]>([
    ['--tps keeps the length', CONSTANT, {rateTps: 100}, constant(100, 20_000), 2000],
    ['--tps replaces a ramp', RAMP, {rateTps: 100}, constant(100, 10_000), 1000],
    ['--tps paces what had no rate', UNPACED, {rateTps: 100}, constant(100, 10_000), 1000],
    ['--tps --duration', RAMP, {rateTps: 100, durationMs: 5000}, constant(100, 5000), 500],
    ['--tps --count', RAMP, {rateTps: 100, maxCount: 7}, constant(100, forever), 7],
    ['--tps max keeps the count', RAMP, {rateTps: 'max'}, [{executor: 'shared-iterations', count: 2000}], 2000],
    ['--tps max --count', RAMP, {rateTps: 'max', maxCount: 9}, [{executor: 'shared-iterations', count: 9}], 9],
    ['--duration', CONSTANT, {durationMs: 5000}, constant(500, 5000), 2500],
    ['--duration forever', CONSTANT, {durationMs: forever}, constant(500, forever), forever],
    ['--count within', CONSTANT, {maxCount: 600}, constant(500, 20_000), 600],
    ['--count beyond', CONSTANT, {maxCount: 20_000}, constant(500, forever), 20_000],
    ['--count of iterations', UNPACED, {maxCount: 20_000}, [{executor: 'shared-iterations', count: 20_000}], 20_000],
    [
      '--count ends a ramp early',
      RAMP,
      {maxCount: 600},
      [expect.objectContaining({executor: 'ramping-arrival-rate'})],
      600,
    ],
  ])('%s', (_, load, overrides, expectedLoad, expectedCount) => {
    const plan = planOf(load, overrides)
    expect(plan.load).toEqual(expectedLoad)
    expect(plannedCountOf(plan)).toBe(expectedCount)
  })

  it('keeps the file’s arrivals unless told otherwise', () => {
    expect(planOf(CONSTANT, {rateTps: 5}).load[0]).toMatchObject({arrivals: 'poisson'})
    expect(planOf(CONSTANT, {arrivals: 'uniform'}).load[0]).toMatchObject({arrivals: 'uniform'})
    expect(planOf(RAMP, {arrivals: 'poisson'}).load[0]).toMatchObject({arrivals: 'poisson'})
  })

  it('overrides every other value', () => {
    const overrides: PlanOverrides = {
      name: 'n',
      seed: 9,
      accountCount: 50,
      fraudRate: 0.2,
      lookAlikeRate: 0,
      clock: 'wall',
      startMs: 1_700_000_000_000,
      partitions: 2,
    }
    expect(planOf(`${CONSTANT}\nname: other\nseed: 1\nstart: 2026-01-01T00:00:00Z`, overrides)).toMatchObject({
      ...overrides,
    })
  })

  it('shrinks a warm-up that would eat a shortened run', () => {
    expect(planOf(`${CONSTANT}\nwarmup: {count: 2000}`, {maxCount: 1000}).warmupCount).toBe(100)
    expect(planOf(`${CONSTANT}\nwarmup: {count: 2000}`, {maxCount: 5000}).warmupCount).toBe(2000)
  })

  it.each<[string, string, PlanOverrides, RegExp]>([
    ['--duration of a ramp', RAMP, {durationMs: 5000}, /^--duration: the scenario’s load is not one constant rate/],
    ['--count beyond a ramp', RAMP, {maxCount: 5000}, /^--count: .*plans fewer payments than 5000/],
    ['--tps 0', CONSTANT, {rateTps: 0}, /^--tps: 0 is not a rate in \(0, 1,000,000\], or max$/],
    ['--tps 1e9', CONSTANT, {rateTps: 1e9}, /^--tps: 1000000000 is not a rate/],
    ['--tps NaN', CONSTANT, {rateTps: Number.NaN}, /^--tps: NaN is not a rate/],
    ['--count 0', CONSTANT, {maxCount: 0}, /^--count: 0 is not a whole number/],
    ['--count 1.5', CONSTANT, {maxCount: 1.5}, /^--count: 1.5 is not a whole number/],
    ['--seed -1', CONSTANT, {seed: -1}, /^--seed: -1 is not/],
    ['--fraud-rate 0.9', CONSTANT, {fraudRate: 0.9}, /^--fraud-rate: 0.9 is not a share in \[0, 0.5\]$/],
    ['--accounts 1', CONSTANT, {accountCount: 1}, /^--accounts: 1 is not a whole number in \[10, 10,000,000\]$/],
    ['--start yesterday', CONSTANT, {startMs: Number.NaN}, /^--start: NaN is not a time/],
  ])('refuses %s', (_, load, overrides, expected) => {
    expect(() => planOf(load, overrides)).toThrow()
    const {problems} = validateScenario(`version: 1\n${load}`, {file: 's.yaml', overrides, env: {}})
    expect(problems.map(problem => `${problem.where}: ${problem.message}`)).toEqual([expect.stringMatching(expected)])
  })
})

describe('planFromFlags', () => {
  it.each<[string, PlanOverrides, unknown]>([
    ['nothing asked: a minute’s worth, unpaced', {}, {executor: 'shared-iterations', count: 30_000}],
    ['a count', {maxCount: 7}, {executor: 'shared-iterations', count: 7}],
    ['a duration without a rate counts at 500/s', {durationMs: 2000}, {executor: 'shared-iterations', count: 1000}],
    [
      'unpaced forever',
      {durationMs: Number.POSITIVE_INFINITY},
      {executor: 'shared-iterations', count: Number.POSITIVE_INFINITY},
    ],
    [
      'a rate: for a minute',
      {rateTps: 5},
      {executor: 'constant-arrival-rate', rateTps: 5, durationMs: 60_000, arrivals: 'uniform'},
    ],
    [
      'a rate and arrivals',
      {rateTps: 5, durationMs: 100, arrivals: 'poisson'},
      {executor: 'constant-arrival-rate', rateTps: 5, durationMs: 100, arrivals: 'poisson'},
    ],
  ])('%s', (_, overrides, expected) => {
    expect(planFromFlags(overrides).plan.load).toEqual([expected])
  })

  it('names all bad flags at once', () => {
    expect(() => planFromFlags({rateTps: 0, seed: -1})).toThrow(
      expect.objectContaining({
        code: 'P2PAY_LOAD',
        message:
          'the flags: 2 problems\n  --tps: 0 is not a rate in (0, 1,000,000], or max\n  --seed: -1 is not a whole number in [0, 2^53)',
      }),
    )
  })
})

describe('the digest of a plan', () => {
  it('depends on what is planned, not on how it is written', () => {
    const digest = (text: string, overrides: PlanOverrides = {}): string | undefined =>
      validateScenario(text, {file: 'a.yaml', overrides, env: {}}).loaded?.sha256
    const written = digest(`version: 1\nseed: 1\n${CONSTANT}`)
    expect(written).toMatch(/^[0-9a-f]{64}$/)
    expect(digest(`# another hand\n${CONSTANT}\nversion: 1\ndescription: words`)).toBe(written)
    expect(digest(`version: 1\nseed: 9\n${CONSTANT}`, {seed: 1})).toBe(written)
    expect(digest(`version: 1\nseed: 2\n${CONSTANT}`)).not.toBe(written)
    expect(digest(`version: 1\n${CONSTANT}`, {durationMs: Number.POSITIVE_INFINITY})).not.toBe(written)
  })
})

describe('loadPlan', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'p2pay-scenario-'))
  })
  afterAll(() => rm(directory, {recursive: true}))

  it.each(['smoke', 'steady', 'peak', 'fraud-storm'])('reads scenarios/%s.yaml', async name => {
    const path = fileURLToPath(new URL(`../../../scenarios/${name}.yaml`, import.meta.url))
    const {plan, description} = await loadPlan(path, {}, {})
    expect(plan.name).toBe(name)
    expect(description).not.toBeNull()
    const planned = plannedCountOf(plan)
    // Enough frauds past the warm-up for a verdict on detection, with room for chance.
    expect((planned - plan.warmupCount) * plan.fraudRate).toBeGreaterThan(150)
    expect(plan.thresholds).toEqual(
      expect.arrayContaining([
        {metric: 'rate.achieved_ratio', expression: '>=0.99', severity: 'fail'},
        {metric: 'produce.error_rate', expression: '<0.1%', severity: 'fail'},
        {metric: 'audit.unbalanced', expression: '==0', severity: 'fail'},
      ]),
    )
  })

  it('says which file is not there', async () => {
    await expect(loadPlan(join(directory, 'none.yaml'), {}, {})).rejects.toMatchObject({
      code: 'P2PAY_SCENARIO_FILE',
      message: expect.stringContaining('none.yaml'),
      oclif: {exit: 2},
    })
  })

  it('refuses a file that is too long to be one', async () => {
    const path = join(directory, 'long.yaml')
    await writeFile(path, '#'.repeat(1_000_001))
    await expect(loadPlan(path, {}, {})).rejects.toMatchObject({code: 'P2PAY_SCENARIO_FILE'})
  })

  it.each([
    ['/dev/zero', 'it is no regular file'],
    [tmpdir(), 'it is a directory'],
  ])('refuses %s, which has no end or no text', async (path, why) => {
    await expect(loadPlan(path, {}, {})).rejects.toMatchObject({
      code: 'P2PAY_SCENARIO_FILE',
      message: `the scenario ${path} cannot be read: ${why}`,
    })
  })

  it('does not send whoever validates to validate', () => {
    expect(problemsError('s.yaml', []).suggestions?.join()).not.toContain('p2pay validate')
  })

  it('throws one error with all problems', async () => {
    const path = join(directory, 'bad.yaml')
    await writeFile(path, 'version: 1\nsed: 1\nload: []\n')
    await expect(loadPlan(path, {}, {})).rejects.toMatchObject({
      code: 'P2PAY_SCENARIO',
      oclif: {exit: 2},
      message: `${path}: 2 problems\n  ${path}:2:1 sed: unknown key; did you mean "seed"?\n  ${path}:3:7 load: [] is not a list of at least one phase`,
    })
  })
})

it('reads any text without failing otherwise than by problems', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          ...'version load rate executor thresholds : - [ ] { } ${ } \n " \' & * ! | > 1 0s forever # \t'.split(' '),
          ': ',
          '\n  ',
        ),
        {maxLength: 30},
      ),
      tokens => {
        const {loaded, problems} = validateScenario(tokens.join(''), {file: 's.yaml', env: {}})
        expect(loaded === undefined).toBe(problems.length > 0)
      },
    ),
    {numRuns: 500},
  )
})
