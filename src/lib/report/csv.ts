/**
 * The time series of a result as CSV (RFC 4180, with CRLF): one row a second, every column named with its unit. What was
 * not measured in a second is an empty field, which spreadsheets and pandas read as missing, never as 0.
 */
import type {HttpSecond, RunResult} from './result.js'

type Column = readonly [name: string, cell: (second: HttpSecond) => number | null]

/** Latencies of the successes that came back in the second. */
const HTTP_COLUMNS: readonly Column[] = [
  ['second_s', each => each.second],
  ['due_requests', each => each.due],
  ['sent_requests', each => each.sent],
  ['succeeded_requests', each => each.succeeded],
  ['failed_requests', each => each.failed],
  ['timeout_requests', each => each.timeouts],
  ['error_requests', each => each.errors],
  ['dropped_requests', each => each.dropped],
  ['in_flight_requests', each => each.in_flight],
  ['queued_requests', each => each.queued],
  ['service_p50_ms', each => ms(each.response_p50)],
  ['service_p95_ms', each => ms(each.response_p95)],
  ['service_p99_ms', each => ms(each.response_p99)],
  ['service_max_ms', each => ms(each.response_max)],
  ['planned_p99_ms', each => ms(each.planned_p99)],
]

export function hasSeries({http, load}: RunResult): boolean {
  return (http === null ? load.per_second : http.per_second).length > 0
}

export function renderCsv({http, load}: RunResult): string {
  return http === null
    ? lines(
        ['second_s', 'acked_payments'],
        load.per_second.map((acked, second) => [second, acked]),
      )
    : lines(
        HTTP_COLUMNS.map(([name]) => name),
        http.per_second.map(second => HTTP_COLUMNS.map(([, cell]) => cell(second))),
      )
}

/** Names and numbers alone: nothing here needs quotes. */
function lines(head: readonly string[], rows: readonly (readonly (number | null)[])[]): string {
  return [head, ...rows].map(row => `${row.map(cell => cell ?? '').join(',')}\r\n`).join('')
}

function ms(us: number | null): number | null {
  return us === null ? null : us / 1000
}
