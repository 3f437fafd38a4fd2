/** A load model in one line, for the first lines of a run and its report. */
import type {LoadModel} from './options.js'

/** `2,000 requests/s for 30 s, at most 200 at once (open model)` */
export function describeLoad(model: LoadModel): string {
  if (model.kind === 'open') {
    return `${inRequests(model.schedule.description)}, at most ${grouped(model.concurrency)} at once (open model)`
  }
  return `${boundsOf(model)}, ${grouped(model.concurrency)} at once (closed model)`
}

/** Schedules speak of payments and name k6's executors; here the model is named instead. */
function inRequests(description: string): string {
  return description
    .replaceAll(/ \((?:constant|ramping) arrival rate(, Poisson)?\)/g, (_, poisson: string | undefined) =>
      poisson === undefined ? '' : ' in Poisson arrivals',
    )
    .replaceAll('payment', 'request')
}

function boundsOf({requestCount, durationMs}: LoadModel & {kind: 'closed'}): string {
  const hasCount = Number.isFinite(requestCount)
  const hasTime = Number.isFinite(durationMs)
  const count = `${grouped(requestCount)} ${requestCount === 1 ? 'request' : 'requests'}`
  const seconds = `${grouped(durationMs / 1000)} s`
  if (hasCount && hasTime) return `${count} or ${seconds}, whichever ends first`
  if (hasCount) return count
  return hasTime ? `as many requests as are answered in ${seconds}` : 'requests until stopped'
}

function grouped(value: number): string {
  return value.toLocaleString('en-US', {maximumFractionDigits: 6})
}
