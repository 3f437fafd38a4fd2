import {describe, expect, it} from 'vitest'
import {isMetricName, METRICS, metricInfo} from '../../../src/lib/metrics/catalogue.js'
import {createHistogram} from '../../../src/lib/metrics/histogram.js'
import type {MetricSet, MetricValue} from '../../../src/lib/metrics/metrics.js'
import {allPassed, judge, parseThreshold} from '../../../src/lib/metrics/threshold.js'

/** 1 ms to 100 ms. */
function hundredMilliseconds(): MetricValue {
  const histogram = createHistogram()
  for (let ms = 1; ms <= 100; ms++) histogram.recordUs(ms * 1000)
  return {kind: 'trend', histogram}
}

const METRIC_SET: MetricSet = new Map<string, MetricValue>([
  ['produce.ack_time', hundredMilliseconds()],
  ['produce.lateness', {kind: 'trend', histogram: createHistogram()}],
  ['rate.achieved_ratio', {kind: 'rate', value: 0.99}],
  ['rate.achieved_tps', {kind: 'gauge', value: 495}],
  ['audit.lost', {kind: 'counter', value: 0}],
  ['detect.recall', {kind: 'rate', value: null, reason: '37 frauds graded, a verdict needs 100'}],
])

describe('a threshold', () => {
  it.each([
    ['produce.ack_time', 'p(99)<250ms', 250_000],
    ['produce.ack_time', 'p(99.9)<=1s', 1_000_000],
    ['produce.ack_time', ' p( 95 ) < 75 ms ', 75_000],
    ['produce.ack_time', 'avg<1.5ms', 1500],
    ['produce.ack_time', 'max<=1m', 60_000_000],
    ['produce.ack_time', 'med>=500us', 500],
    ['produce.ack_time', 'min>0us', 0],
    ['produce.ack_time', 'count>=100', 100],
    ['rate.achieved_ratio', 'rate>=99%', 0.99],
    ['rate.achieved_ratio', '>=0.99', 0.99],
    ['produce.error_rate', '<0.1%', 0.001],
    ['produce.error_rate', '<1e-3', 0.001],
    ['rate.achieved_tps', 'value>=495', 495],
    ['audit.lost', '==0', 0],
    ['audit.lost', '===0', 0],
    ['audit.lost', 'count!=5', 5],
  ])('of %s may be %j', (metric, expression, limit) => {
    expect(parseThreshold(metric, expression)).toMatchObject({metric, expression, limit})
  })

  it.each([
    ['no operator', 'produce.ack_time', 'p(99)', 'expected an operator: <, <=, >, >=, == or !='],
    ['an operator of no kind', 'audit.lost', '=0', 'expected an operator'],
    ['nothing', 'audit.lost', '', 'expected an operator'],
    ['no value', 'audit.lost', '==', 'the value is missing'],
    ['no number', 'audit.lost', '==none', '"none" is not a number'],
    ['two comparisons', 'audit.lost', '>0<5', '"0<5" is not a number'],
    ['a time without unit', 'produce.ack_time', 'p(99)<250', '250 has no unit: write us, ms, s or m, such as 250ms'],
    ['a time in another unit', 'produce.ack_time', 'p(99)<250kg', '"kg" is no unit of time'],
    [
      'a time without aggregate',
      'produce.ack_time',
      '<250ms',
      'a time needs an aggregate: expected p(N), avg, min, med, max, count',
    ],
    ['a percentile above 100', 'produce.ack_time', 'p(101)<1s', 'p(101) is not a percentile'],
    ['an empty percentile', 'produce.ack_time', 'p()<1s', 'p() is not a percentile'],
    ['a percentile of a share', 'rate.achieved_ratio', 'p(99)>0.5', 'a rate has no percentiles: expected rate'],
    ['another kind’s aggregate', 'audit.lost', 'avg<5', 'unknown aggregate "avg": expected count'],
    ['an aggregate of no kind', 'produce.ack_time', 'median<5ms', 'unknown aggregate "median"'],
    ['a share with a unit of time', 'rate.achieved_ratio', '>1s', '"s" is no unit of a share: write 0.99 or 99%'],
    ['a count in percent', 'audit.lost', '<5%', 'a count has no unit, but "%" follows'],
    ['a count of samples in ms', 'produce.ack_time', 'count>5ms', 'a count has no unit, but "ms" follows'],
  ])('is refused with %s', (_, metric, expression, why) => {
    expect(() => parseThreshold(metric, expression)).toThrow(
      expect.objectContaining({
        code: 'P2PAY_THRESHOLD',
        message: expect.stringContaining(why),
        suggestions: [expect.stringContaining('such as')],
      }),
    )
  })

  it.each([
    ['detect.recal', 'detect.recall'],
    ['audit.duplicate_row', 'audit.duplicate_rows'],
    ['produce.acktime', 'produce.ack_time'],
  ])('of the unknown metric %s names %s', (wrong, right) => {
    expect(() => parseThreshold(wrong, '==0')).toThrow(`unknown metric "${wrong}"; did you mean "${right}"?`)
    expect(isMetricName(wrong)).toBe(false)
  })

  it('of a metric that resembles none lists all', () => {
    expect(() => metricInfo('cpu')).toThrow(
      expect.objectContaining({message: 'unknown metric "cpu"', suggestions: [expect.stringContaining('audit.lost')]}),
    )
    expect(() => metricInfo('toString')).toThrow(/unknown metric/)
  })

  it('has a unit that fits the kind of its metric', () => {
    for (const {kind, unit} of Object.values(METRICS)) {
      expect({trend: ['us'], rate: ['share'], gauge: ['tps'], counter: ['payments']}[kind]).toContain(unit)
    }
  })
})

describe('the verdict on a threshold', () => {
  it.each([
    ['produce.ack_time', 'p(99)<=100ms', 99_000, true],
    ['produce.ack_time', 'p(99)<99ms', 99_000, false],
    ['produce.ack_time', 'p(50)<=51ms', 50_000, true],
    ['produce.ack_time', 'med>60ms', 50_000, false],
    ['produce.ack_time', 'min>=1ms', 1000, true],
    ['produce.ack_time', 'max<100ms', 100_000, false],
    ['produce.ack_time', 'max<=100ms', 100_000, true],
    ['produce.ack_time', 'avg<51ms', 50_500, true],
    ['produce.ack_time', 'count==100', 100, true],
    ['rate.achieved_ratio', '>=0.99', 0.99, true],
    ['rate.achieved_ratio', '>0.99', 0.99, false],
    ['rate.achieved_tps', '>=495', 495, true],
    ['audit.lost', '==0', 0, true],
    ['audit.lost', '!=0', 0, false],
  ])('%s %s with %d is %s', (metric, expression, actual, passed) => {
    const [outcome] = judge([{metric, expression, severity: 'fail'}], METRIC_SET)
    expect(outcome).toMatchObject({metric, expression, severity: 'fail', passed, reason: null})
    // Within the 3 digits of the histogram.
    expect(Math.abs((outcome?.actual ?? Number.NaN) - actual)).toBeLessThanOrEqual(actual / 1000)
  })

  it.each([
    ['an empty histogram', 'produce.lateness', 'p(99)<1s', 'no samples'],
    ['a count of no samples', 'produce.lateness', 'count>=0', 'no samples'],
    ['a metric that was not measured', 'audit.misrouted', '==0', 'no samples'],
    ['too few samples, with the reason', 'detect.recall', '>=0', '37 frauds graded, a verdict needs 100'],
  ])('on %s is a failure that says why', (_, metric, expression, reason) => {
    expect(judge([{metric, expression, severity: 'fail'}], METRIC_SET)).toEqual([
      {metric, expression, severity: 'fail', actual: null, passed: false, reason},
    ])
  })

  it('of severity warn never fails the run', () => {
    const breached = {metric: 'audit.lost', expression: '>0'}
    expect(allPassed(judge([{...breached, severity: 'warn'}], METRIC_SET))).toBe(true)
    expect(allPassed(judge([{...breached, severity: 'fail'}], METRIC_SET))).toBe(false)
    expect(allPassed([])).toBe(true)
  })
})
