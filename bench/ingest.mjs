/**
 * What `p2pay serve` takes: single payments at 1,000 requests/s (p95 < 10 ms, error rate < 0.1 %), the highest rate that
 * it sustains, and the same in NDJSON batches; with the detector in its process and without. Server and client are
 * processes of their own, the server on a scratch directory with the embedded broker and database.
 *
 * Run after `npm run build`: node bench/ingest.mjs [--rate 1000] [--seconds 20] [--runs 1] [--steps 1500,2000,…]
 *   [--step-seconds 8] [--batches 100,1000] [--only detect,plain] [--against DIR] [--json .p2pay/bench/ingest.json]
 * `--against` names another built checkout of p2pay, which takes turns with this one. `--cpu-prof DIR` keeps profiles of
 * the server.
 */
import {spawn} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {once} from 'node:events'
import {mkdirSync} from 'node:fs'
import {dirname, join, resolve} from 'node:path'
import {createInterface} from 'node:readline'
import {setTimeout as sleep} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'
import {parseArgs} from 'node:util'
import {Agent} from 'undici'
import {machine, print, printMachine, printTable, SEED, scratch, writeJson} from './rate-harness.mjs'

const {values} = parseArgs({
  options: {
    rate: {type: 'string', default: '1000'},
    seconds: {type: 'string', default: '20'},
    runs: {type: 'string', default: '1'},
    steps: {type: 'string', default: '1500,2000,3000,4000,6000,8000'},
    'step-seconds': {type: 'string', default: '8'},
    batches: {type: 'string', default: '100,1000'},
    only: {type: 'string', default: 'detect,plain'},
    against: {type: 'string'},
    'cpu-prof': {type: 'string'},
    json: {type: 'string', default: '.p2pay/bench/ingest.json'},
  },
})
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const MAIN = 'bin/run.js'
const baseRate = Number(values.rate)
const numbers = text => text.split(',').filter(Boolean).map(Number)
/** Not counted: the server's first seconds, in which its code is compiled and its tables are warm for the first time. */
const WARM_UP_S = 10
const TARGET_P95_MS = 10
const TARGET_ERROR_RATE = 0.001
/** A rate is sustained when it is achieved and planned time does not grow: what is due does not pile up. */
const SUSTAINED_RATIO = 0.99
const SUSTAINED_P95_MS = 100
/** Of batches under way. */
const BATCH_CONCURRENCY = 4
/** For the detector to decide what a row has left behind, before the next. */
const MAX_DRAIN_MS = 30_000

const facts = machine()
const directory = scratch()
if (values['cpu-prof'] !== undefined) mkdirSync(values['cpu-prof'], {recursive: true})
const builds = [
  {build: 'this', root: ROOT},
  ...(values.against === undefined ? [] : [{build: 'other', root: resolve(values.against)}]),
]
const rows = []
let batchCount = 0

for (let run = 1; run <= Number(values.runs); run++) {
  for (const mode of values.only.split(',')) {
    // Builds take turns row by row, each on a server of its own: what else the machine does meets them alike.
    const servers = []
    for (const {build, root} of builds) servers.push({build, mode, run, ...(await startServe(root, mode))})
    try {
      for (const server of servers) await load(server, {rate: baseRate, seconds: WARM_UP_S})
      for (const server of servers) rows.push(await singleRow(server, baseRate, Number(values.seconds)))
      for (const server of servers) await climb(server)
      for (const size of numbers(values.batches)) for (const server of servers) rows.push(await batchRow(server, size))
    } finally {
      for (const server of servers) await server.stop()
    }
  }
}

/** Upwards until the server no longer follows. */
async function climb(server) {
  for (const rate of numbers(values.steps)) {
    const row = await singleRow(server, rate, Number(values['step-seconds']))
    rows.push(row)
    if (!row.isSustained) return
  }
}

async function startServe(root, mode) {
  const profiling = values['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`]
  const args = ['serve', '--port', '0', '--json', '--quiet', '--dir', join(directory, randomUUID())]
  const child = spawn(
    process.execPath,
    [...profiling, join(root, MAIN), ...args, ...(mode === 'detect' ? ['--detect'] : [])],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const ended = once(child, 'close')
  process.once('exit', () => child.kill())
  const lines = createInterface({input: child.stdout})
  const ready = once(lines, 'line').then(([line]) => JSON.parse(line).url)
  const url = await Promise.race([
    ready,
    ended.then(([code]) => Promise.reject(new Error(`p2pay serve ended with ${code} before it was ready`))),
  ])
  return {
    url,
    root,
    async stop() {
      child.kill('SIGINT')
      await ended
    },
  }
}

/** One load test of its own process. @returns its result */
async function load({url, root}, {rate, seconds}) {
  const child = spawn(
    process.execPath,
    [
      ...[join(root, MAIN), 'loadtest', `${url}/api/v1/payments`, '--rate', String(rate), '--duration', `${seconds}s`],
      ...['--seed', String(SEED), '--json', '--quiet', '--dir', join(directory, 'client')],
    ],
    {cwd: root, stdio: ['ignore', 'pipe', 'inherit']},
  )
  const chunks = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  const [code] = await once(child, 'close')
  // 99: too many errors, which is a result.
  if (code !== 0 && code !== 99) throw new Error(`p2pay loadtest ended with ${code}`)
  return JSON.parse(Buffer.concat(chunks).toString())
}

async function singleRow(server, rate, seconds) {
  await drained(server)
  const before = await cpuSeconds(server)
  const {http, load: carried, latencies} = await load(server, {rate, seconds})
  await drained(server)
  const cpuS = (await cpuSeconds(server)) - before
  const of = metric => latencies.find(one => one.metric === metric)
  const service = of('http.response_time')
  const plannedP95Ms = ms(of('http.planned_time')?.p95)
  return {
    ...{build: server.build, mode: server.mode, run: server.run, what: 'single', rate, seconds},
    payments: http.succeeded,
    paymentsPerS: http.requests_per_s,
    achievedRatio: carried.achieved_ratio,
    serviceP50Ms: ms(service?.p50),
    serviceP95Ms: ms(service?.p95),
    serviceP99Ms: ms(service?.p99),
    plannedP95Ms,
    errorRate: http.error_rate,
    serverCpuMsPer1000: (cpuS / http.succeeded) * 1e6,
    statuses: http.statuses,
    isSustained:
      http.error_rate < TARGET_ERROR_RATE &&
      carried.achieved_ratio >= SUSTAINED_RATIO &&
      plannedP95Ms <= SUSTAINED_P95_MS,
  }
}

/** A closed loop of batches, the next one when an answer has come: as much as the server takes. */
async function batchRow(server, size) {
  const seconds = Number(values['step-seconds'])
  const agent = new Agent({connections: BATCH_CONCURRENCY, pipelining: 1})
  await drained(server)
  const cpuBefore = await cpuSeconds(server)
  const latenciesMs = []
  let payments = 0
  let refused = 0
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  const send = async () => {
    while (performance.now() < endMs) {
      const body = batchOf(size)
      const sentMs = performance.now()
      const answer = await agent.request({
        origin: server.url,
        path: '/api/v1/payments/batch',
        method: 'POST',
        headers: {'content-type': 'application/x-ndjson'},
        body,
      })
      const text = await answer.body.text()
      latenciesMs.push(performance.now() - sentMs)
      const accepted = text.split('"status":"accepted"').length - 1
      payments += accepted
      refused += size - accepted
    }
  }
  await Promise.all(Array.from({length: BATCH_CONCURRENCY}, send))
  const wallS = (performance.now() - startMs) / 1000
  await agent.close()
  await drained(server)
  const cpuS = (await cpuSeconds(server)) - cpuBefore
  latenciesMs.sort((a, b) => a - b)
  const percentile = share => latenciesMs[Math.ceil(share * latenciesMs.length) - 1]
  return {
    ...{build: server.build, mode: server.mode, run: server.run, what: `batches of ${size}`, rate: null, seconds},
    payments,
    paymentsPerS: payments / wallS,
    achievedRatio: null,
    serviceP50Ms: percentile(0.5),
    serviceP95Ms: percentile(0.95),
    // A percentile made of a maximum would be none.
    serviceP99Ms: latenciesMs.length >= 100 ? percentile(0.99) : null,
    plannedP95Ms: null,
    errorRate: refused / (payments + refused),
    serverCpuMsPer1000: (cpuS / payments) * 1e6,
  }
}

/** Nothing on the topic that the detector has not decided and stored. */
async function drained(server) {
  const untilMs = performance.now() + MAX_DRAIN_MS
  for (;;) {
    const metrics = await metricsOf(server)
    const waiting = ['consumer_lag', 'detector_outbox'].map(name => total(metrics, name))
    if (server.mode !== 'detect' || waiting.every(count => count === 0)) return
    if (performance.now() > untilMs) throw new Error(`the detector is ${waiting[0]} payments behind`)
    await sleep(250)
  }
}

async function cpuSeconds(server) {
  return total(await metricsOf(server), 'process_cpu_seconds_total')
}

async function metricsOf({url}) {
  const response = await fetch(`${url}/metrics`)
  return response.text()
}

/** Over all labels. */
function total(metrics, name) {
  return [...metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  )
}

/** Lines as long as generated ones, of 2,000 debtors. */
function batchOf(size) {
  batchCount++
  const createdAt = new Date().toISOString()
  const lines = Array.from({length: size}, (_, index) => {
    const debtor = String((batchCount * 7919 + index * 104_729) % 2000).padStart(8, '0')
    return `{"schema_version":1,"payment_id":"${randomUUID()}","created_at":"${createdAt}","payment_type":"purchase","debtor_id":"acc_0123456789ab_${debtor}","creditor_id":"mer_0123456789ab_00000002","creditor_type":"merchant","amount_minor":${1000 + index},"currency":"EUR","method":"card","card_token":"tok_0123456789ab_${debtor}","card_last_four":"4242","channel":"pos","country":"DE","creditor_country":"DE","ip_address":"10.1.2.3","device_id":"dev_0123456789ab_${debtor}","latitude":52.12345,"longitude":13.54321,"merchant_category":"5411"}`
  })
  return `${lines.join('\n')}\n`
}

function ms(us) {
  return us === null || us === undefined ? null : us / 1000
}

const fixed = (value, digits = 1) => (value === null || value === undefined ? null : value.toFixed(digits))
const percent = share => (share === null || share === undefined ? null : `${(share * 100).toFixed(2)} %`)
printMachine(facts)
print(
  `  server: node ${MAIN} serve --port 0 [--detect], embedded broker and database; warm-up ${WARM_UP_S} s at ${baseRate}/s`,
)
print(
  `  single: node ${MAIN} loadtest URL/api/v1/payments --rate R --duration Ts --seed ${SEED}, open model, own process`,
)
print(`  batches: POST /api/v1/payments/batch, ${BATCH_CONCURRENCY} under way, closed loop, in the bench's own process`)
print('times in ms; CPU: of the whole server process, broker, database and detector included, until it has drained')
printTable(
  [
    ...(builds.length > 1 ? ['build'] : []),
    ...['server', 'run', 'what', 'asked /s', 'payments/s', 'achieved', 'p50', 'p95', 'p99', 'planned p95', 'errors'],
    ...['CPU ms / 1,000', 'sustained'],
  ],
  rows.map(row => [
    ...(builds.length > 1 ? [row.build] : []),
    ...[row.mode === 'detect' ? 'with detector' : 'API alone', row.run, row.what, row.rate],
    ...[fixed(row.paymentsPerS, 0), fixed(row.achievedRatio, 3)],
    ...[fixed(row.serviceP50Ms), fixed(row.serviceP95Ms), fixed(row.serviceP99Ms), fixed(row.plannedP95Ms)],
    ...[percent(row.errorRate), fixed(row.serverCpuMsPer1000, 0)],
    row.isSustained === undefined ? null : row.isSustained ? 'yes' : 'no',
  ]),
)
writeJson(values.json, {
  bench: 'ingest',
  seed: SEED,
  machine: facts,
  warmUpS: WARM_UP_S,
  targets: {p95Ms: TARGET_P95_MS, errorRate: TARGET_ERROR_RATE},
  sustained: {achievedRatio: SUSTAINED_RATIO, plannedP95Ms: SUSTAINED_P95_MS},
  rows,
})
const judged = rows.filter(row => row.what === 'single' && row.rate === baseRate && row.build === 'this')
const isMet = judged.every(row => row.serviceP95Ms < TARGET_P95_MS && row.errorRate < TARGET_ERROR_RATE)
print(
  `${baseRate} requests/s: p95 < ${TARGET_P95_MS} ms and errors < ${TARGET_ERROR_RATE * 100} %: ${isMet ? 'yes' : 'no'}`,
)
if (!isMet) process.exitCode = 1
