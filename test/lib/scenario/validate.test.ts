// biome-ignore-all lint/suspicious/noTemplateCurlyInString: scenarios have placeholders of their own
import {describe, expect, it} from 'vitest'
import {renderProblem} from '../../../src/lib/scenario/problem.js'
import {validateScenario} from '../../../src/lib/scenario/validate-scenario.js'

const LOAD = 'load: {executor: constant-arrival-rate, rate: 500, duration: 20s}'

function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  return validateScenario(text, {file: 's.yaml', env}).problems.map(problem => renderProblem('s.yaml', problem))
}

/** A valid scenario with one more line, which is line 3. */
function withLine(line: string): string {
  return `version: 1\n${LOAD}\n${line}`
}

describe('a scenario file', () => {
  it('needs no more than a version and a load', () => {
    expect(problemsOf(`version: 1\n${LOAD}`)).toEqual([])
  })

  it.each([
    [
      'an unknown key, with the nearest one',
      withLine('thresolds: {}'),
      '3:1 thresolds: unknown key; did you mean "thresholds"?',
    ],
    [
      'an unknown key within',
      withLine('population:\n  acounts: 5'),
      '4:3 population.acounts: unknown key; did you mean "accounts"?',
    ],
    [
      'an unknown key that resembles nothing',
      withLine('warmup: {kafka: 1}'),
      '3:10 warmup.kafka: unknown key; expected count',
    ],
    [
      'an unknown typology',
      withLine('fraud: {typologies: {mule-fan-inn: 1}}'),
      '3:22 fraud.typologies.mule-fan-inn: unknown key; did you mean "mule-fan-in"?',
    ],
    [
      'another executor’s key',
      'version: 1\nload:\n  executor: constant-arrival-rate\n  rate: 5\n  duration: 5s\n  stages: []',
      '6:3 load.stages: unknown key; expected executor, name, rate, timeUnit, duration, arrivals',
    ],
    [
      'an unknown executor',
      'version: 1\nload: {executor: constant}',
      '2:18 load.executor: "constant" is not constant-arrival-rate, ramping-arrival-rate or shared-iterations',
    ],
    ['a missing load', 'version: 1', '1:1 load: is missing; expected a phase of load, or a list of them'],
    [
      'a missing version',
      LOAD,
      '1:1 version: is missing; expected 1, the version of scenario files that this p2pay reads',
    ],
    [
      'another version',
      `version: 2\n${LOAD}`,
      '1:10 version: 2 is not 1, the version of scenario files that this p2pay reads',
    ],
    [
      'a rate of 0',
      'version: 1\nload: {executor: constant-arrival-rate, rate: 0, duration: 5s}',
      '2:47 load.rate: 0 is not a rate in (0, 1,000,000]',
    ],
    [
      'a rate of 1e9',
      'version: 1\nload: {executor: constant-arrival-rate, rate: 1.0e9, duration: 5s}',
      '2:47 load.rate: 1000000000 is not a rate in (0, 1,000,000]',
    ],
    [
      'a negative rate',
      'version: 1\nload: {executor: constant-arrival-rate, rate: -5, duration: 5s}',
      '2:47 load.rate: -5 is not a rate in (0, 1,000,000]',
    ],
    [
      'a rate that is too high per second',
      'version: 1\nload: {executor: constant-arrival-rate, rate: 2000, timeUnit: 1ms, duration: 5s}',
      '2:47 load.rate: 2000000 payments/s is above 1,000,000',
    ],
    [
      'a duration without unit',
      'version: 1\nload: {executor: constant-arrival-rate, rate: 5, duration: 20}',
      '2:60 load.duration: 20 is not a duration above 0 with its unit, such as 250ms, 30s or 1m30s, or forever',
    ],
    [
      'a duration of 0',
      'version: 1\nload: {executor: constant-arrival-rate, rate: 5, duration: 0s}',
      '2:60 load.duration: "0s" is not a duration above 0 with its unit, such as 250ms, 30s or 1m30s, or forever',
    ],
    [
      'a duration of years',
      'version: 1\nload: {executor: constant-arrival-rate, rate: 5, duration: 999d}',
      '2:60 load.duration: 999d is longer than 366 days; write forever for no end',
    ],
    [
      'forever before the end',
      'version: 1\nload:\n  - {executor: constant-arrival-rate, rate: 5, duration: forever}\n  - {executor: shared-iterations, iterations: 1}',
      '3:58 load[0].duration: only the last phase can last forever',
    ],
    ['an empty list of phases', 'version: 1\nload: []', '2:7 load: [] is not a list of at least one phase'],
    [
      'a ramp that stays at 0',
      'version: 1\nload: {executor: ramping-arrival-rate, stages: [{target: 0, duration: 5s}]}',
      '2:48 load.stages: the rate never rises above 0',
    ],
    [
      'a ramp without stages',
      'version: 1\nload: {executor: ramping-arrival-rate, stages: []}',
      '2:48 load.stages: [] is not a list of at least one stage: {target, duration}',
    ],
    [
      'a fraction of a payment',
      'version: 1\nload: {executor: shared-iterations, iterations: 1.5}',
      '2:49 load.iterations: 1.5 is not a whole number in [1, 1,000,000,000,000]',
    ],
    ['a seed that is none', withLine('seed: -1'), '3:7 seed: -1 is not a whole number in [0, 2^53)'],
    ['a share above a half', withLine('fraud: {rate: 0.6}'), '3:15 fraud.rate: 0.6 is not a share in [0, 0.5]'],
    [
      'weights that are all 0',
      withLine('fraud: {typologies: {structuring: 0}}'),
      '3:21 fraud.typologies: all weights are 0, and fraud.rate is not',
    ],
    [
      'a warm-up that leaves nothing',
      withLine('warmup: {count: 10000}'),
      '3:17 warmup.count: 10000 of 10000 planned payments leave nothing to measure',
    ],
    [
      'review above block',
      withLine('detector: {review: 0.9, block: 0.8}'),
      '3:20 detector.review: review 0.9 is above block 0.8',
    ],
    [
      'a rule’s limit that is no number',
      withLine('detector: {rules: {amount: {limit: high}}}'),
      '3:36 detector.rules.amount.limit: "high" is not a number',
    ],
    [
      'an unknown metric',
      withLine('thresholds: {audit.lots: "==0"}'),
      '3:26 thresholds["audit.lots"]: unknown metric "audit.lots"; did you mean "audit.lost"?',
    ],
    [
      'an expression that is none',
      withLine('thresholds: {audit.lost: ["==0", "=0"]}'),
      '3:34 thresholds["audit.lost"][1]: "=0" is not a threshold of audit.lost: expected an operator: <, <=, >, >=, == or !=',
    ],
    [
      'an unknown severity',
      withLine('thresholds: {audit.lost: {expr: "==0", severity: bad}}'),
      '3:50 thresholds["audit.lost"].severity: "bad" is not fail or warn',
    ],
    [
      'a time without offset',
      withLine('start: 2026-01-01'),
      '3:8 start: "2026-01-01" is not a time in ISO 8601 with its offset, such as 2026-01-01T00:00:00Z',
    ],
    ['a key twice', withLine('seed: 1\nseed: 2'), '4:1 Map keys must be unique'],
    ['two documents', `version: 1\n${LOAD}\n---\nversion: 1`, '3:1 one document is expected, not several'],
    [
      'an empty file',
      '',
      '1:1 the file is empty; expected a scenario: settings such as version, load and thresholds, each with its value',
    ],
    ['a list', '- 1', '1:1 [1] is not a scenario: settings such as version, load and thresholds, each with its value'],
    [
      'a prototype',
      withLine('__proto__: {seed: 1}'),
      '3:1 __proto__: unknown key; expected version, name, description, seed, start, clock, population, fraud, lookAlikes, warmup, load, topics, detector, thresholds',
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual([`s.yaml:${expected}`])
  })

  it('names all problems at once, in the order of the file', () => {
    const text = [
      'version: 1',
      'sed: 1',
      'load: {executor: constant-arrival-rate, rate: 0, duration: 20}',
      'thresholds: {audit.lots: "==0"}',
    ].join('\n')
    expect(problemsOf(text).map(problem => problem.split(' ')[0])).toEqual([
      's.yaml:2:1',
      's.yaml:3:47',
      's.yaml:3:60',
      's.yaml:4:26',
    ])
  })

  it.each([
    ['one phase', 'load:\n  executor: constant-rate\n  rat: 5\n  duration: 20\n  arrivals: often', 'load'],
    ['a list', 'load:\n- executor: constant-rate\n  rat: 5\n  duration: 20\n  arrivals: often', 'load[0]'],
  ])('of an unknown executor still tells what else is wrong with its phase: %s', (_, load, where) => {
    expect(problemsOf(`version: 1\n${load}`).map(problem => problem.replace(/^\S+ /, ''))).toEqual([
      `${where}.executor: "constant-rate" is not constant-arrival-rate, ramping-arrival-rate or shared-iterations`,
      `${where}.rat: unknown key; did you mean "rate"?`,
      `${where}.duration: 20 is not a duration above 0 with its unit, such as 250ms, 30s or 1m30s, or forever`,
      `${where}.arrivals: "often" is not uniform or poisson`,
    ])
  })

  it('is not read when it is no YAML, and says where', () => {
    expect(problemsOf(`version: 1\nload: [`)).toEqual([expect.stringMatching(/^s\.yaml:2:8 /)])
  })

  it('expands no bomb of aliases', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefg'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[at]}`).join(',')}]`),
    ]
    expect(problemsOf(bomb.join('\n'))).toEqual([expect.stringMatching(/alias/i)])
  })
})

describe('variables in a scenario', () => {
  const rateOf = (rate: string, env: Record<string, string> = {}): unknown => {
    const text = `version: 1\nload:\n  executor: constant-arrival-rate\n  rate: ${rate}\n  duration: 20s`
    const {loaded, problems} = validateScenario(text, {file: 's.yaml', env})
    const phase = loaded?.plan.load[0]
    return phase?.executor === 'constant-arrival-rate'
      ? phase.rateTps
      : problems.map(problem => renderProblem('s.yaml', problem))
  }

  it.each([
    ['unquoted', '${RATE}', {RATE: '250'}, 250],
    ['quoted', '"${RATE}"', {RATE: '250'}, 250],
    ['with a default that is not needed', '${RATE:-500}', {RATE: '250'}, 250],
    ['with a default that is', '${RATE:-500}', {}, 500],
    ['empty, with a default', '${RATE:-500}', {RATE: ''}, 500],
    ['within a number', '${RATE}0', {RATE: '25'}, 250],
  ])('are filled in: %s', (_, rate, env, expected) => {
    expect(rateOf(rate, env)).toBe(expected)
  })

  it.each([
    ['not set', '${RATE}', {}, '4:9 the variable RATE is not set: set it, or write ${RATE:-default}'],
    ['no name', '${1}', {}, '4:9 ${1} is no variable: write ${NAME} or ${NAME:-default}'],
    ['no number', '${RATE}', {RATE: 'fast'}, '4:9 load.rate: "fast" is not a rate in (0, 1,000,000]'],
    ['a structure', '${RATE}', {RATE: '{a: 1}'}, '4:9 load.rate: "{a: 1}" is not a rate in (0, 1,000,000]'],
  ])('are refused: %s', (_, rate, env, expected) => {
    expect(rateOf(rate, env)).toEqual([`s.yaml:${expected}`])
  })

  it('can be written literally, and mean nothing in comments', () => {
    const {loaded} = validateScenario(`# \${NOPE}\nversion: 1\nname: a $\${b}\n${LOAD}`, {file: 's.yaml', env: {}})
    expect(loaded?.plan.name).toBe('a ${b}')
  })
})
