/** Latencies in figures and by percentile; of a load test side by side, and by scenario and fate. */
import {percentilePlot} from './chart.js'
import {formatCount, formatMs, NOT_MEASURED} from './format.js'
import {numberCell, numberHead, remark, section, table} from './html-parts.js'
import {html, type Markup, NOTHING} from './markup.js'
import type {HttpSection, LatencySummary, RunResult} from './result.js'
import {latenciesByRole} from './view.js'
import {gapText, groupRows, latencyRows} from './view-http.js'

const PERCENTILES = ['p50', 'p90', 'p95', 'p99', 'p999', 'p9999', 'max'] as const
const PERCENTILE_NAMES = ['p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max'] as const

/** By the latency's name; service and planned as in the charts over time. */
const LINES: Readonly<Record<string, string>> = {
  service: 'line s0',
  planned: 'line planned',
  'first byte': 'line s2',
  decided: 'line s3',
  acked: 'line s1',
}

const PLANNED = ['p50', 'p99', 'max'] as const

export function latencySections(result: RunResult): Markup[] {
  return result.http === null ? [runLatency(result)] : [httpLatency(result, result.http), groups(result.http)]
}

function runLatency(result: RunResult): Markup {
  const {lateness, pipeline} = latenciesByRole(result)
  if (pipeline.length === 0) return section('Latency', [NOT_MEASURED])
  const shown = lateness === undefined ? pipeline : [lateness, ...pipeline]
  const rows = shown.map(latency => html`<tr><td>${latency.basis}</td>${figures(latency, PERCENTILES)}</tr>\n`)
  return section('Latency', [
    table([['ms', ''], ...numberHead(['count', ...PERCENTILE_NAMES])], rows),
    html`<h3>By percentile</h3>`,
    percentilePlot(shown.map(({basis, hdr}) => ({name: basis, hdr}))),
  ])
}

function httpLatency(result: RunResult, http: HttpSection): Markup {
  const shown = latencyRows(result)
  const rows = shown.map(
    ({name, basis, latency}) =>
      html`<tr><td>${name} <span class="soft">${basis}</span></td>${figures(latency, PERCENTILES)}</tr>\n`,
  )
  return section('Latency', [
    table([['ms', ''], ...numberHead(['count', ...PERCENTILE_NAMES])], rows),
    remark(gapText(result, http)),
    html`<h3>By percentile</h3>`,
    percentilePlot(
      shown.map(({name, basis, latency}) => ({
        name: `${name} (${basis})`,
        hdr: latency?.hdr ?? null,
        kind: LINES[name] ?? 'line s4',
      })),
    ),
  ])
}

function groups(http: HttpSection): Markup {
  const rows = groupRows(http)
  if (rows.length === 0) return NOTHING
  const isOpen = http.model === 'open'
  const hasNames = rows.some(({scenario}) => scenario !== '')
  const lines = rows.map(
    ({scenario, outcome, isSuccess, service, planned}) =>
      html`<tr>${hasNames ? html`<td>${scenario}</td>` : NOTHING}<td class="${isSuccess ? '' : 'fail'}">${outcome}</td>${figures(service, ['p50', 'p95', 'p99', 'max'])}${
        isOpen ? PLANNED.map(name => cell(planned, name)) : NOTHING
      }</tr>\n`,
  )
  const head = numberHead([
    'count',
    'service p50',
    'p95',
    'p99',
    'max',
    ...(isOpen ? ['planned p50', 'p99', 'max'] : []),
  ])
  return section('By outcome, ms', [
    table([...(hasNames ? [['scenario', ''] as const] : []), ['outcome', ''], ...head], lines),
  ])
}

type Percentile = (typeof PERCENTILES)[number]

function figures(latency: LatencySummary | null, names: readonly Percentile[]): Markup[] {
  return [numberCell(formatCount(latency?.count ?? null)), ...names.map(name => cell(latency, name))]
}

function cell(latency: LatencySummary | null, name: Percentile): Markup {
  return numberCell(formatMs(latency?.[name] ?? null))
}
