/**
 * How many payments a second are generated and serialised on one core, all typologies on, nothing sent.
 * Run after `npm run build`: node bench/generate.mjs [accounts] [payments per run] [workers]
 * One warm-up run, then five; wall time and CPU time of the whole process (the engine's own threads included).
 */
import {cpus, loadavg} from 'node:os'
import {runTagFromSeed, startMsFromSeed} from '../dist/lib/generate/defaults.js'
import {generateParallel} from '../dist/lib/generate/parallel.js'
import {openStream} from '../dist/lib/generate/payment-stream.js'

const SEED = 42
const RUNS = 5
const BLOCK = 8192
const accountCount = Number(process.argv[2] ?? 10_000)
const count = Number(process.argv[3] ?? 1_000_000)
const workers = Number(process.argv[4] ?? 0)

const inputs = {
  seed: SEED,
  runTag: runTagFromSeed(SEED),
  startMs: startMsFromSeed(SEED),
  accountCount,
  fraudRate: 0.01,
  lookAlikeRate: 0.05,
  typologies: {
    'velocity-burst': 1,
    'account-takeover': 1,
    'card-testing': 1,
    'mule-fan-in': 1,
    structuring: 1,
  },
  key: 'debtor_id',
}

const buildStarted = performance.now()
const stream = openStream(inputs)
const buildMs = performance.now() - buildStarted

const results = []
for (let run = 0; run <= RUNS; run++) {
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  let payments = 0
  let bytes = 0
  const blocks = workers > 0 ? generateParallel(inputs, {count, workers, blockSize: BLOCK}) : inTurn()
  for await (const block of blocks) {
    payments += block.payments.count
    bytes += block.payments.bytes.length
  }
  const seconds = (performance.now() - started) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  if (run > 0) {
    results.push({
      paymentsPerSecond: Math.round(payments / seconds),
      megabytesPerSecond: Math.round(bytes / seconds / 1e6),
      bytesPerPayment: Math.round(bytes / payments),
      cpuUs: (cpu.user + cpu.system) / payments,
    })
  }
}

function* inTurn() {
  for (let made = 0; made < count; made += BLOCK) yield stream.next(Math.min(BLOCK, count - made))
}

const sorted = results.map(result => result.paymentsPerSecond).sort((a, b) => a - b)
const mode = workers > 0 ? `${workers} workers, their start included` : 'one thread'
const lines = [
  `machine     ${cpus().length} × ${cpus()[0].model}, Node ${process.version}, load average ${loadavg()[0].toFixed(1)}`,
  `inputs      seed ${SEED}, ${accountCount} accounts, fraud rate ${inputs.fraudRate}, look-alike rate ${inputs.lookAlikeRate}`,
  `method      ${count} payments a run, blocks of ${BLOCK}, ${mode}, 1 warm-up run`,
  `population  ready in ${buildMs.toFixed(0)} ms`,
  ...results.map(
    (result, run) =>
      `run ${run + 1}       ${result.paymentsPerSecond.toLocaleString('en')} payments/s, ${result.megabytesPerSecond} MB/s, ${result.bytesPerPayment} bytes and ${result.cpuUs.toFixed(2)} µs CPU a payment`,
  ),
  `median      ${sorted[Math.floor(RUNS / 2)].toLocaleString('en')} payments/s [${sorted[0].toLocaleString('en')} to ${sorted[RUNS - 1].toLocaleString('en')}]`,
]
process.stdout.write(`${lines.join('\n')}\n`)
