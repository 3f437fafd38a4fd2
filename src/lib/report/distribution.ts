/** The latency distributions of a result as `.hgrm` files: the one that matters most, and beside it the planned one. */
import {percentileDistribution} from '../metrics/hgrm.js'
import {LATENCY_NAMES} from './latency-names.js'
import type {LatencySummary, RunResult} from './result.js'

export interface Distribution {
  /** Goes before the extension of the file's name; empty for the first one. */
  readonly suffix: '' | 'planned'
  readonly text: string
}

/** The first that was measured: of a load test the service time, of a run the time to the decision, or to the ack. */
const FIRST: readonly LatencySummary['metric'][] = ['http.response_time', 'detect.decision_time', 'produce.ack_time']

/** Whether there is any sample to distribute. */
export function hasDistribution(result: RunResult): boolean {
  return chosen(result).some(({hdr}) => hdr !== null)
}

/** @throws UsageError P2PAY_HISTOGRAM when an encoded histogram of the result is damaged */
export function distributionsOf(result: RunResult): Distribution[] {
  const [first, ...rest] = chosen(result)
  return [
    {suffix: '', text: textOf(first)},
    ...rest.map(latency => ({suffix: 'planned' as const, text: textOf(latency)})),
  ]
}

function chosen({latencies, http}: RunResult): LatencySummary[] {
  const of = (metric: LatencySummary['metric']): LatencySummary[] => latencies.filter(each => each.metric === metric)
  if (http !== null) return [...of('http.response_time'), ...of('http.planned_time')]
  const first = FIRST.flatMap(of).find(({hdr}) => hdr !== null)
  return first === undefined ? [] : [first]
}

function textOf(latency: LatencySummary | undefined): string {
  if (latency === undefined) return percentileDistribution(null, 'not measured')
  return percentileDistribution(latency.hdr, `${LATENCY_NAMES[latency.metric]}, ${latency.basis}`)
}
