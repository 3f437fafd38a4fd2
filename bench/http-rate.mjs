/**
 * How exactly a rate is kept, by the server's own arrival stamps: the total within 0.5 %, every second within 2 %, and
 * spread over 100 ms windows instead of a burst at the start of each second.
 *
 * Run after `npm run build`: node bench/http-rate.mjs [--rates 500,2000,5000] [--seconds 10] [--runs 1]
 *   [--concurrency 200] [--only p2pay,vegeta] [--json .p2pay/bench/http-rate.json]
 * Tools that are not installed (vegeta, k6, autocannon on the PATH) are n/a. Tools take turns on the same server.
 */
import {parseArgs} from 'node:util'
import {
  commandOf,
  loadTools,
  machine,
  print,
  printMachine,
  printTable,
  runTool,
  SEED,
  scratch,
  startServer,
  writeJson,
} from './rate-harness.mjs'

const {values} = parseArgs({
  options: {
    rates: {type: 'string', default: '500,2000,5000'},
    seconds: {type: 'string', default: '10'},
    runs: {type: 'string', default: '1'},
    concurrency: {type: 'string', default: '200'},
    only: {type: 'string'},
    json: {type: 'string', default: '.p2pay/bench/http-rate.json'},
  },
})
const seconds = Number(values.seconds)
const concurrency = Number(values.concurrency)
const only = values.only?.split(',')
const TOTAL_TOLERANCE = 0.005
const SECOND_TOLERANCE = 0.02
/** A front-loaded second has all of its requests in one tenth; an even one a tenth of them in each. */
const BURST_SHARE = 0.2
const START_UP_MS = 100

const facts = machine()
const directory = scratch()
const server = await startServer()
const rows = []
const commands = new Map()

for (const rate of values.rates.split(',').map(Number)) {
  for (let run = 1; run <= Number(values.runs); run++) {
    for (const tool of loadTools({url: server.url, rate, seconds, concurrency, directory})) {
      if (only !== undefined && !only.includes(tool.name)) continue
      if (tool.path === undefined) {
        rows.push({tool: tool.name, rate, run})
        continue
      }
      commands.set(tool.name, `${tool.name} ${tool.version}: ${commandOf(tool, server.url)}`)
      await server.reset()
      await runTool(tool)
      rows.push({tool: tool.name, version: tool.version, rate, run, ...judge(await server.stamps(), rate)})
    }
  }
}
server.stop()

/**
 * Seconds count from where the schedule began, which the arrivals themselves tell: request i came i ÷ rate after it, the
 * median of the first second says when that was. The first arrival alone would not do: it waits for a connection, and
 * what is due meanwhile comes with it. It bounds what is allowed for that.
 */
function judge(stamps, rate) {
  const [firstMs] = stamps
  const beginnings = stamps.slice(0, rate).map((stamp, index) => stamp - (index / rate) * 1000)
  const median = beginnings.sort((a, b) => a - b)[Math.floor(beginnings.length / 2)]
  const beginMs = Math.max(firstMs - START_UP_MS, Math.min(firstMs, median))
  const windows = new Array(seconds * 10).fill(0)
  for (const stamp of stamps) {
    const window = Math.floor((stamp - beginMs) / 100)
    if (window < windows.length) windows[window]++
  }
  const perSecond = Array.from({length: seconds}, (_, second) => sum(windows.slice(second * 10, second * 10 + 10)))
  const worst = perSecond.reduce((most, count) => (Math.abs(count - rate) > Math.abs(most - rate) ? count : most), rate)
  // A burst may come anywhere in a second, so long as it comes at the same place in each.
  const tenths = Array.from({length: 10}, (_, tenth) => sum(windows.filter((_, window) => window % 10 === tenth)))
  const totalError = stamps.length / (rate * seconds) - 1
  const secondError = worst / rate - 1
  const burstShare = Math.max(...tenths) / sum(windows)
  return {
    arrived: stamps.length,
    totalError,
    startUpMs: firstMs - beginMs,
    secondError,
    windowMin: Math.min(...windows) / (rate / 10),
    windowMax: Math.max(...windows) / (rate / 10),
    burstShare,
    perSecond,
    passed:
      Math.abs(totalError) <= TOTAL_TOLERANCE && Math.abs(secondError) <= SECOND_TOLERANCE && burstShare <= BURST_SHARE,
  }
}

function sum(counts) {
  return counts.reduce((total, count) => total + count, 0)
}

const percent = share => (share === undefined ? null : `${(share * 100).toFixed(2)} %`)
const signed = share => (share === undefined ? null : `${share > 0 ? '+' : ''}${percent(share)}`)
printMachine(facts)
for (const command of commands.values()) print(`  ${command}`)
print(
  `arrivals by the server's clock, ${seconds} s a run: total ± ${percent(TOTAL_TOLERANCE)}, every second ± ${percent(SECOND_TOLERANCE)}, 100 ms windows as a share of an even one`,
)
printTable(
  [
    'tool',
    'asked /s',
    'run',
    'arrived',
    'total',
    'first after',
    'worst second',
    '100 ms windows',
    'fullest tenth of a second',
    'kept',
  ],
  rows.map(row => [
    ...[
      row.tool,
      row.rate,
      row.run,
      row.arrived,
      signed(row.totalError),
      row.startUpMs === undefined ? null : `${row.startUpMs.toFixed(0)} ms`,
    ],
    signed(row.secondError),
    row.windowMin === undefined ? null : `${row.windowMin.toFixed(2)} – ${row.windowMax.toFixed(2)}`,
    percent(row.burstShare),
    row.passed === undefined ? null : row.passed ? 'yes' : 'no',
  ]),
)
writeJson(values.json, {
  bench: 'http-rate',
  seed: SEED,
  machine: facts,
  seconds,
  concurrency,
  commands: [...commands.values()],
  rows,
})
if (rows.some(row => row.tool === 'p2pay' && row.passed === false)) process.exitCode = 1
