/**
 * A server that stands still once: 2,000 requests/s for 30 s, frozen by SIGSTOP for 1.4 s. Of 60,000 requests 2,800
 * were due meanwhile; the 600th worst, which is the 99th percentile, waited 1.4 s − 600 ÷ 2,000 s = 1.10 s. A tool that
 * counts from the sending shows little of it, and one that waits for answers shows nothing.
 *
 * Run after `npm run build`: node bench/http-stall.mjs [--runs 1] [--concurrency 200] [--only p2pay]
 *   [--json .p2pay/bench/http-stall.json]
 */
import {setTimeout as sleep} from 'node:timers/promises'
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

const RATE = 2000
const SECONDS = 30
const STALL_AFTER_MS = 10_000
const STALL_MS = 1400
const EXPECTED_MS = STALL_MS - (RATE * SECONDS * 0.01 * 1000) / RATE
const TOLERANCE = 0.05

const {values} = parseArgs({
  options: {
    runs: {type: 'string', default: '1'},
    concurrency: {type: 'string', default: '200'},
    only: {type: 'string'},
    json: {type: 'string', default: '.p2pay/bench/http-stall.json'},
  },
})
const concurrency = Number(values.concurrency)
const only = values.only?.split(',')
const facts = machine()
const directory = scratch()
const server = await startServer()
const rows = []
const commands = new Map()

for (let run = 1; run <= Number(values.runs); run++) {
  for (const tool of loadTools({url: server.url, rate: RATE, seconds: SECONDS, concurrency, directory})) {
    if (only !== undefined && !only.includes(tool.name)) continue
    if (tool.path === undefined) {
      rows.push({tool: tool.name, run})
      continue
    }
    commands.set(tool.name, `${tool.name} ${tool.version}: ${commandOf(tool, server.url)}`)
    await server.reset()
    const stalled = server.first().then(stall)
    const stdout = await runTool(tool)
    const stallMs = await stalled
    const measured = tool.latencies(stdout)
    const plannedError = measured.plannedP99Ms == null ? undefined : measured.plannedP99Ms / EXPECTED_MS - 1
    const passed =
      plannedError !== undefined &&
      Math.abs(plannedError) <= TOLERANCE &&
      measured.sent === RATE * SECONDS &&
      !measured.dropped
    rows.push({tool: tool.name, version: tool.version, run, stallMs, ...measured, plannedError, passed})
  }
}
server.stop()

/** @returns how long it really was */
async function stall() {
  await sleep(STALL_AFTER_MS)
  const from = performance.now()
  process.kill(server.pid, 'SIGSTOP')
  await sleep(STALL_MS)
  process.kill(server.pid, 'SIGCONT')
  return performance.now() - from
}

printMachine(facts)
for (const command of commands.values()) print(`  ${command}`)
print(
  `${RATE} requests/s for ${SECONDS} s, frozen once for ${STALL_MS} ms: planned p99 must be ${EXPECTED_MS} ms ± ${TOLERANCE * 100} %, nothing dropped; ms`,
)
const one = value => (value == null ? null : value.toFixed(1))
printTable(
  [
    'tool',
    'run',
    'frozen',
    'sent',
    'dropped',
    'most waiting',
    'service p99',
    'service max',
    'planned p99',
    'planned max',
    'as it was',
  ],
  rows.map(row => [
    ...[row.tool, row.run, one(row.stallMs), row.sent, row.dropped, row.longestQueue],
    ...[one(row.serviceP99Ms), one(row.serviceMaxMs), one(row.plannedP99Ms), one(row.plannedMaxMs)],
    row.passed === undefined ? null : row.passed ? 'yes' : 'no',
  ]),
)
writeJson(values.json, {
  bench: 'http-stall',
  seed: SEED,
  machine: facts,
  expectedMs: EXPECTED_MS,
  concurrency,
  commands: [...commands.values()],
  rows,
})
if (rows.some(row => row.tool === 'p2pay' && row.passed === false)) process.exitCode = 1
